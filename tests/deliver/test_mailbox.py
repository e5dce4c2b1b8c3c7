"""Where letters are found, and where they are put."""

from __future__ import annotations

import io
import mailbox
from pathlib import Path

import pytest

from digest.deliver.mailbox import Letter, letters
from digest.deliver.returned import LONGEST
from digest.errors import UsageError

RAW = b"Subject: one\r\n\r\nFrom here on\r\n"
NO_PIPE = io.BytesIO()


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    box = mailbox.Maildir(tmp_path / "box")
    for _ in range(3):
        box.add(RAW)
    return tmp_path / "box"


def test_a_maildirs_new_letters_move_to_cur_as_they_are_understood(maildir: Path) -> None:
    for number, letter in enumerate(letters(maildir, NO_PIPE)):
        assert letter.raw.endswith(b"here on\r\n")
        letter.put_away(understood=number > 0)
    assert list((maildir / "new").iterdir()) == []
    flags = sorted(path.name.partition(":")[2] for path in (maildir / "cur").iterdir())
    assert flags == ["2,", "2,S", "2,S"]
    assert list(letters(maildir, NO_PIPE)) == []


def test_what_was_not_put_away_is_found_again(maildir: Path) -> None:
    assert len(list(letters(maildir, NO_PIPE))) == len(list(letters(maildir, NO_PIPE))) == 3


def test_two_readers_of_one_maildir_do_not_disturb_each_other(maildir: Path) -> None:
    for mine, theirs in zip(letters(maildir, NO_PIPE), letters(maildir, NO_PIPE), strict=True):
        mine.put_away(understood=True)
        theirs.put_away(understood=True)
    assert len(list((maildir / "cur").iterdir())) == 3


def test_folders_and_dangling_links_in_a_maildir_are_no_letters(maildir: Path) -> None:
    (maildir / "new" / "folder").mkdir()
    (maildir / "new" / "link").symlink_to(maildir / "nowhere")
    assert len(list(letters(maildir, NO_PIPE))) == 3


def test_an_mbox_is_read_message_by_message_and_left_as_it_is(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "mbox")
    box.add(RAW)
    box.add(b"Subject: two\r\n\r\n")
    box.close()
    before = (tmp_path / "mbox").read_bytes()
    one, two = letters(tmp_path / "mbox", NO_PIPE)
    assert one.raw.startswith(b"Subject: one")
    assert (two.place, two.raw.split()) == ("mbox, message 2", [b"Subject:", b"two"])
    two.put_away(understood=True)
    assert (tmp_path / "mbox").read_bytes() == before


def test_a_file_is_one_letter_and_so_is_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(RAW)
    assert list(letters(tmp_path / "one.eml", NO_PIPE)) == [Letter(place="one.eml", raw=RAW)]
    assert list(letters(Path("-"), io.BytesIO(RAW))) == [Letter(place="the pipe", raw=RAW)]


def test_of_a_long_letter_the_beginning_is_taken_and_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "long.eml").write_bytes(RAW * 50_000)
    pipe = io.BytesIO(RAW * 50_000)
    (from_file,), (from_pipe,) = letters(tmp_path / "long.eml", NO_PIPE), letters(Path("-"), pipe)
    assert len(from_file.raw) == len(from_pipe.raw) == LONGEST
    assert pipe.read() == b""


@pytest.mark.parametrize("path", ["nothing", "folder"])
def test_what_is_neither_is_wrong_usage(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="no such file"):
        list(letters(tmp_path / path, NO_PIPE))
