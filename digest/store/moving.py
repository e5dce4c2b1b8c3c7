"""From SQLite to PostgreSQL: every row of every table, compared with what was read before anything is kept.

All of it is one transaction of the target, its tables included: whatever fails leaves it as empty as it was. The source
is nobody else's meanwhile, and is not changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, Table, exists, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from digest.errors import StoreError
from digest.model import DeliveryState
from digest.store import migrate
from digest.store.database import Database
from digest.store.schema import metadata, outbox

#: Rows that are read and written at once.
BLOCK = 1_000


def move(source: Database, target: Database) -> Mapping[str, int]:
    """Copy a SQLite database into an empty PostgreSQL; how many rows each table has.

    StoreError, with nothing written, if the source is in use, has messages on their way or an older schema, or if the
    target holds anything or does not hold in the end what the source does.
    """
    if source.is_postgres or not Path(source.place).is_file():
        raise StoreError(f"only a file of SQLite can be moved: {source.place}")
    migrate.check(source)
    with source.alone() as old, target.writing() as new:
        if old.scalar(select(exists().where(outbox.c.state == DeliveryState.SENDING))):
            raise StoreError(f"messages are on their way; `digest run` settles them: {source.place}")
        if inspect(new).get_table_names():
            raise StoreError(f"not empty; name a new database: {target.place}")
        migrate.bring_up(new)
        moved = {table.name: _moved(table, old, new) for table in metadata.sorted_tables}
        new.execute(text("ANALYZE"))
    return moved


def _moved(table: Table, old: Connection, new: Connection) -> int:
    chosen = select(table).execution_options(yield_per=BLOCK)
    try:
        for block in old.execute(chosen).mappings().partitions():
            new.execute(table.insert(), [dict(row) for row in block])
        _continue(table, old, new)
    except DBAPIError as error:
        said = str(error.orig).strip().partition("\n")[0]
        raise StoreError(f"PostgreSQL does not take a row ({said}): {table.name!r}") from error
    rows, sum_of_old = _fingerprint(table, old)
    if (rows, sum_of_old) != _fingerprint(table, new):
        raise StoreError(
            f"PostgreSQL holds something else than it was given; nothing was moved: {table.name!r}"
        )
    return rows


def _continue(table: Table, old: Connection, new: Connection) -> None:
    """Let the numbers that a table gives its rows go on where they were."""
    counted = table.autoincrement_column
    if counted is None:
        return
    last = old.scalar(select(func.max(counted))) or 0
    if table.dialect_options["sqlite"]["autoincrement"]:  # SQLite remembers numbers whose rows are gone
        given = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = max(last, old.scalar(given, {"name": table.name}) or 0)
    if last:
        sequence = func.pg_get_serial_sequence(table.name, counted.name)
        new.execute(select(func.setval(sequence, last)))


def _fingerprint(table: Table, connection: Connection) -> tuple[int, int]:
    """How many rows, and the sum of their hashes: the same for the same rows, in whatever order they come."""
    rows = total = 0
    for row in connection.execute(select(table).execution_options(yield_per=BLOCK)):
        rows += 1
        total += int.from_bytes(hashlib.sha256(repr(tuple(row)).encode()).digest())
    return rows, total
