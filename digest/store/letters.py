"""Mails to whoever runs this, beside the outbox: they go out also while everything else is held.

Rule 1: a key is written once, whoever writes it, however often.
Rule 2: whoever takes a letter has it to themselves for a while; then anybody may send it again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from digest.store.database import Database, insert
from digest.store.schema import letters

#: How long a letter is tried, …
LIFETIME = dt.timedelta(days=1)
#: … and how long after one attempt the next one may begin.
PAUSE = dt.timedelta(minutes=15)
#: How long it is known that it was written.
KEPT = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail to whoever runs this."""

    key: str
    #: With its angle brackets.
    message_id: str
    content: bytes


class Letters:
    """What was written to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, keys: Collection[str]) -> set[str]:
        """Which of those are written."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(letters.c.key).where(letters.c.key.in_(keys))))

    def write(self, letter: Letter, now: dt.datetime) -> bool:
        """Keep it, to be sent; whether it is new."""
        row = {
            "key": letter.key,
            "message_id": letter.message_id,
            "content": letter.content,
            "written_at": now,
            "next_attempt_at": now,
        }
        with self._database.writing() as connection:
            new = insert(connection, letters).on_conflict_do_nothing().returning(letters.c.key)
            return connection.execute(new, row).one_or_none() is not None

    def take(self, now: dt.datetime) -> Letter | None:
        """The next one to send, which nobody else gets for a while; None if there is none."""
        due = (letters.c.next_attempt_at <= now, letters.c.written_at > now - LIFETIME)
        first = select(letters.c.key).where(*due).order_by(letters.c.next_attempt_at, letters.c.key).limit(1)
        mine = update(letters).where(letters.c.key == first.scalar_subquery(), *due)
        taken = mine.values(next_attempt_at=now + PAUSE).returning(
            letters.c.key, letters.c.message_id, letters.c.content
        )
        with self._database.writing() as connection:
            row = connection.execute(taken).one_or_none()
            return Letter(key=row.key, message_id=row.message_id, content=row.content) if row else None

    def sent(self, key: str) -> None:
        """It is on its way, or nobody wants it."""
        with self._database.writing() as connection:
            connection.execute(
                update(letters).where(letters.c.key == key).values(next_attempt_at=None, content=b"")
            )

    def forget(self, now: dt.datetime) -> int:
        """Drop those of long ago; how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(letters).where(letters.c.written_at < now - KEPT)).rowcount
