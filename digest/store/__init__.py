"""The one place that knows SQL: SQLite by default, PostgreSQL when asked.

A call is a transaction: all of it is kept, or nothing. What is called for many readers at once is a few
statements, however many they are. Values come in and go out as nouns; instants are aware and in UTC.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import delete, select

from digest.store import migrate, moving
from digest.store.bounces import Bounces
from digest.store.consents import Consents
from digest.store.database import Database, insert
from digest.store.deliveries import Deliveries, Place, Sent, Which
from digest.store.editions import EditionHeader, Editions
from digest.store.embeddings import Embeddings
from digest.store.events import Events
from digest.store.facts import FactRows
from digest.store.keys import ApiKeys
from digest.store.letters import Letter, Letters
from digest.store.limits import Breaker, Limit, Limits
from digest.store.locks import Lock, Locks
from digest.store.looks import Looks
from digest.store.moves import RETRIABLE
from digest.store.opinions import Opinions
from digest.store.outbox import Outbox
from digest.store.papers import Papers
from digest.store.persons import Hashes, Persons
from digest.store.records import Records
from digest.store.schema import meta
from digest.store.sources import Sources
from digest.store.subscribers import Asked, Mail, Subscribers
from digest.store.summaries import Summaries
from digest.store.suppressions import Suppressions
from digest.store.tallies import Tallies
from digest.store.turns import Turns
from digest.store.webhook import Untold, Webhook

__all__ = [
    "RETRIABLE",
    "ApiKeys",
    "Asked",
    "Bounces",
    "Breaker",
    "Consents",
    "Deliveries",
    "EditionHeader",
    "Editions",
    "Embeddings",
    "Events",
    "Hashes",
    "Letter",
    "Letters",
    "Limit",
    "Limits",
    "Lock",
    "Locks",
    "Mail",
    "Opinions",
    "Outbox",
    "Papers",
    "Persons",
    "Place",
    "Records",
    "Sent",
    "Sources",
    "Store",
    "Subscribers",
    "Summaries",
    "Suppressions",
    "Tallies",
    "Turns",
    "Untold",
    "Webhook",
    "Which",
    "conninfo",
    "furnish",
    "is_there",
    "move",
    "open_store",
    "upgrade",
]


class Store:
    """An open database, one attribute a noun; may be shared by threads. Closes as a context manager."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.papers = Papers(database)
        self.sources = Sources(database)
        self.turns = Turns(database)
        self.editions = Editions(database)
        self.summaries = Summaries(database)
        self.embeddings = Embeddings(database)
        self.subscribers = Subscribers(database)
        self.looks = Looks(database)
        self.consents = Consents(database)
        self.opinions = Opinions(database)
        self.outbox = Outbox(database)
        self.deliveries = Deliveries(database)
        self.tallies = Tallies(database)
        self.suppressions = Suppressions(database)
        self.bounces = Bounces(database)
        self.persons = Persons(database)
        self.limits = Limits(database)
        self.letters = Letters(database)
        self.locks = Locks(database)
        self.records = Records(database)
        self.events = Events(database)
        self.webhook = Webhook(database)
        self.keys = ApiKeys(database)
        #: What senders are at; None on SQLite, where files beside it are faster.
        self.journals = FactRows(database) if database.is_postgres else None

    def secret(self) -> str:
        """The text that signs this site's links: made at first use, the same ever after for every process."""
        chosen = select(meta.c.value).where(meta.c.key == "secret")
        with self._database.reading() as connection:
            kept = connection.scalar(chosen)
        if kept is None:
            row = {"key": "secret", "value": secrets.token_urlsafe(32)}
            with self._database.writing() as connection:
                connection.execute(insert(connection, meta).on_conflict_do_nothing(), row)
                kept = connection.execute(chosen).scalar_one()
        return str(kept)

    def backup(self, path: Path, now: dt.datetime) -> None:
        """Write a consistent copy in which everything is held, whole or not at all.

        What was sent after it was made it cannot know, so whoever starts from it has to release it first.
        StoreError on PostgreSQL, which has pg_dump.
        """
        self._database.copy(path, lambda copy: Outbox(copy).seal(now))

    def copy(self, path: Path) -> None:
        """Write a consistent copy that goes on like this one, whole or not at all; StoreError as for `backup`."""
        self._database.copy(path, lambda _: None)

    @property
    def directory(self) -> Path | None:
        """Where the database's file is; None if it is on a server, or in memory."""
        path = self._database.url.database
        return (
            None if self._database.is_postgres or path in {None, "", ":memory:"} else Path(str(path)).parent
        )

    def octets(self) -> int:
        """How large the database is."""
        return self._database.octets()

    def check_writable(self) -> None:
        """StoreError if it cannot be written to."""
        with self._database.writing() as connection:
            connection.execute(delete(meta).where(meta.c.key == ""))

    def check_sound(self) -> None:
        """StoreError if SQLite finds its file damaged; reads all of it."""
        self._database.check_sound()

    def close(self) -> None:
        """Give all connections back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def open_store(url: str) -> Store:
    """The database at that URL, made if it is empty.

    `sqlite:///FILE` (with `?timeout=SECONDS`, how long to wait for another writer; 5) or
    `postgresql+psycopg://...`. Raises StoreError in one line if it is older, newer, locked, unwritable or
    not there; ConfigError if the URL is neither.
    """
    database = Database(url)
    try:
        migrate.check(database)
    except BaseException:
        database.close()
        raise
    return Store(database)


def conninfo(url: str) -> str:
    """A PostgreSQL's URL as libpq takes it, password and all."""
    return Database(url).conninfo


def furnish(url: str, namespace: str, version: str, script: str, *, anew: bool) -> None:
    """See that PostgreSQL has that schema (its word for a folder of tables), as somebody else's script makes it.

    `anew`: one of another version is dropped with all that is in it; else StoreError says how to come by that.
    """
    migrate.furnish(Database(url), namespace, version, script, anew=anew)


def move(url: str, target: str) -> Mapping[str, int]:
    """Copy a SQLite database into an empty PostgreSQL, and compare row for row; how many rows each table has.

    StoreError, with nothing written, if it cannot be done (`moving`).
    """
    source, new = Database(url), Database(target)
    try:
        return moving.move(source, new)
    finally:
        source.close()
        new.close()


def is_there(url: str) -> bool:
    """Whether there is a database at that URL, of whatever version; makes none. StoreError if it cannot be asked."""
    database = Database(url)
    try:
        return migrate.is_there(database)
    finally:
        database.close()


def upgrade(url: str) -> None:
    """Bring the database's schema up to date; does nothing if it is."""
    database = Database(url)
    try:
        migrate.upgrade(database)
    finally:
        database.close()
