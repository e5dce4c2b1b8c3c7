"""What `/admin` is locked with: a row of `meta`, none while it is switched off."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sqlalchemy import delete, select

from digest.store.database import Database, insert
from digest.store.schema import meta

_KEY = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The password's hash, and what every open session has in common."""

    password: str
    #: Random; with another one, all sessions are over.
    sessions: str


class Locks:
    """The one lock, if there is one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> Lock | None:
        """The lock; None while `/admin` is off."""
        with self._database.reading() as connection:
            kept = connection.scalar(select(meta.c.value).where(meta.c.key == _KEY))
        return Lock(**json.loads(kept)) if kept else None

    def put(self, lock: Lock) -> None:
        """Lock with this one, whatever was there."""
        with self._database.writing() as connection:
            new = insert(connection, meta)
            kept = new.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": new.excluded.value})
            connection.execute(kept, {"key": _KEY, "value": json.dumps(asdict(lock))})

    def remove(self) -> bool:
        """Switch it off; whether it was on."""
        with self._database.writing() as connection:
            return connection.execute(delete(meta).where(meta.c.key == _KEY)).rowcount > 0
