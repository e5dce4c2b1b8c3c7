"""A SQLite database becomes a PostgreSQL one: every row of every table, or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from factories import NOON, a_subscriber
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Double,
    Enum,
    Integer,
    LargeBinary,
    NullPool,
    String,
    Table,
    Time,
    create_engine,
    inspect,
    select,
    text,
)

from digest.errors import StoreError
from digest.store import move, open_store
from digest.store.database import Database
from digest.store.schema import UtcDateTime, metadata, outbox

ROWS = 7
#: More than one block of a table.
MANY = 2_500


def value(column: Column[object], number: int) -> object:
    """What stands in a column of the row of that number; what a row refers to has its number too."""
    if column.foreign_keys:
        (link,) = column.foreign_keys
        return value(link.column, number)
    match column.type:
        case Boolean():
            return bool(number % 2)
        case Enum(enum_class=words):
            return list(words)[number % len(words)]
        case Integer():
            return number
        case Double():
            return number / 3
        case LargeBinary():
            return bytes([number % 256, 0, 255])
        case Date():
            return NOON.date() + dt.timedelta(days=number)
        case Time():
            return dt.time(number % 24, 30)
        case UtcDateTime():
            return NOON + dt.timedelta(microseconds=number)
        case String(length=length):
            return f"{number} {column.name} – ∑ 論文 ' \\ %"[:length]
    raise AssertionError(f"say what stands in {column}")


def row(table: Table, number: int) -> dict[str, object]:
    made = {column.name: value(column, number) for column in table.columns}
    if table is outbox:
        made |= {"state": "planned", "owner": None}
    if table.name == "subscribers":
        made |= {"left_at": None, "name": ""}
    return made


@pytest.fixture
def source(sqlite_url: str) -> str:
    """A SQLite database with rows in every table, of which the events' last ones are gone."""
    open_store(sqlite_url).close()
    engine = create_engine(sqlite_url, poolclass=NullPool)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
            number = MANY if table.name == "subscribers" else ROWS
            connection.execute(table.insert(), [row(table, n) for n in range(1, number + 1)])
        connection.execute(text("DELETE FROM webhook_events WHERE event > 5"))
        connection.execute(text("DELETE FROM events WHERE id > 5"))
    return sqlite_url


def rows(url: str) -> Iterator[tuple[str, list[str]]]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        for table in metadata.sorted_tables:
            yield table.name, sorted(repr(tuple(one)) for one in connection.execute(select(table)))


def tables(url: str) -> list[str]:
    return inspect(create_engine(url, poolclass=NullPool)).get_table_names()


def test_every_row_of_every_table_is_there(source: str, postgres_url: str) -> None:
    before = dict(rows(source))
    assert {name for name, some in before.items() if some} == set(metadata.tables)

    moved = move(source, postgres_url)

    assert moved == {name: len(some) for name, some in before.items()}
    assert moved["subscribers"] == MANY
    assert dict(rows(postgres_url)) == before == dict(rows(source))


def test_the_numbers_of_rows_go_on_where_they_were(source: str, postgres_url: str) -> None:
    move(source, postgres_url)

    with create_engine(postgres_url, poolclass=NullPool).begin() as connection:
        for table in metadata.sorted_tables:
            if (counted := table.autoincrement_column) is not None:
                made = row(table, 900) | {
                    link.parent.name: value(link.column, 1) for link in table.foreign_keys
                }
                del made[counted.name]
                number = connection.execute(table.insert().returning(counted), made).scalar_one()
                assert number == ROWS + 1, table.name  # also where the last ones are gone


def test_what_was_moved_is_a_database_of_ours(source: str, postgres_url: str) -> None:
    move(source, postgres_url)

    with open_store(postgres_url) as store:
        store.subscribers.add(a_subscriber())
        assert store.secret() == store.secret()
    with open_store(source) as store, store._database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_target_that_holds_anything_is_refused_and_left_alone(source: str, postgres_url: str) -> None:
    with create_engine(postgres_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE TABLE theirs (id integer)"))

    with pytest.raises(StoreError, match="not empty; name a new database"):
        move(source, postgres_url)

    assert tables(postgres_url) == ["theirs"]


def test_a_source_that_somebody_has_open_is_refused(source: str, postgres_url: str) -> None:
    with open_store(source) as store:
        store.secret()
        with pytest.raises(StoreError, match="in use"):
            move(source, postgres_url)
    assert tables(postgres_url) == []

    assert move(source, postgres_url)


def test_nobody_gets_at_the_source_meanwhile(source: str) -> None:
    with Database(source).alone(), pytest.raises(StoreError, match="locked by another process"):
        open_store(f"{source}?timeout=0")

    open_store(source).close()


def test_a_source_with_messages_on_their_way_is_refused(source: str, postgres_url: str) -> None:
    with create_engine(source, poolclass=NullPool).begin() as connection:
        sending = {"state": "sending", "owner": "here:1:2:3", "next_attempt_at": None}
        connection.execute(outbox.update().where(outbox.c.id == 3).values(sending))

    with pytest.raises(StoreError, match="on their way"):
        move(source, postgres_url)
    assert tables(postgres_url) == []


@pytest.mark.parametrize("missing", ["", "nowhere.db"])
def test_a_source_that_is_no_file_is_refused(missing: str, tmp_path, postgres_url: str) -> None:
    with pytest.raises(StoreError, match="only a file of SQLite can be moved"):
        move(f"sqlite:///{tmp_path / missing}" if missing else postgres_url, postgres_url)


def test_what_postgresql_cannot_hold_is_said_and_nothing_is_moved(source: str, postgres_url: str) -> None:
    with create_engine(source, poolclass=NullPool).begin() as connection:
        connection.execute(text("UPDATE subscribers SET name = 'a' || char(0) || 'b' WHERE id LIKE '17 %'"))

    with pytest.raises(StoreError, match=r"PostgreSQL does not take a row .*NUL.*'subscribers'"):
        move(source, postgres_url)
    assert tables(postgres_url) == []


def test_a_row_that_arrives_changed_is_found_and_nothing_is_moved(source: str, postgres_url: str) -> None:
    with create_engine(postgres_url, poolclass=NullPool).begin() as connection:
        connection.execute(text(CHANGES_A_ROW))

    with pytest.raises(StoreError, match=r"something else than it was given.*'asks'"):
        move(source, postgres_url)
    assert tables(postgres_url) == []


#: As soon as the table is made, one of its rows will be another.
CHANGES_A_ROW = """
CREATE FUNCTION another() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.id = 4 THEN NEW.key := 'another'; END IF; RETURN NEW; END $$;
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN
  IF to_regclass('asks') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'another') THEN
    CREATE TRIGGER another BEFORE INSERT ON asks FOR EACH ROW EXECUTE FUNCTION another();
  END IF;
END $$;
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION watch();
"""
