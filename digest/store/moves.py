"""Rows of the outbox change, and their journal says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Update, case, update

from digest.model import DeliveryState, JournalLine
from digest.store.database import chunks
from digest.store.schema import outbox, outbox_journal

#: How long a delivery that an operator tries again may still be tried (reliability: within a day).
SECOND_LIFE = dt.timedelta(hours=18)
#: What an operator may have tried again.
RETRIABLE = [DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.IN_DOUBT, DeliveryState.HELD]


def move(
    connection: Connection, ids: Collection[int], values: Mapping[str, object], line: JournalLine
) -> None:
    """Give these rows those values."""
    for some in chunks(ids):
        changed(connection, update(outbox).where(outbox.c.id.in_(some)).values(dict(values)), line)


def retry(connection: Connection, which: Iterable[ColumnElement[bool]], now: dt.datetime) -> list[int]:
    """The same as `Outbox.retry` of the rows for which all of that holds, inside a transaction."""
    until = now + SECOND_LIFE
    values = {
        "state": DeliveryState.PLANNED,
        "next_attempt_at": now,
        "expires_at": case((outbox.c.expires_at > until, outbox.c.expires_at), else_=until),
    }
    ended = update(outbox).where(*which, outbox.c.state.in_(RETRIABLE))
    return changed(connection, ended.values(values), JournalLine(at=now, event="retried", reply=""))


def changed(connection: Connection, change: Update, line: JournalLine) -> list[int]:
    """Do it, with one journal line a row; which rows it was."""
    ids = list(connection.scalars(change.returning(outbox.c.id)))
    write_journal(connection, [line_of(delivery, line.at, line.event, line.reply) for delivery in ids])
    return ids


def line_of(delivery: int, at: dt.datetime, event: str, reply: str = "") -> dict[str, object]:
    """A line of the journal, for `write_journal`."""
    return {"delivery": delivery, "at": at, "event": event, "reply": reply}


def write_journal(connection: Connection, lines: Sequence[dict[str, object]]) -> None:
    """Add lines to the journal, in one statement."""
    if lines:
        connection.execute(outbox_journal.insert(), lines)
