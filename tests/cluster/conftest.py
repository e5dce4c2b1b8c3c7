"""An installation whose work is handed to workers, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.house import House
from databases import new_database

from digest.cluster import queue
from digest.config import Settings
from digest.service import open_service


@pytest.fixture
def url(postgres: str) -> Iterator[str]:
    with new_database(postgres) as url:
        yield url


@pytest.fixture
def house(tmp_path: Path, url: str) -> Iterator[House]:
    """One whose messages become files."""
    settings = Settings.model_validate(
        {
            "site": {"url": "https://digest.example.org", "secret": "cluster"},
            "database": {"url": url},
            "cluster": {"enabled": True, "shard_size": 2},
            "directory": tmp_path,
        }
    )
    with open_service(settings) as day, queue(url) as opened:
        yield House(day, opened, url)
