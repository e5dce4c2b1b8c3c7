"""What came back, and what followed from it, in one transaction: a bounce is counted once, and acts once.

Rule 1: of what a server or a reader wrote only the meaning is kept, and the status code.
Rule 2: who is gone takes their bounces along.
"""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select, update

from digest.model import Bounce, BounceClass, Decision, EventKind, Origin, SubscriberState
from digest.store import codec
from digest.store.database import Database, insert
from digest.store.events import tell, told
from digest.store.schema import bounces, outbox, outbox_journal, subscribers
from digest.store.suppressions import give_up, suppress

#: How far back failures may have to do with one another.
MEMORY = dt.timedelta(days=180)

_EVENTS = {BounceClass.COMPLAINT: "complained", BounceClass.LEAVE: "left", BounceClass.DELIVERED: "delivered"}


class Bounces:
    """Everything that came back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def address(self, origin: Origin) -> str | None:
        """Which address that delivery was for; the subscriber's own if the row is gone, None if they are."""
        delivery = select(outbox.c.reader).where(*_is(origin))
        with self._database.reading() as connection:
            if reader := connection.scalar(delivery):
                return codec.decode_reader(reader).address
            own = select(subscribers.c.address).where(subscribers.c.id == origin.subscriber)
            return connection.scalar(own)

    def settle(
        self, bounce: Bounce, decide: Callable[[Sequence[Bounce]], Decision], now: dt.datetime
    ) -> Decision | None:
        """Keep a bounce, and do what `decide` makes of it and of those before it.

        None, and nothing changes, if it was kept before or its subscriber is gone.
        """
        with self._database.writing() as connection:
            theirs = select(subscribers).where(subscribers.c.id == bounce.subscriber).with_for_update()
            subscriber = connection.execute(theirs).mappings().one_or_none()
            if subscriber is None:
                return None
            history = _history(connection, bounce)
            delivery = _delivery(connection, bounce.origin)
            if not _kept(connection, bounce, delivery):
                return None
            decision = decide(history)
            kinds = _follow(connection, subscriber, delivery, decision, now)
            tell(connection, [(kind, bounce.subscriber) for kind in kinds], now)
            return decision

    def of(self, subscriber: str) -> builtins.list[Bounce]:
        """Everything that came back for a subscriber, the oldest first."""
        with self._database.reading() as connection:
            return _bounces(connection, bounces.c.subscriber == subscriber)

    def counts(self, since: dt.datetime, until: dt.datetime) -> Mapping[BounceClass, int]:
        """How much came back from one instant to the other, by what it means."""
        chosen = select(bounces.c.meaning, func.count().label("number")).group_by(bounces.c.meaning)
        with self._database.reading() as connection:
            rows = connection.execute(chosen.where(bounces.c.at >= since, bounces.c.at < until))
            return {row.meaning: row.number for row in rows}

    def complaints(self, since: dt.datetime) -> int:
        """How many readers have complained since."""
        chosen = select(func.count(bounces.c.subscriber.distinct())).where(
            bounces.c.meaning == BounceClass.COMPLAINT, bounces.c.at >= since
        )
        with self._database.reading() as connection:
            return connection.execute(chosen).scalar_one()


def _is(origin: Origin) -> tuple[ColumnElement[bool], ...]:
    return (
        outbox.c.subscriber == origin.subscriber,
        outbox.c.kind == origin.kind,
        outbox.c.local_date == origin.local_date,
        outbox.c.number == origin.number,
    )


def _delivery(connection: Connection, origin: Origin | None) -> RowMapping | None:
    if origin is None:
        return None
    return (
        connection.execute(select(outbox.c.id, outbox.c.reader).where(*_is(origin))).mappings().one_or_none()
    )


def _history(connection: Connection, bounce: Bounce) -> builtins.list[Bounce]:
    return _bounces(
        connection, (bounces.c.subscriber == bounce.subscriber) & (bounces.c.at > bounce.at - MEMORY)
    )


def _bounces(connection: Connection, which: ColumnElement[bool]) -> builtins.list[Bounce]:
    chosen = (
        select(bounces, outbox.c.kind, outbox.c.local_date, outbox.c.number)
        .outerjoin(outbox, outbox.c.id == bounces.c.delivery)
        .where(which)
        .order_by(bounces.c.at, bounces.c.id)
    )
    return [
        Bounce(
            key=row.key,
            subscriber=row.subscriber,
            origin=Origin(
                subscriber=row.subscriber, kind=row.kind, local_date=row.local_date, number=row.number
            )
            if row.delivery
            else None,
            at=row.at,
            meaning=row.meaning,
            status=row.status,
        )
        for row in connection.execute(chosen)
    ]


def _kept(connection: Connection, bounce: Bounce, delivery: RowMapping | None) -> bool:
    """Write it, with a line in its delivery's journal; False if it is there."""
    row = {
        "key": bounce.key,
        "subscriber": bounce.subscriber,
        "delivery": delivery and delivery["id"],
        "at": bounce.at,
        "meaning": bounce.meaning,
        "status": bounce.status,
    }
    new = insert(connection, bounces).on_conflict_do_nothing().returning(bounces.c.id)
    if connection.execute(new, row).one_or_none() is None:
        return False
    if delivery:
        event = _EVENTS.get(bounce.meaning, "bounced")
        said = f"{bounce.meaning} {bounce.status}".strip() if event == "bounced" else ""
        line = {"delivery": delivery["id"], "at": bounce.at, "event": event, "reply": said}
        connection.execute(outbox_journal.insert(), line)
    return True


def _follow(
    connection: Connection,
    subscriber: RowMapping,
    delivery: RowMapping | None,
    decision: Decision,
    now: dt.datetime,
) -> builtins.list[EventKind]:
    """Give up the address that was tried, or end the subscription as the reader wants it; what is to be told of that.

    Who is suppressed stays so, which is stronger than having left.
    """
    tried = codec.decode_reader(delivery["reader"]).address if delivery else subscriber["address"]
    if decision.suppress and not decision.leave:
        given_up = give_up(connection, subscriber["id"], tried, decision.suppress, now)
        return [EventKind.BOUNCED] if given_up else []
    if decision.suppress:
        suppress(connection, tried, decision.suppress, now)
    leaves = decision.leave and subscriber["state"] not in {
        SubscriberState.SUPPRESSED,
        SubscriberState.UNSUBSCRIBED,
    }
    if leaves:
        theirs = update(subscribers).where(subscribers.c.id == subscriber["id"])
        departure = {"left_at": now, "left_from": subscriber["state"]}
        connection.execute(theirs.values(state=SubscriberState.UNSUBSCRIBED, **departure))
    if decision.suppress:
        return [EventKind.COMPLAINED]
    return told(subscriber["state"], SubscriberState.UNSUBSCRIBED) if leaves else []
