"""What an operator sees and does, by the command line and on /admin alike.

Rule 1. Everything is asked in a bounded number of statements, each of which reads an index or one page of rows.
Rule 2. What needs a hand is said in a sentence, with where to look; what mends itself is not.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from digest import daily
from digest.model import (
    Attempt,
    Days,
    Delivery,
    DeliveryState,
    Schedule,
    Source,
    SourceState,
    SourceStatus,
    SubscriberState,
    zone,
)
from digest.service import Service
from digest.store import EditionHeader, Which

DAY = dt.timedelta(days=1)
#: What is due may wait so long before somebody should look.
PATIENCE = dt.timedelta(minutes=15)

#: A source in one of these states does not mend itself, or misses something meanwhile.
_TROUBLED = {SourceState.FAILING, SourceState.STALE, SourceState.LATE, SourceState.DISABLED}
_WAITING = (DeliveryState.PLANNED, DeliveryState.RETRY, DeliveryState.HELD)
_LOST = (DeliveryState.FAILED, DeliveryState.EXPIRED)


class Place(StrEnum):
    """Where to look into something."""

    SOURCES = "sources"
    DELIVERIES = "deliveries"
    SUBSCRIBERS = "subscribers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that needs a hand, as a sentence without its full stop."""

    text: str
    place: Place
    #: Which deliveries it is about; None if it is about something else.
    which: Which | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A configured source, and how it has been doing."""

    source: Source
    #: None if it was never asked.
    status: SourceStatus | None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOf:
    """The deliveries of one local date."""

    date: dt.date
    #: How many are in each state; a state without any is left out.
    counts: Mapping[DeliveryState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The next hour at which digests are due."""

    at: dt.datetime
    readers: int
    #: What is known now will be too old by then: unless something new is collected, nothing is sent.
    stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Everything at one instant, in a page."""

    at: dt.datetime
    edition: EditionHeader | None
    #: The newest first: today and yesterday, and tomorrow where it has begun for somebody.
    days: tuple[DayOf, ...]
    subscribers: Mapping[SubscriberState, int]
    #: None if nobody is to get one.
    due: Due | None
    held_since: dt.datetime | None
    needs: tuple[Need, ...]


def glance(day: Service, now: dt.datetime) -> Glance:
    """How everything stands."""
    dates = [now.date() + DAY * ahead for ahead in (1, 0, -1)]
    days = [DayOf(date=date, counts=day.store.deliveries.counts(date)) for date in dates]
    return Glance(
        at=now,
        edition=day.store.editions.newest(),
        days=tuple(one for one in days if one.counts or one.date == now.date()),
        subscribers=day.store.subscribers.counts(),
        due=next_due(day, now),
        held_since=day.store.outbox.held_since(),
        needs=(*_of_sending(day, now), *_of_days(days), *_of_collecting(day, now)),
    )


def next_due(day: Service, now: dt.datetime) -> Due | None:
    """When digests are due next, and how many readers have that hour; whoever began just now may wait longer."""
    readers = day.store.subscribers.schedules(now.date() - DAY)
    alike: defaultdict[tuple[str, Days, dt.date | None], list[Schedule]] = defaultdict(list)
    for schedule in sorted(readers, key=lambda one: one.send_at):
        alike[schedule.timezone, schedule.days, schedule.paused_until].append(schedule)
    found: Counter[dt.datetime] = Counter()
    for (timezone, _, _), some in alike.items():
        # Of those with the same days only two can be next: the first hour that is still to come, and the first.
        time = now.astimezone(zone(timezone)).time()
        for one in {next((each for each in some if each.send_at > time), some[0]), some[0]}:
            found[one.due_at(one.next_date(now))] += readers[one]
    if not found:
        return None
    newest, at = day.store.editions.newest(), min(found)
    stale = newest is not None and at - newest.published_at > daily.STALE
    return Due(at=at, readers=found[at], stale=stale)


def standings(day: Service, since: dt.datetime) -> Sequence[Standing]:
    """Every configured source, with its attempts from that instant on."""
    statuses, history = day.store.sources.statuses(), day.store.sources.history(since)
    return [
        Standing(source=one, status=statuses.get(one.name), attempts=history.get(one.name, ()))
        for one in day.settings.sources
    ]


def why(delivery: Delivery) -> str:
    """Why a delivery is where it is: what the other side said, or what we know."""
    reply = delivery.last_reply
    match delivery.state:
        case DeliveryState.PLANNED:
            return reply or f"due at {delivery.plan.due_at:%Y-%m-%d %H:%M}Z"
        case DeliveryState.SENDING:
            return "under way"
        case DeliveryState.RETRY:
            return f"to be tried again; {reply}"
        case DeliveryState.EXPIRED:
            return f"its time was over; {reply or 'it was never tried'}"
        case DeliveryState.SKIPPED:
            return "nothing to say that day"
        case DeliveryState.HELD:
            return f"held until `release`; {reply}" if reply else "held until `release`"
        case DeliveryState.IN_DOUBT:
            return f"perhaps it arrived; {reply}" if reply else "perhaps it arrived"
        case _:
            return reply


# --- what needs a hand ----------------------------------------------------------------------------


def _of_sending(day: Service, now: dt.datetime) -> list[Need]:
    found = []
    open_ = day.store.deliveries.in_states((*_WAITING, DeliveryState.IN_DOUBT))
    waiting = sum(open_.get(state, 0) for state in _WAITING)
    if since := day.store.outbox.held_since():
        text = f"nothing is sent since {since:%Y-%m-%d %H:%M}Z, until it is released; {waiting} waiting"
        found.append(Need(text=text, place=Place.DELIVERIES, which=Which()))
    elif overdue := day.store.deliveries.overdue(now - PATIENCE):
        text = f"{overdue} due for over a quarter of an hour: see whether the schedule runs and the relay answers"
        found.append(Need(text=text, place=Place.DELIVERIES, which=Which(date=now.date())))
    if doubts := open_.get(DeliveryState.IN_DOUBT):
        text = f"{doubts} in doubt: handed over, and the answer was lost; a retry sends again"
        found.append(Need(text=text, place=Place.DELIVERIES, which=Which(state=DeliveryState.IN_DOUBT)))
    if complaints := day.store.bounces.complaints(now - DAY):
        found.append(Need(text=f"{complaints} complained within a day", place=Place.SUBSCRIBERS))
    return found


def _of_days(days: Sequence[DayOf]) -> list[Need]:
    return [
        Need(
            text=f"{lost} of {one.date} {'failed' if state is DeliveryState.FAILED else 'expired'}",
            place=Place.DELIVERIES,
            which=Which(state=state, date=one.date),
        )
        for one in days
        for state in _LOST
        if (lost := one.counts.get(state))
    ]


def _of_collecting(day: Service, now: dt.datetime) -> list[Need]:
    found = [
        Need(text=f"{one.source.name} is {one.status.state}: {one.status.reason}", place=Place.SOURCES)
        for one in standings(day, now)
        if one.status and one.status.state in _TROUBLED
    ]
    newest = day.store.editions.newest()
    if day.settings.sources and newest and now - newest.published_at > daily.STALE:
        text = f"the newest edition is of {newest.published_at:%Y-%m-%d %H:%M}Z: no digests are made from it"
        found.append(Need(text=text, place=Place.SOURCES))
    return found
