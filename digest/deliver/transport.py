"""How messages leave: what every transport promises, and which one is configured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from digest.config import Mail
from digest.deliver.files import Files
from digest.deliver.journal import Journal, NoJournal
from digest.deliver.smtp import Smtp
from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict


class Transport(Protocol):
    """Hands messages to the world while it is entered. Not for several threads.

    Entering raises DeliveryError if it cannot be used at all.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def deliver(self, messages: Iterable[Message], journal: Journal) -> Iterator[tuple[Message, Outcome]]:
        """Hand the messages over; each with what came of it, in the order of the answers.

        The next message is pulled when there is room for it, and none is after trouble that others would meet too.
        A message that was pulled and is not answered for was not sent, unless the journal says that it was begun.
        Raises DeliveryError if no message can be sent at all (login, sender refused, no room for the journal).
        """


def transport(mail: Mail, directory: Path) -> Transport:
    """The configured transport; `directory` is where files are written."""
    match mail.transport:
        case "files":
            return Files(directory)
        case "smtp":
            return Smtp.of(mail)
        case "both":
            return Both(Files(directory), Smtp.of(mail))


def hand_over(message: Message, transport: Transport) -> Outcome:
    """One message, without a journal; what came of it. DeliveryError if it could not be tried."""
    for _, outcome in list(transport.deliver([message], NoJournal())):
        return outcome
    raise DeliveryError(f"the message was not sent; try again: {message.id!r}")


class Both:
    """A copy on disk, then SMTP, whose verdict counts.

    In this order, because a copy of what was not sent is harmless, while a full disk after the relay's 250 would turn
    a message that was sent into one that is sent again.
    """

    def __init__(self, copies: Files, relay: Transport) -> None:
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

    def deliver(self, messages: Iterable[Message], journal: Journal) -> Iterator[tuple[Message, Outcome]]:
        """Write the copy of each, then hand it to the relay; the first without a copy is the last."""
        uncopied: list[tuple[Message, Outcome]] = []

        def copied() -> Iterator[Message]:
            for message in messages:
                outcome = self._copies.write(message)
                if outcome.verdict is not Verdict.ACCEPTED:
                    uncopied.append((message, outcome))
                    return
                yield message

        yield from self._relay.deliver(copied(), journal)
        yield from uncopied
