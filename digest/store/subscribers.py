"""Subscribers and what they asked for."""

from __future__ import annotations

import builtins
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, Row, Select, bindparam, case, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from digest.address import key, masked
from digest.errors import TooOften, UsageError
from digest.model import (
    Consent,
    Days,
    DeliveryKind,
    Departure,
    Interest,
    InterestKind,
    Plan,
    Schedule,
    Subscriber,
    SubscriberState,
)
from digest.store import consents, limits
from digest.store.database import Database, chunks, insert
from digest.store.events import tell, told
from digest.store.limits import Breaker, Limit
from digest.store.planning import enqueue
from digest.store.prepared import Prepared
from digest.store.schema import UNKNOWN, interests, outbox, subscribers

#: Of one reader, as pages ask.
_WANTED = subscribers.c.id == bindparam("wanted")
_ONE = Prepared(select(subscribers).where(_WANTED), ["wanted"])
_ONE_TO_CHANGE = Prepared(select(subscribers).where(_WANTED).with_for_update(), ["wanted"])
_THEIRS = Prepared(
    select(interests).where(interests.c.subscriber == bindparam("wanted")).order_by(interests.c.position),
    ["wanted"],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that comes with a subscription, and how often its address may be written to for that."""

    plan: Plan
    limit: Limit
    #: What it asks to confirm, if it does.
    consent: Consent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What became of a sign-up."""

    #: How long the network has to wait, if it asked too often.
    wait: dt.timedelta | None = None
    #: Whether this is the first that found mails paused for everybody.
    alarm: bool = False


class Subscribers:
    """Everybody who asked for digests, in whatever state they are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, subscriber: Subscriber, mail: Mail | None = None, consent: Consent | None = None) -> None:
        """Keep a new subscriber, the mail to them if there is one, which is counted, and what they agreed to.

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
            if consent:
                consents.add(connection, subscriber.id, consent)
            _tell(connection, subscriber.id, None, subscriber.state, subscriber.created_at)

    def change(
        self,
        id: str,  # noqa: A002 (it is the subscriber's id)
        decide: Callable[[Subscriber], Subscriber],
        now: dt.datetime,
        mails: Collection[Plan] = (),
        consent: Consent | None = None,
    ) -> Subscriber | None:
        """Replace a subscriber by what `decide` makes of them as they are now; None if nobody has that id.

        Nobody else changes them in between, so a saved preference cannot undo an unsubscription. If it changes
        them, `mails` are enqueued; if it confirms them anew, that rests on `consent`. If `decide` raises, nothing
        changes; UsageError if somebody else has the new address.
        """

        def work(connection: Connection) -> Subscriber | None:
            current = _one(connection, _ONE_TO_CHANGE, id)
            if current is None or (changed := decide(current)) == current:
                return current
            _replace(connection, current, changed)
            enqueue(connection, mails)
            if consent and _anew(current, changed):
                consents.confirm(connection, id, consent)
            _tell(connection, id, current.state, changed.state, now)
            return changed

        return self._database.together(work)

    def ask(
        self,
        subscriber: Subscriber,
        mail: Mail,
        network: Limit,
        breaker: Breaker,
        now: dt.datetime,
        *,
        silent: bool = False,
    ) -> Asked:
        """Count a sign-up, keep its subscriber if they are new, and enqueue its mail: all of it or nothing.

        If the address was written to too often or must not be at all (`silent`), or mails are paused for everybody,
        the sign-up is counted and nothing else happens. Who is known stays as they are.
        """
        with self._database.writing() as connection:
            if too_soon := limits.wait(connection, network, now):
                return Asked(wait=too_soon)
            limits.count(connection, network, now)
            too_often = bool(limits.wait(connection, mail.limit, now))
            paused = limits.opened(connection, breaker, now)
            # What is refused is done all the same and undone, so that the time it takes tells nothing.
            with connection.begin_nested() as attempt:
                limits.count(connection, breaker, now)
                new = insert(connection, subscribers).on_conflict_do_nothing().returning(subscribers.c.id)
                is_new = connection.execute(new, _row(subscriber)).one_or_none() is not None
                if is_new:
                    _write_interests(connection, subscriber)
                _enqueue(connection, mail)
                if refused := silent or too_often or paused:
                    attempt.rollback()
            mailable = not (silent or too_often)
            alarm = paused and mailable and limits.taken(connection, breaker.alarm, now)
            if is_new and not refused:
                _tell(connection, subscriber.id, None, subscriber.state, now)
            return Asked(alarm=alarm)

    def mail(
        self, plan: Plan, asking: Limit, now: dt.datetime, address: Limit | None = None
    ) -> dt.timedelta | None:
        """Count that somebody asks, and enqueue that mail: all of it or nothing; the same for who is not there.

        Returns how long they have to wait, if they asked too often. If the address was written to too often, they
        are counted and nothing is mailed.
        """
        with self._database.writing() as connection:
            if too_soon := limits.wait(connection, asking, now):
                return too_soon
            limits.count(connection, asking, now)
            if address is None:
                enqueue(connection, [plan])
            elif not limits.wait(connection, address, now):
                _enqueue(connection, Mail(plan=plan, limit=address))
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
            return _one(connection, _ONE, id)

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

    def page(
        self,
        limit: int | None,
        state: SubscriberState | None = None,
        holding: str = "",
        after: str = "",
    ) -> builtins.list[Subscriber]:
        """The first `limit` or all, by address: in that state, whose address holds that text, after that address."""
        chosen = select(subscribers).order_by(subscribers.c.address_key).limit(limit)
        if state is not None:
            chosen = chosen.where(subscribers.c.state == state)
        if holding:
            chosen = chosen.where(subscribers.c.address_key.contains(key(holding), autoescape=True))
        if after:
            chosen = chosen.where(subscribers.c.address_key > key(after))
        with self._database.reading() as connection:
            return _read(connection, chosen)

    def counts(self) -> Mapping[SubscriberState, int]:
        """How many are in each state; a state without any is left out."""
        chosen = select(subscribers.c.state, func.count().label("number")).group_by(subscribers.c.state)
        with self._database.reading() as connection:
            return {row.state: row.number for row in connection.execute(chosen)}

    def schedules(self, today: dt.date) -> Mapping[Schedule, int]:
        """When the confirmed have their digests, each with how many do; pauses that are over by then are left out."""
        c = subscribers.c
        pause = case((c.paused_until > today, c.paused_until))
        chosen = select(
            c.timezone, c.days, c.send_at, pause.label("paused_until"), func.count().label("number")
        )
        chosen = chosen.group_by(c.timezone, c.days, c.send_at, pause)
        confirmed = chosen.where(c.state == SubscriberState.CONFIRMED)
        with self._database.reading() as connection:
            return {schedule_of(row): row.number for row in connection.execute(confirmed)}


def _replace(connection: Connection, current: Subscriber, changed: Subscriber) -> None:
    """Write what is not as it was."""
    before = _row(current)
    new = {column: value for column, value in _row(changed).items() if value != before[column]}
    if (changed.schedule, changed.starts_at) != (current.schedule, current.starts_at):
        new["look_at"] = UNKNOWN
    if new:
        try:
            _change(frozenset(new)).rows(connection, {"wanted": current.id, **new})
        except IntegrityError:
            raise _taken(changed) from None
    if changed.interests != current.interests:
        connection.execute(delete(interests).where(interests.c.subscriber == current.id))
        _write_interests(connection, changed)


@lru_cache(maxsize=64)  # of what is changed together: a state, a schedule, an address
def _change(columns: frozenset[str]) -> Prepared:
    return Prepared(update(subscribers).where(_WANTED), ["wanted", *columns])


def _anew(before: Subscriber, after: Subscriber) -> bool:
    """Whether that confirms them: for the first time, or once more after they left."""
    ended = {SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED}
    return after.state is SubscriberState.CONFIRMED and (before.state in ended or before.confirmed_at is None)


def keep(connection: Connection, subscriber: Subscriber) -> None:
    """Write a new subscriber, inside a transaction; UsageError if the id or the address is somebody's."""
    try:
        connection.execute(subscribers.insert(), _row(subscriber))
    except IntegrityError:
        raise _taken(subscriber) from None
    _write_interests(connection, subscriber)


def _enqueue(connection: Connection, mail: Mail) -> None:
    limits.count(connection, mail.limit, mail.plan.prepared_at)
    if enqueue(connection, [mail.plan]) and mail.consent:
        consents.add(connection, mail.plan.reader.id, mail.consent, mail.plan.message_id)


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
        "left_at": subscriber.departure and subscriber.departure.at,
        "left_from": subscriber.departure and subscriber.departure.state,
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


def _one(connection: Connection, chosen: Prepared, id: str) -> Subscriber | None:  # noqa: A002 (it is the subscriber's id)
    wanted = {"wanted": id}
    for row in chosen.rows(connection, wanted):
        return _subscriber(row, tuple(map(_interest, _THEIRS.rows(connection, wanted))))
    return None


def _read(connection: Connection, chosen: Select[tuple[object, ...]]) -> list[Subscriber]:
    return found(connection, connection.execute(chosen).all())


def found(connection: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> list[Subscriber]:
    """The subscribers of these rows, with what they asked for, inside a transaction."""
    asked = _interests(connection, [row.id for row in rows])
    return [_subscriber(row, tuple(asked[row.id])) for row in rows]


def _interests(connection: Connection, ids: Collection[str]) -> defaultdict[str, list[Interest]]:
    found: defaultdict[str, list[Interest]] = defaultdict(list)
    for some in chunks(ids):
        theirs = select(interests).where(interests.c.subscriber.in_(some)).order_by(interests.c.position)
        for row in connection.execute(theirs):
            found[row.subscriber].append(_interest(row))
    return found


def _interest(row: Row[tuple[object, ...]]) -> Interest:
    return _shared(row.kind, row.value, row.weight)


@lru_cache(maxsize=8192)  # many readers ask for the same
def _shared(kind: InterestKind, value: str, weight: float) -> Interest:
    return Interest(kind=kind, value=value, weight=weight)


def schedule_of(row: Row[tuple[object, ...]]) -> Schedule:
    """When their digests are due, of a row that holds that."""
    return _schedule(row.timezone, row.send_at, row.days, row.paused_until)


@lru_cache(maxsize=8192)  # many readers share one
def _schedule(timezone: str, send_at: dt.time, days: str, paused_until: dt.date | None) -> Schedule:
    return Schedule(timezone=timezone, send_at=send_at, days=Days(days), paused_until=paused_until)


def _subscriber(row: Row[tuple[object, ...]], asked: tuple[Interest, ...]) -> Subscriber:
    return Subscriber(
        id=row.id,
        address=row.address,
        name=row.name,
        state=row.state,
        schedule=schedule_of(row),
        starts_at=row.starts_at,
        papers=row.papers,
        language=row.language,
        plain_text=row.plain_text,
        generation=row.generation,
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        departure=Departure(at=row.left_at, state=row.left_from) if row.left_at else None,
        interests=asked,
    )
