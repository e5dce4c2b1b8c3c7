"""The contract's two databases: every test with `store` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import new_database
from sqlalchemy import NullPool, create_engine, text

from digest.store import Store, open_store
from digest.store.schema import metadata


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """An empty PostgreSQL database."""
    with new_database(postgres) as url:
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
    with new_database(postgres) as url:
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
