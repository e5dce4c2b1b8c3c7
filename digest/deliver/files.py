"""Messages as .eml files: the bytes that SMTP would carry, one file a message, whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from digest.deliver.journal import Journal
from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict


class Files:
    """Writes each message into a directory, under a name made from its Message-ID; the same message overwrites itself."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> Self:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            # Permissions say little (root, read-only mounts): try.
            with tempfile.TemporaryFile(dir=self._directory):
                pass
        except OSError as error:
            raise DeliveryError(
                f"cannot write to the directory of mail.directory ({error.strerror}): {str(self._directory)!r}"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def path(self, message: Message) -> Path:
        """Where that message is written: the left part of its Message-ID, with `/` and its like escaped."""
        left = message.id.strip("<>").rpartition("@")[0]
        return self._directory / f"{quote(left, safe='')}.eml"

    def deliver(self, messages: Iterable[Message], journal: Journal) -> Iterator[tuple[Message, Outcome]]:
        """Write one after the other, until the disk refuses one."""
        for message in messages:
            journal.write([message], ())
            outcome = self.write(message)
            journal.write((), [(message, outcome)])
            yield message, outcome
            if outcome.verdict is not Verdict.ACCEPTED:
                return

    def write(self, message: Message) -> Outcome:
        """Write the message durably; UNREACHABLE if the disk refuses, which says nothing about the message."""
        path = self.path(message)
        # Hidden, and the same name at every attempt, so that a killed process leaves nothing that is not used again.
        unfinished = path.with_name(f".{path.name}.tmp")
        try:
            with unfinished.open("wb") as file:
                file.write(message.content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
            self._sync()
        except OSError as error:
            return Outcome(verdict=Verdict.UNREACHABLE, reply=f"cannot write: {error.strerror}")
        return Outcome(verdict=Verdict.ACCEPTED, reply=f"written to {path.name}")

    def _sync(self) -> None:
        """Make the new name survive a power cut."""
        handle = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
