"""The one door for smtplib, which connects, secures and logs in; the messages are `dialogue`'s.

Rule 1. Several connections, one thread: whichever the relay has answered is served next.
Rule 2. A relay that hangs up between two messages is dialled again, and nobody hears of it.
Rule 3. In one turn, everything that was heard and everything that is about to leave is journalled by one write.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import select
import smtplib
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Literal, Self

from digest.config import Mail
from digest.deliver import replies
from digest.deliver.journal import Journal
from digest.deliver.line import Line, Patience
from digest.deliver.pace import Pace
from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict

PORTS = {"starttls": 587, "tls": 465, "none": 25}
#: Relays close a connection after some number of messages or some minutes; we are the ones to do it.
MESSAGES_PER_CONNECTION = 100
SECONDS_PER_CONNECTION = 300.0
#: How often, in seconds, it is looked whether a phase has lasted too long.
TICK = 0.1
#: A message that has waited this long for a connection is not sent: its reader may have left since.
FRESH = 1.0

Observe = Callable[[str], None]


def unobserved(_point: str) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The mail server that takes our messages."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Supply:
    """The messages still to be sent, those first that came back from a connection that was lost."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._messages = iter(messages)
        self._waiting: deque[tuple[float, Message]] = deque()
        self.over = False
        #: Why no more messages can be sent, to be raised when those under way are answered.
        self.failure: Exception | None = None

    def take(self) -> Message | None:
        """The next one; None if there is none any more."""
        while self._waiting:
            since, message = self._waiting.popleft()
            if time.monotonic() - since < FRESH:
                return message
        if self.over:
            return None
        try:
            return next(self._messages)
        except StopIteration:
            self.over = True
        except Exception as error:  # noqa: BLE001 (raised again once what is under way was answered)
            self.stop(error)
        return None

    def prepare(self) -> None:
        """Have one at hand, so that it is made while the relay is busy with another."""
        if not self._waiting and (message := self.take()):
            self.put_back(message)

    def put_back(self, message: Message) -> None:
        """It was not sent."""
        self._waiting.appendleft((time.monotonic(), message))

    def stop(self, failure: Exception | None = None) -> None:
        """No more are sent; those that wait are not answered for."""
        self.over = True
        self.failure = self.failure or failure
        self._waiting.clear()


class Smtp:
    """Hands messages to one relay over some connections, at most `rate` a second.

    `observe` is told where it is: after each step whose order matters to somebody who dies there.
    """

    def __init__(
        self,
        relay: Relay,
        *,
        connections: int = 1,
        rate: float | None = None,
        patience: Patience | None = None,
        observe: Observe = unobserved,
    ) -> None:
        self._relay = relay
        self._allowed = connections
        self._patience = patience or Patience()
        self._pace = Pace(rate, self._patience.rest)
        self._observe = observe
        self._lines: list[Line] = []
        self._looked_at = 0.0

    @classmethod
    def of(cls, mail: Mail) -> Self:
        """The relay that is configured."""
        relay = Relay(
            host=mail.host,
            port=mail.port or PORTS[mail.security],
            security=mail.security,
            username=mail.username,
            password=mail.password.get_secret_value(),
        )
        return cls(relay, connections=mail.connections, rate=mail.rate_per_second)

    def __enter__(self) -> Self:
        try:
            self._dial()
        except OSError as error:
            raise DeliveryError(
                f"the relay cannot be used; check mail.host, mail.port, mail.security and the login"
                f" ({reason(error)}): {str(self._relay)!r}"
            ) from None
        except UnicodeError:
            # smtplib and the idna codec; their own words would show a piece of the password
            raise DeliveryError(
                "mail.host, mail.username and mail.password can be spoken to a relay in ASCII only; change"
                f" the one that is not: {str(self._relay)!r}"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._lines:
            line.hang_up()
        self._lines.clear()

    def deliver(self, messages: Iterable[Message], journal: Journal) -> Iterator[tuple[Message, Outcome]]:
        """Hand the messages over, pulling the next one when a connection is free for it.

        Raises DeliveryError if the relay refuses us or our sender, once those under way are answered.
        """
        supply = Supply(messages)
        try:
            while True:
                yield from self._begin(supply)
                if supply.over and all(line.dialogue.idle for line in self._lines):
                    break
                self._listen(supply)
                for message, outcome in self._turn(supply, journal):
                    self._pace.heed(outcome.verdict)
                    yield message, outcome
                if self._pace.hopeless:
                    supply.stop()
        finally:
            for line in [line for line in self._lines if not line.dialogue.idle]:
                self._drop(line)
        if supply.failure:
            raise supply.failure

    def certificate_ends(self) -> dt.datetime | None:
        """Until when the certificate is good of the relay that is connected; None if there is none."""
        for line in self._lines:
            if isinstance(line.socket, ssl.SSLSocket) and (shown := line.socket.getpeercert()):
                ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
                return dt.datetime.fromtimestamp(ends, dt.UTC)
        return None

    # --- one turn ---

    def _begin(self, supply: Supply) -> Iterator[tuple[Message, Outcome]]:
        """Tell free connections of messages, as many as the pace allows; what could be told to nobody comes back."""
        if self._free() and self._pace.wait() < FRESH / 2:
            supply.prepare()
        while self._free() and not self._pace.wait() and (message := supply.take()):
            try:
                line = self._idle() or self._dial()
            except OSError as error:
                if self._lines:  # the relay wants no more connections than these
                    self._allowed = len(self._lines)
                    supply.put_back(message)
                elif isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
                    supply.stop(
                        DeliveryError(f"the relay refuses the login ({reason(error)}): {str(self._relay)!r}")
                    )
                else:
                    supply.stop()
                    yield message, Outcome(verdict=Verdict.UNREACHABLE, reply=reason(error))
                return
            self._pace.begin()
            line.offer(message)
            self._observe("offered")

    def _idle(self) -> Line | None:
        """A connection that is free for a message; those that have carried enough are hung up."""
        for line in [line for line in self._lines if line.dialogue.idle]:
            if not worn(line):
                return line
            line.hang_up()
            self._lines.remove(line)
        return None

    def _free(self) -> bool:
        """Whether a connection is free for a message, or may be opened."""
        return len(self._lines) < self._allowed or any(line.dialogue.idle for line in self._lines)

    def _listen(self, supply: Supply) -> None:
        """Wait until a connection may be read or written, it is time for another message, or to look at the clock."""
        seconds = TICK
        if any(not line.dialogue.open for line in self._lines):
            seconds = 0
        elif not supply.over and self._free():
            seconds = min(TICK, self._pace.wait())
        poll = select.poll()
        lines = {line.socket.fileno(): line for line in self._lines}
        for number, line in lines.items():
            poll.register(number, select.POLLIN | select.POLLOUT if line.blocked else select.POLLIN)
        for number, event in poll.poll(math.ceil(seconds * 1000)):
            if event & select.POLLOUT:
                lines[number].write()
            if event & ~select.POLLOUT:
                lines[number].read()
        now = time.monotonic()
        if now >= self._looked_at + TICK:
            self._looked_at = now
            for line in self._lines:
                line.expire()

    def _turn(self, supply: Supply, journal: Journal) -> list[tuple[Message, Outcome]]:
        """Journal what was answered and what may leave now, and let it leave."""
        answered = self._answered(supply)
        ready = [line for line in self._lines if line.dialogue.ready]
        self._observe("answered" if answered else "listened")
        try:
            journal.write([line.dialogue.ready for line in ready if line.dialogue.ready], answered)
        except DeliveryError as error:
            supply.stop(error)
            for line in ready:
                self._drop(line)
            return answered
        self._observe("journalled")
        for line in ready:
            line.release(self._following(line, supply))
            self._observe("released")
        if any(line.swift for line in ready):
            supply.prepare()
        return answered

    def _answered(self, supply: Supply) -> list[tuple[Message, Outcome]]:
        """What came of messages since the last turn; connections that were lost are let go."""
        answered: list[tuple[Message, Outcome]] = []
        for line in list(self._lines):
            dialogue = line.dialogue
            answered += dialogue.outcomes
            dialogue.outcomes.clear()
            if dialogue.untried:
                supply.put_back(dialogue.untried)
            if dialogue.refusal:
                supply.stop(dialogue.refusal)
            if not dialogue.open:
                self._drop(line)
        return answered

    def _following(self, line: Line, supply: Supply) -> Message | None:
        """The message to tell this connection of before it has answered for the one that leaves now.

        None where that would make it wait, or outlive the connection.
        """
        if not line.dialogue.pipelining or not line.swift or worn(line, 1) or self._pace.wait():
            return None
        message = supply.take()
        if message:
            self._pace.begin()
        return message

    # --- connections ---

    def _drop(self, line: Line) -> None:
        line.close()
        self._lines.remove(line)

    def _dial(self) -> Line:
        """Open, secure and log in; OSError (every error of smtplib and ssl is one) if that fails."""
        relay, patience = self._relay, self._patience
        if any(not line.dialogue.idle for line in self._lines):
            patience = replace(patience, greeting=patience.another, command=patience.another)
        if relay.security == "tls":
            session: smtplib.SMTP = SecureSession(
                relay.host, relay.port, timeout=patience.greeting, context=ssl.create_default_context()
            )
        else:
            session = Session(relay.host, relay.port, timeout=patience.greeting)
        try:
            wait(session, patience.command)
            session.ehlo_or_helo_if_needed()
            if relay.security == "starttls":
                session.starttls(context=ssl.create_default_context())
                session.ehlo_or_helo_if_needed()
            if relay.username:
                session.login(relay.username, relay.password)
            assert session.sock
            if session.file:
                session.file.close()  # the socket is the line's from here on
            line = Line(session.sock, pipelining=session.has_extn("pipelining"), patience=self._patience)
        except BaseException:
            session.close()
            raise
        self._lines.append(line)
        self._observe("dialled")
        return line


class Session(smtplib.SMTP):
    """Waits for a whole reply no longer than its timeout, which smtplib begins anew with each octet."""

    def getreply(self) -> tuple[int, bytes]:
        """The next reply; TimeoutError if it drips."""
        assert self.sock
        seconds = self.sock.gettimeout() or 0.0
        until = time.monotonic() + seconds
        cut = threading.Timer(seconds, shut, [self.sock])
        cut.start()
        try:
            return super().getreply()
        finally:
            cut.cancel()
            if time.monotonic() >= until:  # what was heard of it by then may look like one
                self.close()
                raise TimeoutError("timed out")


class SecureSession(Session, smtplib.SMTP_SSL):
    """The same, secured before its first octet."""


def shut(connection: socket.socket) -> None:
    """Let whoever reads there read its end; TLS has no say in it."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def worn(line: Line, more: int = 0) -> bool:
    """Whether a connection has carried enough, or will have after so many more."""
    full = line.dialogue.carried + more >= MESSAGES_PER_CONNECTION
    return full or time.monotonic() - line.opened_at >= SECONDS_PER_CONNECTION


def wait(session: smtplib.SMTP, seconds: float) -> None:
    """How long the session waits from now on for each octet."""
    if session.sock:
        session.sock.settimeout(seconds)


def reason(error: Exception) -> str:
    """Why, in one short line without anybody's address."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return replies.line(error.smtp_code, text if isinstance(text, bytes) else text.encode())
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
