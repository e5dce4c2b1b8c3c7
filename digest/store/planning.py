"""Plans become rows of the outbox, and rows are read back as deliveries."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, RowMapping, select

from digest.model import Delivery, DeliveryState, Plan
from digest.store import codec
from digest.store.database import chunks, insert
from digest.store.moves import line_of, write_journal
from digest.store.schema import outbox, subscribers


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
    write_journal(connection, [line_of(row.id, row.prepared_at, str(row.state)) for row in written])
    return len(written)


def _there(connection: Connection, ids: Collection[str]) -> set[str]:
    """Which of those subscribers have a row; on PostgreSQL none of these can go before the transaction ends."""
    found: set[str] = set()
    for some in chunks(ids):
        chosen = select(subscribers.c.id).where(subscribers.c.id.in_(some))
        found.update(connection.scalars(chosen.with_for_update(read=True, key_share=True)))
    return found


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
