"""Who reads: Interest, Feedback, Schedule, Subscriber, Reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digest.errors import N_, UsageError


class InterestKind(StrEnum):
    """What a reader can ask for."""

    PHRASE = "phrase"
    EXCLUDE = "exclude"  #: a phrase that keeps a paper out
    CATEGORY = "category"  #: `cs.CL`, or `cs` for all of it
    AUTHOR = "author"
    LIKE = "like"  #: an example paper, by id
    TEXT = "text"  #: what they wrote about their work


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
        message = N_("not an IANA time zone, as Europe/Berlin or UTC: %(zone)s")
        raise UsageError(message, zone=repr(name)) from None


def clock_time(text: str) -> dt.time:
    """`HH:MM` as a time of day; UsageError for any other text."""
    try:
        return dt.datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 (a wall time has no zone)
    except ValueError:
        raise UsageError(N_("a time of day is HH:MM, as 07:00: %(text)s"), text=repr(text)) from None


def calendar_date(text: str) -> dt.date:
    """`YYYY-MM-DD` as a date; UsageError for any other text."""
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 (a date has no zone)
    except ValueError:
        raise UsageError(N_("a date is YYYY-MM-DD, as 2026-12-24: %(text)s"), text=repr(text)) from None


@lru_cache(maxsize=4096)
def occurs(day: dt.date, timezone: str) -> bool:
    """Whether that date is in the calendar there: Samoa went from 2011-12-29 to the 31st."""
    noon = dt.datetime.combine(day, dt.time(12), tzinfo=zone(timezone))
    return noon.astimezone(dt.UTC).astimezone(zone(timezone)).date() == day


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """That a digest is due."""

    #: In the reader's zone.
    date: dt.date
    at: dt.datetime
    #: How many days it is of: those since the one before it, at most a week.
    days: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a reader's digests are due."""

    timezone: str
    send_at: dt.time
    days: Days
    #: No digest is of a local date before this one; None: there is no pause.
    paused_until: dt.date | None = None
    #: So much after `send_at` it is their turn, where the digests of an hour are spread.
    turn: dt.timedelta = dt.timedelta()

    def due_at(self, day: dt.date) -> dt.datetime:
        """The one instant at which the digest of that local date is due.

        A wall time that does not exist (spring forward) is shifted forward by the gap; one that
        exists twice is taken the first time (PEP 495, fold=0).
        """
        local = dt.datetime.combine(day, self.send_at, tzinfo=zone(self.timezone))
        return local.astimezone(dt.UTC) + self.turn

    def due_date(self, now: dt.datetime, lifetime: dt.timedelta) -> dt.date | None:
        """The latest local date whose digest is due, unless that is older than `lifetime`."""
        today = now.astimezone(zone(self.timezone)).date()
        for back in range(lifetime.days + 3):  # a turn, or a gap at midnight, may be on the day after
            day = today - dt.timedelta(days=back)
            if day in self and (due_at := self.due_at(day)) <= now:
                return day if due_at > now - lifetime else None
        return None

    def next_date(self, after: dt.datetime) -> dt.date:
        """The first local date whose digest is due after that instant."""
        first = after.astimezone(zone(self.timezone)).date() - dt.timedelta(days=1)
        first = max(first, self.paused_until or first)
        # A day before, since a turn may be after midnight; two weeks, since the calendar may leave one weekday out.
        coming = (first + dt.timedelta(days=n) for n in range(17))
        return next(day for day in coming if day in self and self.due_at(day) > after)

    def days_of(self, day: dt.date) -> int:
        """How many days the digest of that local date is of, 1 to 7: those since the one before it."""
        return next(n for n in range(1, 8) if n == 7 or day - dt.timedelta(days=n) in self.days)

    def __contains__(self, day: dt.date) -> bool:
        """Whether that local date has a digest."""
        begun = self.paused_until is None or day >= self.paused_until
        return begun and day in self.days and occurs(day, self.timezone)


class SubscriberState(StrEnum):
    """Where a subscription stands. Only CONFIRMED gets digests."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """That a reader left by their own hand."""

    at: dt.datetime
    #: What their subscription was until then.
    state: SubscriberState


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What a message needs to know of its reader, frozen with the digest that was prepared for them."""

    id: str
    address: str
    name: str
    schedule: Schedule
    #: How many they asked for.
    papers: int
    language: str
    #: Raising it revokes every link mailed before.
    generation: int
    confirmed_at: dt.datetime | None
    #: Their mails have no HTML.
    plain_text: bool = False


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
    #: Their mails have no HTML.
    plain_text: bool = False
    generation: int = 1
    created_at: dt.datetime
    confirmed_at: dt.datetime | None = None
    #: How they left, for who is UNSUBSCRIBED and may take it back.
    departure: Departure | None = None
    interests: tuple[Interest, ...] = ()

    @property
    def reader(self) -> Reader:
        """The part of them that a message is made from."""
        return Reader(
            id=self.id,
            address=self.address,
            name=self.name,
            schedule=self.schedule,
            papers=self.papers,
            language=self.language,
            generation=self.generation,
            confirmed_at=self.confirmed_at,
            plain_text=self.plain_text,
        )

    def asked(self, kind: InterestKind) -> Iterator[Interest]:
        """Their interests of that kind, in their order."""
        return (interest for interest in self.interests if interest.kind is kind)
