"""Everything at one instant, for people."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from digest import daily
from digest.model import Days, Delivery, DeliveryState, Schedule, SubscriberState, zone
from digest.operating.judging import Need, judge
from digest.operating.vitals import DAY, DayOf, vitals
from digest.service import Service
from digest.store import EditionHeader


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
    found = vitals(day, now)
    return Glance(
        at=now,
        edition=found.edition,
        days=tuple(one for one in found.days if one.counts or one.date == now.date()),
        subscribers=found.subscribers,
        due=next_due(day, now),
        held_since=found.held_since,
        needs=judge(found),
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
