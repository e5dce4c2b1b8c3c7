"""The outbox as operators look through it: a page at a time, in numbers, and exactly those tried again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, exists, func, select, tuple_

from digest.model import Delivery, DeliveryKind, DeliveryState
from digest.store.database import Database
from digest.store.moves import RETRIABLE, retry
from digest.store.planning import delivery_of
from digest.store.schema import outbox, outbox_journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Some of the deliveries; what is None is left open."""

    state: DeliveryState | None = None
    date: dt.date | None = None
    kind: DeliveryKind | None = None
    subscriber: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same, of the outbox's columns."""
        asked = (
            (outbox.c.state, self.state),
            (outbox.c.local_date, self.date),
            # Nearly all are digests: these are not to be looked up by their kind, so its index is kept out.
            (func.lower(outbox.c.kind) if self.kind is DeliveryKind.DIGEST else outbox.c.kind, self.kind),
            (outbox.c.subscriber, self.subscriber),
        )
        return [column == value for column, value in asked if value is not None]


#: A digest is sent about its local date: within 18 hours of an hour of any zone.
ABOUT = dt.timedelta(days=2)
#: Characters of an answer that hold its codes, as `550 5.1.1`.
BEGINNING = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How much has left."""

    messages: int
    digests: int
    #: To how many subscribers these were.
    readers: int


#: Where a page ends: the local date and the id of its last delivery.
Place = tuple[dt.date, int]


class Deliveries:
    """Every delivery there ever was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, which: Which, limit: int | None = None, after: Place | None = None) -> list[Delivery]:
        """The first `limit` of those, or the first after that place, or all; the newest local date first."""
        place = (outbox.c.local_date, outbox.c.id)
        chosen = select(outbox.c.id).where(*which.conditions())
        if after:
            chosen = chosen.where(tuple_(*place) < tuple_(*after))
        # Only the ids are looked for, which an index holds: the rows are long.
        chosen = chosen.order_by(*(column.desc() for column in place)).limit(limit)
        rows = select(outbox).where(outbox.c.id.in_(chosen)).order_by(*(column.desc() for column in place))
        with self._database.reading() as connection:
            return [delivery_of(row) for row in connection.execute(rows).mappings()]

    def counts(self, date: dt.date) -> Mapping[DeliveryState, int]:
        """How many of that local date are in each state; a state without any is left out."""
        chosen = select(outbox.c.state, func.count().label("number")).where(
            outbox.c.local_date == date, outbox.c.state.in_(DeliveryState)
        )
        with self._database.reading() as connection:
            return {row.state: row.number for row in connection.execute(chosen.group_by(outbox.c.state))}

    def in_states(self, states: tuple[DeliveryState, ...]) -> Mapping[DeliveryState, int]:
        """How many are in each of those states, of any date; a state without any is left out."""
        chosen = select(outbox.c.state, func.count().label("number")).where(outbox.c.state.in_(states))
        with self._database.reading() as connection:
            return {row.state: row.number for row in connection.execute(chosen.group_by(outbox.c.state))}

    def overdue(self, since: dt.datetime) -> int:
        """How many wait that might have been tried at that instant."""
        chosen = select(func.count()).select_from(outbox).where(outbox.c.next_attempt_at <= since)
        with self._database.reading() as connection:
            return connection.execute(chosen).scalar_one()

    def oldest_due(self, now: dt.datetime) -> dt.datetime | None:
        """Since when the longest of those waits that may be tried now; None if none does."""
        chosen = select(func.min(outbox.c.next_attempt_at)).where(outbox.c.next_attempt_at <= now)
        with self._database.reading() as connection:
            found: dt.datetime | None = connection.scalar(chosen)
            return found

    def doubtful(self, since: dt.datetime) -> int:
        """How many were in doubt by that instant and are still."""
        later = exists().where(outbox_journal.c.delivery == outbox.c.id, outbox_journal.c.at > since)
        chosen = select(func.count()).where(outbox.c.state == DeliveryState.IN_DOUBT, ~later)
        with self._database.reading() as connection:
            return connection.execute(chosen.select_from(outbox)).scalar_one()

    def sent(self, since: dt.datetime) -> Sent:
        """What has left since; of local dates about then only, so that an index finds it."""
        digest = case((outbox.c.kind == DeliveryKind.DIGEST, outbox.c.subscriber))
        chosen = select(func.count(), func.count(digest), func.count(digest.distinct())).where(
            outbox.c.local_date >= since.date() - ABOUT, outbox.c.sent_at >= since
        )
        with self._database.reading() as connection:
            messages, digests, readers = connection.execute(chosen.select_from(outbox)).one()
            return Sent(messages=messages, digests=digests, readers=readers)

    def replies(self, since: dt.date) -> Mapping[str, int]:
        """How often the last answer for a delivery of that local date or a later one began with what."""
        began = func.substr(outbox.c.last_reply, 1, BEGINNING).label("began")
        tried = (outbox.c.local_date >= since, outbox.c.last_reply != "")
        chosen = select(began, func.count().label("number")).where(*tried).group_by(began)
        with self._database.reading() as connection:
            return {row.began: row.number for row in connection.execute(chosen)}

    def retriable(self, which: Which) -> int:
        """How many of those `retry` would try again."""
        chosen = select(func.count()).select_from(outbox)
        chosen = chosen.where(*which.conditions(), outbox.c.state.in_(RETRIABLE))
        with self._database.reading() as connection:
            return connection.execute(chosen).scalar_one()

    def retry(self, which: Which, now: dt.datetime) -> list[int]:
        """Plan again, due now, those of them that ended failed, expired or in doubt or are held; which were."""
        with self._database.writing() as connection:
            return sorted(retry(connection, which.conditions(), now))
