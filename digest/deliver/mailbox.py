"""Where what comes back is kept until it is read: a Maildir, an mbox, a file, or a pipe."""

from __future__ import annotations

import mailbox
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from digest.deliver.returned import LONGEST
from digest.errors import StoreError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message as it was found, or its beginning."""

    #: For a person who looks for it.
    place: str
    raw: bytes
    #: Where a Maildir has it, among what is new.
    path: Path | None = None

    def put_away(self, *, understood: bool) -> None:
        """Move it from a Maildir's `new` to `cur`, as seen if it was understood; elsewhere nothing changes."""
        if self.path:
            flags = ":2,S" if understood else ":2,"
            try:
                self.path.rename(self.path.parent.parent / "cur" / f"{self.path.name}{flags}")
            except FileNotFoundError:  # somebody else read it at the same time
                pass
            except OSError as error:
                raise StoreError(f"cannot be moved to cur/ ({error.strerror}): {str(self.path)!r}") from None


def letters(path: Path, pipe: BinaryIO) -> Iterator[Letter]:
    """The messages at that path, one at a time; `-` is the pipe. UsageError if there is nothing to read."""
    if str(path) == "-":
        yield Letter(place="the pipe", raw=_drained(pipe))
    elif (path / "new").is_dir() and (path / "cur").is_dir():
        yield from _maildir(path / "new")
    elif path.is_file():
        yield from _file(path)
    else:
        raise UsageError(f"no such file, and no Maildir with new/ and cur/: {str(path)!r}")


def _maildir(new: Path) -> Iterator[Letter]:
    for path in sorted(new.iterdir()):
        try:
            if path.is_file():
                yield Letter(place=path.name, raw=_beginning(path), path=path)
        except FileNotFoundError:  # somebody else read it at the same time
            continue


def _file(path: Path) -> Iterator[Letter]:
    raw = _beginning(path)
    if not raw.startswith(b"From "):
        yield Letter(place=path.name, raw=raw)
        return
    box = mailbox.mbox(path, create=False)
    try:
        for number, key in enumerate(box.iterkeys(), 1):
            with box.get_file(key) as part:
                yield Letter(place=f"{path.name}, message {number}", raw=part.read(LONGEST))
    finally:
        box.close()


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror}): {str(path)!r}") from None


def _drained(pipe: BinaryIO) -> bytes:
    """The beginning; the rest is read too, lest the mail server take a closed pipe for a failure."""
    raw = pipe.read(LONGEST)
    while pipe.read(LONGEST):
        pass
    return raw
