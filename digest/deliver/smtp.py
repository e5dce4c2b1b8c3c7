"""The one door for smtplib: a connection to the relay, kept open between messages.

Rule 1: one recipient a transaction.
Rule 2: before the final dot nothing was sent, whatever breaks; after it only the relay knows (IN_DOUBT).
Rule 3: a relay that hangs up between two messages is dialled again, and nobody hears of it.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from digest.config import Mail
from digest.deliver import replies
from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict

PORTS = {"starttls": 587, "tls": 465, "none": 25}
#: Relays close a connection after some number of messages; we are the ones to do it.
MESSAGES_PER_CONNECTION = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds to wait in each phase (RFC 5321 4.5.3.2). Only the last one can cost a duplicate."""

    greeting: float = 60  # less than the RFC's 300: dialling again is free
    command: float = 300
    block: float = 180
    final_dot: float = 600


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


class RelayClosed(Exception):
    """The relay had hung up before it was told of a message."""


class Smtp:
    """Hands messages to one relay over one connection at a time, at most `rate` a second."""

    def __init__(self, relay: Relay, *, rate: float | None = None, patience: Patience | None = None) -> None:
        self._relay = relay
        self._patience = patience or Patience()
        self._interval = 1 / rate if rate else 0.0
        self._next_at = 0.0
        self._session: smtplib.SMTP | None = None
        self._carried = 0

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
        return cls(relay, rate=mail.rate_per_second)

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
        self._hang_up()

    def send(self, message: Message) -> Outcome:
        """Hand over one message; DeliveryError if the relay refuses us or our sender, so that none can be sent."""
        self._pace()
        if self._carried >= MESSAGES_PER_CONNECTION:
            self._hang_up()
        if self._session:
            with contextlib.suppress(RelayClosed):
                return self._transact(self._session, message)
        try:
            return self._transact(self._dial(), message)
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code < 500:
                return Outcome(verdict=Verdict.UNREACHABLE, reply=reason(error))
            raise DeliveryError(
                f"the relay refuses the login ({reason(error)}): {str(self._relay)!r}"
            ) from None
        except (OSError, RelayClosed) as error:
            return Outcome(verdict=Verdict.UNREACHABLE, reply=reason(error))

    def _transact(self, session: smtplib.SMTP, message: Message) -> Outcome:
        """One message over an open connection; RelayClosed if the relay hung up before it took the sender."""
        self._wait(session, self._patience.command)
        try:
            code, text = session.mail(message.sender)
        except smtplib.SMTPException as error:
            self._drop()
            raise RelayClosed(reason(error)) from None
        if code == 421:
            self._drop()
            raise RelayClosed(replies.line(code, text))
        if 500 <= code < 600:
            self._reset(session)
            raise DeliveryError(
                f"the relay refuses our sender; check mail.from and mail.bounce_address: {replies.line(code, text)!r}"
            )
        try:
            if code == 250:
                code, text = session.rcpt(message.recipient)
                if code in {250, 251}:
                    code, text = session.docmd("DATA")
                    if code == 354:
                        return self._transfer(session, message)
        except smtplib.SMTPException as error:
            self._drop()
            return Outcome(verdict=Verdict.UNREACHABLE, reply=reason(error))
        self._reset(session)
        # Nothing was sent, so a stray 2xx or 3xx must not pass for an acceptance.
        return replies.judge(code if code >= 400 else -1, text)

    def _transfer(self, session: smtplib.SMTP, message: Message) -> Outcome:
        """The message's bytes and the final dot; lost connections before it are the caller's to judge."""
        stuffed = (b"\r\n" + message.content).replace(b"\r\n.", b"\r\n..")[2:]  # RFC 5321 4.5.2
        self._wait(session, self._patience.block)
        # An error here means that some octets, and so the dot, never left.
        session.send(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        self._wait(session, self._patience.final_dot)
        try:
            code, text = session.getreply()
        except smtplib.SMTPException as error:
            self._drop()
            return Outcome(verdict=Verdict.IN_DOUBT, reply=f"no answer after the message: {reason(error)}")
        if not 200 <= code < 600 or 300 <= code < 400:
            self._drop()
            return Outcome(verdict=Verdict.IN_DOUBT, reply=replies.line(code, text))
        if code == 421:
            self._drop()
        self._carried += 1
        return replies.judge(code, text)

    def _dial(self) -> smtplib.SMTP:
        """Open, secure and log in; OSError (every error of smtplib and ssl is one) if that fails."""
        relay, patience = self._relay, self._patience
        if relay.security == "tls":
            session: smtplib.SMTP = smtplib.SMTP_SSL(
                relay.host, relay.port, timeout=patience.greeting, context=ssl.create_default_context()
            )
        else:
            session = smtplib.SMTP(relay.host, relay.port, timeout=patience.greeting)
        try:
            self._wait(session, patience.command)
            session.ehlo_or_helo_if_needed()
            if relay.security == "starttls":
                session.starttls(context=ssl.create_default_context())
                session.ehlo_or_helo_if_needed()
            if relay.username:
                session.login(relay.username, relay.password)
        except BaseException:
            session.close()
            raise
        self._session, self._carried = session, 0
        return session

    def _pace(self) -> None:
        """Wait for this message's turn."""
        now = time.monotonic()
        if self._next_at > now:
            time.sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + self._interval

    def _wait(self, session: smtplib.SMTP, seconds: float) -> None:
        if session.sock:
            session.sock.settimeout(seconds)

    def _reset(self, session: smtplib.SMTP) -> None:
        """Leave a transaction half way, so that the connection can carry the next message."""
        try:
            code, _ = session.rset()
        except smtplib.SMTPException:
            code = -1
        if code != 250:
            self._drop()

    def _hang_up(self) -> None:
        """Say goodbye, if anybody listens."""
        if self._session:
            with contextlib.suppress(OSError):
                self._wait(self._session, self._patience.greeting)
                self._session.quit()
        self._drop()

    def _drop(self) -> None:
        if self._session:
            self._session.close()
        self._session, self._carried = None, 0


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
