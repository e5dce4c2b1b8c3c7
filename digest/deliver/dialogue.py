"""What is said to a relay about messages, without a socket: octets in, octets out (RFC 5321, pipelined by RFC 2920).

Rule 1: one recipient a transaction.
Rule 2: a body leaves only by `release`: whatever breaks before it, or before its final dot has left, nothing was sent.
Rule 3: after the final dot only the relay knows.

With PIPELINING, one flight carries a body, its dot and the next message's MAIL, RCPT and DATA, so that a message
costs one round trip. Without it every command waits for its reply.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from digest.deliver import replies
from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict

#: RFC 5321 4.5.3.1.5 allows 512 octets in a reply's line; whoever says more than this in a reply never ends.
LONGEST_ANSWER = 8192


#: What may stand after a reply's code; a hyphen if more lines follow.
MARKS = frozenset({b" ", b"-", b"", b"\r"})


class Step(Enum):
    """What a reply is awaited for."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "."
    RSET = "RSET"
    VOID = "void"  #: the dot of a body that was not sent


WANTED = {
    Step.MAIL: frozenset({250}),
    Step.RCPT: frozenset({250, 251}),
    Step.DATA: frozenset({354}),
}


class Dialogue:
    """One connection's talk, from after the login to before QUIT.

    `offer` a message; when the relay waits for its body it is `ready`, and `release` sends it. What came of
    messages stands in `outcomes`, in the order of the answers. A dialogue that is not `open` says no more; then
    `untried` holds the message that it was told of in vain and that may be offered to another.
    """

    def __init__(self, *, pipelining: bool) -> None:
        self.pipelining = pipelining
        self.open = True
        #: How many replies were heard to their end, and how many of them answered a message's dot.
        self.replies = self.carried = 0
        #: The relay waits for this one's body.
        self.ready: Message | None = None
        self.untried: Message | None = None
        self.outcomes: list[tuple[Message, Outcome]] = []
        #: The relay refuses us, not a message: no other will fare better.
        self.refusal: DeliveryError | None = None
        #: Its envelope is being spoken.
        self._coming: Message | None = None
        #: Its body was released, and the dot is not answered.
        self._going: Message | None = None
        self._judged: Outcome | None = None
        self._awaited: deque[Step] = deque()
        self._heard = b""
        self._lines: list[bytes] = []
        self._unsent: deque[memoryview] = deque()
        self._said = self._sent = self._dot = 0

    @property
    def idle(self) -> bool:
        """Nothing is under way: a message may be offered."""
        return self.open and not (self._coming or self.ready or self._going or self._awaited)

    @property
    def awaiting(self) -> Step | None:
        """What the next reply answers."""
        return self._awaited[0] if self._awaited else None

    # --- out ---

    def offer(self, message: Message) -> None:
        """Begin this message's transaction."""
        self._coming, self._judged = message, None
        mail = f"MAIL FROM:<{message.sender}>\r\n"
        if self.pipelining:
            envelope = f"{mail}RCPT TO:<{message.recipient}>\r\nDATA\r\n"
            self._say(envelope.encode("ascii"), Step.MAIL, Step.RCPT, Step.DATA)
        else:
            self._say(mail.encode("ascii"), Step.MAIL)

    def release(self, following: Message | None = None) -> None:
        """Send the body that the relay waits for, and offer the following message in the same flight.

        The body's lines begin with no dot and the last one is ended (`Message.content`), so it goes as it is.
        """
        assert self.ready
        message, self.ready, self._coming = self.ready, None, None
        self._going = message
        self._say(message.content)
        self._say(b".\r\n", Step.DOT)
        self._dot = self._said
        if following:
            self.offer(following)

    def unsent(self) -> deque[memoryview]:
        """What is still to be sent, in order."""
        return self._unsent

    def sent(self, octets: int) -> None:
        """So many of them have left."""
        self._sent += octets
        while octets:
            first = self._unsent[0]
            if octets < len(first):
                self._unsent[0] = first[octets:]
                return
            octets -= len(first)
            self._unsent.popleft()

    def _say(self, octets: bytes, *steps: Step) -> None:
        self._unsent.append(memoryview(octets))
        self._said += len(octets)
        self._awaited.extend(steps)

    # --- in ---

    def receive(self, octets: bytes) -> None:
        """What the relay said; b"" is its hanging up."""
        if not octets:
            self.lose("the relay hung up")
            return
        *lines, self._heard = (self._heard + octets).split(b"\n")
        for line in lines:
            if self.open:
                self._hear(line)
        if self._heard:
            self._bound(self._heard)

    def _hear(self, line: bytes) -> None:
        """One line of a reply."""
        code, mark = line[:3], line[3:4]
        if not (code.isdigit() and mark in MARKS):
            self.lose(replies.line(0, line) or "an empty reply")
            return
        self._lines.append(line[4:])
        if mark == b"-" or len(line) > LONGEST_ANSWER:
            self._bound(b"")
        if self.open and mark != b"-":
            text = b"\n".join(self._lines)
            self._lines.clear()
            self._answer(int(code), text)

    def _bound(self, octets: bytes) -> None:
        if sum(map(len, self._lines), len(octets)) > LONGEST_ANSWER:
            self.lose("a reply without end")

    def _answer(self, code: int, text: bytes) -> None:
        """A whole reply."""
        self.replies += 1
        step = self._awaited.popleft() if self._awaited else None
        if step is Step.DOT:
            self._judge_body(code, text)
        elif step and (wanted := WANTED.get(step)):
            self._judge_envelope(step, code in wanted, code, text)
        elif step is not Step.VOID and code != 250:  # RSET refused, or said without being asked
            self.lose(replies.line(code, text))

    def _judge_envelope(self, step: Step, wanted: bool, code: int, text: bytes) -> None:
        if code == 421 and step is Step.MAIL:  # a relay that closes between two messages
            self.lose(replies.line(code, text))
            return
        if not (wanted or self._judged):
            self._judged = self._refused(step, code, text)
        if code == 421:
            self._conclude()
            self.lose(replies.line(code, text))
        elif step is not Step.DATA and not (self._judged and not self.pipelining):
            self._speak_on(step)
        elif self._judged is None:
            self.ready, self._coming = self._coming, None
        else:
            self._conclude()
            # Having taken neither sender nor recipient some relays wait for a body all the same (RFC 2920 3.1).
            void = step is Step.DATA and code == 354
            self._say(*((b".\r\n", Step.VOID) if void else (b"RSET\r\n", Step.RSET)))

    def _speak_on(self, step: Step) -> None:
        """The next command, where each waits for the last one's reply."""
        if self.pipelining:
            return
        assert self._coming
        if step is Step.MAIL:
            self._say(f"RCPT TO:<{self._coming.recipient}>\r\n".encode("ascii"), Step.RCPT)
        else:
            self._say(b"DATA\r\n", Step.DATA)

    def _refused(self, step: Step, code: int, text: bytes) -> Outcome:
        """What a reply to the envelope means; nothing was sent, so a stray 2xx or 3xx is no acceptance."""
        said = replies.line(code, text)
        if step is Step.MAIL and 500 <= code < 600:
            self.refusal = DeliveryError(
                f"the relay refuses our sender; check mail.from and mail.bounce_address: {said!r}"
            )
            return Outcome(verdict=Verdict.UNREACHABLE, reply=str(self.refusal))
        if code < 400:
            return Outcome(verdict=Verdict.UNREACHABLE, reply=said)
        return self._meant(code, text)

    def _meant(self, code: int, text: bytes) -> Outcome:
        """What a reply means, by the table; one that refuses us leaves the message as it was."""
        try:
            return replies.judge(code, text)
        except DeliveryError as error:
            self.refusal = error
            return Outcome(verdict=Verdict.UNREACHABLE, reply=str(error))

    def _conclude(self) -> None:
        assert self._coming
        assert self._judged
        self.outcomes.append((self._coming, self._judged))
        self._coming = None

    def _judge_body(self, code: int, text: bytes) -> None:
        assert self._going
        if not 200 <= code < 600 or 300 <= code < 400:
            self.lose(replies.line(code, text))
            return
        self.outcomes.append((self._going, self._meant(code, text)))
        self._going = None
        self.carried += 1
        if code == 421:
            self.lose(replies.line(code, text))

    # --- the end ---

    def lose(self, reason: str) -> None:
        """The connection is gone, or must not be used any more."""
        if not self.open:
            return
        self.open = False
        waiting, proven = self.ready or self._coming, bool(self.carried or self._going)
        if self._going:
            doubt = self._sent >= self._dot
            said = f"no answer after the message: {reason}" if doubt else reason
            verdict = Verdict.IN_DOUBT if doubt else Verdict.UNREACHABLE
            self.outcomes.append((self._going, Outcome(verdict=verdict, reply=said)))
        if waiting and proven:  # it worked before: another connection will do
            self.untried = waiting
        elif waiting:
            self.outcomes.append((waiting, Outcome(verdict=Verdict.UNREACHABLE, reply=reason)))
        self._going = self._coming = self.ready = None
        self._awaited.clear()
        self._unsent.clear()
