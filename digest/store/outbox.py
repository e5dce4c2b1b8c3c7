"""The outbox: what is to be sent, what became of it, and which process is at it.

Rule 1: one row per (subscriber, local date, kind, number), whoever prepares it, however often.
Rule 2: a row is `sending` for exactly one owner; only that owner settles it, and once.
Rule 3: whether the reader may still be written to is asked in the transaction that claims.
"""

from __future__ import annotations

import builtins
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
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
    delete,
    exists,
    func,
    literal,
    select,
    update,
)

from digest.model import (
    NOT_SHOWN,
    WAITING,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EventKind,
    Former,
    JournalLine,
    Matter,
    Plan,
    Settlement,
    Some,
    SubscriberState,
)
from digest.store import codec
from digest.store.aliases import homes
from digest.store.database import Database, among, chunks, insert
from digest.store.events import tell
from digest.store.schema import meta, outbox, outbox_journal, subscribers
from digest.store.suppressions import give_up, suppressed

#: How long a delivery that an operator tries again may still be tried (reliability: within a day).
SECOND_LIFE = dt.timedelta(hours=18)

#: The row of `meta` that says since when nothing is sent.
HELD = "held"
#: The row of `meta` that says when this copy was made.
COPIED = "copied"
#: How many rows one transaction moves when all of them have to: others write in between.
AT_ONCE = 1_000

#: Of these something may still become.
_OPEN = [*WAITING, DeliveryState.SENDING]
#: What an operator may have tried again.
RETRIABLE = [DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.IN_DOUBT, DeliveryState.HELD]


#: No settlements.
NOTHING: Mapping[int, Settlement] = MappingProxyType({})

#: A subscriber's state, as a digest of its date finds it: paused, too, until a date of theirs.
_STATE_TODAY = case(
    (
        and_(outbox.c.kind == DeliveryKind.DIGEST, outbox.c.local_date < subscribers.c.paused_until),
        literal(SubscriberState.PAUSED, subscribers.c.state.type),
    ),
    else_=subscribers.c.state,
)
#: A delivery, with its subscriber's state and generation today.
_Due: TypeAlias = tuple[Delivery, SubscriberState, int]


class Outbox:
    """Every delivery there ever was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- preparing ---

    def past(self, readers: Collection[str], since: dt.date) -> Mapping[str, builtins.list[Former]]:
        """What became of each reader's digests from that local date on, the newest date first."""
        c = outbox.c
        kept = (c.due_at, c.expires_at, c.prepared_at, c.state, c.sent_at)
        chosen = select(c.subscriber, c.local_date.label("date"), *kept).order_by(c.local_date.desc())
        chosen = chosen.where(c.local_date >= since, c.kind == DeliveryKind.DIGEST)
        found: defaultdict[str, builtins.list[Former]] = defaultdict(list)
        with self._database.reading() as connection:
            for some in chunks(readers):
                for row in connection.execute(chosen.where(c.subscriber.in_(some))).mappings():
                    former = dict(row)
                    found[former.pop("subscriber")].append(Former(**former))
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
                    outbox.c.state.not_in(NOT_SHOWN),
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

    def due(self, now: dt.datetime, some: Some = None) -> int:
        """How many deliveries wait to be claimed: all of them, or some subscribers'."""
        chosen = select(func.count()).select_from(outbox).where(*_is_due(now, some))
        with self._database.reading() as connection:
            return connection.execute(chosen).scalar_one()

    def claim(
        self,
        now: dt.datetime,
        limit: int,
        owner: str,
        some: Some = None,
        settled: Mapping[int, Settlement] = NOTHING,
    ) -> tuple[Delivery, ...]:
        """Take up to `limit` due deliveries, the longest waiting first; () only if none is due.

        Nobody else gets them. Those whose reader may not be written to any more become suppressed instead.
        What became of the last ones is written in the same transaction, as `settle` does.
        """
        with self._database.writing() as connection:
            _settle(connection, settled, now, _held(owner))
            while due := _due(connection, now, limit, some):
                stopped = _stopped(connection, due)
                for reason, ids in stopped.items():
                    values = {
                        "state": DeliveryState.SUPPRESSED,
                        "next_attempt_at": None,
                        "last_reply": reason,
                    }
                    _move(connection, ids, values, JournalLine(at=now, event="suppressed", reply=reason))
                refused = {delivery for ids in stopped.values() for delivery in ids}
                taken = [delivery for delivery, _, _ in due if delivery.id not in refused]
                if taken:
                    _take(connection, [delivery.id for delivery in taken], owner)
                    return tuple(taken)
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
            return [delivery_of(row) for row in connection.execute(chosen).mappings()]

    def doubts(self) -> builtins.list[tuple[Delivery, dt.datetime]]:
        """What is in doubt, each with since when."""
        since = (
            select(func.max(outbox_journal.c.at))
            .where(outbox_journal.c.delivery == outbox.c.id)
            .scalar_subquery()
        )
        chosen = select(outbox, since.label("since")).where(outbox.c.state == DeliveryState.IN_DOUBT)
        with self._database.reading() as connection:
            return [(delivery_of(row), row["since"]) for row in connection.execute(chosen).mappings()]

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
            return [delivery_of(row) for row in connection.execute(chosen).mappings()]

    def get(self, id: int) -> Delivery | None:  # noqa: A002 (it is the delivery's id)
        """The delivery with that id."""
        with self._database.reading() as connection:
            row = connection.execute(select(outbox).where(outbox.c.id == id)).mappings().one_or_none()
            return None if row is None else delivery_of(row)

    def journal(self, id: int) -> builtins.list[JournalLine]:  # noqa: A002 (it is the delivery's id)
        """What happened to a delivery, in order."""
        chosen = select(outbox_journal).where(outbox_journal.c.delivery == id).order_by(outbox_journal.c.id)
        with self._database.reading() as connection:
            return [JournalLine(at=r.at, event=r.event, reply=r.reply) for r in connection.execute(chosen)]

    def retry(self, ids: Collection[int], now: dt.datetime) -> builtins.list[int]:
        """Plan again, due now, those that ended failed, expired or in doubt or are held; which were."""
        again: builtins.list[int] = []
        with self._database.writing() as connection:
            for some in chunks(ids):
                again += retry(connection, (outbox.c.id.in_(some),), now)
        return sorted(again)

    def hold(self, now: dt.datetime) -> int:
        """Stop: nothing is claimed until `release`, and what waits is held; how many were.

        Sending stops with the first, short transaction, however many wait.
        """
        row = {"key": HELD, "value": now.isoformat()}
        with self._database.writing() as connection:
            connection.execute(insert(connection, meta).on_conflict_do_nothing(), row)
        values = {"state": DeliveryState.HELD, "next_attempt_at": None}
        return self._move_all(outbox.c.next_attempt_at.is_not(None), values, now, "held")

    def release(self, now: dt.datetime) -> int:
        """Send again, and plan what was held, due at its hour or now; how many were."""
        due = case((outbox.c.due_at > now, outbox.c.due_at), else_=now)
        values = {"state": DeliveryState.PLANNED, "next_attempt_at": due}
        released = self._move_all(outbox.c.state == DeliveryState.HELD, values, now, "released")
        with self._database.writing() as connection:
            connection.execute(delete(meta).where(meta.c.key.in_([HELD, COPIED])))
        return released

    def held_since(self) -> dt.datetime | None:
        """Since when nothing is sent; None if it is."""
        with self._database.reading() as connection:
            since = connection.scalar(select(meta.c.value).where(meta.c.key == HELD))
        return dt.datetime.fromisoformat(since) if since else None

    def copied_at(self) -> dt.datetime | None:
        """When this database was copied from one that went on, if it is a copy that nobody has released."""
        with self._database.reading() as connection:
            at = connection.scalar(select(meta.c.value).where(meta.c.key == COPIED))
        return dt.datetime.fromisoformat(at) if at else None

    def seal(self, now: dt.datetime) -> None:
        """Mark this database as a copy and hold what waits in it: what it lacks may have been sent meanwhile."""
        row = {"key": COPIED, "value": now.isoformat()}
        with self._database.writing() as connection:
            marked = insert(connection, meta).values(row)
            newest = {"value": marked.excluded.value}
            connection.execute(marked.on_conflict_do_update(index_elements=[meta.c.key], set_=newest))
        self.hold(now)

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

    def forget(self, before: dt.date) -> int:
        """Drop what ended, of local dates before that one; how many. A thousand at a time: others write in between."""
        old = select(outbox.c.id).where(outbox.c.local_date < before, outbox.c.state.not_in(_OPEN))
        total = 0
        while True:
            with self._database.writing() as connection:
                gone = connection.execute(delete(outbox).where(outbox.c.id.in_(old.limit(AT_ONCE)))).rowcount
            total += gone
            if gone < AT_ONCE:
                return total

    def _move_all(
        self, which: ColumnElement[bool], values: Mapping[str, object], now: dt.datetime, event: str
    ) -> int:
        """Move every row for which that holds, and no longer does when it is moved; how many."""
        some = select(outbox.c.id).where(which).limit(AT_ONCE)
        change = update(outbox).where(outbox.c.id.in_(some), which).values(dict(values))
        total = 0
        while moved := self._moved(change, now, event):
            total += moved
        return total

    def _moved(self, change: Update, now: dt.datetime, event: str) -> int:
        with self._database.writing() as connection:
            return len(changed(connection, change, JournalLine(at=now, event=event, reply="")))


# --- claiming -------------------------------------------------------------------------------------


def _is_due(now: dt.datetime, some: Some) -> tuple[ColumnElement[bool], ...]:
    """Nothing is, while an operator holds everything."""
    held = exists().where(meta.c.key == HELD)
    due = (outbox.c.next_attempt_at <= now, outbox.c.expires_at > now, ~held)
    return (*due, *among(outbox.c.subscriber, some))


def _due(connection: Connection, now: dt.datetime, limit: int, some: Some) -> builtins.list[_Due]:
    """What may be claimed, with its subscriber as of today; locked, and what others are claiming left out."""
    chosen = (
        select(outbox, _STATE_TODAY.label("subscriber_state"), subscribers.c.generation)
        .join(subscribers, subscribers.c.id == outbox.c.subscriber)
        .where(*_is_due(now, some))
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(limit)
        .with_for_update(of=outbox, skip_locked=True)  # left out on SQLite, where BEGIN IMMEDIATE does it
    )
    rows = connection.execute(chosen).mappings().all()
    return [
        (delivery_of(row, DeliveryState.SENDING, further=1), row["subscriber_state"], row["generation"])
        for row in rows
    ]


def _stopped(connection: Connection, due: Sequence[_Due]) -> Mapping[str, builtins.list[int]]:
    """Those whose reader may not be written to any more, by the reason."""
    refused = suppressed(connection, {delivery.plan.reader.address for delivery, _, _ in due})
    stopped: defaultdict[str, list[int]] = defaultdict(list)
    for delivery, state, generation in due:
        plan = delivery.plan
        if plan.reader.address in refused:
            stopped["the address is suppressed"].append(delivery.id)
        elif not _may_get(plan, state):
            stopped[f"the subscriber is {state}"].append(delivery.id)
        elif plan.kind is not DeliveryKind.NOTICE and plan.reader.generation != generation:
            stopped["its links are revoked"].append(delivery.id)
    return stopped


def _may_get(plan: Plan, state: SubscriberState) -> bool:
    match plan.kind, plan.matter:
        case ((DeliveryKind.DIGEST | DeliveryKind.WELCOME), _):
            return state is SubscriberState.CONFIRMED
        case DeliveryKind.CONFIRM, Matter.SUBSCRIPTION:  # also to somebody who left and asked again
            return state in {SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED}
        case DeliveryKind.NOTICE, Matter.SUBSCRIPTION:  # a farewell, unless they are back
            return state is SubscriberState.UNSUBSCRIBED
        case _:
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
    there: set[int] = set()
    for some in chunks(settled):
        chosen = select(outbox.c.id).where(outbox.c.id.in_(some), *where)
        there.update(connection.scalars(chosen.with_for_update()))
    if not there:
        return there
    connection.execute(_SETTLED, [_settled(delivery, settled[delivery], now) for delivery in there])
    lines = [_line(d, now, settled[d].event, settled[d].reply) for d in there if settled[d].event]
    _write_journal(connection, lines)
    given_up = []
    for refused in [delivery for delivery in there if settled[delivery].suppress]:
        tried = connection.execute(select(outbox.c.reader).where(outbox.c.id == refused))
        reader = codec.decode_reader(tried.scalar_one())
        if give_up(connection, reader.id, reader.address, settled[refused].suppress, now):
            given_up.append((EventKind.BOUNCED, reader.id))
    tell(connection, given_up, now)
    return there


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
        "again": (settlement.next_attempt_at or now) if settlement.state in WAITING else None,
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
        changed(connection, update(outbox).where(outbox.c.id.in_(some)).values(dict(values)), line)


def retry(
    connection: Connection, which: Iterable[ColumnElement[bool]], now: dt.datetime
) -> builtins.list[int]:
    """The same as `Outbox.retry` of the rows for which all of that holds, inside a transaction."""
    until = now + SECOND_LIFE
    values = {
        "state": DeliveryState.PLANNED,
        "next_attempt_at": now,
        "expires_at": case((outbox.c.expires_at > until, outbox.c.expires_at), else_=until),
    }
    ended = update(outbox).where(*which, outbox.c.state.in_(RETRIABLE))
    return changed(connection, ended.values(values), JournalLine(at=now, event="retried", reply=""))


def changed(connection: Connection, change: Update, line: JournalLine) -> builtins.list[int]:
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
        "matter": plan.matter,
        "local_date": plan.local_date,
        "number": plan.number,
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


def delivery_of(row: RowMapping, state: DeliveryState | None = None, further: int = 0) -> Delivery:
    """A row as it is; or as it is in that state, after so many further attempts."""
    plan = Plan(
        kind=row["kind"],
        matter=row["matter"],
        number=row["number"],
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
        state=state or row["state"],
        attempts=row["attempts"] + further,
        sent_at=row["sent_at"],
        last_reply=row["last_reply"],
    )
