"""`digest bounces read` from outside: the report, the exit code, and what the mailbox is like afterwards."""

from __future__ import annotations

import json
import mailbox
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from factories import a_plan, a_subscriber
from letters import letter

from digest import config
from digest.service import open_service

NOW = "2026-04-10T12:00:00Z"
READER = a_subscriber(id="0123456789abcdef")


def digest(folder: Path, *arguments: str, pipe: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "digest", "--config", str(folder / "digest.toml"), *arguments]
    return subprocess.run(command, capture_output=True, input=pipe, check=False, timeout=120)


@pytest.fixture
def sender(tmp_path: Path) -> str:
    """The envelope's sender of a digest that was mailed from an installation in that folder."""
    (tmp_path / "digest.toml").write_text(
        '[mail]\nbounce_address = "bounces@example.org"\n', encoding="utf-8"
    )
    with open_service(config.load(tmp_path / "digest.toml", {})) as day:
        day.store.subscribers.add(READER)
        plan = replace(a_plan(READER), edition=None)
        day.store.outbox.enqueue([plan])
        return day.letterhead.envelope(plan)


def test_a_maildir_is_read_reported_and_put_away(tmp_path: Path, sender: str) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    for name in ("postfix-5.1.1", "yahoo-554", "auto-reply", "a-person"):
        box.add(letter(name, sender))
    box.add(letter("gmail-5.1.1", "bounces+forged@example.org"))
    done = digest(tmp_path, "bounces", "read", str(tmp_path / "box"), "--json", "--now", NOW)
    report = json.loads(done.stdout)
    left = report.pop("left")
    assert {key: value for key, value in report.items() if value} == {
        "read": 5, "hard": 1, "policy": 1, "idle": 1, "forged": 1, "unknown": 1, "suppressed": 1,
    }  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.decode() == f"digest: not understood: {left[0]}\n"
    assert list((tmp_path / "box" / "new").iterdir()) == []
    unseen = [path.name for path in (tmp_path / "box" / "cur").iterdir() if path.name.endswith(":2,")]
    assert unseen == [f"{left[0]}:2,"]

    again = digest(tmp_path, "bounces", "read", str(tmp_path / "box"), "--now", NOW)
    assert (again.returncode, again.stdout.split()[:2]) == (0, [b"0", b"read,"])


def test_a_pipe_is_read_twice_and_counts_once(tmp_path: Path, sender: str) -> None:
    raw = letter("postfix-5.1.1", sender)
    one, two = (digest(tmp_path, "bounces", "read", "-", "--now", NOW, pipe=raw) for _ in range(2))
    assert (one.returncode, two.returncode) == (0, 0)
    assert "hard" in one.stdout.decode()
    assert one.stdout.decode().endswith("1 read, 1 suppressed, 0 unsubscribed\n")
    assert two.stdout.decode().endswith("1 read, 0 suppressed, 0 unsubscribed\n")
    assert sender not in one.stderr.decode()

    shown = digest(tmp_path, "subscribers", "show", READER.address).stdout.decode()
    assert shown.count("5.1.1") == 1

    removed = digest(tmp_path, "suppressions", "remove", READER.address)
    assert "subscribers resume vision@example.org" in removed.stderr.decode()


def test_what_is_not_there_is_wrong_usage(tmp_path: Path, sender: str) -> None:
    done = digest(tmp_path, "bounces", "read", str(tmp_path / "nowhere"))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1


def test_without_a_bounce_address_it_says_why_nothing_is_matched(tmp_path: Path, sender: str) -> None:
    (tmp_path / "digest.toml").write_text("", encoding="utf-8")
    done = digest(tmp_path, "bounces", "read", "-", pipe=letter("postfix-5.1.1", sender))
    assert done.returncode == 0
    assert b"mail.bounce_address" in done.stderr
