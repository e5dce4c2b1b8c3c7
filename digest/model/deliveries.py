"""What passes between them: Pick, Digest, Plan, Delivery, Message, Outcome."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from digest.model.papers import Reason
from digest.model.readers import Reader, Subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackLinks:
    """Where a reader says what they think of a paper: a start that is theirs, and an end that is the paper's."""

    start: str
    end_of: Callable[[str], str]

    def __getitem__(self, paper: str) -> str:
        """The whole URL."""
        return self.start + self.end_of(paper)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderLinks:
    """The signed URLs of one reader's message."""

    unsubscribe: str
    preferences: str
    #: None where nobody is to be asked.
    feedback: FeedbackLinks | None = None


class Pick(NamedTuple):
    """A chosen paper, with score and reasons.

    Twenty are made for each reader, and again for each message: a tuple is made in a third of a dataclass's time.
    """

    paper: str
    #: 0..1, comparable between the picks of one digest only.
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One subscriber's picks from one edition."""

    subscriber: Subscriber
    edition: int
    picks: tuple[Pick, ...]
    also_trending: tuple[Pick, ...] = ()


class DeliveryKind(StrEnum):
    """What a delivery carries."""

    DIGEST = "digest"
    CONFIRM = "confirm"
    WELCOME = "welcome"
    LINK = "link"
    NOTICE = "notice"


class Matter(StrEnum):
    """What a mail that is no digest is about; with its kind it says which mail it is."""

    SUBSCRIPTION = "subscription"
    SETTINGS = "settings"  #: somebody asked for the way to their settings
    MINE = "mine"  #: what is kept of the reader, and who they are to us
    ADDRESS = "address"  #: another address takes the place of the reader's


class DeliveryState(StrEnum):
    """Where a delivery stands (`deliver.states` holds the moves)."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"  #: accepted by the transport; not a claim that it was read
    RETRY = "retry"
    FAILED = "failed"
    EXPIRED = "expired"
    SKIPPED = "skipped"  #: nothing to say that day
    SUPPRESSED = "suppressed"  #: left, paused or suppressed before it was handed over
    HELD = "held"
    IN_DOUBT = "in_doubt"  #: handed over, and the answer was lost


#: It is sent when its time comes, for the first time or again.
WAITING = frozenset({DeliveryState.PLANNED, DeliveryState.RETRY})
#: Two digests of one reader are never nearer, whatever they change in between.
REST = dt.timedelta(hours=12)
#: The papers of a digest that ended so were not shown.
NOT_SHOWN = frozenset(
    {DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.SKIPPED, DeliveryState.SUPPRESSED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """What became of a digest, as far as it matters for the next one."""

    date: dt.date
    due_at: dt.datetime
    expires_at: dt.datetime
    prepared_at: dt.datetime
    state: DeliveryState
    sent_at: dt.datetime | None

    @property
    def shown(self) -> bool:
        """Whether the reader has it, perhaps or soon."""
        return self.state not in NOT_SHOWN

    @property
    def rests_until(self) -> dt.datetime:
        """Before then the next one would be too near."""
        if not self.shown:
            return self.due_at
        if self.state in {DeliveryState.SENT, DeliveryState.IN_DOUBT}:
            return (self.sent_at or self.prepared_at) + REST
        return self.expires_at  # it may still be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A message that is to be sent, before it has a row: one per (reader, local date, kind, number)."""

    kind: DeliveryKind
    matter: Matter = Matter.SUBSCRIPTION
    #: Tells several of a kind and day apart; 0 for those of which there is one.
    number: int = 0
    reader: Reader
    #: In the reader's zone.
    local_date: dt.date
    #: The edition that a digest was picked from; None for every other kind.
    edition: int | None = None
    picks: tuple[Pick, ...] = ()
    also_trending: tuple[Pick, ...] = ()
    #: Nothing to say that day: the row is made, as proof, and no message.
    skipped: bool = False
    #: With its angle brackets; the same for every attempt.
    message_id: str
    #: Which templates it was prepared for (`render.Composer.fingerprint`).
    template: str = ""
    due_at: dt.datetime
    expires_at: dt.datetime
    #: The message's Date, the same for every attempt.
    prepared_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message's way to one subscriber: the outbox row."""

    id: int
    plan: Plan
    state: DeliveryState
    attempts: int
    sent_at: dt.datetime | None = None
    last_reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of a delivery after an attempt (`deliver.states` decides it, `store.outbox` writes it)."""

    state: DeliveryState
    event: str
    reply: str
    #: When a RETRY or PLANNED delivery may be tried next.
    next_attempt_at: dt.datetime | None = None
    #: Whether the attempt counts against the delivery.
    counts: bool = True
    #: Why the address must not be written to again; empty if it may.
    suppress: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """What happened to a delivery, and what the other side said."""

    at: dt.datetime
    event: str
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The rendered, addressed e-mail: exactly the bytes that go over the wire.

    Every line ends in CRLF, the last one too, and none begins with a dot (RFC 5321 4.5.2 would double it).
    """

    #: With its angle brackets; the same for every attempt.
    id: str
    sender: str
    recipient: str
    content: bytes = field(repr=False)


class Verdict(StrEnum):
    """What handing a message over came to."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"  #: this message, later
    REFUSED = "refused"  #: this message, never
    UNREACHABLE = "unreachable"  #: the relay itself; says nothing about the message
    IN_DOUBT = "in_doubt"  #: sent, and the answer was lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A verdict, with the other side's words."""

    verdict: Verdict
    reply: str
    #: The address does not exist: do not write to it again.
    suppress: bool = False
    #: Refused for who we are or what we wrote, whoever it was for.
    ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What remains of an address that was deleted: nobody but its owner brings it back."""

    at: dt.datetime
    until: dt.datetime
    #: Whether it must not be mailed at all, not even when its owner asks.
    suppressed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that must not be mailed, and why."""

    address: str
    reason: str
    at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A day in numbers: a UTC date, and for deliveries their readers' local date."""

    day: dt.date
    #: Confirmed when the day was counted last; None for a day that was over before anybody counted.
    subscribers: int | None
    sent: int
    #: Ended as failed, expired or in doubt.
    failed: int
    #: What came back, complaints apart.
    bounced: int
    complained: int
