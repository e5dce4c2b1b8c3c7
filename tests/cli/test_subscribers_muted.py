"""Authors of whom nothing is to be seen, on the command line as on the settings page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

READER = "vision@example.org"


def digest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "digest.toml").write_text("", encoding="utf-8")
    command = [sys.executable, "-m", "digest", "--config", str(folder / "digest.toml"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def muted(folder: Path) -> list[str]:
    found: list[str] = json.loads(digest(folder, "subscribers", "show", READER, "--json").stdout)["muted"]
    return found


def test_authors_are_muted_replaced_left_and_heard_again(tmp_path: Path) -> None:
    assert digest(tmp_path, "subscribers", "add", READER, "--mute", " Ada  Nobody ").returncode == 0
    assert muted(tmp_path) == ["Ada Nobody"]
    assert "Ada Nobody" in digest(tmp_path, "subscribers", "show", READER).stdout

    digest(tmp_path, "subscribers", "update", READER, "--mute", "Bo Nobody", "--mute", "Cy Nobody")
    assert muted(tmp_path) == ["Bo Nobody", "Cy Nobody"]
    digest(tmp_path, "subscribers", "update", READER, "--papers", "5")
    assert muted(tmp_path) == ["Bo Nobody", "Cy Nobody"]

    refused = digest(tmp_path, "subscribers", "update", READER, "--papers", "7", "--mute", "x" * 301)
    assert refused.returncode == 2
    assert json.loads(digest(tmp_path, "subscribers", "show", READER, "--json").stdout)["papers"] == 5
    assert muted(tmp_path) == ["Bo Nobody", "Cy Nobody"]

    digest(tmp_path, "subscribers", "update", READER, "--mute", "")
    assert muted(tmp_path) == []
