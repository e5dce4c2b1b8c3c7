"""`digest subscribers remove` from outside: it deletes as the reader can, and only they or a second thought undo it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

READER = "vision@example.org"


def digest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "digest", "--config", str(folder / "digest.toml"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_who_was_removed_is_not_confirmed_again_by_accident(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text("", encoding="utf-8")
    add = ("subscribers", "add", READER, "--confirmed")
    assert digest(tmp_path, *add).returncode == 0
    exported = digest(tmp_path, "subscribers", "export").stdout
    (tmp_path / "old.csv").write_text(exported, encoding="utf-8")

    assert digest(tmp_path, "subscribers", "remove", READER).stdout == "removed\n"
    for path in tmp_path.glob("digest.db*"):
        assert READER.encode() not in path.read_bytes()

    imported = digest(tmp_path, "subscribers", "import", str(tmp_path / "old.csv"))
    assert imported.stdout == "0 added, 1 already known\n"
    assert "subscribers left out" in imported.stderr
    refused = digest(tmp_path, *add)
    assert refused.returncode == 2
    assert "only its owner's confirmation brings it back" in refused.stderr
    assert json.loads(digest(tmp_path, "subscribers", "list", "--json").stdout) == []

    assert digest(tmp_path, "suppressions", "remove", READER).stdout == "removed\n"
    assert digest(tmp_path, *add).returncode == 0
