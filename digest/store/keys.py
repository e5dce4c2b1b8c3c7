"""Keys of the API: who may use it, and for what. The keys themselves are kept nowhere."""

from __future__ import annotations

import builtins

from sqlalchemy import delete, exists, select
from sqlalchemy.exc import IntegrityError

from digest.errors import UsageError
from digest.model import ApiKey
from digest.store.database import Database
from digest.store.schema import api_keys

_COLUMNS = (api_keys.c.name, api_keys.c.scope, api_keys.c.created_at)


class ApiKeys:
    """All keys, by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey, hashed: str) -> None:
        """Keep a new key; UsageError if there is one of that name."""
        row = {"name": key.name, "scope": key.scope, "created_at": key.created_at, "hash": hashed}
        with self._database.writing() as connection:
            try:
                connection.execute(api_keys.insert(), row)
            except IntegrityError:
                raise UsageError(f"there is a key of that name: {key.name!r}") from None

    def list(self) -> builtins.list[ApiKey]:
        """All of them, by name."""
        with self._database.reading() as connection:
            chosen = select(*_COLUMNS).order_by(api_keys.c.name)
            return [ApiKey(**row) for row in connection.execute(chosen).mappings()]

    def any(self) -> bool:
        """Whether there is one."""
        with self._database.reading() as connection:
            return bool(connection.scalar(select(exists().select_from(api_keys))))

    def of(self, hashed: str) -> ApiKey | None:
        """The key with that hash."""
        with self._database.reading() as connection:
            found = connection.execute(select(*_COLUMNS).where(api_keys.c.hash == hashed)).mappings()
            row = found.one_or_none()
            return ApiKey(**row) if row else None

    def remove(self, name: str) -> bool:
        """Take a key away; whether there was one."""
        with self._database.writing() as connection:
            return connection.execute(delete(api_keys).where(api_keys.c.name == name)).rowcount > 0
