"""The outbox: what is to be sent, what became of it, and which process is at it.

Rule 1: one row per (subscriber, local date, kind), whoever prepares it, however often.
Rule 2: a row is `sending` for exactly one owner; only that owner settles it, and once.
Rule 3: whether the reader may still be written to is asked in the transaction that claims.
"""

from __future__ import annotations

import builtins
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    update,
)

from digest.model import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    EventKind,
    JournalLine,
    Plan,
    Settlement,
    SubscriberState,
)
from digest.store import codec
from digest.store.aliases import homes
from digest.store.database import Database, chunks, insert
from digest.store.events import tell
from digest.store.schema import outbox, outbox_journal, subscribers
from digest.store.suppressions import give_up, suppressed

#: How long a delivery that an operator tries again may still be tried (reliability: within a day).
SECOND_LIFE = dt.timedelta(hours=18)

_WAITING = {DeliveryState.PLANNED, DeliveryState.RETRY}
_RETRIABLE = [DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.IN_DOUBT, DeliveryState.HELD]
#: The papers of a digest that ended so were not shown.
_NOT_SHOWN = [DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.SKIPPED, DeliveryState.SUPPRESSED]


#: No settlements.
NOTHING: Mapping[int, Settlement] = MappingProxyType({})

_Due: TypeAlias = tuple[Delivery, SubscriberState]
#: A subscriber's state, as a digest of its date finds it: paused, too, until a date of theirs.
_STATE_TODAY = case(
    (
        and_(outbox.c.kind == DeliveryKind.DIGEST, outbox.c.local_date < subscribers.c.paused_until),
        literal(SubscriberState.PAUSED, subscribers.c.state.type),
    ),
    else_=subscribers.c.state,
)


class Outbox:
    """Every delivery there ever was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- preparing ---

    def prepared(self, readers: Collection[str], since: dt.date) -> set[tuple[str, dt.date]]:
        """(subscriber, local date) of the digests from `since` on that have a row, in any state."""
        found: set[tuple[str, dt.date]] = set()
        with self._database.reading() as connection:
            for some in chunks(readers):
                chosen = select(outbox.c.subscriber, outbox.c.local_date).where(
                    outbox.c.subscriber.in_(some),
                    outbox.c.local_date >= since,
                    outbox.c.kind == DeliveryKind.DIGEST,
                )
                found.update((row.subscriber, row.local_date) for row in connection.execute(chosen))
        return found

    def shown(self, readers: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The ids, as of today, of the papers that each reader's digests showed or will show.

        Every reader that was asked for has a value. A digest that ended failed, expired, skipped or
        suppressed showed nothing.
        """
        told: defaultdict[str, set[str]] = defaultdict(set)
        with self._database.reading() as connection:
            for some in chunks(readers):
                chosen = select(outbox.c.subscriber, outbox.c.picks, outbox.c.also_trending).where(
                    outbox.c.subscriber.in_(some),
                    outbox.c.kind == DeliveryKind.DIGEST,
                    outbox.c.state.not_in(_NOT_SHOWN),
                )
                for row in connection.execute(chosen):
                    told[row.subscriber].update(codec.decode_papers(row.picks))
                    told[row.subscriber].update(codec.decode_papers(row.also_trending))
            home = homes(connection, set().union(*told.values()))
        return {reader: frozenset(home.get(paper, paper) for paper in told[reader]) for reader in readers}

    def enqueue(self, plans: Iterable[Plan]) -> int:
        """Write the plans that have no row yet; how many were. A reader who is gone gets none.

        A plan to skip is written too: it is the proof that the day was looked at.
        """
        rows = list(plans)
        if not rows:
            return 0
        with self._database.writing() as connection:
            return enqueue(connection, rows)

    # --- delivering ---

    def due(self, now: dt.datetime, subscriber: str | None = None) -> int:
        """How many deliveries wait to be claimed: all of them, or one subscriber's."""
        chosen = select(func.count()).select_from(outbox).where(*_is_due(now, subscriber))
        with self._database.reading() as connection:
            return connection.execute(chosen).scalar_one()

    def claim(
        self,
        now: dt.datetime,
        limit: int,
        owner: str,
        subscriber: str | None = None,
        settled: Mapping[int, Settlement] = NOTHING,
    ) -> tuple[Delivery, ...]:
        """Take up to `limit` due deliveries, the longest waiting first; () only if none is due.

        Nobody else gets them. Those whose reader may not be written to any more become suppressed instead.
        What became of the last ones is written in the same transaction, as `settle` does.
        """
        with self._database.writing() as connection:
            _settle(connection, settled, now, _held(owner))
            while due := _due(connection, now, limit, subscriber):
                stopped = _stopped(connection, due)
                for reason, ids in stopped.items():
                    values = {"state": DeliveryState.SUPPRESSED, "next_attempt_at": None}
                    _move(connection, ids, values, JournalLine(at=now, event="suppressed", reply=reason))
                refused = {delivery for ids in stopped.values() for delivery in ids}
                taken = [delivery for delivery, _ in due if delivery.id not in refused]
                if taken:
                    _take(connection, [delivery.id for delivery in taken], owner)
                    return tuple(
                        replace(delivery, state=DeliveryState.SENDING, attempts=delivery.attempts + 1)
                        for delivery in taken
                    )
        return ()

    def settle(self, settled: Mapping[int, Settlement], now: dt.datetime, owner: str) -> set[int]:
        """Write what became of attempts, by delivery; which were written: those that `owner` still held."""
        if not settled:
            return set()
        with self._database.writing() as connection:
            return _settle(connection, settled, now, _held(owner))

    def resolve(self, settled: Mapping[int, Settlement], now: dt.datetime) -> set[int]:
        """Write what became known of deliveries that are in doubt; which were written."""
        with self._database.writing() as connection:
            return _settle(connection, settled, now, (outbox.c.state == DeliveryState.IN_DOUBT,))

    def expire(self, now: dt.datetime) -> int:
        """End what still waits after its time; how many."""
        over = update(outbox).where(outbox.c.next_attempt_at.is_not(None), outbox.c.expires_at <= now)
        return self._moved(over.values(state=DeliveryState.EXPIRED, next_attempt_at=None), now, "expired")

    # --- after a crash ---

    def owners(self) -> set[str]:
        """Who is sending, or was when it died."""
        chosen = select(outbox.c.owner).where(outbox.c.state == DeliveryState.SENDING).distinct()
        with self._database.reading() as connection:
            return set(connection.scalars(chosen))

    def sending(self, owner: str) -> builtins.list[Delivery]:
        """What that owner is sending, or was when it died."""
        chosen = select(outbox).where(*_held(owner)).order_by(outbox.c.id)
        with self._database.reading() as connection:
            return [_delivery(row) for row in connection.execute(chosen).mappings()]

    def doubts(self) -> builtins.list[tuple[Delivery, dt.datetime]]:
        """What is in doubt, each with since when."""
        since = (
            select(func.max(outbox_journal.c.at))
            .where(outbox_journal.c.delivery == outbox.c.id)
            .scalar_subquery()
        )
        chosen = select(outbox, since.label("since")).where(outbox.c.state == DeliveryState.IN_DOUBT)
        with self._database.reading() as connection:
            return [(_delivery(row), row["since"]) for row in connection.execute(chosen).mappings()]

    # --- operators ---

    def list(
        self,
        state: DeliveryState | None = None,
        day: dt.date | None = None,
        subscriber: str | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> builtins.list[Delivery]:
        """The deliveries in that state, of that local date and that subscriber, the newest first; from before that id."""
        chosen = select(outbox).order_by(outbox.c.id.desc()).limit(limit)
        if before is not None:
            chosen = chosen.where(outbox.c.id < before)
        asked = ((outbox.c.state, state), (outbox.c.local_date, day), (outbox.c.subscriber, subscriber))
        for column, value in asked:
            if value is not None:
                chosen = chosen.where(column == value)
        with self._database.reading() as connection:
            return [_delivery(row) for row in connection.execute(chosen).mappings()]

    def get(self, id: int) -> Delivery | None:  # noqa: A002 (it is the delivery's id)
        """The delivery with that id."""
        with self._database.reading() as connection:
            row = connection.execute(select(outbox).where(outbox.c.id == id)).mappings().one_or_none()
            return None if row is None else _delivery(row)

    def journal(self, id: int) -> builtins.list[JournalLine]:  # noqa: A002 (it is the delivery's id)
        """What happened to a delivery, in order."""
        chosen = select(outbox_journal).where(outbox_journal.c.delivery == id).order_by(outbox_journal.c.id)
        with self._database.reading() as connection:
            return [JournalLine(at=r.at, event=r.event, reply=r.reply) for r in connection.execute(chosen)]

    def retry(self, ids: Collection[int], now: dt.datetime) -> builtins.list[int]:
        """Plan again, due now, those that ended failed, expired or in doubt or are held; which were."""
        until = now + SECOND_LIFE
        values = {
            "state": DeliveryState.PLANNED,
            "next_attempt_at": now,
            "expires_at": case((outbox.c.expires_at > until, outbox.c.expires_at), else_=until),
        }
        again: list[int] = []
        with self._database.writing() as connection:
            for some in chunks(ids):
                ended = update(outbox).where(outbox.c.id.in_(some), outbox.c.state.in_(_RETRIABLE))
                again += _changed(
                    connection, ended.values(values), JournalLine(at=now, event="retried", reply="")
                )
        return sorted(again)

    def hold(self, now: dt.datetime) -> int:
        """Stop everything that waits, until `release`; how many."""
        waiting = update(outbox).where(outbox.c.next_attempt_at.is_not(None))
        return self._moved(waiting.values(state=DeliveryState.HELD, next_attempt_at=None), now, "held")

    def release(self, now: dt.datetime) -> int:
        """Plan what was held, due at its hour or now; how many."""
        due = case((outbox.c.due_at > now, outbox.c.due_at), else_=now)
        held = update(outbox).where(outbox.c.state == DeliveryState.HELD)
        return self._moved(held.values(state=DeliveryState.PLANNED, next_attempt_at=due), now, "released")

    def counts(self, day: dt.date | None = None) -> Mapping[DeliveryState, int]:
        """How many are in each state, of that local date or of all; a state without any is left out."""
        chosen = select(outbox.c.state, func.count().label("number")).group_by(outbox.c.state)
        if day is not None:
            chosen = chosen.where(outbox.c.local_date == day)
        with self._database.reading() as connection:
            return {row.state: row.number for row in connection.execute(chosen)}

    def sent(self, since: dt.datetime) -> int:
        """How many have been sent since."""
        chosen = select(func.count()).select_from(outbox).where(outbox.c.sent_at >= since)
        with self._database.reading() as connection:
            return connection.execute(chosen).scalar_one()

    def _moved(self, change: Update, now: dt.datetime, event: str) -> int:
        with self._database.writing() as connection:
            return len(_changed(connection, change, JournalLine(at=now, event=event, reply="")))


# --- claiming -------------------------------------------------------------------------------------


def _is_due(now: dt.datetime, subscriber: str | None) -> tuple[ColumnElement[bool], ...]:
    due = (outbox.c.next_attempt_at <= now, outbox.c.expires_at > now)
    return due if subscriber is None else (*due, outbox.c.subscriber == subscriber)


def _due(connection: Connection, now: dt.datetime, limit: int, subscriber: str | None) -> builtins.list[_Due]:
    """What may be claimed, with its subscriber's state today; locked, and what others are claiming left out."""
    chosen = (
        select(outbox, _STATE_TODAY.label("subscriber_state"))
        .join(subscribers, subscribers.c.id == outbox.c.subscriber)
        .where(*_is_due(now, subscriber))
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(limit)
        .with_for_update(of=outbox, skip_locked=True)  # left out on SQLite, where BEGIN IMMEDIATE does it
    )
    return [(_delivery(row), row["subscriber_state"]) for row in connection.execute(chosen).mappings()]


def _stopped(connection: Connection, due: Sequence[_Due]) -> Mapping[str, builtins.list[int]]:
    """Those whose reader may not be written to any more, by the reason."""
    refused = suppressed(connection, {delivery.plan.reader.address for delivery, _ in due})
    stopped: defaultdict[str, list[int]] = defaultdict(list)
    for delivery, state in due:
        if delivery.plan.reader.address in refused:
            stopped["the address is suppressed"].append(delivery.id)
        elif not _may_get(delivery.plan.kind, state):
            stopped[f"the subscriber is {state}"].append(delivery.id)
    return stopped


def _may_get(kind: DeliveryKind, state: SubscriberState) -> bool:
    if kind in {DeliveryKind.DIGEST, DeliveryKind.WELCOME}:
        return state is SubscriberState.CONFIRMED
    if kind is DeliveryKind.CONFIRM:  # also to somebody who left and asked again
        return state in {SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED}
    return state is not SubscriberState.SUPPRESSED


def _take(connection: Connection, ids: Sequence[int], owner: str) -> None:
    values = {
        "state": DeliveryState.SENDING,
        "owner": owner,
        "next_attempt_at": None,
        "attempts": outbox.c.attempts + 1,
    }
    for some in chunks(ids):
        connection.execute(update(outbox).where(outbox.c.id.in_(some)).values(values))


# --- settling -------------------------------------------------------------------------------------


def _held(owner: str) -> tuple[ColumnElement[bool], ...]:
    return outbox.c.state == DeliveryState.SENDING, outbox.c.owner == owner


def _settle(
    connection: Connection,
    settled: Mapping[int, Settlement],
    now: dt.datetime,
    where: tuple[ColumnElement[bool], ...],
) -> set[int]:
    """Write these, of the rows for which `where` holds; which were. A few statements, however many they are."""
    there: dict[int, tuple[str, str]] = {}
    for some in chunks(settled):
        chosen = select(outbox.c.id, outbox.c.subscriber, outbox.c.reader).where(
            outbox.c.id.in_(some), *where
        )
        for row in connection.execute(chosen.with_for_update()):
            there[row.id] = row.subscriber, row.reader
    if not there:
        return set()
    connection.execute(_SETTLED, [_settled(delivery, settled[delivery], now) for delivery in there])
    lines = [_line(d, now, settled[d].event, settled[d].reply) for d in there if settled[d].event]
    _write_journal(connection, lines)
    given_up = [
        (EventKind.BOUNCED, subscriber)
        for delivery, (subscriber, reader) in there.items()
        if (reason := settled[delivery].suppress)
        and give_up(connection, subscriber, codec.decode_reader(reader).address, reason, now)
    ]
    tell(connection, given_up, now)
    return set(there)


_SETTLED = (
    update(outbox)
    .where(outbox.c.id == bindparam("delivery"))
    .values(
        state=bindparam("to"),
        owner=None,
        next_attempt_at=bindparam("again"),
        last_reply=bindparam("said"),
        attempts=outbox.c.attempts - bindparam("uncounted"),
        sent_at=bindparam("sent"),
    )
)


def _settled(delivery: int, settlement: Settlement, now: dt.datetime) -> dict[str, object]:
    return {
        "delivery": delivery,
        "to": settlement.state,
        "again": (settlement.next_attempt_at or now) if settlement.state in _WAITING else None,
        "said": settlement.reply,
        "uncounted": 0 if settlement.counts else 1,
        "sent": now if settlement.state is DeliveryState.SENT else None,
    }


# --- writing --------------------------------------------------------------------------------------


def enqueue(connection: Connection, plans: Collection[Plan]) -> int:
    """The same as `Outbox.enqueue`, inside a transaction."""
    # In one order for everybody, lest two that prepare the same readers wait for each other.
    ordered = sorted(plans, key=lambda plan: (plan.reader.id, plan.local_date, plan.kind))
    there = _there(connection, {plan.reader.id for plan in ordered})
    kept = [_row(plan) for plan in ordered if plan.reader.id in there]
    if not kept:
        return 0
    new = insert(connection, outbox).on_conflict_do_nothing()
    written = connection.execute(new.returning(outbox.c.id, outbox.c.state, outbox.c.prepared_at), kept).all()
    _write_journal(connection, [_line(row.id, row.prepared_at, str(row.state)) for row in written])
    return len(written)


def _there(connection: Connection, ids: Collection[str]) -> set[str]:
    """Which of those subscribers have a row; on PostgreSQL none of these can go before the transaction ends."""
    found: set[str] = set()
    for some in chunks(ids):
        chosen = select(subscribers.c.id).where(subscribers.c.id.in_(some))
        found.update(connection.scalars(chosen.with_for_update(read=True, key_share=True)))
    return found


def _move(
    connection: Connection, ids: Collection[int], values: Mapping[str, object], line: JournalLine
) -> None:
    for some in chunks(ids):
        _changed(connection, update(outbox).where(outbox.c.id.in_(some)).values(dict(values)), line)


def _changed(connection: Connection, change: Update, line: JournalLine) -> builtins.list[int]:
    """Do it, with one journal line a row; which rows it was."""
    ids = list(connection.scalars(change.returning(outbox.c.id)))
    _write_journal(connection, [_line(delivery, line.at, line.event, line.reply) for delivery in ids])
    return ids


def _line(delivery: int, at: dt.datetime, event: str, reply: str = "") -> dict[str, object]:
    return {"delivery": delivery, "at": at, "event": event, "reply": reply}


def _write_journal(connection: Connection, lines: Sequence[dict[str, object]]) -> None:
    if lines:
        connection.execute(outbox_journal.insert(), lines)


def _row(plan: Plan) -> dict[str, object]:
    return {
        "subscriber": plan.reader.id,
        "kind": plan.kind,
        "local_date": plan.local_date,
        "edition": plan.edition,
        "reader": codec.encode_reader(plan.reader),
        "picks": codec.encode_picks(plan.picks),
        "also_trending": codec.encode_picks(plan.also_trending),
        "message_id": plan.message_id,
        "template": plan.template,
        "due_at": plan.due_at,
        "expires_at": plan.expires_at,
        "prepared_at": plan.prepared_at,
        "state": DeliveryState.SKIPPED if plan.skipped else DeliveryState.PLANNED,
        "attempts": 0,
        "next_attempt_at": None if plan.skipped else plan.due_at,
        "last_reply": "",
    }


def _delivery(row: RowMapping) -> Delivery:
    plan = Plan(
        kind=row["kind"],
        reader=codec.decode_reader(row["reader"]),
        local_date=row["local_date"],
        edition=row["edition"],
        picks=codec.decode_picks(row["picks"]),
        also_trending=codec.decode_picks(row["also_trending"]),
        skipped=row["state"] is DeliveryState.SKIPPED,
        message_id=row["message_id"],
        template=row["template"],
        due_at=row["due_at"],
        expires_at=row["expires_at"],
        prepared_at=row["prepared_at"],
    )
    return Delivery(
        id=row["id"],
        plan=plan,
        state=row["state"],
        attempts=row["attempts"],
        sent_at=row["sent_at"],
        last_reply=row["last_reply"],
    )
