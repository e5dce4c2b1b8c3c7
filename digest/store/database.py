"""The connection: engine, pragmas, what SQLite and PostgreSQL do differently, and errors in a user's words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from digest.errors import ConfigError, StoreError
from digest.model import Shard, Some

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

#: How long a SQLite connection waits for another writer, unless the URL says `?timeout=SECONDS`.
BUSY_SECONDS = 5.0

#: Bound values of one IN list; SQLite takes 32,766 a statement, PostgreSQL 65,535.
CHUNK = 10_000

#: How much of a file is searched at once.
SEARCHED = 1 << 20

#: SQLite's result codes that speak of the file or of another process, not of a defect of ours.
UNUSABLE = (
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_NOTADB",
    "SQLITE_CORRUPT",
)


class Database:
    """One database and its pool of connections; may be shared by threads."""

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.is_postgres = self.url.get_backend_name() == "postgresql"
        self._engine = _postgres(self.url) if self.is_postgres else _sqlite(self.url)
        # A reading transaction sees one instant on either database; SQLite's BEGIN does so by itself.
        snapshot = {"isolation_level": "REPEATABLE READ"} if self.is_postgres else {"begin": "BEGIN"}
        self._reader = self._engine.execution_options(**snapshot)
        #: SQLite has whoever waits for its one writer sleep ever longer; our own threads need not.
        self._turn = contextlib.nullcontext() if self.is_postgres else threading.RLock()
        self._waiting: deque[tuple[Future[Any], Callable[[Connection], Any]]] = deque()

    @property
    def place(self) -> str:
        """Where it is, for a message: the SQLite path, or the URL without its password."""
        return (
            self.url.render_as_string(hide_password=True)
            if self.is_postgres
            else self.url.database or ":memory:"
        )

    @property
    def conninfo(self) -> str:
        """PostgreSQL's URL as libpq takes it, password and all."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def begin_file(self) -> None:
        """Make SQLite's file if it is not there, for its owner alone: it will hold every address, and the secret."""
        if not self.is_postgres and not self.is_there():
            with contextlib.suppress(OSError):  # SQLite says better what is in the way
                Path(str(self.url.database)).touch(mode=0o600)

    def is_there(self) -> bool:
        """Whether there is a database to connect to without making it; of PostgreSQL, only connecting tells."""
        path = self.url.database
        unnamed = path in {None, "", ":memory:"} or str(path).startswith("file:")
        return self.is_postgres or unnamed or Path(str(path)).exists()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, as of one instant. Raises StoreError if the database cannot be used."""
        with self._in_words(), self._reader.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it or nothing. On SQLite it is the only writer from its start."""
        with self._in_words(), self._turn, self._engine.begin() as connection:
            yield connection

    def together(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns of a transaction that writes, shared with all others that wait for their turn by then.

        Many small changes cost one commit, which is what a disk takes longest for. Each is all or nothing by itself:
        one that raises is undone alone. PostgreSQL commits together what comes together by itself.
        """
        if self.is_postgres:
            with self.writing() as connection:
                return work(connection)
        mine: Future[T] = Future()
        self._waiting.append((mine, work))
        with self._in_words():
            with self._turn:
                if not mine.done():
                    self._work_off()
            return mine.result()

    def _work_off(self) -> None:
        """Do what waits, in one transaction, and tell each what came of it."""
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            with self._engine.begin() as connection:
                told = [_worked_off(connection, *one) for one in waiting]
        except BaseException as error:
            for future, _ in waiting:
                future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for tell in told:
                tell()

    @contextlib.contextmanager
    def alone(self) -> Iterator[Connection]:
        """A transaction on SQLite while nobody else has the file open; StoreError if somebody has."""
        with self._in_words(), self._engine.connect() as connection:
            driver = _driver(connection)
            try:
                driver.execute("PRAGMA journal_mode=DELETE")  # which only who is alone can leave the log for
            except sqlite3.OperationalError:
                raise StoreError(
                    f"the database is in use; stop `serve`, cron and whoever else is at it: {self.place}"
                ) from None
            try:
                with connection.execution_options(begin="BEGIN EXCLUSIVE").begin():
                    yield connection
            finally:
                driver.execute("PRAGMA journal_mode=WAL")

    def scrub(self, words: Collection[str] = ()) -> None:
        """Empty SQLite's write-ahead log; and leave none of these deleted words in its file, as far as we are alone.

        What is deleted is overwritten (`secure_delete`), but where a page was balanced its unused part may hold a
        copy of a row that moved. That is rare, so the file is searched, and only then written anew. Whoever reads or
        writes just now may prevent either; nothing is lost by that.
        """
        path = self.url.database
        if self.is_postgres or path in {None, "", ":memory:"}:
            return
        with contextlib.closing(self._engine.raw_connection()) as pooled, _patient_only():
            connection = pooled.cursor()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if holds(Path(str(path)), words):
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def own_connection(self) -> Iterator[psycopg.Connection]:
        """A connection of PostgreSQL outside the pool, each statement of which is a transaction."""
        import psycopg  # noqa: PLC0415 (an extra that SQLite does without)

        try:
            connection = psycopg.connect(self.conninfo, autocommit=True)
        except psycopg.Error as error:
            said = str(error).strip().partition("\n")[0]
            raise StoreError(f"cannot use the database ({said}): {self.place}") from error
        with contextlib.closing(connection):
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def octets(self) -> int:
        """How large it is: SQLite's file without its log, or all of PostgreSQL's database."""
        size = (
            "SELECT pg_database_size(current_database())"
            if self.is_postgres
            else "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        )
        with self.reading() as connection:
            return int(connection.execute(text(size)).scalar_one())

    def check_sound(self) -> None:
        """StoreError if SQLite finds its file damaged; reads all of it. PostgreSQL looks after itself."""
        if self.is_postgres:
            return
        with self.reading() as connection:
            said = str(connection.execute(text("PRAGMA quick_check(1)")).scalar_one())
        if said != "ok":
            raise StoreError(f"the database is damaged ({said}); restore a backup: {self.place}")

    def copy(self, path: Path, finish: Callable[[Database], None]) -> None:
        """Write a consistent copy to that file, whole or not at all, once `finish` is done with it. SQLite only."""
        if self.is_postgres:
            raise StoreError(f"PostgreSQL is backed up with pg_dump: {self.place}")
        part = path.with_name(f"{path.name}.part")
        try:
            part.unlink(missing_ok=True)
            part.touch(mode=0o600)  # it holds everybody's address, and the secret
            with self.reading() as connection, contextlib.closing(sqlite3.connect(part)) as target:
                _driver(connection).backup(target)
            copied = Database(f"sqlite:///{part}")
            try:
                finish(copied)
            finally:
                copied.close()
            os.replace(part, path)  # noqa: PTH105 (the one that is known to be atomic)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot write the copy ({error}): {path}") from error

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """Say as StoreError what the user can mend; let a defect of ours be loud."""
        try:
            yield
        except DBAPIError as error:
            message = self._message(error)
            if message is None:
                raise
            raise StoreError(message) from error
        except PoolTimeoutError as error:
            raise StoreError(f"all connections to the database are busy; try again: {self.place}") from error

    def _message(self, error: DBAPIError) -> str | None:
        said = str(error.orig).strip().partition("\n")[0]
        if self.is_postgres:
            usable = not isinstance(error, OperationalError)
            return None if usable else f"cannot use the database ({said}): {self.place}"
        code = getattr(error.orig, "sqlite_errorname", "")
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return f"the database is locked by another process; try again: {self.place}"
        if code.startswith("SQLITE_CANTOPEN") and not Path(self.place).parent.is_dir():
            said = "the directory does not exist"
        return f"cannot open the database ({said}): {self.place}" if code.startswith(UNUSABLE) else None


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT; both databases spell it alike, SQLAlchemy has it per dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def lock(connection: Connection, table: Table) -> None:
    """Let no other transaction write to that table before this one ends; on SQLite none can anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def among(subscriber: Column[str], some: Some) -> tuple[ColumnElement[bool], ...]:
    """That the subscriber of a row is one of these."""
    match some:
        case None:
            return ()
        case str():
            return (subscriber == some,)
        case Shard(first=first, end=""):
            return (subscriber >= first,)
        case Shard(first=first, end=end):
            return (subscriber >= first, subscriber < end)


def _worked_off(
    connection: Connection, future: Future[T], work: Callable[[Connection], T]
) -> Callable[[], None]:
    """Do it, or nothing of it; the outcome is told by what is returned, once all is committed."""
    # Past SQLAlchemy, whose savepoint takes longer than all else that a small change does.
    driver = _driver(connection)
    driver.execute("SAVEPOINT one")
    try:
        found = work(connection)
    except Exception as error:  # noqa: BLE001 (whoever waits for it raises it)
        driver.execute("ROLLBACK TO one")
        return partial(future.set_exception, error)
    driver.execute("RELEASE one")
    return partial(future.set_result, found)


def holds(path: Path, words: Collection[str]) -> bool:
    """Whether a file holds one of these words, in upper or lower case."""
    wanted = [word.lower().encode() for word in words if word]
    kept = max(map(len, wanted), default=0)
    end = b""  # a word may lie across two blocks
    with path.open("rb") as file:
        while wanted and (block := file.read(SEARCHED)):
            searched = end + block.lower()
            if any(word in searched for word in wanted):
                return True
            end = searched[-kept:]
    return False


@contextlib.contextmanager
def _patient_only() -> Iterator[None]:
    """Let it be if somebody else is at SQLite's file for longer than we wait."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise


def chunks(values: Collection[T]) -> Iterator[list[T]]:
    """The values in lists that fit one statement; none at all if there are none."""
    held = list(values)
    for start in range(0, len(held), CHUNK):
        yield held[start : start + CHUNK]


def _parsed(given: str) -> URL:
    try:
        url = make_url(given)
    except ArgumentError:
        url = None
    drivers = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
    name = url and drivers.get(url.drivername, url.drivername)
    if url is None or name not in drivers.values():
        # The URL itself is not shown: it may hold a password.
        shown = given.partition(":")[0]
        raise ConfigError(f"database.url is sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME: {shown!r}")
    return url.set(drivername=name)


def _postgres(url: URL) -> Engine:
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise StoreError("PostgreSQL needs psycopg: pip install 'daily-digest[postgres]'") from error


def _sqlite(url: URL) -> Engine:
    # A database in memory lives as long as its one connection, which all threads take turns with.
    memory = url.database in {None, "", ":memory:"}
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=1 if memory else 5,
        max_overflow=0 if memory else 45,  # as many as threads may ask at once
        connect_args={"check_same_thread": False}
        | ({} if "timeout" in url.query else {"timeout": BUSY_SECONDS}),
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: sqlite3.Connection, record: Any) -> None:  # noqa: ARG001 (SQLAlchemy's signature)
    # SQLAlchemy's recipe for sqlite3: the driver's own idea of transactions is off, `_begin` begins them.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten
    _turn_to_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")


def _turn_to_wal(connection: sqlite3.Connection) -> None:
    """Turn on the write-ahead log. SQLite itself does not wait here for others that open the file, so we do."""
    [patience] = connection.execute("PRAGMA busy_timeout").fetchone()
    deadline = time.monotonic() + patience / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    # Past SQLAlchemy, which takes longer to say this than SQLite to do it.
    driver = _driver(connection)
    begin = connection.get_execution_options().get("begin", "BEGIN IMMEDIATE")
    try:
        driver.execute(begin)
    except sqlite3.Error as error:
        raise OperationalError(begin, None, error) from error


def _driver(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection to SQLite."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
