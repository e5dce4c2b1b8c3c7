"""Whose digest is due, and of which date: decided from settings, the clock, and what they had before.

Rule 1. A digest is of one local date, and of one only: the latest that is due, within its lifetime. What was missed
        is in the next one.
Rule 2. Whatever a reader changes, dates only go forward, and two digests are never within twelve hours.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from digest.model import Due, Former, Schedule, Some, Subscriber
from digest.service import Service

#: How far back it matters what a reader had: a digest is of a week at most, and a zone may be a day ahead.
MEMORY = dt.timedelta(days=8)


def due_digests(day: Service, now: dt.datetime, only: Some = None) -> Iterator[list[tuple[Subscriber, Due]]]:
    """Subscribers whose digest is due and not prepared, in blocks, each with what is due."""
    lifetime, outbox = day.settings.mail.expire_after, day.store.outbox
    for block in day.store.subscribers.confirmed(only):
        some = [(s, timetable(day, s)) for s in block]
        dated = [(s, schedule, date) for s, schedule in some if (date := schedule.due_date(now, lifetime))]
        if not dated:
            continue
        first = min(date for _, _, date in dated)
        prepared = outbox.prepared([s.id for s, _, _ in dated], first)
        left = [one for one in dated if (one[0].id, one[2]) not in prepared]
        past = outbox.past([s.id for s, _, _ in left], first - MEMORY)
        found = [(s, following(schedule, date, past.get(s.id, ()))) for s, schedule, date in left]
        if due := [(s, one) for s, one in found if one and one.at <= now and may_start(s, one)]:
            yield due


def next_due(day: Service, subscriber: Subscriber, now: dt.datetime) -> Due:
    """The next digest that is still to be prepared: one that is due by now, or one to come."""
    schedule = timetable(day, subscriber)
    past = day.store.outbox.past([subscriber.id], now.date() - MEMORY).get(subscriber.id, ())
    date = schedule.due_date(now, day.settings.mail.expire_after)
    after = max(now, subscriber.starts_at or now)
    while True:
        if date and (due := following(schedule, date, past)) and may_start(subscriber, due):
            return due
        date = schedule.next_date(after)
        after = schedule.due_at(date)


def following(schedule: Schedule, date: dt.date, past: Sequence[Former]) -> Due | None:
    """The digest of that date after those, the newest first; None if one of that date or a later one is there.

    After a change of hour or zone it waits until the last one's rest is over.
    """
    newest = past[0] if past else None
    if newest and newest.date >= date:
        return None
    at = schedule.due_at(date)
    if newest and newest.due_at != schedule.due_at(newest.date):
        at = max(at, newest.rests_until)
    seen = next((one.date for one in past if one.shown), None)
    return Due(date=date, at=at, days=min((date - seen).days, 7) if seen else schedule.days_of(date))


def may_start(subscriber: Subscriber, due: Due) -> bool:
    """Whether that digest is after the subscription began."""
    return subscriber.starts_at is None or due.at >= subscriber.starts_at


def timetable(day: Service, subscriber: Subscriber) -> Schedule:
    """When their digests are due here, where an hour's may be spread."""
    spread = day.settings.schedule.spread
    return replace(subscriber.schedule, turn=turn(subscriber.id, spread)) if spread else subscriber.schedule


def turn(subscriber: str, spread: dt.timedelta) -> dt.timedelta:
    """When in that time it is their turn, in whole seconds: always the same, and readers evenly."""
    drawn = int.from_bytes(hashlib.sha256(subscriber.encode()).digest()[:8])
    return dt.timedelta(seconds=drawn * int(spread.total_seconds()) >> 64)
