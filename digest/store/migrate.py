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
    database.begin_file()
    found, empty = _found(database)
    if empty:
        upgrade(database)
        return
    _refuse_foreign(found, database)
    if found != _scripts().get_current_head():
        raise StoreError(f"the database has an older schema; run `digest db upgrade`: {database.place}")


def is_there(database: Database) -> bool:
    """Whether it was begun by anybody; changes nothing."""
    return database.is_there() and not _found(database)[1]


def _found(database: Database) -> tuple[str | None, bool]:
    """The revision of its schema, if it has one, and whether it holds nothing at all."""
    with database.reading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        return found, found is None and not inspect(connection).get_table_names()


def upgrade(database: Database) -> None:
    """Bring the schema up to date; does nothing if it is. StoreError if it is newer, or somebody else's."""
    database.begin_file()
    with database.writing() as connection:
        if database.is_postgres:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None or inspect(connection).get_table_names():
            _refuse_foreign(found, database)
        bring_up(connection)


def bring_up(connection: Connection) -> None:
    """The same, inside a transaction, of a database that is ours or empty."""
    command.upgrade(_config(connection), "head")


def furnish(database: Database, namespace: str, version: str, script: str, *, anew: bool) -> None:
    """See that PostgreSQL's schema of that name is there, as the script makes it; its comment says which version."""
    with database.own_connection() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        chosen = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s"
        found = connection.execute(chosen, (namespace,)).fetchone()
        if found == (version,):
            return
        if found and not anew:
            raise StoreError(
                f"the queue is of another version ({found[0]}); stop all workers and run `digest db upgrade`: {database.place}"
            )
        making = (
            f"DROP SCHEMA IF EXISTS {namespace} CASCADE; CREATE SCHEMA {namespace};"
            f" SET LOCAL search_path TO {namespace}; {script};"
            f" COMMENT ON SCHEMA {namespace} IS '{version}'"
        )
        connection.execute(making.encode())


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
