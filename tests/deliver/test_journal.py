"""What a sender was at when it died: nothing that was told is lost, nothing half told is believed."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.deliver import JournalFiles
from digest.deliver.replies import line
from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict

ME = "here.example.org:7:123:456"


def a_message(number: int = 1) -> Message:
    return Message(
        id=f"<20260410.abc{number}@example.org>",
        sender="a@example.org",
        recipient="b@example.org",
        content=b"",
    )


SENT = Outcome(verdict=Verdict.ACCEPTED, reply="250 2.0.0 kept")
GONE = Outcome(verdict=Verdict.REFUSED, reply="550 5.1.1 no", suppress=True)
POLICY = Outcome(verdict=Verdict.REFUSED, reply="550 5.7.1 no", ours=True)


def test_what_was_written_is_read_back_by_anybody(tmp_path: Path) -> None:
    with JournalFiles(tmp_path / "new").open(ME) as journal:
        journal.write([a_message(1), a_message(2), a_message(3), a_message(4)], ())
        journal.write([a_message(5)], [(a_message(1), SENT), (a_message(2), GONE), (a_message(3), POLICY)])

        facts = JournalFiles(tmp_path / "new").read(ME)

    ids = [a_message(number).id for number in range(1, 6)]
    assert facts == dict(zip(ids, [SENT, GONE, POLICY, None, None], strict=True))


def test_a_message_that_is_begun_again_is_not_answered(tmp_path: Path) -> None:
    journals = JournalFiles(tmp_path)
    with journals.open(ME) as journal:
        journal.write([a_message()], ())
        journal.write([a_message()], [(a_message(), SENT)])

    assert journals.read(ME) == {a_message().id: None}


def test_a_pass_of_which_nothing_was_heard_for_that_long_is_over(tmp_path: Path) -> None:
    journals, hour = JournalFiles(tmp_path), dt.timedelta(hours=1)
    with journals.open(ME) as journal:
        (file,) = tmp_path.iterdir()
        assert journals.seal(ME, hour) is False
        os.utime(file, (time.time() - 7200,) * 2)
        assert journals.seal(ME, hour) is True
        journal.write([a_message()], ())
        assert journals.seal(ME, hour) is False
    assert journals.seal("elsewhere.example.org:1:1:1", hour) is True


@pytest.mark.parametrize(
    "garbled", [b"a\xff\xfe", b"\tsent", b"\taccepted", b"\tfiled\t\t250 kept", b"\t\t\t\t"]
)
def test_a_garbled_answer_is_none_and_stops_nobody(tmp_path: Path, garbled: bytes) -> None:
    journals = JournalFiles(tmp_path)
    with journals.open(ME) as journal:
        journal.write([a_message(1)], ())
    [file] = tmp_path.iterdir()
    [begun, *_] = file.read_bytes().split(b"\n")
    file.write_bytes(begun + garbled + b"\n" + begun + b"2\taccepted\t\t250 kept\n")

    facts = journals.read(ME)

    assert facts is not None
    assert {message: answer.verdict for message, answer in facts.items() if answer} == {
        f"{begun.decode()}2": Verdict.ACCEPTED
    }


def test_an_owner_without_a_journal_is_not_one_that_began_nothing(tmp_path: Path) -> None:
    journals = JournalFiles(tmp_path)
    assert journals.read(ME) is None
    with journals.open(ME):
        assert journals.read(ME) == {}
    assert journals.owners() == {ME}

    journals.forget(ME)

    assert journals.read(ME) is None
    assert journals.owners() == set()
    journals.forget(ME)


def test_no_file_but_a_journal_is_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_text("postfix")
    (tmp_path / "digest.journal").write_text("somebody's diary")

    assert JournalFiles(tmp_path).owners() == set()


@given(st.binary(max_size=300), st.integers(200, 599), st.integers(0))
def test_a_journal_torn_anywhere_tells_a_part_of_the_truth(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, code: int, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    journals = JournalFiles(folder)
    answer = Outcome(verdict=Verdict.DEFERRED, reply=line(code, text))
    with journals.open(ME) as journal:
        journal.write([a_message(1)], ())
        journal.write([a_message(2)], [(a_message(1), answer)])
    [path] = folder.iterdir()
    whole = path.read_bytes().rstrip(b"\0")
    assert journals.read(ME) == {a_message(1).id: answer, a_message(2).id: None}

    path.write_bytes(whole[: cut % len(whole)])

    assert journals.read(ME) in ({}, {a_message(1).id: None}, {a_message(1).id: answer})


KILLED = """
import os, signal, sys
from pathlib import Path
from digest.deliver import JournalFiles
from digest.model import Message
message = Message(id="<a@b>", sender="", recipient="", content=b"")
with JournalFiles(Path(sys.argv[1])).open("h:1:1:1") as journal:
    journal.write([message], ())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_written_survives_the_death_of_the_process(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert JournalFiles(tmp_path).read("h:1:1:1") == {"<a@b>": None}


def test_a_full_disk_stops_what_is_to_begin_and_keeps_what_was_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    journals = JournalFiles(tmp_path)
    with journals.open(ME) as journal:
        journal.write([a_message(0)], ())
        monkeypatch.setattr(os, "posix_fallocate", full)
        begun = 0
        with contextlib.suppress(DeliveryError):
            while begun < 100_000:
                journal.write([a_message(begun + 1)], [(a_message(begun), SENT)])
                begun += 1
        with pytest.raises(DeliveryError, match="No space left on device"):
            journal.write([a_message(begun + 1)], ())

    facts = journals.read(ME)
    assert facts is not None
    assert facts[a_message(begun).id] == SENT
    assert a_message(begun + 1).id not in facts


def test_a_directory_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DeliveryError, match=r"mail\.journal"), JournalFiles(tmp_path / "file").open(ME):
        pass


def test_a_journal_takes_its_room_before_it_is_used(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(DeliveryError, match="File too large"), JournalFiles(tmp_path).open(ME):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert list(tmp_path.iterdir()) == []
