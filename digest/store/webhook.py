"""What the webhook is still to be told: each event until it was taken, or is too old.

Rule 1: who takes an event puts it off in the same transaction, as if it had failed. So nobody else has it
        meanwhile, and whoever dies with it has only made it late.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, literal, select, update

from digest.model import Event
from digest.store.database import Database, insert, lock
from digest.store.schema import UtcDateTime, events, meta, webhook_events

#: Facts in `meta`: the last event that was looked at, and which webhook is gone.
_SEEN, _GONE = "webhook_seen", "webhook_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """An event that is to be told now."""

    event: Event
    #: How often it was tried before.
    attempts: int


class Webhook:
    """The one webhook's queue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def gather(self, since: dt.datetime, now: dt.datetime) -> int:
        """Queue what happened since the last time, and drop what waits since before `since`; how many were dropped.

        Nothing from before `since` is queued, and the first time nothing at all: a webhook learns what happens
        from then on.
        """
        with self._database.reading() as connection:
            if _fact(connection, _SEEN) == str(_newest(connection)) and not _waiting(connection):
                return 0
        with self._database.writing() as connection:
            lock(connection, webhook_events)
            seen, newest = _fact(connection, _SEEN), _newest(connection)
            if seen is not None:
                new = select(events.c.id, literal(0), literal(now, UtcDateTime())).where(
                    events.c.id > int(seen), events.c.id <= newest, events.c.at > since
                )
                columns = ["event", "attempts", "next_attempt_at"]
                connection.execute(webhook_events.insert().from_select(columns, new))
            _set(connection, _SEEN, str(newest))
            old = webhook_events.c.event.in_(select(events.c.id).where(events.c.at <= since))
            return connection.execute(delete(webhook_events).where(old)).rowcount

    def take(self, now: dt.datetime, again: Callable[[int], dt.datetime]) -> Untold | None:
        """The event that is due longest; until `again(attempts before)` nobody else is given it. None if none is due."""
        due = (
            select(events, webhook_events.c.attempts)
            .join(webhook_events, webhook_events.c.event == events.c.id)
            .where(webhook_events.c.next_attempt_at <= now)
            .order_by(webhook_events.c.next_attempt_at, events.c.id)
            .limit(1)
        )
        with self._database.reading() as connection:
            if connection.execute(due).one_or_none() is None:
                return None
        with self._database.writing() as connection:
            locked = due.with_for_update(of=webhook_events, skip_locked=True)
            row = connection.execute(locked).one_or_none()
            if row is None:
                return None
            put_off = update(webhook_events).where(webhook_events.c.event == row.id)
            connection.execute(put_off.values(attempts=row.attempts + 1, next_attempt_at=again(row.attempts)))
            event = Event(id=row.id, at=row.at, kind=row.kind, subscriber=row.subscriber)
            return Untold(event=event, attempts=row.attempts)

    def taken(self, event: int) -> None:
        """It was taken, and is not told again."""
        with self._database.writing() as connection:
            connection.execute(delete(webhook_events).where(webhook_events.c.event == event))

    def waiting(self) -> int:
        """How many events are still to be told."""
        with self._database.reading() as connection:
            return _waiting(connection)

    def is_gone(self, which: str) -> bool:
        """Whether that webhook was switched off."""
        with self._database.reading() as connection:
            return _fact(connection, _GONE) == which

    def switch_off(self, which: str) -> bool:
        """Tell that webhook nothing any more, nor what waits; whether it was not switched off before."""
        with self._database.writing() as connection:
            lock(connection, meta)
            if _fact(connection, _GONE) == which:
                return False
            _set(connection, _GONE, which)
            connection.execute(delete(webhook_events))
            return True

    def switch_on(self) -> None:
        """Tell whichever webhook there is, and what it missed if that is not too old."""
        with self._database.writing() as connection:
            connection.execute(delete(meta).where(meta.c.key == _GONE))


def _waiting(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(webhook_events)).scalar_one()


def _newest(connection: Connection) -> int:
    return connection.scalar(select(func.max(events.c.id))) or 0


def _fact(connection: Connection, key: str) -> str | None:
    return connection.scalar(select(meta.c.value).where(meta.c.key == key))


def _set(connection: Connection, key: str, value: str) -> None:
    row = insert(connection, meta).values(key=key, value=value)
    connection.execute(row.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": value}))
