"""`digest dkim`: the record, as a zone file or a resolver's owner wants it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

KEY = rsa.generate_private_key(65537, 2048).private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
)
SETTINGS = '[mail]\nfrom = "papers@example.org"\ndkim_key = "dkim.pem"\ndkim_selector = "s2026"\n'


def digest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "digest", "--config", str(folder / "digest.toml"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_record_is_printed_in_strings_that_the_dns_can_hold(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "dkim.pem").write_bytes(KEY)
    shown = digest(tmp_path, "dkim").stdout
    report = json.loads(digest(tmp_path, "dkim", "--json").stdout)
    strings = re.findall(r'"([^"]*)"', shown)
    assert shown.startswith("s2026._domainkey.example.org. IN TXT ( ")
    assert "".join(strings) == report["value"]
    assert max(map(len, strings)) <= 255
    assert report["value"].startswith("v=DKIM1; k=rsa; p=")
    assert (report["name"], report["type"]) == ("s2026._domainkey.example.org", "TXT")


def test_without_a_key_or_with_a_bad_one_a_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").touch()
    without = digest(tmp_path, "dkim")
    (tmp_path / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    bad = digest(tmp_path, "dkim")
    assert (without.returncode, bad.returncode) == (2, 2)
    assert (without.stdout, bad.stdout) == ("", "")
    assert without.stderr.count("\n") == bad.stderr.count("\n") == 1
