"""What subscribers agreed to, on the command line: imported, shown, exported, imported again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

NOW = "2026-04-16T10:00:00Z"
LIST = """\
address,confirmed,consent_at,consent_source
vision@example.org,yes,2024-02-29,the form of the old list
robots@example.org,yes,,
"""


def digest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    (folder / "digest.toml").write_text('[site]\nurl = "https://digest.example.org"\n', encoding="utf-8")
    command = [sys.executable, "-m", "digest", "--config", str(folder / "digest.toml"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_list_brings_its_consents_along_and_gives_them_back(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    done = digest(here, "subscribers", "import", str(tmp_path / "list.csv"), "--now", NOW)
    assert done.stdout == "2 added (1 of them asked by mail to confirm), 0 already known\n"

    shown = json.loads(digest(here, "subscribers", "show", "vision@example.org", "--json").stdout)
    (consent,) = shown["consents"]
    assert (shown["state"], consent["method"], consent["wording"]) == (
        "confirmed",
        "import",
        "the form of the old list",
    )
    assert (consent["at"], consent["confirmed_at"]) == (NOW, "2024-02-29T00:00:00Z")
    assert "the form of the old list" in digest(here, "subscribers", "show", "vision@example.org").stdout

    exported = digest(here, "subscribers", "export").stdout
    (tmp_path / "list.csv").write_text(exported, encoding="utf-8")
    done = digest(elsewhere, "subscribers", "import", str(tmp_path / "list.csv"), "--now", NOW)
    assert done.stdout.startswith("2 added (1 of them asked")
    again = json.loads(digest(elsewhere, "subscribers", "show", "vision@example.org", "--json").stdout)
    assert again["consents"] == shown["consents"]
