from __future__ import annotations

import datetime as dt
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from factories import NOON, PLAIN, a_mention, a_paper, a_subscriber
from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.exc import StatementError

from digest.errors import ConfigError, StoreError, UsageError
from digest.model import Resolved, Subscriber
from digest.store import Store, open_store, upgrade
from digest.store.schema import metadata


def test_the_migrations_lead_to_the_schema(url: str):
    open_store(url).close()
    engine = create_engine(url)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        # Alembic does not compare these.
        for table in metadata.tables.values():
            wanted = {
                str(check.name) for check in table.constraints if type(check).__name__ == "CheckConstraint"
            }
            assert {
                check["name"] for check in inspect(connection).get_check_constraints(table.name)
            } == wanted
            on_delete = {str(key.parent.name): key.ondelete for key in table.foreign_keys}
            found = inspect(connection).get_foreign_keys(table.name)
            assert {k["constrained_columns"][0]: k["options"].get("ondelete") for k in found} == on_delete
    engine.dispose()


def test_a_new_file_is_its_owners_alone(tmp_path: Path):
    for name, begin in (("opened", lambda url: open_store(url).close()), ("upgraded", upgrade)):
        begin(f"sqlite:///{tmp_path / name}")
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_upgrading_twice_is_the_same_as_once(url: str, capsys: pytest.CaptureFixture[str]):
    upgrade(url)
    upgrade(url)

    with open_store(url) as store:
        assert store.papers.changes() == 0
    assert capsys.readouterr().out == ""


def test_what_was_written_is_there_after_reopening(url: str):
    with open_store(url) as store:
        secret = store.secret()
        store.subscribers.add(a_subscriber())

    with open_store(url) as store:
        assert store.secret() == secret
        assert store.subscribers.get("s-vision") == a_subscriber()


def _set_schema(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()


@pytest.mark.parametrize("use", [open_store, upgrade])
def test_a_database_of_a_newer_version_is_refused(url: str, use: Callable[[str], object]):
    open_store(url).close()
    _set_schema(url, "9999")

    with pytest.raises(StoreError, match=r"made by a newer version \(schema 9999\); upgrade daily-digest: "):
        use(url)


@pytest.mark.parametrize("use", [open_store, upgrade])
def test_a_database_with_other_tables_is_left_alone(url: str, use: Callable[[str], object]):
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (x INTEGER)"))

    with pytest.raises(StoreError, match="tables that are not ours"):
        use(url)

    assert inspect(engine).get_table_names() == ["theirs"]
    engine.dispose()


def test_two_processes_that_make_the_database_at_once_both_get_it(url: str):
    secrets: list[str] = []

    def start() -> None:
        with open_store(url) as store:
            secrets.append(store.secret())

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(secrets) == 4
    assert len(set(secrets)) == 1


def test_a_database_that_another_process_is_writing_to_says_so(sqlite_url: str, tmp_path: Path):
    with open_store(f"{sqlite_url}?timeout=0.05") as store:
        other = sqlite3.connect(tmp_path / "digest.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(StoreError, match=r"^the database is locked by another process; try again: /"):
                store.subscribers.add(a_subscriber())
            assert store.subscribers.list() == []  # reading goes on
        finally:
            other.close()

        store.subscribers.add(a_subscriber())


def test_a_directory_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(
        StoreError, match=r"^cannot open the database \(the directory does not exist\): .*/no/"
    ):
        open_store(f"sqlite:///{tmp_path}/no/digest.db")


def test_a_database_that_may_only_be_read_is_refused_when_written_to(sqlite_url: str, tmp_path: Path):
    open_store(sqlite_url).close()

    with (
        open_store(f"sqlite:///file:{tmp_path}/digest.db?mode=ro&uri=true") as store,
        pytest.raises(StoreError, match=r"^cannot open the database \(.*readonly database\): "),
    ):
        store.subscribers.add(a_subscriber())


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "digest.db").write_bytes(b"Dear diary, " * 200)

    with pytest.raises(StoreError, match=r"^cannot open the database \(file is not a database\): "):
        open_store(f"sqlite:///{tmp_path}/digest.db")


def test_a_password_is_in_no_message():
    with pytest.raises(StoreError) as refused:
        open_store("postgresql+psycopg://digest:tiger@127.0.0.1:1/digest")

    assert "tiger" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "127.0.0.1:1/digest" in str(refused.value)


@pytest.mark.parametrize("wrong", ["mysql://x:tiger@y/z", "digest.db", "", "oracle+x://tiger"])
def test_another_kind_of_database_is_refused(wrong: str):
    with pytest.raises(ConfigError, match=r"database\.url is sqlite:///FILE or postgresql") as refused:
        open_store(wrong)

    assert "tiger" not in str(refused.value)


def test_sqlite_is_durable_and_keeps_foreign_keys(sqlite_url: str):
    with open_store(sqlite_url) as store, store._database.writing() as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() for pragma in pragmas]

    assert found == ["wal", 2, 1, 5000]


def test_a_database_in_memory_is_one_for_all_threads():
    with open_store("sqlite://") as store:
        thread = threading.Thread(target=lambda: store.subscribers.add(a_subscriber()))
        thread.start()
        thread.join()

        assert store.subscribers.get("s-vision") == a_subscriber()


def test_an_instant_without_a_zone_is_refused(store: Store):
    naive = a_paper(published=dt.datetime(2026, 4, 10, 12))  # noqa: DTZ001 (it is what is refused)

    with pytest.raises(StatementError, match="an instant needs a time zone"):
        store.papers.save(Resolved(papers=(naive,), mentions=(), joined={}), NOON)

    assert store.papers.list(None) == []


def test_an_instant_of_another_zone_comes_back_in_utc(store: Store):
    berlin = NOON.astimezone(dt.timezone(dt.timedelta(hours=2))).replace(microsecond=7)
    paper = a_paper(published=berlin)
    store.papers.save(Resolved(papers=(paper,), mentions=(a_mention(paper),), joined={}), NOON)

    found = store.papers.get(paper.id)

    assert found is not None
    assert found[0].published == NOON.replace(microsecond=7)
    assert found[0].published.tzinfo is dt.UTC


def test_a_transaction_that_fails_leaves_nothing_behind(store: Store):
    unknown = a_mention(a_paper(99))

    with pytest.raises(Exception, match=r"(?i)foreign key"):
        store.papers.save(Resolved(papers=(a_paper(),), mentions=(unknown,), joined={}), NOON)

    assert store.papers.list(None) == []
    assert store.papers.changes() == 0


def test_a_backup_is_a_whole_database(sqlite_url: str, tmp_path: Path):
    with open_store(sqlite_url) as store:
        store.subscribers.add(a_subscriber())
        store.backup(tmp_path / "copy.db", NOON)
        store.persons.erase("s-vision", PLAIN, NOON, NOON)

    with open_store(f"sqlite:///{tmp_path / 'copy.db'}") as copy:
        assert copy.subscribers.get("s-vision") == a_subscriber()
    assert not (tmp_path / "copy.db.part").exists()


def test_a_backup_to_nowhere_is_refused(sqlite_url: str, tmp_path: Path):
    with open_store(sqlite_url) as store, pytest.raises(StoreError, match="cannot write the copy"):
        store.backup(tmp_path / "no" / "copy.db", NOON)


def test_a_backup_of_postgresql_is_pg_dumps(postgres_url: str, tmp_path: Path):
    with open_store(postgres_url) as store, pytest.raises(StoreError, match="pg_dump"):
        store.backup(tmp_path / "copy.db", NOON)


def test_changes_that_come_at_once_share_a_commit_and_fail_alone(tmp_path: Path):
    with open_store(f"sqlite:///{tmp_path / 'digest.db'}") as store:
        readers = [a_subscriber(f"reader{number}") for number in range(8)]
        for reader in readers:
            store.subscribers.add(reader)
        bad, commits = readers[3].id, []

        def leave(reader: Subscriber) -> Subscriber | None:
            def decide(current: Subscriber) -> Subscriber:
                if current.id == bad:
                    raise UsageError("not that one")
                return replace(current, name="changed")

            return store.subscribers.change(reader.id, decide, NOON)

        with ThreadPoolExecutor(len(readers)) as threads:
            with store._database.writing():  # until all of them wait
                asked = [threads.submit(leave, reader) for reader in readers]
                while len(store._database._waiting) < len(readers):
                    assert not any(one.done() for one in asked)
                    time.sleep(0.001)
                event.listen(store._database._engine, "commit", commits.append)
            told = [one.exception() or one.result() for one in asked]

        assert len(commits) == 2  # whose turn it was, and theirs
        assert [type(one) for one in told] == [UsageError if r.id == bad else Subscriber for r in readers]
        names = {reader.id: store.subscribers.get(reader.id).name for reader in readers}
        assert names == {r.id: r.name if r.id == bad else "changed" for r in readers}
