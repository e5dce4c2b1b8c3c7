"""`digest api-keys`, `digest events`, `digest webhook`: what an operator sees of other programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from digest import cli, config, keys, webhook
from digest.model import Scope
from digest.service import open_service

Digest = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    (tmp_path / "digest.toml").write_text("", encoding="utf-8")
    return config.load(tmp_path / "digest.toml", {})


@pytest.fixture
def digest(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Digest]:
    """Runs a command: exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(
            sys, "argv", ["digest", "--config", str(settings.directory / "digest.toml"), *words]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out, said.err

    yield run
    structlog.reset_defaults()  # commands log to the test's stderr, which is closed afterwards


def test_a_key_is_shown_once_and_opens_what_its_scope_says(digest: Digest, settings: config.Settings) -> None:
    code, key, told = digest("api-keys", "add", "crm", "--scope", "write")
    assert code == 0
    assert "not shown again" in told
    with open_service(settings) as day:
        holder = keys.holder(day, key.strip())
        assert holder
        assert (holder.name, holder.scope) == ("crm", Scope.WRITE)
    _, listed, _ = digest("api-keys", "list", "--json")
    (one,) = json.loads(listed)
    assert (one["name"], one["scope"]) == ("crm", "write")
    assert key.strip() not in listed


def test_a_key_may_only_read_unless_more_is_said(digest: Digest) -> None:
    digest("api-keys", "add", "dashboard")
    assert json.loads(digest("api-keys", "list", "--json")[1])[0]["scope"] == "read"


@pytest.mark.parametrize("name", ["", "two words", "-x" * 40, "line\nbreak"])
def test_a_key_has_a_plain_name(digest: Digest, name: str) -> None:
    assert digest("api-keys", "add", "--", name)[0] == 2


def test_a_key_is_taken_away_once(digest: Digest) -> None:
    digest("api-keys", "add", "crm")
    assert [digest("api-keys", "remove", "crm")[0] for _ in range(2)] == [0, 2]
    assert "no keys, and so no API" in digest("api-keys", "list")[1]


def test_events_are_listed_and_mention_nobody(digest: Digest) -> None:
    digest("subscribers", "add", "vision@example.org")
    digest("subscribers", "remove", "vision@example.org")
    _, whole, _ = digest("events", "list", "--json")
    assert [event["kind"] for event in json.loads(whole)] == ["unsubscribed"]
    assert "vision" not in whole
    _, rest, _ = digest("events", "list", "--after", "2", "--json")
    assert [event["kind"] for event in json.loads(rest)] == ["unsubscribed"]


def test_a_webhook_that_was_switched_off_is_switched_on_again(
    digest: Digest, settings: config.Settings
) -> None:
    assert digest("webhook", "show")[1] == "none, 0 waiting\n"
    path = settings.directory / "digest.toml"
    path.write_text(f'[webhook]\nurl = "https://crm.example.org/"\nsecret = "{"a" * 44}"\n', encoding="utf-8")
    with open_service(config.load(path, {})) as day:
        day.store.webhook.switch_off(webhook.name(day))
    assert json.loads(digest("webhook", "show", "--json")[1]) == {"state": "gone", "waiting": 0}
    assert digest("webhook", "resume")[0] == 0
    assert json.loads(digest("webhook", "show", "--json")[1])["state"] == "on"
