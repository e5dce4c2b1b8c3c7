"""Subscribers and what they asked for."""

from __future__ import annotations

import builtins
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from digest.address import key, masked
from digest.errors import TooOften, UsageError
from digest.model import Days, DeliveryKind, Interest, Plan, Schedule, Subscriber, SubscriberState
from digest.store import limits
from digest.store.database import Database, chunks, insert
from digest.store.events import tell, told
from digest.store.limits import Limit
from digest.store.outbox import enqueue
from digest.store.schema import interests, outbox, subscribers


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that comes with a subscription, and how often its address may be written to for that."""

    plan: Plan
    limit: Limit


class Subscribers:
    """Everybody who asked for digests, in whatever state they are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, subscriber: Subscriber, mail: Mail | None = None) -> None:
        """Keep a new subscriber, and the mail to them if there is one, which is counted.

        UsageError if the address, without case, is somebody's already; TooOften if it may not be mailed yet.
        """
        with self._database.writing() as connection:
            if mail and (too_soon := limits.wait(connection, mail.limit, mail.plan.prepared_at)):
                raise TooOften(
                    "the address was mailed too often; try again later, or without a mail", too_soon
                )
            keep(connection, subscriber)
            if mail:
                _enqueue(connection, mail)
            _tell(connection, subscriber.id, None, subscriber.state, subscriber.created_at)

    def change(
        self,
        id: str,  # noqa: A002 (it is the subscriber's id)
        decide: Callable[[Subscriber], Subscriber],
        now: dt.datetime,
    ) -> Subscriber | None:
        """Replace a subscriber by what `decide` makes of them as they are now; None if nobody has that id.

        Nobody else changes them in between, so a saved preference cannot undo an unsubscription. If `decide`
        raises, nothing changes; UsageError if somebody else has the new address.
        """
        with self._database.writing() as connection:
            chosen = select(subscribers).where(subscribers.c.id == id).with_for_update()
            current = next(iter(_read(connection, chosen)), None)
            if current is None or (changed := decide(current)) == current:
                return current
            row = update(subscribers).where(subscribers.c.id == id)
            try:
                connection.execute(row, _row(changed))
            except IntegrityError:
                raise _taken(changed) from None
            if changed.interests != current.interests:
                connection.execute(delete(interests).where(interests.c.subscriber == id))
                _write_interests(connection, changed)
            _tell(connection, id, current.state, changed.state, now)
            return changed

    def ask(
        self, subscriber: Subscriber, mail: Mail | None, network: Limit, now: dt.datetime
    ) -> dt.timedelta | None:
        """Count a sign-up, keep its subscriber if they are new, and enqueue its mail: all of it or nothing.

        Returns how long the network has to wait, if it asked too often. If the address was written to too often,
        or there is no mail, the sign-up is counted and nothing else happens. Who is known stays as they are.
        """
        with self._database.writing() as connection:
            if too_soon := limits.wait(connection, network, now):
                return too_soon
            limits.count(connection, network, now)
            if mail is None or limits.wait(connection, mail.limit, now):
                return None
            new = insert(connection, subscribers).on_conflict_do_nothing().returning(subscribers.c.id)
            is_new = connection.execute(new, _row(subscriber)).one_or_none() is not None
            if is_new:
                _write_interests(connection, subscriber)
            _enqueue(connection, mail)
            if is_new:
                _tell(connection, subscriber.id, None, subscriber.state, now)
            return None

    def forget(self, asked_before: dt.datetime, counted_before: dt.datetime) -> int:
        """Drop who was asked to confirm before that instant and did not, and counts that no limit needs; how many."""
        mailed = select(outbox.c.subscriber).where(outbox.c.kind == DeliveryKind.CONFIRM)
        mailed = mailed.group_by(outbox.c.subscriber).having(func.max(outbox.c.prepared_at) < asked_before)
        silent = delete(subscribers).where(subscribers.c.state == SubscriberState.PENDING)
        with self._database.writing() as connection:
            limits.forget(connection, counted_before)
            return connection.execute(silent.where(subscribers.c.id.in_(mailed))).rowcount

    def get(self, id: str) -> Subscriber | None:  # noqa: A002 (it is the subscriber's id)
        """The subscriber with that id."""
        with self._database.reading() as connection:
            return next(iter(_read(connection, select(subscribers).where(subscribers.c.id == id))), None)

    def by_address(self, address: str) -> Subscriber | None:
        """The subscriber with that address, compared without case."""
        chosen = select(subscribers).where(subscribers.c.address_key == key(address))
        with self._database.reading() as connection:
            return next(iter(_read(connection, chosen)), None)

    def list(
        self, state: SubscriberState | None = None, after: str = "", limit: int | None = None
    ) -> builtins.list[Subscriber]:
        """All subscribers, or those in that state; by id, from the one after that, at most so many."""
        chosen = select(subscribers).where(subscribers.c.id > after).order_by(subscribers.c.id).limit(limit)
        with self._database.reading() as connection:
            return _read(connection, chosen if state is None else chosen.where(subscribers.c.state == state))

    def confirmed(self, batch: int = 500) -> Iterator[tuple[Subscriber, ...]]:
        """The confirmed subscribers, `batch` at a time, by id; no transaction is held in between."""
        chosen = select(subscribers).where(subscribers.c.state == SubscriberState.CONFIRMED)
        chosen = chosen.order_by(subscribers.c.id).limit(batch)
        last = ""
        while True:
            with self._database.reading() as connection:
                found = tuple(_read(connection, chosen.where(subscribers.c.id > last)))
            if not found:
                return
            yield found
            last = found[-1].id

    def remove(self, id: str, now: dt.datetime) -> None:  # noqa: A002 (it is the subscriber's id)
        """Forget a subscriber, their interests and everything in the outbox that is theirs."""
        gone = delete(subscribers).where(subscribers.c.id == id).returning(subscribers.c.state)
        with self._database.writing() as connection:
            if state := connection.scalar(gone):
                _tell(connection, id, state, None, now)


def keep(connection: Connection, subscriber: Subscriber) -> None:
    """Write a new subscriber, inside a transaction; UsageError if the id or the address is somebody's."""
    try:
        connection.execute(subscribers.insert(), _row(subscriber))
    except IntegrityError:
        raise _taken(subscriber) from None
    _write_interests(connection, subscriber)


def _enqueue(connection: Connection, mail: Mail) -> None:
    limits.count(connection, mail.limit, mail.plan.prepared_at)
    enqueue(connection, [mail.plan])


def _tell(
    connection: Connection,
    id: str,  # noqa: A002 (it is the subscriber's id)
    before: SubscriberState | None,
    after: SubscriberState | None,
    now: dt.datetime,
) -> None:
    tell(connection, [(kind, id) for kind in told(before, after)], now)


def _taken(subscriber: Subscriber) -> UsageError:
    return UsageError(f"there is a subscriber with that id or address: {masked(subscriber.address)!r}")


def _row(subscriber: Subscriber) -> dict[str, object]:
    return {
        "id": subscriber.id,
        "address": subscriber.address,
        "address_key": key(subscriber.address),
        "name": subscriber.name,
        "state": subscriber.state,
        "timezone": subscriber.schedule.timezone,
        "send_at": subscriber.schedule.send_at,
        "days": str(subscriber.schedule.days),
        "starts_at": subscriber.starts_at,
        "papers": subscriber.papers,
        "language": subscriber.language,
        "plain_text": subscriber.plain_text,
        "paused_until": subscriber.schedule.paused_until,
        "generation": subscriber.generation,
        "created_at": subscriber.created_at,
        "confirmed_at": subscriber.confirmed_at,
    }


def _write_interests(connection: Connection, subscriber: Subscriber) -> None:
    rows = [
        {
            "subscriber": subscriber.id,
            "position": position,
            "kind": interest.kind,
            "value": interest.value,
            "weight": interest.weight,
        }
        for position, interest in enumerate(subscriber.interests)
    ]
    if rows:
        connection.execute(interests.insert(), rows)


def _read(connection: Connection, chosen: Select[tuple[object, ...]]) -> list[Subscriber]:
    rows = connection.execute(chosen).all()
    asked = _interests(connection, [row.id for row in rows])
    return [_subscriber(row, tuple(asked[row.id])) for row in rows]


def _interests(connection: Connection, ids: Collection[str]) -> defaultdict[str, list[Interest]]:
    found: defaultdict[str, list[Interest]] = defaultdict(list)
    for some in chunks(ids):
        # An IN is spelled out anew for every statement; pages ask for one reader at a time.
        owner = interests.c.subscriber
        whose = owner == some[0] if len(some) == 1 else owner.in_(some)
        for row in connection.execute(select(interests).where(whose).order_by(interests.c.position)):
            found[row.subscriber].append(Interest(kind=row.kind, value=row.value, weight=row.weight))
    return found


def _subscriber(row: Row[tuple[object, ...]], asked: tuple[Interest, ...]) -> Subscriber:
    return Subscriber(
        id=row.id,
        address=row.address,
        name=row.name,
        state=row.state,
        schedule=Schedule(
            timezone=row.timezone,
            send_at=row.send_at,
            days=Days(row.days),
            paused_until=row.paused_until,
        ),
        starts_at=row.starts_at,
        papers=row.papers,
        language=row.language,
        plain_text=row.plain_text,
        generation=row.generation,
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        interests=asked,
    )
