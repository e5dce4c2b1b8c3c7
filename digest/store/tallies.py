"""Each day in numbers, counted while it may still change and kept for good: a plot must not count millions of rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, FromClause, func, select

from digest.model import BOUNCED, BounceClass, DeliveryState, SubscriberState, Tally
from digest.store.database import Database, insert
from digest.store.schema import bounces, outbox, subscribers, tallies

#: How long after its date a day's deliveries still end: within 18 hours of an hour of any zone.
UNSETTLED = dt.timedelta(days=2)
#: How far back days are counted that nobody counted.
BACK = dt.timedelta(days=90)
DAY = dt.timedelta(days=1)

_LOST = (DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.IN_DOUBT)


class Tallies:
    """The days, in numbers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, today: dt.date) -> None:
        """Count the days up to that UTC date that may have changed or were never counted."""
        with self._database.reading() as connection:
            counted = select(tallies.c.day).where(tallies.c.day >= today - BACK)
            settled = {day for day in connection.scalars(counted) if day < today - UNSETTLED}
            days = [today - DAY * back for back in range(BACK.days)]
            rows = [_counted(connection, day) for day in days if day not in settled]
            rows[0] |= {"subscribers": _subscribers(connection)}
        with self._database.writing() as connection:
            new = insert(connection, tallies)
            found = {
                **{name: new.excluded[name] for name in ("sent", "failed", "bounced", "complained")},
                "subscribers": func.coalesce(new.excluded.subscribers, tallies.c.subscribers),
            }
            connection.execute(new.on_conflict_do_update(index_elements=[tallies.c.day], set_=found), rows)

    def list(self, since: dt.date) -> Sequence[Tally]:
        """The days from that one on, in order; one that was not counted is left out."""
        chosen = select(tallies).where(tallies.c.day >= since).order_by(tallies.c.day)
        with self._database.reading() as connection:
            return [Tally(**row) for row in connection.execute(chosen).mappings()]


def _counted(connection: Connection, day: dt.date) -> dict[str, object]:
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    dated, during = outbox.c.local_date == day, (bounces.c.at >= start, bounces.c.at < start + DAY)
    return {
        "day": day,
        "subscribers": None,
        "sent": _number(connection, outbox, dated, outbox.c.state == DeliveryState.SENT),
        "failed": _number(connection, outbox, dated, outbox.c.state.in_(_LOST)),
        "bounced": _number(connection, bounces, *during, bounces.c.meaning.in_(BOUNCED)),
        "complained": _number(connection, bounces, *during, bounces.c.meaning == BounceClass.COMPLAINT),
    }


def _subscribers(connection: Connection) -> int:
    return _number(connection, subscribers, subscribers.c.state == SubscriberState.CONFIRMED)


def _number(connection: Connection, table: FromClause, *which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(*which)).scalar_one()
