"""What a sender was at when it died: "about to be sent" and "answered" of each message, kept outside the process.

Rule 1: that a message is begun stands in the journal before any octet of its body leaves; its answer, right after.
Rule 2: what was written survives `kill -9`. It is not forced to the disk: after a power cut the last seconds may be
        missing, and what they held is sent again.
Rule 3: room for the answers is taken before a message is begun, so that a full disk stops it, not its answer.

A journal has one writer, a pass, which is one thread however many connections it drives: its lines are in order.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import quote, unquote

from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict

Answers: TypeAlias = Iterable[tuple[Message, Outcome]]
#: Of each message that was begun, by its Message-ID: what was answered, None if nothing was.
Facts: TypeAlias = Mapping[str, Outcome | None]

SUFFIX = ".journal"
#: A journal grows by this many octets at a time …
GROWTH = 1 << 20
#: … while at least so many are free: answers to a hundred messages on their way.
ROOM = 1 << 16


class Journal(Protocol):
    """The open journal of one sender."""

    def write(self, begun: Iterable[Message], answered: Answers) -> None:
        """Keep these facts; DeliveryError if no message may be begun. The answers are kept even then."""


class Journals(Protocol):
    """The journals of all senders of one outbox, each by its owner."""

    def open(self, owner: str) -> AbstractContextManager[Journal]:
        """A new journal."""

    def read(self, owner: str) -> Facts | None:
        """What its journal says; None if there is none."""

    def forget(self, owner: str) -> None:
        """Drop its journal: the outbox knows all of it."""

    def owners(self) -> set[str]:
        """Whose journals there are."""

    def seal(self, owner: str, lease: dt.timedelta) -> bool:
        """Take it for over if nothing was heard of a pass for that long; whether it can begin no message any more."""


class NoJournal:
    """For messages whose fate nobody will ask."""

    def write(self, begun: Iterable[Message], answered: Answers) -> None:
        """Keep nothing."""


class JournalFiles:
    """Journals as append-only files of one directory: for an outbox that one machine works on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextlib.contextmanager
    def open(self, owner: str) -> Iterator[Journal]:
        """A new file; DeliveryError if it cannot be written."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            file = JournalFile(self._path(owner))
        except OSError as error:
            raise DeliveryError(
                f"cannot write to the directory of mail.journal ({error.strerror}): {str(self._directory)!r}"
            ) from None
        with contextlib.closing(file):
            yield file

    def read(self, owner: str) -> Facts | None:
        """What its file says; a line that was torn is a fact that was never told, a garbled answer none."""
        try:
            written = self._path(owner).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DeliveryError(f"cannot read a journal of mail.journal ({error.strerror})") from None
        facts: dict[str, Outcome | None] = {}
        *lines, _torn = written.partition(b"\0")[0].split(b"\n")
        for line in lines:
            message, *answer = line.decode(errors="replace").split("\t")
            facts[message] = _outcome(answer)
        return facts

    def forget(self, owner: str) -> None:
        """Remove its file."""
        self._path(owner).unlink(missing_ok=True)

    def owners(self) -> set[str]:
        """Whose files are there."""
        return {unquote(path.stem) for path in self._directory.glob(f"*:*:*:*{SUFFIX}")}

    def seal(self, owner: str, lease: dt.timedelta) -> bool:
        """Whether its file is as old as that, or gone. Of another host's pass; files are for an outbox that has one."""
        try:
            return time.time() - self._path(owner).stat().st_mtime > lease.total_seconds()
        except FileNotFoundError:
            return True

    def _path(self, owner: str) -> Path:
        return self._directory / f"{quote(owner, safe=':')}{SUFFIX}"


class JournalFile:
    """One file; a line is a Message-ID and, if it was answered, verdict, marks and reply after tabs.

    None of them holds a tab or a line's end: `replies.line` keeps printable characters and single spaces only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._end = self._reserved = 0
        try:
            self._reserve(0)
        except OSError:
            self.close()
            path.unlink()
            raise

    def write(self, begun: Iterable[Message], answered: Answers) -> None:
        """One write for all of these facts."""
        facts = "".join(
            [f"{message.id}\t{o.verdict}\t{_marks(o)}\t{o.reply}\n" for message, o in answered]
        ).encode()
        starts = "".join([f"{message.id}\n" for message in begun]).encode()
        try:
            if starts:
                self._reserve(len(facts) + len(starts))
        except OSError as error:
            self._append(facts)
            raise DeliveryError(
                f"the disk of mail.journal takes no more ({error.strerror}): {str(self._path.parent)!r}"
            ) from None
        self._append(facts + starts)

    def close(self) -> None:
        """The file stays until it is forgotten."""
        os.close(self._handle)

    def _append(self, octets: bytes) -> None:
        while octets:
            written = os.pwrite(self._handle, octets, self._end)
            self._end += written
            octets = octets[written:]

    def _reserve(self, octets: int) -> None:
        """Have that room, and more for the answers to come; OSError if the disk has not."""
        while self._end + octets + ROOM > self._reserved:
            os.posix_fallocate(self._handle, self._reserved, GROWTH)
            self._reserved += GROWTH


def _marks(outcome: Outcome) -> str:
    return ("suppress" if outcome.suppress else "") + ("ours" if outcome.ours else "")


def _outcome(answer: list[str]) -> Outcome | None:
    try:
        verdict, marks, reply = answer
        judged = Verdict(verdict)
    except ValueError:
        return None
    return Outcome(verdict=judged, reply=reply, suppress="suppress" in marks, ours="ours" in marks)
