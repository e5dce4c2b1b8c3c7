"""Addresses that must not be mailed, and why; compared without case."""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Collection

from sqlalchemy import Connection, bindparam, delete, select, update

from digest.address import key
from digest.model import SubscriberState, Suppression
from digest.store.database import Database, chunks, insert
from digest.store.prepared import Prepared
from digest.store.schema import subscribers, suppressions

_ONE = Prepared(select(suppressions).where(suppressions.c.address_key == bindparam("wanted")), ["wanted"])


class Suppressions:
    """The list that is asked before anything is handed to a transport."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> builtins.list[Suppression]:
        """All of them, the newest first."""
        chosen = select(suppressions).order_by(suppressions.c.at.desc(), suppressions.c.address_key)
        with self._database.reading() as connection:
            return [
                Suppression(address=row.address, reason=row.reason, at=row.at)
                for row in connection.execute(chosen)
            ]

    def page(self, limit: int, holding: str = "", start: int = 0) -> builtins.list[Suppression]:
        """`limit` of them by address, of those whose address holds that text, from that number on."""
        chosen = select(suppressions).order_by(suppressions.c.address_key).limit(limit).offset(start)
        if holding:
            chosen = chosen.where(suppressions.c.address_key.contains(key(holding), autoescape=True))
        with self._database.reading() as connection:
            return [
                Suppression(address=row.address, reason=row.reason, at=row.at)
                for row in connection.execute(chosen)
            ]

    def of(self, address: str) -> Suppression | None:
        """Why that address must not be mailed; None if it may."""
        with self._database.reading() as connection:
            rows = _ONE.rows(connection, {"wanted": key(address)})
        return next((Suppression(address=row.address, reason=row.reason, at=row.at) for row in rows), None)

    def add(self, address: str, reason: str, now: dt.datetime) -> None:
        """Do not write to that address again; the first reason stays."""
        with self._database.writing() as connection:
            suppress(connection, address, reason, now)

    def remove(self, address: str) -> bool:
        """Allow that address again; whether it was suppressed."""
        with self._database.writing() as connection:
            gone = delete(suppressions).where(suppressions.c.address_key == key(address))
            return connection.execute(gone).rowcount > 0

    def has(self, address: str) -> bool:
        """Whether that address must not be mailed."""
        return self.of(address) is not None


def suppress(connection: Connection, address: str, reason: str, now: dt.datetime) -> None:
    """The same as `Suppressions.add`, inside a transaction."""
    row = {"address_key": key(address), "address": address, "reason": reason, "at": now}
    connection.execute(insert(connection, suppressions).on_conflict_do_nothing(), row)


def give_up(connection: Connection, subscriber: str, tried: str, reason: str, now: dt.datetime) -> bool:
    """Not again to the address that was tried; the subscriber is suppressed unless they have another by now.

    Whether they are by this; that is still to be told.
    """
    suppress(connection, tried, reason, now)
    same = (
        subscribers.c.id == subscriber,
        subscribers.c.address_key == key(tried),
        subscribers.c.state != SubscriberState.SUPPRESSED,
    )
    given_up = update(subscribers).where(*same).values(state=SubscriberState.SUPPRESSED)
    return connection.execute(given_up).rowcount > 0


def suppressed(connection: Connection, addresses: Collection[str]) -> set[str]:
    """Which of those addresses must not be mailed, as they were given."""
    found: set[str] = set()
    for some in chunks({key(address) for address in addresses}):
        chosen = select(suppressions.c.address_key).where(suppressions.c.address_key.in_(some))
        found.update(connection.scalars(chosen))
    return {address for address in addresses if key(address) in found}
