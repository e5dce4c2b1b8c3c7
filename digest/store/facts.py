"""What senders were at when they died, as rows that every machine can read. PostgreSQL only.

Rule 1. A sender shows that it lives with each message that it begins, and each second while it waits. By whose clock
        does not matter: it is the database's.
Rule 2. Who shows nothing for a lease may be sealed. A sealed sender can begin no message any more, however long it
        slept and whenever it wakes: beginning one and being alive is one statement. So whoever sealed it reads all
        that it ever began.
Rule 3. Facts are written over a connection of their own, in one commit that does not wait for the disk
        (synchronous_commit off): they survive the death of any sender and a restart of the server, but for the last
        fraction of a second before the server crashes or the power is cut.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict
from digest.store.database import Database
from digest.store.schema import outbox_facts, senders

if TYPE_CHECKING:
    import psycopg

#: A sender that waits shows that it lives as often as this, in seconds.
SIGN_OF_LIFE = 1.0

_OPENED = "INSERT INTO senders (owner, seen_at) VALUES (%s, now())"
_ALIVE = "UPDATE senders SET seen_at = now() WHERE owner = %s AND seen_at IS NOT NULL"
_BEGUN = (
    f"WITH alive AS ({_ALIVE} RETURNING owner)"  # noqa: S608 (it is a constant of ours)
    " INSERT INTO outbox_facts (owner, message_id) SELECT owner, unnest(%s::text[]) FROM alive"
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
            connection.execute(_OPENED, (owner,))
            yield SenderFacts(connection, owner)

    def read(self, owner: str) -> Mapping[str, Outcome | None]:
        """Of each message that was begun, what was answered; nothing of who is forgotten, and begins none."""
        chosen = select(outbox_facts.c.message_id, outbox_facts.c.answer).where(outbox_facts.c.owner == owner)
        with self._database.reading() as connection:
            return {row.message_id: _outcome(row.answer) for row in connection.execute(chosen)}

    def forget(self, owner: str) -> None:
        """Drop an owner and its facts."""
        with self._database.writing() as connection:
            for table in (senders, outbox_facts):  # in this order: a sender that is gone adds no fact
                connection.execute(delete(table).where(table.c.owner == owner))

    def owners(self) -> set[str]:
        """Whose facts are kept."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(senders.c.owner)))

    def seal(self, owner: str, lease: dt.timedelta) -> bool:
        """Let a sender that showed nothing for that long begin no message any more; whether none can be begun."""
        mine = senders.c.owner == owner
        silent = update(senders).where(mine, senders.c.seen_at < func.now() - lease).values(seen_at=None)
        with self._database.writing() as connection:
            connection.execute(silent)
            lives = select(senders.c.owner).where(mine, senders.c.seen_at.is_not(None))
            return connection.execute(lives).first() is None


class SenderFacts:
    """One sender's facts, while it sends."""

    def __init__(self, connection: psycopg.Connection, owner: str) -> None:
        self._connection = connection
        self._owner = owner
        self._shown_at = time.monotonic()

    def write(self, begun: Iterable[Message], answered: Iterable[tuple[Message, Outcome]]) -> None:
        """Keep these facts; DeliveryError if the database does not, or somebody sealed us. The answers are kept even then."""
        told = [(_encoded(outcome), self._owner, message.id) for message, outcome in answered]
        starts = [message.id for message in begun]
        waited = time.monotonic() - self._shown_at >= SIGN_OF_LIFE
        if not (told or starts or waited):
            return
        import psycopg  # noqa: PLC0415 (an extra that SQLite does without)

        try:
            with self._connection.pipeline():
                for fact in told:
                    self._connection.execute(_ANSWERED, fact)
                if starts:
                    shown = self._connection.execute(_BEGUN, (self._owner, starts))
                else:
                    shown = self._connection.execute(_ALIVE, (self._owner,))
        except psycopg.Error as error:
            said = str(error).strip().partition("\n")[0]
            raise DeliveryError(f"the database does not keep what is being sent: {said}") from None
        if not shown.rowcount:
            raise DeliveryError(
                "this pass was silent for longer than cluster.lease, and another took over what it had begun"
            )
        self._shown_at = time.monotonic()


def _encoded(outcome: Outcome) -> str:
    return json.dumps([outcome.verdict, outcome.reply, outcome.suppress, outcome.ours])


def _outcome(answer: str | None) -> Outcome | None:
    if answer is None:
        return None
    verdict, reply, suppress, ours = json.loads(answer)
    return Outcome(verdict=Verdict(verdict), reply=reply, suppress=suppress, ours=ours)
