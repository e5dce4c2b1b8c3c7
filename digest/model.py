"""The nouns of the project: frozen values, no I/O, none of them half born.

In the order in which a paper travels: Source, Entry, Paper, Mention, Trend, Edition; then the reader:
Interest, Schedule, Subscriber, Reader; then what passes between them: Pick, Digest, Message, Delivery.
Every datetime is aware and in UTC; a local date belongs to a reader's time zone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digest.errors import UsageError

# --- papers ---------------------------------------------------------------------------------------


class SourceKind(StrEnum):
    """How a source's documents are read; installed packages may add kinds (`ingest.reading`)."""

    HUGGINGFACE = "huggingface"
    ARXIV = "arxiv"
    BIORXIV = "biorxiv"
    MEDRXIV = "medrxiv"
    HACKERNEWS = "hackernews"
    FEED = "feed"
    LISTING = "listing"


class Rights(StrEnum):
    """What may be shown of a source's texts."""

    OPEN = "open"
    #: At most two sentences with a link; kept out of public pages, feeds and search.
    EXCERPT = "excerpt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A configured publisher of feeds."""

    name: str
    #: A SourceKind, or one that an installed package adds.
    kind: str
    #: An http(s) URL or a file's absolute path; may hold `{date}`, a UTC date.
    location: str
    weight: float = 1.0
    every: dt.timedelta
    rights: Rights = Rights.OPEN


class Announcement(StrEnum):
    """Why a source lists an entry. Only NEW and CROSS are news."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"
    SIGNAL = "signal"  #: speaks of a paper that others made known, and makes none itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where a paper can be read or discussed."""

    rel: Literal["abstract", "pdf", "discussion", "code", "project"]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """How loudly a source speaks of a paper. None is "not known", which is not 0."""

    votes: int | None = None
    comments: int | None = None
    stars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One element as the source said it, with its texts made readable (plain Unicode, no TeX, no HTML)."""

    source: str
    #: Canonical ids named by the entry, strongest first (`arxiv:2604.07429`, `doi:10.1000/x`); may be empty.
    ids: tuple[str, ...]
    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published: dt.datetime | None = None
    #: When the source listed it; None for undated entries, which count as listed when first seen.
    listed_at: dt.datetime | None = None
    links: tuple[Link, ...] = ()
    version: int | None = None
    signals: Signals = Signals()
    announcement: Announcement = Announcement.NEW
    rights: Rights = Rights.OPEN


#: `first_seen` of a paper of which only a reader's list spoke: in no edition's window.
UNSEEN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The canonical work, merged from everything that sources said of it."""

    #: `arxiv:…`, `doi:…` or `title:…`, the strongest that is known.
    id: str
    #: Every canonical id under which it is or was known, its own first.
    aliases: tuple[str, ...]
    #: Letters and digits of the title, for the weak merge (`ingest.identity`).
    title_key: str
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    published: dt.datetime | None
    version: int | None
    links: tuple[Link, ...]
    rights: Rights
    first_seen: dt.datetime

    def link(self, rel: str) -> str | None:
        """The first URL with that relation."""
        return next((link.url for link in self.links if link.rel == rel), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Evidence that a source spoke of a paper, with what it counted last; one per source and listing day."""

    paper: str
    source: str
    #: Multiplies the votes' part of the trend; the operator's trust in this source.
    weight: float
    listed_at: dt.datetime
    url: str
    signals: Signals
    #: When the signals were read.
    as_of: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The votes of a mention as they were at an instant."""

    paper: str
    source: str
    listed_at: dt.datetime
    as_of: dt.datetime
    votes: int

    @property
    def age(self) -> dt.timedelta:
        """How long the votes had had."""
        return self.as_of - self.listed_at


class ReasonKind(StrEnum):
    """What spoke for a paper. `subject` and `value` of a Reason are named beside each."""

    VOTES = "votes"  #: subject: source; value: votes; days: in how many
    RISING = "rising"  #: subject: source; value: share of the source's week that it is ahead of, 0..1
    LATE = "late"  #: subject: source; value: votes that came in the last `days`, long after its own
    SOURCES = "sources"  #: value: number of sources
    NEW = "new"  #: value: age in days
    PHRASE = "phrase"  #: subject: the reader's phrase
    CATEGORY = "category"  #: subject: the category
    AUTHOR = "author"  #: subject: the author
    LIKED = "liked"  #: subject: title of the example paper
    TRENDING = "trending"  #: the trend alone
    DISCOVERY = "discovery"  #: outside the reader's interests on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that spoke for a paper; put into words by the templates, in the reader's language."""

    kind: ReasonKind
    subject: str = ""
    value: float | None = None
    #: Over how many whole days, where that matters.
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How a paper stands at a moment."""

    #: 0..1
    score: float
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A paper in the pool, with text, votes and trend as they were then."""

    paper: Paper
    mentions: tuple[Mention, ...]
    trend: Trend

    @property
    def votes(self) -> int | None:
        """The most votes that any one source counted; None if none counts."""
        counted = [m.signals.votes for m in self.mentions if m.signals.votes is not None]
        return max(counted, default=None)

    @property
    def stars(self) -> int | None:
        """Stars of the code's repository, the newest count that is known."""
        known = [m for m in self.mentions if m.signals.stars is not None]
        return max(known, key=lambda m: m.as_of).signals.stars if known else None


class SourceState(StrEnum):
    """How a source is doing."""

    FRESH = "fresh"
    QUIET = "quiet"  #: nothing listed, and that is all right
    LATE = "late"  #: nothing listed where it usually is
    STALE = "stale"  #: what it listed is what it had listed before
    PARTIAL = "partial"  #: some entries were refused, or far fewer than usual
    FAILING = "failing"
    DISABLED = "disabled"  #: gone for good, so that it is not asked any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What readers of an edition should know of a source, in one line."""

    source: str
    state: SourceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The frozen pool of papers as of an instant, the highest trend first."""

    id: int
    published_at: dt.datetime
    papers: tuple[Listed, ...]
    notices: tuple[Notice, ...] = ()
    #: The edition before it, if that was too old for a digest on the days in between.
    silent_since: dt.datetime | None = None

    def by_id(self) -> Mapping[str, Listed]:
        """Papers by each of their ids, aliases included."""
        return {alias: listed for listed in self.papers for alias in listed.paper.aliases}


# --- readers --------------------------------------------------------------------------------------


class InterestKind(StrEnum):
    """What a reader can ask for."""

    PHRASE = "phrase"
    EXCLUDE = "exclude"  #: a phrase that keeps a paper out
    CATEGORY = "category"  #: `cs.CL`, or `cs` for all of it
    AUTHOR = "author"
    LIKE = "like"  #: an example paper, by id


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """One thing a reader asked for; `weight` is relative to their other interests."""

    kind: InterestKind
    value: str
    weight: float = 1.0


class Opinion(StrEnum):
    """What a reader said about something; a click is none."""

    MORE = "more"
    LESS = "less"
    MUTE = "mute"  #: never again


class Subject(StrEnum):
    """What an opinion is about."""

    PAPER = "paper"  #: by id
    AUTHOR = "author"
    TOPIC = "topic"  #: a phrase, or a category


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A reader's opinion of one thing; a new one takes the place of the old."""

    opinion: Opinion
    subject: Subject
    value: str
    #: How often they said so.
    count: int = 1
    #: When they said so last.
    at: dt.datetime


DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Days:
    """On which weekdays digests come: `daily`, `weekdays`, `mon,thu`, or `weekly:fri`."""

    text: str

    def __post_init__(self) -> None:
        names = self.text.removeprefix("weekly:").split(",")
        known = self.text in {"daily", "weekdays"} or all(name in DAY_NAMES for name in names)
        if not known or (self.weekly and len(names) != 1):
            raise UsageError(f"days are daily, weekdays, weekly:fri or a list as mon,thu: {self.text!r}")

    @property
    def weekly(self) -> bool:
        """Whether one digest covers the week."""
        return self.text.startswith("weekly:")

    @classmethod
    def of(cls, names: Collection[str]) -> Days:
        """A digest a day on these days; all of them are `daily`, Monday to Friday are `weekdays`."""
        ordered = tuple(name for name in DAY_NAMES if name in names)
        return cls({DAY_NAMES: "daily", DAY_NAMES[:5]: "weekdays"}.get(ordered, ",".join(ordered)))

    @property
    def names(self) -> tuple[str, ...]:
        """The days, as `("mon", "thu")`."""
        named = {"daily": DAY_NAMES, "weekdays": DAY_NAMES[:5]}.get(self.text)
        return named or tuple(self.text.removeprefix("weekly:").split(","))

    def __contains__(self, day: dt.date) -> bool:
        return DAY_NAMES[day.weekday()] in self.names

    def __str__(self) -> str:
        return self.text


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name; UsageError for any other text."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"not an IANA time zone, as Europe/Berlin or UTC: {name!r}") from None


def clock_time(text: str) -> dt.time:
    """`HH:MM` as a time of day; UsageError for any other text."""
    try:
        return dt.datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 (a wall time has no zone)
    except ValueError:
        raise UsageError(f"a time of day is HH:MM, as 07:00: {text!r}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a reader's digests are due."""

    timezone: str
    send_at: dt.time
    days: Days

    def due_at(self, day: dt.date) -> dt.datetime:
        """The one instant at which the digest of that local date is due.

        A wall time that does not exist (spring forward) is shifted forward by the gap; one that
        exists twice is taken the first time (PEP 495, fold=0).
        """
        local = dt.datetime.combine(day, self.send_at, tzinfo=zone(self.timezone))
        return local.astimezone(dt.UTC)

    def due_date(self, now: dt.datetime, lifetime: dt.timedelta) -> dt.date | None:
        """The latest local date whose digest is due and not older than `lifetime`, if any."""
        today = now.astimezone(zone(self.timezone)).date()
        for day in (today, today - dt.timedelta(days=1)):
            if day in self.days and now - lifetime < self.due_at(day) <= now:
                return day
        return None

    def next_date(self, after: dt.datetime) -> dt.date:
        """The first local date whose digest is due after that instant."""
        first = after.astimezone(zone(self.timezone)).date()
        coming = (first + dt.timedelta(days=n) for n in range(9))  # a week, and a day on either side of it
        return next(day for day in coming if day in self.days and self.due_at(day) > after)


class SubscriberState(StrEnum):
    """Where a subscription stands. Only CONFIRMED gets digests."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What a message needs to know of its reader, frozen with the digest that was prepared for them."""

    id: str
    address: str
    name: str
    schedule: Schedule
    language: str
    #: Raising it revokes every link mailed before.
    generation: int
    confirmed_at: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person's address and settings, and what they asked for."""

    #: Opaque and random; never derived from the address.
    id: str
    address: str
    name: str = ""
    state: SubscriberState
    schedule: Schedule
    #: Digests due before this instant are not made; None: whatever is due.
    starts_at: dt.datetime | None = None
    papers: int
    language: str = "en"
    generation: int = 1
    created_at: dt.datetime
    confirmed_at: dt.datetime | None = None
    interests: tuple[Interest, ...] = ()

    @property
    def reader(self) -> Reader:
        """The part of them that a message is made from."""
        return Reader(
            id=self.id,
            address=self.address,
            name=self.name,
            schedule=self.schedule,
            language=self.language,
            generation=self.generation,
            confirmed_at=self.confirmed_at,
        )

    def asked(self, kind: InterestKind) -> Iterator[Interest]:
        """Their interests of that kind, in their order."""
        return (interest for interest in self.interests if interest.kind is kind)


# --- digests and their delivery -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderLinks:
    """The signed URLs of one reader's footer and headers."""

    unsubscribe: str
    preferences: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A chosen paper, with score and reasons."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A message that is to be sent, before it has a row: one per (reader, local date, kind)."""

    kind: DeliveryKind
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
class Content:
    """What a reader sees, before it is addressed."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The rendered, addressed e-mail: exactly the bytes that go over the wire, CRLF line ends."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that must not be mailed, and why."""

    address: str
    reason: str
    at: dt.datetime


# --- what ingest reports --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a server gave us to ask "changed since?"; echoed verbatim (RFC 9110 13.1)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one document held."""

    entries: tuple[Entry, ...] = ()
    #: One line for each entry that was refused.
    refused: tuple[str, ...] = ()
    #: Where the next page of it is; empty if this is all.
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How a set of entries might already be known."""

    ids: frozenset[str]
    title_keys: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Entries that became papers."""

    #: New or changed, in their final form.
    papers: tuple[Paper, ...]
    mentions: tuple[Mention, ...]
    #: Ids that turned out to be the same work: the id given up -> the id that stays.
    joined: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What one source gave in one pass; never raised, always recorded."""

    source: Source
    at: dt.datetime
    state: SourceState
    #: Why it is in that state, or what to change, for a person.
    reason: str
    entries: tuple[Entry, ...] = ()
    refused: tuple[str, ...] = ()
    #: Documents that could not be had or read.
    missed: int = 0
    #: By URL, for the next pass.
    validators: Mapping[str, Validators] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How a source has been doing, as stored."""

    name: str
    #: What was asked; a source that has another one now is as good as new.
    location: str
    state: SourceState
    reason: str
    last_attempt: dt.datetime
    last_success: dt.datetime | None
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt at a source came to."""

    at: dt.datetime
    state: SourceState
    reason: str
    entries: int
