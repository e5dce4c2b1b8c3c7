"""What a mail server's reply means: for the message, for its address, or for us (RFC 5321 4.2, RFC 3463)."""

from __future__ import annotations

import re

from digest import address
from digest.deliver import judging
from digest.errors import DeliveryError
from digest.model import BounceClass, Outcome, Verdict

#: A reply is kept for people: one line, at most this long.
LONGEST_REPLY = 200

#: The relay is busy, closing, or has no TLS or login for the moment.
RELAY_BUSY = frozenset({421, 454})
#: Login is missing, refused or too weak (RFC 4954 6).
LOGIN = frozenset({530, 534, 535, 538})
NO_SUCH_ADDRESS = frozenset({550, 551, 553})
#: Syntax, sequence and parameters (RFC 5321 4.2.2); 554 without a word on the address is a policy too.
OURS = frozenset({500, 501, 502, 503, 504, 554, 555})
#: Bad sender's address: its syntax, its domain.
SENDER_ENHANCED = frozenset({"5.1.7", "5.1.8"})

ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
LOOKS_LIKE_ADDRESS = re.compile(r"""[^\s<>()\[\]",;:@]+@[^\s<>()\[\]",;:@]+""")


def line(code: int, text: bytes) -> str:
    """The reply as one short line without anybody's address."""
    words = " ".join(text.decode("utf-8", "replace").split())
    shown = f"{code} {words}".strip() if code > 0 else words
    if not shown.isprintable():
        shown = "".join(c for c in shown if c.isprintable())
    hidden = LOOKS_LIKE_ADDRESS.sub(lambda found: address.masked(found[0]), shown) if "@" in shown else shown
    return hidden if len(hidden) <= LONGEST_REPLY else hidden[: LONGEST_REPLY - 1] + "…"


def judge(code: int, text: bytes) -> Outcome:
    """What a reply to RCPT, DATA or the final dot means for the message.

    Raises DeliveryError where it means that no message can be sent: login, or our own sender address.
    """
    reply = line(code, text)
    if 200 <= code < 300:
        return Outcome(verdict=Verdict.ACCEPTED, reply=reply)
    words = text.decode("ascii", "replace")
    found = ENHANCED.match(words)
    enhanced = found[1] if found else ""
    if code in LOGIN or enhanced in SENDER_ENHANCED:
        raise DeliveryError(
            f"the relay refuses us; check mail.username, mail.password and mail.from: {reply!r}"
        )
    if 400 <= code < 500 and code not in RELAY_BUSY:
        return Outcome(verdict=Verdict.DEFERRED, reply=reply)
    if 500 <= code < 600:
        meaning = judging.judged(enhanced, words).meaning
        gone = code in NO_SUCH_ADDRESS and bool(enhanced) and meaning is BounceClass.HARD
        ours = meaning is BounceClass.POLICY or (code in OURS and not enhanced.startswith(("5.1.", "5.2.")))
        return Outcome(verdict=Verdict.REFUSED, reply=reply, suppress=gone, ours=ours)
    return Outcome(verdict=Verdict.UNREACHABLE, reply=reply)
