"""What senders were at when they died, as rows that every machine can read. PostgreSQL only.

A sender's facts are written over a connection of its own, in one flight and one commit that does not wait for the
disk (synchronous_commit off): they survive the death of any process, the server's own included, but for the last
fraction of a second before a power cut.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict
from digest.store.database import Database
from digest.store.schema import outbox_facts

if TYPE_CHECKING:
    import psycopg

#: Stands for the sender itself: that it keeps facts at all.
OPENED = ""

_BEGUN = (
    "INSERT INTO outbox_facts (owner, message_id) VALUES (%s, %s)"
    " ON CONFLICT (owner, message_id) DO UPDATE SET answer = NULL"
)
_ANSWERED = "UPDATE outbox_facts SET answer = %s WHERE owner = %s AND message_id = %s"


class FactRows:
    """The facts of all senders, by owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextlib.contextmanager
    def open(self, owner: str) -> Iterator[SenderFacts]:
        """Begin an owner's facts."""
        with self._database.own_connection() as connection:
            connection.execute("SET synchronous_commit = off")
            connection.execute(_BEGUN, (owner, OPENED))
            yield SenderFacts(connection, owner)

    def read(self, owner: str) -> Mapping[str, Outcome | None] | None:
        """Of each message that was begun, what was answered; None if the owner kept no facts."""
        chosen = select(outbox_facts.c.message_id, outbox_facts.c.answer).where(outbox_facts.c.owner == owner)
        with self._database.reading() as connection:
            facts = {row.message_id: _outcome(row.answer) for row in connection.execute(chosen)}
        if OPENED not in facts:
            return None
        del facts[OPENED]
        return facts

    def forget(self, owner: str) -> None:
        """Drop an owner's facts."""
        with self._database.writing() as connection:
            connection.execute(delete(outbox_facts).where(outbox_facts.c.owner == owner))

    def owners(self) -> set[str]:
        """Whose facts are kept."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(outbox_facts.c.owner).distinct()))


class SenderFacts:
    """One sender's facts, while it sends."""

    def __init__(self, connection: psycopg.Connection, owner: str) -> None:
        self._connection = connection
        self._owner = owner

    def write(self, begun: Iterable[Message], answered: Iterable[tuple[Message, Outcome]]) -> None:
        """Keep these facts; DeliveryError if the database does not."""
        told = [(_encoded(outcome), self._owner, message.id) for message, outcome in answered]
        starts = [(self._owner, message.id) for message in begun]
        if not told and not starts:
            return
        import psycopg  # noqa: PLC0415 (an extra that SQLite does without)

        try:
            with self._connection.pipeline(), self._connection.cursor() as cursor:
                for fact in told:
                    cursor.execute(_ANSWERED, fact)
                for start in starts:
                    cursor.execute(_BEGUN, start)
        except psycopg.Error as error:
            said = str(error).strip().partition("\n")[0]
            raise DeliveryError(f"the database does not keep what is being sent: {said}") from None


def _encoded(outcome: Outcome) -> str:
    return json.dumps([outcome.verdict, outcome.reply, outcome.suppress, outcome.ours])


def _outcome(answer: str | None) -> Outcome | None:
    if answer is None:
        return None
    verdict, reply, suppress, ours = json.loads(answer)
    return Outcome(verdict=Verdict(verdict), reply=reply, suppress=suppress, ours=ours)
