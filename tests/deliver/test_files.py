"""Messages on disk: whole or not there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from digest.config import Mail
from digest.deliver import transport
from digest.deliver.files import Files
from digest.errors import DeliveryError
from digest.model import Message, Verdict


def a_message(content: bytes = b"Subject: x\r\n\r\nbody\r\n", left: str = "20260410.abc") -> Message:
    return Message(
        id=f"<{left}@example.org>",
        sender="digest@example.org",
        recipient="vision@example.org",
        content=content,
    )


def test_each_message_is_one_file_named_by_its_message_id(tmp_path: Path) -> None:
    directory = tmp_path / "made" / "outbox"
    with transport(Mail(), directory) as files:
        first = files.write(a_message())
        files.write(a_message(left="confirm.abc"))

    assert first.verdict is Verdict.ACCEPTED
    assert sorted(path.name for path in directory.iterdir()) == ["20260410.abc.eml", "confirm.abc.eml"]
    assert (directory / "20260410.abc.eml").read_bytes() == a_message().content


def test_the_same_message_again_is_still_one_file(tmp_path: Path) -> None:
    with Files(tmp_path) as files:
        files.write(a_message(b"first"))
        files.write(a_message(b"second"))

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"second"]


def test_a_message_id_cannot_leave_the_directory(tmp_path: Path) -> None:
    with Files(tmp_path / "outbox") as files:
        files.write(a_message(left="../../escaped"))

    assert [path.parent.name for path in tmp_path.rglob("*.eml")] == ["outbox"]


KILLED_BEFORE_THE_RENAME = """
import os, signal, sys
from pathlib import Path
sys.addaudithook(lambda event, args: event == "os.rename" and os.kill(os.getpid(), signal.SIGKILL))
from digest.deliver.files import Files
from digest.model import Message
with Files(Path(sys.argv[1])) as files:
    files.write(Message(id="<20260410.abc@example.org>", sender="", recipient="", content=b"half"))
"""


def test_a_process_killed_before_the_rename_leaves_no_message_and_no_litter(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED_BEFORE_THE_RENAME, str(tmp_path)], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.glob("*.eml")) == []
    with Files(tmp_path) as files:
        files.write(a_message())
    assert [path.name for path in tmp_path.iterdir()] == ["20260410.abc.eml"]


def test_a_directory_that_cannot_be_made_is_an_error_of_the_transport(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DeliveryError, match=r"mail\.directory"), Files(tmp_path / "file" / "outbox"):
        pass


@pytest.mark.skipif(
    not Path("/proc/self").is_dir(), reason="needs a directory that even root cannot write to"
)
def test_a_directory_that_cannot_be_written_is_an_error_of_the_transport() -> None:
    with pytest.raises(DeliveryError, match=r"mail\.directory"), Files(Path("/proc/self")):
        pass


def test_a_disk_that_refuses_says_nothing_about_the_message(tmp_path: Path) -> None:
    directory = tmp_path / "outbox"
    with Files(directory) as files:
        (directory / "20260410.abc.eml").mkdir()
        outcome = files.write(a_message())

    assert outcome.verdict is Verdict.UNREACHABLE
