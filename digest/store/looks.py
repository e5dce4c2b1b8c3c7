"""When each reader is to be looked at again, whether a digest of theirs is due: so that a look costs only what is due.

Rule 1. What is kept is an instant before which nothing is due, and never that something is: whoever is found here is
        decided on anew (`digest.due`).
Rule 2. It holds for the schedule that it was reckoned from: another one forgets it, in the same transaction, and it is
        not kept beside another.
Rule 3. It is believed for a limited time: what is farther ahead was written by a clock that was wrong.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from sqlalchemy import bindparam, select, tuple_, update

from digest.model import Some, Subscriber, SubscriberState
from digest.store.database import Database, among, chunks
from digest.store.schema import subscribers
from digest.store.subscribers import found, schedule_of

_PUT_OFF = (
    update(subscribers).where(subscribers.c.id == bindparam("wanted")).values(look_at=bindparam("again"))
)


class Looks:
    """Confirmed subscribers, by when they are to be looked at."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(
        self, now: dt.datetime, believed: dt.timedelta, some: Some = None, batch: int = 500
    ) -> Iterator[tuple[Subscriber, ...]]:
        """Whoever, of all or some, may have a digest due, `batch` at a time; no transaction is held in between.

        The longest waiting first. An instant that is farther ahead than `believed` counts as none.
        """
        c = subscribers.c
        confirmed = select(subscribers).where(c.state == SubscriberState.CONFIRMED, *among(c.id, some))
        confirmed = confirmed.order_by(c.look_at, c.id).limit(batch)
        # One after the other: joined by OR, all that is due would be sorted for every block.
        for when in (c.look_at <= now, c.look_at > now + believed):
            chosen = confirmed.where(when)
            while True:
                with self._database.reading() as connection:
                    rows = connection.execute(chosen).all()
                    block = tuple(found(connection, rows))
                if not block:
                    break
                yield block
                chosen = confirmed.where(when, tuple_(c.look_at, c.id) > (rows[-1].look_at, rows[-1].id))

    def put_off(self, until: Sequence[tuple[Subscriber, dt.datetime]]) -> None:
        """Do not look at these before, unless their schedule is another by now.

        Who is being written to just now is left out, and looked at again: waiting for several at once could deadlock.
        """
        if not until:
            return
        with self._database.writing() as connection:
            kept = {}
            for ids in chunks([subscriber.id for subscriber, _ in until]):
                chosen = select(subscribers).where(subscribers.c.id.in_(ids))
                for row in connection.execute(chosen.with_for_update(key_share=True, skip_locked=True)):
                    kept[row.id] = schedule_of(row), row.starts_at
            same = [
                {"wanted": subscriber.id, "again": again}
                for subscriber, again in until
                if kept.get(subscriber.id) == (subscriber.schedule, subscriber.starts_at)
            ]
            if same:
                connection.execute(_PUT_OFF, same)
