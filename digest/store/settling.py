"""What became of claimed rows is written, once, by who holds them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from digest.model import WAITING, DeliveryState, EventKind, Settlement
from digest.store import codec
from digest.store.database import chunks
from digest.store.events import tell
from digest.store.moves import line_of, write_journal
from digest.store.schema import outbox
from digest.store.suppressions import give_up


def held_by(owner: str) -> tuple[ColumnElement[bool], ...]:
    """That a row is being sent by that owner."""
    return outbox.c.state == DeliveryState.SENDING, outbox.c.owner == owner


def settle(
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
    lines = [line_of(d, now, settled[d].event, settled[d].reply) for d in there if settled[d].event]
    write_journal(connection, lines)
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
