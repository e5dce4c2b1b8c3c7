"""Whoever runs it is told once, by mail and by ping, and nothing of any reader."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import structlog
from aiosmtpd.controller import Controller
from typer.testing import CliRunner

from digest import cli, config, operating
from digest.operating.pinging import Signal, ping
from digest.service import open_service

NOW = "2026-04-16T07:05:00Z"
TOMORROW = "2026-04-17T07:05:00Z"
SETTINGS = """
[site]
url = "https://digest.example.org"
[mail]
from = "Daily Digest <papers@example.org>"
[fetch]
allow_private_networks = true
[operating]
mail = "operator@example.net"
ping = "{ping}"
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "{sample}/huggingface/{{date}}.json"
"""


class Ear(BaseHTTPRequestHandler):
    """Hears pings."""

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.append((self.path, said))
        self.send_response(200 if self.server.listens else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ear() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    server.heard, server.listens = [], True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def digest(tmp_path: Path, ear: ThreadingHTTPServer):
    shutil.copytree(config.shipped("config", "sample"), tmp_path / "sample")
    url = f"http://127.0.0.1:{ear.server_port}/ping/secret-of-ours"
    (tmp_path / "digest.toml").write_text(SETTINGS.format(ping=url, sample=tmp_path / "sample"))

    def run(*arguments: str, log: str = "text") -> tuple[int, str, str]:
        command = ["--config", str(tmp_path / "digest.toml"), "--verbose", "--log", log, *arguments]
        done = CliRunner().invoke(cli.app, command)
        structlog.reset_defaults()  # the command logs to the runner's stderr, which is closed by now
        return done.exit_code, done.stdout, done.stderr

    return run


def letters(folder: Path) -> list[EmailMessage]:
    found = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted((folder / "outbox").rglob("*.eml"))
    ]
    return [mail for mail in found if "operator@example.net" in str(mail["To"])]


def test_a_day_is_reported_once_and_the_first_day_has_none_before_it(digest, tmp_path: Path) -> None:
    digest("subscribers", "add", "vision@example.org", "--confirmed", "--now", "2026-04-15T00:00:00Z")
    assert digest("run", "--now", NOW)[0] == 0
    assert letters(tmp_path) == []
    assert digest("run", "--now", TOMORROW)[0] == 0
    assert digest("run", "--now", TOMORROW)[0] == 0
    (report,) = letters(tmp_path)
    text = report.get_body(("plain",)).get_content()
    assert (
        report["Subject"] == "Thursday 16 April 2026: 1 sent, 0 failed"
        or "1 sent, 0 failed" in report["Subject"]
    )
    assert "Get digests: 1" in text
    assert "Confirmed: 0" in text
    assert "vision" not in report.as_string()
    assert report["List-Unsubscribe"] is None
    with open_service(config.load(tmp_path / "digest.toml", {})) as day:
        assert {one.plan.reader.address for one in day.store.outbox.list()} == {"vision@example.org"}


def test_what_is_broken_is_mailed_once_a_day_although_everything_is_held(digest, tmp_path: Path, ear) -> None:
    digest("subscribers", "add", "vision@example.org", "--confirmed", "--now", "2026-04-15T00:00:00Z")
    digest("outbox", "hold", "--now", NOW)
    for _ in range(2):
        assert digest("run", "--now", NOW)[0] == 0
    (alert,) = letters(tmp_path)
    assert alert["Subject"].startswith("Broken: Nothing is sent since")
    assert "digest outbox release" in alert.get_body(("plain",)).get_content()
    assert [path.rpartition("/")[2] for path, _ in ear.heard] == ["start", "fail"] * 2
    assert "1 waiting" in ear.heard[-1][1]
    digest("outbox", "release", "--now", NOW)
    assert digest("run", "--now", NOW)[0] == 0
    assert len(letters(tmp_path)) == 1
    assert ear.heard[-1] == ("/ping/secret-of-ours", "")


def test_a_rehearsal_tells_nobody(digest, tmp_path: Path, ear) -> None:
    digest("subscribers", "add", "vision@example.org", "--confirmed", "--now", "2026-04-15T00:00:00Z")
    assert digest("run", "--dry-run", "--now", NOW)[0] == 0
    assert ear.heard == []


def test_a_ping_that_is_not_heard_stops_nothing_and_its_address_is_in_no_log(digest, ear) -> None:
    ear.listens = False
    code, _, said = digest("run", "--now", NOW)
    assert code == 0
    assert "ping not heard" in said
    assert "secret-of-ours" not in said


def test_a_pass_that_fails_says_so_before_it_ends(digest, tmp_path: Path, ear) -> None:
    settings = config.load(tmp_path / "digest.toml", {})
    with open_service(settings) as day, pytest.raises(KeyboardInterrupt), operating.watched(day):
        raise KeyboardInterrupt
    assert [path.rpartition("/")[2] for path, _ in ear.heard] == ["start", "fail"]
    with open_service(settings) as day:
        ping(day, Signal.WELL, "fine")
    assert ear.heard[-1][1] == "fine"


#: Whole, and not masked.
ADDRESS = re.compile(r"\b(vision|robots|new|someone|operator)@")


class Rude:
    """A relay that repeats whom it does not want."""

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 (aiosmtpd's)
        return f"550 5.7.1 <{address}>: refused; see /unsubscribe/abc.DEF"


@pytest.fixture
def rude() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Rude(), hostname="127.0.0.1", port=port)
    controller.start()
    yield port
    controller.stop()


def test_a_whole_bad_day_logs_objects_without_an_address_or_a_readers_link(
    digest, rude: int, tmp_path: Path
) -> None:
    text = (tmp_path / "digest.toml").read_text()
    broken = (
        '[[sources]]\nname = "write to someone@example.org"\nkind = "huggingface"\npath = "absent.json"\n'
    )
    relay = '[mail]\ntransport = "smtp"\nhost = "127.0.0.1"\nport = {}\nsecurity = "none"'
    for name in ("vision", "robots"):
        digest("subscribers", "add", f"{name}@example.org", "--confirmed", "--now", "2026-04-15T00:00:00Z")
    digest("subscribers", "add", "new@example.org")
    lines: list[dict[str, str]] = []
    for port, *arguments in (
        (1, "outbox", "hold"),
        (1, "run"),
        (1, "outbox", "release"),
        (1, "run"),
        (rude, "run"),
    ):
        (tmp_path / "digest.toml").write_text(text.replace("[mail]", relay.format(port)) + broken)
        _, _, said = digest(*arguments, "--now", NOW, log="json")
        assert not ADDRESS.search(said)
        assert not re.search(r"/(unsubscribe|preferences|confirm)/\w", said)
        lines += [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    events = {line["event"] for line in lines}
    assert {"source collected", "broken", "letter not sent", "delivery settled"} <= events
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)


def test_words_of_others_lose_addresses_and_links_before_they_are_written(capsys) -> None:
    from digest.cli.console import Log, log_to_stderr

    log_to_stderr("warning", Log.JSON)
    try:
        structlog.get_logger().warning(
            "odd", reason="<vision@example.org> at https://x.org/unsubscribe/abc.DEF-1"
        )
        import logging

        logging.getLogger("some.library").warning("no such user vision@example.org")
    finally:
        structlog.reset_defaults()
        logging.basicConfig(handlers=[], force=True)
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert not ADDRESS.search(json.dumps([ours, theirs]))
    assert "abc" not in ours["reason"]
    assert (ours["level"], theirs["event"][:12]) == ("warning", "no such user")


def test_history_is_forgotten_and_the_archive_and_what_waits_are_not(digest, tmp_path: Path) -> None:
    digest("subscribers", "add", "vision@example.org", "--confirmed", "--now", "2026-04-13T00:00:00Z")
    for moment in ("2026-04-14T07:05:00Z", "2026-04-14T12:05:00Z", NOW):
        digest("run", "--now", moment)
    later = dt.datetime(2026, 10, 25, tzinfo=dt.UTC)
    with open_service(config.load(tmp_path / "digest.toml", {})) as day:
        before = {one.plan.local_date for one in day.store.outbox.list()}
        dates = {one.published_at.date() for one in day.store.editions.headers()}
        assert dt.date(2026, 4, 14) in before
        assert operating.forget(day, dt.datetime(2026, 4, 17, tzinfo=dt.UTC)) == 0
        assert operating.forget(day, later) > 0
        assert day.store.outbox.list() == []
        assert {one.published_at.date() for one in day.store.editions.headers()} == dates
        assert operating.forget(day, later) == 0
