"""The command line from outside: one line on stderr, the exit code of the contract, and nothing changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def digest(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "digest", "--config", str(folder / "digest.toml"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("subscribers", "add", "a\nBcc: b@example.org"),
        ("subscribers", "add", "a@example.org", "--timezone", "Mars/Base"),
        ("run", "--now", "yesterday"),
        ("fly",),
        ("run", "--quickly"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "digest.toml").touch()
    done = digest(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("digest: ")
    assert done.stderr.count("\n") == 1


LOGGING = """
import structlog
from digest.cli.console import log_to_stderr
log_to_stderr("warning")
def deliver(address):
    raise RuntimeError("it broke")
try:
    deliver("secret@example.org")
except RuntimeError:
    structlog.get_logger().exception("job failed")
"""


def test_a_traceback_in_the_log_shows_no_values() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOGGING], capture_output=True, text=True, check=True, timeout=60
    )
    assert "RuntimeError: it broke" in done.stderr
    assert "secret" not in done.stderr
