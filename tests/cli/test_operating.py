"""A bad day as an operator meets it on the command line: who did not get it, why, and exactly those again."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from aiosmtpd.controller import Controller
from typer.testing import CliRunner

from digest import cli, config
from digest.errors import UsageError
from digest.service import open_service

NOW = "2026-04-16T07:05:00Z"
#: What the relay says of each recipient; everybody else's mail is taken.
ANSWERS = {
    "gone": "550 5.1.1 <gone@example.org>: no such mailbox",
    "wary": "550 5.7.1 refused by policy",
    "busy": "451 4.7.1 try again later",
}
SETTINGS = """
[site]
url = "https://digest.example.org"
[mail]
transport = "smtp"
from = "Daily Digest <papers@example.org>"
host = "127.0.0.1"
port = {port}
security = "none"
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "{sample}/huggingface/{{date}}.json"
"""


class Relay:
    """Answers as told, and keeps who was written to."""

    def __init__(self) -> None:
        self.answers = dict(ANSWERS)
        self.taken: list[str] = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 (aiosmtpd's)
        if said := self.answers.get(address.partition("@")[0]):
            return said
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's)
        self.taken += envelope.rcpt_tos
        return "250 2.0.0 taken"


@pytest.fixture
def relay() -> Iterator[tuple[Relay, int]]:
    handler = Relay()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture
def digest(tmp_path: Path, relay: tuple[Relay, int]):
    """A command of an installation with that relay: exit code, stdout and stderr."""
    sample = config.shipped("config", "sample")
    (tmp_path / "digest.toml").write_text(SETTINGS.format(port=relay[1], sample=sample))

    def run(*arguments: str, given: str | None = None) -> tuple[int, str, str]:
        command = ["--config", str(tmp_path / "digest.toml"), *arguments]
        done = CliRunner().invoke(cli.app, command, input=given)
        structlog.reset_defaults()  # the command logs to the runner's stderr, which is closed by now
        # As `digest.cli.main` has it.
        code = 2 if isinstance(done.exception, UsageError) else done.exit_code
        return code, done.stdout, done.stderr

    return run


def test_a_bad_day_is_understood_and_exactly_those_are_tried_again(digest, relay, tmp_path: Path) -> None:
    handler, _ = relay
    for name in ("well", "gone", "wary", "busy", "paused"):
        digest("subscribers", "add", f"{name}@example.org", "--confirmed", "--now", "2026-04-15T00:00:00Z")
    assert digest("outbox", "hold", "--now", NOW)[:2] == (
        0,
        "0 held; nothing is sent until `digest outbox release`\n",
    )
    assert digest("run", "--now", NOW)[0] == 0
    assert handler.taken == []
    code, said, _ = digest("status", "--now", NOW)
    assert (code, "! nothing is sent since 2026-04-16 07:05Z, until it is released; 5 waiting" in said) == (
        3,
        True,
    )
    assert "until `digest outbox release`" in digest("outbox", "list")[2]
    digest("subscribers", "pause", "paused@example.org")
    assert digest("outbox", "release", "--now", NOW)[0] == 0
    assert digest("run", "--now", NOW)[0] == 3
    assert handler.taken == ["well@example.org"]

    code, listed, _ = digest("outbox", "list", "--date", "2026-04-16")
    why = {row.split()[3].partition("@")[0]: row for row in listed.splitlines()[1:] if "@" in row}
    assert "550 5.7.1 refused by policy" in why["wary"]
    assert "no such mailbox" in why["gone"]
    assert "to be tried again; 451 4.7.1" in why["busy"]
    assert "the subscriber is paused" in why["paused"]
    code, said, _ = digest("status", "--now", NOW, "--json")
    assert code == 3
    assert json.loads(said)["days"][0] == {
        "date": "2026-04-16", "failed": 2, "retry": 1, "sent": 1, "suppressed": 1,
    }  # fmt: skip
    assert json.loads(said)["needs"] == ["2 of 2026-04-16 failed"]

    handler.answers.clear()
    only = ("--state", "failed", "--to", "wary@example.org", "--now", NOW)
    assert digest("outbox", "retry", *only)[:2] == (0, "1 will be tried again\n")
    assert digest("run", "--now", NOW)[0] == 0
    assert handler.taken == ["well@example.org", "wary@example.org"]
    assert digest("outbox", "retry", "--now", NOW)[0] == 2
    assert digest("outbox", "retry", "--state", "sent", "--now", NOW)[0] == 2
    assert (
        digest("outbox", "retry", "--state", "failed", "--date", "2026-04-15")[1] == "0 will be tried again\n"
    )
    code, said, _ = digest("status", "--now", NOW, "--days", "2", "--json")
    today = json.loads(said)["tallies"][-1]
    assert (today["date"], today["sent"], today["failed"], today["subscribers"]) == ("2026-04-16", 2, 1, 3)


def test_a_password_is_set_from_stdin_and_taken_away(digest, tmp_path: Path) -> None:
    assert digest("admin", "password", given="")[0] == 2
    assert digest("admin", "password", given="too short\n")[0] == 2
    code, said, complaint = digest("admin", "password", given="correct horse battery\n")
    assert (code, said) == (0, "set; whoever was logged in has to log in again\n")
    assert "correct" not in said + complaint
    with open_service(config.load(tmp_path / "digest.toml", {})) as day:
        assert day.store.locks.get()
    assert digest("admin", "password", "--remove")[:2] == (0, "switched off\n")
    assert digest("admin", "password", "--remove")[:2] == (0, "was off\n")


def test_who_was_paused_is_resumed_and_who_left_is_not(digest) -> None:
    digest("subscribers", "add", "well@example.org", "--confirmed")
    digest("subscribers", "pause", "well@example.org")
    assert "confirmed" in digest("subscribers", "resume", "well@example.org")[1]
    assert digest("subscribers", "resume", "well@example.org")[0] == 2
    assert digest("subscribers", "mail-link", "well@example.org")[1] == "will be mailed in the next pass\n"
    assert digest("subscribers", "mail-link", "well@example.org")[1] == "was mailed today already\n"
    found = json.loads(digest("subscribers", "list", "--search", "WELL", "--json")[1])
    assert [one["address"] for one in found] == ["well@example.org"]
