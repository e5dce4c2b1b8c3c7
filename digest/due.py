"""Whose digest is due, and of which date: decided from settings, the clock, and what they had before.

Rule 1. A digest is of one local date, and of one only: the latest that is due, within its lifetime. What was missed
        is in the next one.
Rule 2. Whatever a reader changes, dates only go forward, and two digests are never within twelve hours.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from digest.model import Due, Former, Schedule, Some, Subscriber
from digest.service import Service

#: How far back it matters what a reader had: a digest is of a week at most, and a zone may be a day ahead.
MEMORY = dt.timedelta(days=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one finds who looks at a reader: the latest digest of theirs that has no row, if there is one."""

    subscriber: Subscriber
    schedule: Schedule
    due: Due | None

    def is_due(self, now: dt.datetime) -> bool:
        """Whether it is to be prepared."""
        return self.due is not None and self.due.at <= now and may_start(self.subscriber, self.due)

    def again(self, now: dt.datetime) -> dt.datetime:
        """The first instant at which one may be due that is not known of now."""
        rests = self.due is not None and self.due.at != self.schedule.due_at(self.due.date)
        # What became of the one before tells how long it rests, and that may change.
        return now if rests or self.is_due(now) else self.schedule.due_at(self.schedule.next_date(now))


def due_digests(day: Service, now: dt.datetime, only: Some = None) -> Iterator[list[tuple[Subscriber, Due]]]:
    """Subscribers whose digest is due and not prepared, in blocks, each with what is due.

    Who has nothing due, or not any more when the next block is asked for, is looked at again when that may change. As
    zones, settings and clocks may be others by then, at least twice in a digest's lifetime: so it may come late for
    that, and is not lost.
    """
    believed = day.settings.mail.expire_after / 2
    for block in day.store.looks.due(now, believed, only):
        looks = look(day, block, now)
        if due := [(one.subscriber, one.due) for one in looks if one.due and one.is_due(now)]:
            yield due
            looks = look(day, block, now)
        until = [(one.subscriber, min(one.again(now), now + believed)) for one in looks]
        day.store.looks.put_off([(subscriber, again) for subscriber, again in until if again > now])


def look(day: Service, block: Iterable[Subscriber], now: dt.datetime) -> list[Look]:
    """What there is to prepare for each of these."""
    lifetime, seen = day.settings.mail.expire_after, [(s, timetable(day, s)) for s in block]
    dates = {s.id: date for s, schedule in seen if (date := schedule.due_date(now, lifetime))}
    past = day.store.outbox.past(list(dates), min(dates.values(), default=now.date()) - MEMORY)
    return [
        Look(
            subscriber=s,
            schedule=schedule,
            due=following(schedule, dates[s.id], past.get(s.id, ())) if s.id in dates else None,
        )
        for s, schedule in seen
    ]


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
