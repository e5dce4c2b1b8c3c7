"""What comes back: Origin, Refusal, Bounce, Decision."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from digest.model.deliveries import DeliveryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The delivery that something came back for, by its unique key in the outbox."""

    subscriber: str
    kind: DeliveryKind
    local_date: dt.date
    number: int = 0


class BounceClass(StrEnum):
    """What it means that something came back, and for whom."""

    HARD = "hard"  #: the address is not there
    SOFT = "soft"  #: the mailbox takes nothing: full, disabled, unreachable; or no reason that we know
    TRANSIENT = "transient"  #: not this time: their server was busy, away or wary
    POLICY = "policy"  #: they refuse us or our message; says nothing about the reader
    COMPLAINT = "complaint"  #: the reader called it spam
    LEAVE = "leave"  #: the reader wants no more of it
    DELIVERED = "delivered"  #: it arrived, a mail service says; what failed before is over


#: It did not reach the mailbox.
BOUNCED = frozenset({BounceClass.HARD, BounceClass.SOFT, BounceClass.TRANSIENT, BounceClass.POLICY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What one server said of one recipient, or they themselves."""

    #: Of a server HARD, SOFT, TRANSIENT or POLICY; of a reader COMPLAINT or LEAVE.
    meaning: BounceClass
    #: RFC 3463, as 5.1.1; empty if none was given.
    status: str = ""
    #: Whom it names, in lower case: as we wrote to them, and as they were called where it failed.
    recipients: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """Something that came back for a subscriber, as it is kept: without anybody's words or address."""

    #: Equal for the same thing read twice.
    key: str
    subscriber: str
    #: None where it is only known whom it was for.
    origin: Origin | None = None
    at: dt.datetime
    meaning: BounceClass
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows from a bounce and those before it."""

    #: Why the address must not be written to again; empty if it may.
    suppress: str = ""
    #: The subscription ends by the reader's own will.
    leave: bool = False
