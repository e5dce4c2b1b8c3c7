"""The outbox: what is to be sent, what became of it, and which process is at it.

Rule 1: one row per (subscriber, local date, kind, number), whoever prepares it, however often.
Rule 2: a row is `sending` for exactly one owner; only that owner settles it, and once.
Rule 3: whether the reader may still be written to is asked in the transaction that claims.
"""

from __future__ import annotations

import builtins
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from sqlalchemy import (
    ColumnElement,
    Update,
    case,
    delete,
    func,
    select,
    update,
)

from digest.model import (
    NOT_SHOWN,
    WAITING,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Former,
    JournalLine,
    Plan,
    Settlement,
    Some,
)
from digest.store import claiming, codec, moves, planning, settling
from digest.store.aliases import homes
from digest.store.database import Database, chunks, insert
from digest.store.schema import meta, outbox, outbox_journal

#: The row of `meta` that says when this copy was made.
COPIED = "copied"
#: How many rows one transaction moves when all of them have to: others write in between.
AT_ONCE = 1_000

#: Of these something may still become.
_OPEN = [*WAITING, DeliveryState.SENDING]


#: No settlements.
NOTHING: Mapping[int, Settlement] = MappingProxyType({})


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
            return planning.enqueue(connection, rows)

    # --- delivering ---

    def due(self, now: dt.datetime, some: Some = None) -> int:
        """How many deliveries wait to be claimed: all of them, or some subscribers'."""
        chosen = select(func.count()).select_from(outbox).where(*claiming.is_due(now, some))
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
            settling.settle(connection, settled, now, settling.held_by(owner))
            while due := claiming.due(connection, now, limit, some):
                stopped = claiming.stopped(connection, due)
                for reason, ids in stopped.items():
                    values = {
                        "state": DeliveryState.SUPPRESSED,
                        "next_attempt_at": None,
                        "last_reply": reason,
                    }
                    moves.move(connection, ids, values, JournalLine(at=now, event="suppressed", reply=reason))
                refused = {delivery for ids in stopped.values() for delivery in ids}
                taken = [delivery for delivery, _, _ in due if delivery.id not in refused]
                if taken:
                    claiming.take(connection, [delivery.id for delivery in taken], owner)
                    return tuple(taken)
        return ()

    def settle(self, settled: Mapping[int, Settlement], now: dt.datetime, owner: str) -> set[int]:
        """Write what became of attempts, by delivery; which were written: those that `owner` still held."""
        if not settled:
            return set()
        with self._database.writing() as connection:
            return settling.settle(connection, settled, now, settling.held_by(owner))

    def resolve(self, settled: Mapping[int, Settlement], now: dt.datetime) -> set[int]:
        """Write what became known of deliveries that are in doubt; which were written."""
        with self._database.writing() as connection:
            return settling.settle(connection, settled, now, (outbox.c.state == DeliveryState.IN_DOUBT,))

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
        chosen = select(outbox).where(*settling.held_by(owner)).order_by(outbox.c.id)
        with self._database.reading() as connection:
            return [planning.delivery_of(row) for row in connection.execute(chosen).mappings()]

    def doubts(self) -> builtins.list[tuple[Delivery, dt.datetime]]:
        """What is in doubt, each with since when."""
        since = (
            select(func.max(outbox_journal.c.at))
            .where(outbox_journal.c.delivery == outbox.c.id)
            .scalar_subquery()
        )
        chosen = select(outbox, since.label("since")).where(outbox.c.state == DeliveryState.IN_DOUBT)
        with self._database.reading() as connection:
            return [
                (planning.delivery_of(row), row["since"]) for row in connection.execute(chosen).mappings()
            ]

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
            return [planning.delivery_of(row) for row in connection.execute(chosen).mappings()]

    def get(self, id: int) -> Delivery | None:  # noqa: A002 (it is the delivery's id)
        """The delivery with that id."""
        with self._database.reading() as connection:
            row = connection.execute(select(outbox).where(outbox.c.id == id)).mappings().one_or_none()
            return None if row is None else planning.delivery_of(row)

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
                again += moves.retry(connection, (outbox.c.id.in_(some),), now)
        return sorted(again)

    def hold(self, now: dt.datetime) -> int:
        """Stop: nothing is claimed until `release`, and what waits is held; how many were.

        Sending stops with the first, short transaction, however many wait.
        """
        row = {"key": claiming.HELD, "value": now.isoformat()}
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
            connection.execute(delete(meta).where(meta.c.key.in_([claiming.HELD, COPIED])))
        return released

    def held_since(self) -> dt.datetime | None:
        """Since when nothing is sent; None if it is."""
        with self._database.reading() as connection:
            since = connection.scalar(select(meta.c.value).where(meta.c.key == claiming.HELD))
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
            return len(moves.changed(connection, change, JournalLine(at=now, event=event, reply="")))
