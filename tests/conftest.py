"""What every test shares: captured data, where it is, and an environment without DIGEST_ variables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


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
