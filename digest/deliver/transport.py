"""How messages leave: what every transport promises, and which one is configured."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from digest.config import Mail
from digest.deliver.files import Files
from digest.deliver.smtp import Smtp
from digest.model import Message, Outcome, Verdict


class Transport(Protocol):
    """Hands messages to the world, one at a time, while it is entered. Not for several threads.

    Entering raises DeliveryError if it cannot be used at all. `send` raises DeliveryError if no further message can
    be sent (login, sender refused): the one at hand was then not sent. Whatever concerns one message is an Outcome.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def send(self, message: Message) -> Outcome:
        """Hand over one message; what came of it."""


def transport(mail: Mail, directory: Path) -> Transport:
    """The configured transport; `directory` is where files are written."""
    match mail.transport:
        case "files":
            return Files(directory)
        case "smtp":
            return Smtp.of(mail)
        case "both":
            return Both(Files(directory), Smtp.of(mail))


class Both:
    """A copy on disk, then SMTP, whose verdict counts.

    In this order, because a copy of what was not sent is harmless, while a full disk after the relay's 250 would turn
    a message that was sent into one that is sent again.
    """

    def __init__(self, copies: Transport, relay: Transport) -> None:
        self._copies = copies
        self._relay = relay

    def __enter__(self) -> Self:
        # Files hold nothing open, so nothing is left behind if the relay cannot be entered.
        self._copies.__enter__()
        self._relay.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._relay.__exit__(kind, error, trace)
        self._copies.__exit__(kind, error, trace)

    def send(self, message: Message) -> Outcome:
        """Write the copy, then hand it to the relay; without a copy it is not sent."""
        copied = self._copies.send(message)
        return self._relay.send(message) if copied.verdict is Verdict.ACCEPTED else copied
