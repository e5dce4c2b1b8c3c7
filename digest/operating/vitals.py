"""What is counted of an installation at one instant: nothing but numbers, instants and sources."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from digest.model import (
    WAITING,
    Attempt,
    BounceClass,
    DeliveryState,
    EventKind,
    Source,
    SourceStatus,
    SubscriberState,
)
from digest.service import Service
from digest.store import EditionHeader, Sent

DAY = dt.timedelta(days=1)
#: What is due may wait so long before somebody should look, …
PATIENCE = dt.timedelta(minutes=15)
#: … and so long before something is broken.
LATE = dt.timedelta(hours=2)
#: A doubt that can be resolved is, within this.
DOUBT = dt.timedelta(minutes=30)
#: Nobody gets two digests within twelve hours; one of a clock that was set is no second one.
APART = dt.timedelta(hours=11)

NOTHING = Sent(messages=0, digests=0, readers=0)


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
class Disk:
    """A file system that we write to."""

    #: What of ours is there, as "the database".
    holds: str
    free: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """Everything that tells whether the day is well."""

    at: dt.datetime
    #: Since when nothing is sent; None if it is.
    held_since: dt.datetime | None = None
    #: When this database was copied, if it is a copy that nobody released.
    copied_at: dt.datetime | None = None
    #: Planned, to be tried again, or held.
    waiting: int = 0
    #: Of these, how many may be tried now; …
    due: int = 0
    oldest_due: dt.datetime | None = None
    #: … how many could for `PATIENCE`, …
    overdue: int = 0
    #: … and for `LATE`.
    late: int = 0
    in_doubt: int = 0
    #: For longer than `DOUBT`.
    doubtful: int = 0
    #: Today, yesterday and tomorrow; the newest first.
    days: tuple[DayOf, ...] = ()
    #: Within a day.
    sent: Sent = NOTHING
    #: Within `APART`.
    lately: Sent = NOTHING
    #: How often the relay's last word on what is of yesterday or later began so.
    replies: Mapping[str, int]
    #: Within a day, by what it means.
    bounces: Mapping[BounceClass, int]
    #: How many readers have complained within a day.
    complaints: int = 0
    #: Within a day.
    events: Mapping[EventKind, int]
    subscribers: Mapping[SubscriberState, int]
    standings: tuple[Standing, ...] = ()
    edition: EditionHeader | None = None
    #: First seen within a day.
    new_papers: int = 0
    octets: int = 0
    disks: tuple[Disk, ...] = ()


def vitals(day: Service, now: dt.datetime) -> Vitals:
    """Count all of it."""
    store, deliveries = day.store, day.store.deliveries
    open_ = deliveries.in_states((*WAITING, DeliveryState.HELD, DeliveryState.IN_DOUBT))
    dates = [now.date() + DAY * ahead for ahead in (1, 0, -1)]
    return Vitals(
        at=now,
        held_since=store.outbox.held_since(),
        copied_at=store.outbox.copied_at(),
        waiting=sum(open_.get(state, 0) for state in (*WAITING, DeliveryState.HELD)),
        due=deliveries.overdue(now),
        oldest_due=deliveries.oldest_due(now),
        overdue=deliveries.overdue(now - PATIENCE),
        late=deliveries.overdue(now - LATE),
        in_doubt=open_.get(DeliveryState.IN_DOUBT, 0),
        doubtful=deliveries.doubtful(now - DOUBT),
        days=tuple(DayOf(date=date, counts=deliveries.counts(date)) for date in dates),
        sent=deliveries.sent(now - DAY),
        lately=deliveries.sent(now - APART),
        replies=deliveries.replies(now.date() - DAY),
        bounces=store.bounces.counts(now - DAY, now),
        complaints=store.bounces.complaints(now - DAY),
        events=store.events.counts(now - DAY, now),
        subscribers=store.subscribers.counts(),
        standings=tuple(standings(day, now - DAY)),
        edition=store.editions.newest(),
        new_papers=store.papers.seen(now - DAY),
        octets=store.octets(),
        disks=tuple(disks(day)),
    )


def standings(day: Service, since: dt.datetime) -> Sequence[Standing]:
    """Every configured source, with its attempts from that instant on."""
    statuses, history = day.store.sources.statuses(), day.store.sources.history(since)
    return [
        Standing(source=one, status=statuses.get(one.name), attempts=history.get(one.name, ()))
        for one in day.settings.sources
    ]


def disks(day: Service) -> Iterable[Disk]:
    """The file systems of the database, of what passes are at, and of mails that are files; each once."""
    settings, seen = day.settings, set()
    places = [("the database", day.store.directory)]
    if day.store.journals is None:
        places.append(("the journal", settings.journal_directory))
    if settings.mail.transport != "smtp":
        places.append(("the mails", settings.outbox_directory))
    for holds, place in places:
        folder = place and _there(place)
        if folder and (device := folder.stat().st_dev) not in seen:
            seen.add(device)
            usage = shutil.disk_usage(folder)
            yield Disk(holds=holds, free=usage.free, total=usage.total)


def _there(place: Path) -> Path:
    """It, or the folder in which it will be made."""
    return next(folder for folder in (place, *place.parents) if folder.exists())
