"""An open connection to the relay: a socket that never blocks, and the dialogue over it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass

from digest.deliver.dialogue import Dialogue, Step
from digest.model import Message

#: Octets asked for at once; also a TLS record's, beyond which nothing is gained.
BLOCK = 1 << 14
#: How long a relay may take to answer a goodbye that nobody needs.
GOODBYE = 5.0
#: A relay that answered a message within this is told of the next one before it answers.
SWIFT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds to wait in each phase (RFC 5321 4.5.3.2). Only the last one can cost a duplicate."""

    greeting: float = 60  # less than the RFC's 300: dialling again is free
    command: float = 300
    #: Of another connection's greeting and login, while messages are under way that this keeps waiting.
    another: float = 5
    block: float = 180
    final_dot: float = 600
    #: After the relay's trouble, before the next message; longer each time.
    rest: float = 1


class Line:
    """One connection, from after the login to its end."""

    def __init__(self, connection: socket.socket, *, pipelining: bool, patience: Patience) -> None:
        self._patience = patience
        self.socket = connection
        self.socket.setblocking(False)
        self._tls = isinstance(connection, ssl.SSLSocket)
        self.dialogue = Dialogue(pipelining=pipelining)
        self.opened_at = self._moved_at = time.monotonic()
        self._released_at = 0.0
        #: Whether the last message was answered at once.
        self.swift = False

    @property
    def blocked(self) -> bool:
        """There is more to send than the socket takes for now."""
        return bool(self.dialogue.unsent())

    @property
    def deadline(self) -> float | None:
        """When what is awaited should have come, on the monotonic clock; None if nothing is."""
        if self.blocked:
            return self._moved_at + self._patience.block
        match self.dialogue.awaiting:
            case None:
                return None
            case Step.DOT:
                return self._moved_at + self._patience.final_dot
            case _:
                return self._moved_at + self._patience.command

    def offer(self, message: Message) -> None:
        """Begin this message's transaction."""
        self._moved_at = time.monotonic()
        self.dialogue.offer(message)
        self.write()

    def release(self, following: Message | None) -> None:
        """Send the body that the relay waits for, and tell of the next message."""
        self._moved_at = self._released_at = time.monotonic()
        self.dialogue.release(following)
        self.write()

    def write(self) -> None:
        """Send as much as the socket takes."""
        try:
            while unsent := self.dialogue.unsent():
                octets = self.socket.send(unsent[0][:BLOCK]) if self._tls else self.socket.sendmsg(unsent)
                self.dialogue.sent(octets)
                self._moved_at = time.monotonic()
        except OSError as error:
            self._heed(error)

    def read(self) -> None:
        """Hear all that has come."""
        dialogue = self.dialogue
        try:
            while dialogue.open:
                carried, replies = dialogue.carried, dialogue.replies
                heard = self.socket.recv(BLOCK)
                dialogue.receive(heard)
                if dialogue.replies > replies:  # a piece of one is no reason to wait longer
                    self._moved_at = time.monotonic()
                if dialogue.carried > carried:
                    self.swift = self._moved_at - self._released_at < SWIFT
                if len(heard) < BLOCK and not self._tls:
                    return  # TLS may hold decrypted octets that no selector knows of
        except OSError as error:
            self._heed(error)

    def expire(self) -> None:
        """Give up if the deadline has passed."""
        deadline = self.deadline
        if deadline is not None and time.monotonic() >= deadline:
            self.dialogue.lose("timed out")

    def hang_up(self) -> None:
        """Say goodbye if nothing is under way, and close."""
        if self.dialogue.idle:
            with contextlib.suppress(OSError):
                self.socket.settimeout(GOODBYE)
                self.socket.sendall(b"QUIT\r\n")
                self.socket.recv(BLOCK)
        self.close()

    def close(self) -> None:
        """Close without a word."""
        self.dialogue.lose("closed")
        self.socket.close()

    def _heed(self, error: OSError) -> None:
        """A socket that would block is fine; any other error is the end of the connection."""
        if not isinstance(error, (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)):
            self.dialogue.lose(error.strerror or type(error).__name__)
