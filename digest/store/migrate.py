"""The schema's age: told, and brought up to date. The one door for Alembic."""

from __future__ import annotations

import io

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from digest.errors import StoreError
from digest.store.database import Database

#: PostgreSQL's lock that lets one process migrate at a time: any number, ours.
_LOCK = 0x646967657374  # "digest"


def check(database: Database) -> None:
    """Make an empty database ours; StoreError if it is older or newer than this version, or somebody else's."""
    with database.reading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        empty = found is None and not inspect(connection).get_table_names()
    if empty:
        upgrade(database)
        return
    _refuse_foreign(found, database)
    if found != _scripts().get_current_head():
        raise StoreError(f"the database has an older schema; run `digest db upgrade`: {database.place}")


def upgrade(database: Database) -> None:
    """Bring the schema up to date; does nothing if it is. StoreError if it is newer, or somebody else's."""
    with database.writing() as connection:
        if database.is_postgres:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None or inspect(connection).get_table_names():
            _refuse_foreign(found, database)
        command.upgrade(_config(connection), "head")


def _refuse_foreign(found: str | None, database: Database) -> None:
    if found is None:
        raise StoreError(f"the database holds tables that are not ours; name another: {database.place}")
    if found not in {script.revision for script in _scripts().walk_revisions()}:
        raise StoreError(
            f"the database was made by a newer version (schema {found}); upgrade daily-digest: {database.place}"
        )


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


def _config(connection: Connection | None) -> Config:
    # Whatever Alembic would print goes nowhere: stdout is for results.
    config = Config(stdout=io.StringIO(), attributes={"connection": connection})
    config.set_main_option("script_location", "digest.store:migrations")
    return config
