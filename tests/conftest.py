"""What every test shares: captured data, a browser, and an environment without DIGEST_ variables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from databases import postgres_server
from playwright.sync_api import Browser, sync_playwright

#: No name leads anywhere, so that no test can reach the outside.
LOOPBACK_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
ROOT = Path(__file__).parent.parent


# How long an example takes says how busy the machine is; timings are for benchmarks.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--examples", type=int, default=15, help="examples of each delivery's life; in full, 500"
    )


@pytest.fixture(autouse=True)
def _no_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("DIGEST_") and n != "DIGEST_SHARED"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The captured documents; tests that need them skip where they are absent."""
    folder = Path(os.environ.get("DIGEST_SHARED") or ROOT.parent / "shared")
    if not (folder / "feeds" / "MANIFEST.tsv").is_file():
        pytest.skip("captured data is absent: set DIGEST_SHARED or put it at ../shared")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server that is ours alone."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium, the one of the operating system; tests that need it skip where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking", LOOPBACK_ONLY]
        chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()
