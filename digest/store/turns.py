"""Who may ask a site when: one row a site, shared by every process and machine that asks."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, select

from digest.store.database import Database, insert, lock
from digest.store.schema import turns

#: A turn further away was taken before a clock was set back.
NONSENSE = dt.timedelta(days=2)


class Turns:
    """The sites' turns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, site: str, pause: dt.timedelta, patience: dt.timedelta, at: dt.datetime) -> dt.datetime:
        """The instant, from `at` on, at which the site may be asked; nobody else gets it, nor the pause after it.

        Not taken if it is more than `patience` ahead.
        """
        if not pause:
            with self._database.reading() as connection:
                return _free_at(connection, site, at)
        with self._database.writing() as connection:
            lock(connection, turns)
            free_at = _free_at(connection, site, at)
            if free_at - at <= patience:
                _keep(connection, site, free_at + pause)
            return free_at

    def hold_off(self, site: str, until: dt.datetime) -> None:
        """Nobody asks that site before then."""
        with self._database.writing() as connection:
            _keep(connection, site, until)


def _free_at(connection: Connection, site: str, at: dt.datetime) -> dt.datetime:
    kept = connection.scalar(select(turns.c.free_at).where(turns.c.site == site))
    return kept if kept is not None and at < kept < at + NONSENSE else at


def _keep(connection: Connection, site: str, free_at: dt.datetime) -> None:
    row = insert(connection, turns).values(site=site, free_at=free_at)
    connection.execute(row.on_conflict_do_update(index_elements=[turns.c.site], set_={"free_at": free_at}))
