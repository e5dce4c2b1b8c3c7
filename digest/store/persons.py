"""Everything that is kept of one person: read out whole, and erased without a trace.

Rule 1. What is somebody's is found by the schema's foreign keys, so that a new table that leads to a subscriber is
        read out and erased as soon as it is there. What is found otherwise stands in `_theirs`; the rest is nobody's
        (`NOBODYS`).
Rule 2. After erasing no table holds an address of theirs: of each a keyed hash stays for a while, and says that
        nobody but its owner brings it back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, delete, or_, select

from digest.address import key
from digest.model import UNSEEN, Deletion, DeliveryKind, InterestKind, Matter
from digest.store import codec
from digest.store.database import Database, insert
from digest.store.events import tell, told
from digest.store.papers import forget
from digest.store.schema import (
    aliases,
    asks,
    deletions,
    events,
    interests,
    metadata,
    outbox,
    outbox_facts,
    papers,
    subscribers,
    suppressions,
)
from digest.store.suppressions import suppressed

#: Tables that speak of papers, sources and this database, and of no reader.
NOBODYS = frozenset(
    {
        *("meta", "papers", "revisions", "summaries", "aliases", "embeddings", "mentions", "snapshots"),
        *(
            "sources",
            "collections",
            "validators",
            "turns",
            "editions",
            "edition_papers",
            "tallies",
            "api_keys",
            "letters",
            "senders",
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """What stands for an address where it must not be read, under every secret that counts, the newest first."""

    #: In `asks`.
    counted: Callable[[str], tuple[str, ...]]
    #: In `deletions`.
    deleted: Callable[[str], tuple[str, ...]]


class Persons:
    """What is kept of each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def everything(self, subscriber: str, hashes: Hashes) -> Mapping[str, list[Mapping[str, object]]]:
        """Every column of every row that mentions them, by table, as of one instant; empty tables are left out."""
        with self._database.reading() as connection:
            addresses = _addresses(connection, subscriber)
            found = {
                table.name: _rows(connection, table, which)
                for table, which in _theirs(subscriber, addresses, hashes).items()
            }
        return {table: rows for table, rows in found.items() if rows}

    def erase(self, subscriber: str, hashes: Hashes, now: dt.datetime, until: dt.datetime) -> None:
        """Forget them and everything that is theirs; what remains of each address is a hash, until then.

        Papers that only their reading list told of go with them. An event that they are gone remains too, with their opaque id, for whoever keeps a copy of the list.

        On SQLite neither can be read from the files any more (`Database.scrub`). PostgreSQL keeps dead rows until its
        next VACUUM.
        """
        with self._database.writing() as connection:
            addresses = _addresses(connection, subscriber)
            blocked = suppressed(connection, addresses)
            rows = [
                {"key": hashes.deleted(one)[0], "at": now, "until": until, "suppressed": one in blocked}
                for one in sorted(addresses)
            ]
            theirs = _theirs(subscriber, addresses, hashes)
            state = connection.scalar(select(subscribers.c.state).where(theirs[subscribers]))
            pasted = _only_theirs(connection, subscriber)
            # Whatever else is theirs goes with the last of these.
            for table in (outbox_facts, suppressions, subscribers):
                connection.execute(delete(table).where(theirs[table]))
            forget(connection, pasted)
            if state:  # else they are gone already, and what is told of them is that
                connection.execute(delete(events).where(theirs[events]))
            if rows:
                made = insert(connection, deletions).values(rows)
                latest = {name: made.excluded[name] for name in ("at", "until", "suppressed")}
                connection.execute(made.on_conflict_do_update(index_elements=["key"], set_=latest))
            tell(connection, [(kind, subscriber) for kind in told(state, None)], now)
        self._database.scrub([*addresses])

    def deletion(self, hashed: Collection[str], now: dt.datetime) -> Deletion | None:
        """What remains of an address that was deleted, found by its hashes; None if nothing does."""
        chosen = select(deletions).where(deletions.c.key.in_(hashed), deletions.c.until > now)
        with self._database.reading() as connection:
            row = connection.execute(chosen.order_by(deletions.c.at.desc())).first()
        return Deletion(at=row.at, until=row.until, suppressed=row.suppressed) if row else None

    def welcome_back(self, hashed: Collection[str]) -> bool:
        """Forget that an address was deleted, since its owner is back; whether it was."""
        with self._database.writing() as connection:
            return connection.execute(delete(deletions).where(deletions.c.key.in_(hashed))).rowcount > 0

    def forget(self, now: dt.datetime) -> None:
        """Drop what remains of addresses whose time is over, and what a reader kept from being scrubbed."""
        with self._database.writing() as connection:
            connection.execute(delete(deletions).where(deletions.c.until <= now))
        self._database.scrub()


def _only_theirs(connection: Connection, subscriber: str) -> list[str]:
    """The example papers of which only a reading list told, and which are nobody else's examples."""
    examples = select(aliases.c.paper).join(interests, interests.c.value == aliases.c.alias)
    examples = examples.where(interests.c.kind == InterestKind.LIKE)
    chosen = select(papers.c.id).where(
        papers.c.first_seen == UNSEEN,
        papers.c.id.in_(examples.where(interests.c.subscriber == subscriber)),
        papers.c.id.not_in(examples.where(interests.c.subscriber != subscriber)),
    )
    return [*connection.scalars(chosen)]


def _rows(connection: Connection, table: Table, which: ColumnElement[bool]) -> list[Mapping[str, object]]:
    rows = connection.execute(select(table).where(which).order_by(*table.primary_key)).mappings()
    return [{str(column): value for column, value in row.items()} for row in rows]


def _theirs(subscriber: str, addresses: Collection[str], hashes: Hashes) -> dict[Table, ColumnElement[bool]]:
    """Which rows of which tables are a subscriber's: those that lead to them, and those that name an address."""
    found = {subscribers: subscribers.c.id == subscriber, events: events.c.subscriber == subscriber}
    for table in metadata.sorted_tables:  # those that are referred to come first
        leading = [
            link.parent.in_(select(link.column).where(found[link.column.table]))
            for link in table.foreign_keys
            if link.column.table in found
        ]
        if leading:
            found[table] = or_(*leading)
    messages = select(outbox.c.message_id).where(found[outbox])
    counted = [hashed for one in addresses for hashed in hashes.counted(one)]
    deleted = [hashed for one in addresses for hashed in hashes.deleted(one)]
    return found | {
        outbox_facts: outbox_facts.c.message_id.in_(messages),
        suppressions: suppressions.c.address_key.in_(map(key, addresses)),
        asks: asks.c.key.in_(counted),
        deletions: deletions.c.key.in_(deleted),
    }


def _addresses(connection: Connection, subscriber: str) -> set[str]:
    """Their address and those that were theirs before, without case; not one that is somebody else's by now."""
    own = select(subscribers.c.address_key).where(subscribers.c.id == subscriber)
    asked = (outbox.c.kind == DeliveryKind.CONFIRM) & (outbox.c.matter == Matter.ADDRESS)
    written = select(outbox.c.reader).where(outbox.c.subscriber == subscriber, ~asked)
    found = {key(codec.decode_reader(reader).address) for reader in connection.scalars(written)}
    others = select(subscribers.c.address_key).where(
        subscribers.c.address_key.in_(found), subscribers.c.id != subscriber
    )
    return found.union(connection.scalars(own)).difference(connection.scalars(others))
