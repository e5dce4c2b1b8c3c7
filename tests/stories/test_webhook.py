"""Stories of the webhook: each event arrives, signed, also after trouble; and nobody is dialled who may not be."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import ROOT
from factories import PLAIN
from hypothesis import given
from hypothesis import strategies as st

from digest import config, subscriptions, webhook
from digest.cli import running
from digest.config import Settings
from digest.errors import ConfigError
from digest.model import Event, EventKind
from digest.schedule import Jobs
from digest.service import Service, open_service
from digest.subscriptions import Wish

NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SECRET = "whsec_" + base64.b64encode(b"thirty-two octets for the tests!").decode()


@dataclass
class Receiver:
    """Somebody's program that listens, and answers as it is told to."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(made.answers.pop(0) if made.answers else 204)
            self.send_header("Location", f"{made.url}elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/hook/a-secret-path"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def settings(folder: Path, url: str, more: str = "", *, private: bool = True) -> Settings:
    written = f'[webhook]\nurl = "{url}"\nsecret = "{SECRET}"\n{more}\n[fetch]\nallow_private_networks = {str(private).lower()}\n'
    (folder / "digest.toml").write_text(written, encoding="utf-8")
    return config.load(folder / "digest.toml", {})


@pytest.fixture
def day(tmp_path: Path, receiver: Receiver) -> Iterator[Service]:
    """An installation with a webhook, which it has looked at once."""
    with open_service(settings(tmp_path, receiver.url)) as opened:
        webhook.tell(opened, NOW)
        yield opened


def subscribe(day: Service, name: str = "vision") -> str:
    return subscriptions.add(day, f"{name}@example.org", Wish(), NOW, confirmed=True).id


def test_a_subscription_is_told_from_its_beginning_to_its_end(day: Service, receiver: Receiver) -> None:
    reader = subscribe(day)
    assert webhook.tell(day, NOW) == 2
    day.store.persons.erase(reader, PLAIN, NOW + HOUR, NOW + HOUR)
    assert webhook.tell(day, NOW + HOUR) == 1
    assert webhook.tell(day, NOW + HOUR) == 0

    times = ["2026-04-16T10:00:00Z"] * 2 + ["2026-04-16T11:00:00Z"]
    kinds = ["subscribed", "confirmed", "unsubscribed"]
    assert receiver.events == [
        {"id": number, "at": at, "kind": kind, "subscriber": reader}
        for number, (at, kind) in enumerate(zip(times, kinds, strict=True), 1)
    ]


def test_an_event_that_is_not_taken_is_told_again_later_under_the_same_id(
    day: Service, receiver: Receiver
) -> None:
    subscribe(day)
    receiver.answers = [500, 302]
    assert webhook.tell(day, NOW) == 0
    # The other one has not been tried yet.
    assert webhook.tell(day, NOW) == 0
    assert len(receiver.heard) == 2
    assert webhook.tell(day, NOW) == 0
    assert webhook.tell(day, NOW + HOUR) == 2
    ids = [headers["webhook-id"] for headers, _ in receiver.heard]
    assert (sorted(ids[2:]), len(set(ids))) == (sorted(ids[:2]), 2)  # in which order, chance says


def test_a_receiver_that_is_away_costs_one_try_a_turn(
    day: Service, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        subscribe(day, f"reader{number}")
    receiver.answers = [503] * 3
    assert [webhook.tell(day, NOW) for _ in range(3)] == [0] * 3
    assert len(receiver.heard) == 3
    assert webhook.tell(day, NOW + HOUR) == 10
    logged = "".join(capfd.readouterr())
    assert "webhook event not taken" in logged
    assert "answered 503" in logged
    assert "a-secret-path" not in logged
    assert "@" not in logged


def test_after_a_day_an_event_is_dropped_and_that_is_said(
    day: Service, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    subscribe(day)
    receiver.answers = [500] * 100
    for half_hours in range(49):
        webhook.tell(day, NOW + half_hours * HOUR / 2)
    receiver.answers = []
    heard = len(receiver.heard)
    assert webhook.tell(day, NOW + 25 * HOUR) == 0
    assert len(receiver.heard) == heard
    assert "webhook events dropped" in "".join(capfd.readouterr())


def test_gone_switches_it_off_with_one_alarm_until_the_operator_says_otherwise(
    day: Service, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    subscribe(day)
    receiver.answers = [410]
    assert webhook.tell(day, NOW) == 0
    subscribe(day, "robots")
    assert [webhook.tell(day, NOW + HOUR) for _ in range(3)] == [0] * 3
    assert webhook.state(day) == "gone"
    assert len(receiver.heard) == 1
    assert "".join(capfd.readouterr()).count("webhook switched off") == 1

    day.store.webhook.switch_on()
    assert webhook.tell(day, NOW + HOUR) == 2  # those that came up while it was off


def test_another_url_is_another_webhook(day: Service, receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [410]
    subscribe(day)
    webhook.tell(day, NOW)
    with open_service(settings(tmp_path, f"{receiver.url}/new")) as moved:
        assert webhook.state(moved) == "on"


def test_a_private_address_is_not_dialled_unless_the_operator_allows_it(
    tmp_path: Path, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    with open_service(settings(tmp_path, receiver.url, private=False)) as day:
        webhook.tell(day, NOW)
        subscribe(day)
        assert webhook.tell(day, NOW) == 0
    assert receiver.heard == []
    assert "not on the public internet" in "".join(capfd.readouterr())


def test_no_redirect_is_followed(day: Service, receiver: Receiver) -> None:
    receiver.answers = [307]
    subscribe(day)
    assert webhook.tell(day, NOW) == 0
    assert len(receiver.heard) == 1


def test_the_schedule_tells_it(tmp_path: Path, receiver: Receiver) -> None:
    with open_service(settings(tmp_path, receiver.url)) as day:
        webhook.tell(day, NOW)
        subscribe(day)
        jobs = Jobs(day, lambda: NOW)
        jobs.start()
        waiting = threading.Event()
        for _ in range(1500):
            if len(receiver.heard) == 2:
                break
            waiting.wait(0.02)
        assert jobs.stop(dt.timedelta(seconds=10))
    assert len(receiver.heard) == 2


def test_a_rehearsal_tells_nobody(day: Service, receiver: Receiver, tmp_path: Path) -> None:
    subscribe(day)
    running.one_pass(running.rehearsal(day.settings, tmp_path), NOW, None)
    assert receiver.heard == []
    running.one_pass(day.settings, NOW, None)
    assert len(receiver.heard) == 2


def test_the_address_is_told_only_if_the_operator_wants_it(tmp_path: Path) -> None:
    found = settings(tmp_path, "https://crm.example.org/hook", "addresses = true")
    with open_service(found) as day:
        reader = subscribe(day)
        event = Event(id=7, at=NOW, kind=EventKind.CONFIRMED, subscriber=reader)
        told = json.loads(webhook.message(day, event))
        assert told["address"] == "vision@example.org"
        day.store.persons.erase(reader, PLAIN, NOW, NOW)
        assert json.loads(webhook.message(day, event))["address"] is None


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('url = "https://crm.example.org/"', "needs webhook.secret"),
        ('url = "https://crm.example.org/"\nsecret = "short"', "24 to 64 random octets"),
        (f'url = "http://crm.example.org/"\nsecret = "{SECRET}"\naddresses = true', "with https"),
        (f'url = "ftp://crm.example.org/"\nsecret = "{SECRET}"', "webhook.url"),
    ],
)
def test_a_webhook_without_safety_is_refused_and_no_secret_is_shown(
    tmp_path: Path, table: str, why: str
) -> None:
    (tmp_path / "digest.toml").write_text(f"[webhook]\n{table}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=why) as refused:
        config.load(tmp_path / "digest.toml", {})
    assert "short" not in str(refused.value)


@given(st.integers(min_value=0, max_value=10_000), st.floats(min_value=0, max_value=1))
def test_pauses_grow_to_an_hour_and_are_spread(attempts: int, luck: float) -> None:
    found = webhook.pause(attempts, luck)
    assert webhook.PATIENCE < found <= 1.5 * HOUR
    assert webhook.pause(attempts + 1, luck) >= found
    assert webhook.pause(0, 0.5) == webhook.FIRST_PAUSE


def test_the_readmes_receiver_believes_us_and_nobody_else(day: Service, receiver: Receiver) -> None:
    """What the README gives receivers, as it stands there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(import base64\n.*?)```", readme, re.DOTALL)
    given: dict[str, object] = {}
    exec(code, given)
    genuine = given["genuine"]
    assert callable(genuine)

    subscribe(day)
    webhook.tell(day, NOW)
    headers, body = receiver.heard[0]
    assert genuine(SECRET, headers, body)
    assert not genuine(SECRET, headers, body.replace(b"subscribed", b"confirmed "))
    assert not genuine(SECRET, headers | {"webhook-id": "evt_9_9"}, body)
    assert not genuine(
        "whsec_" + base64.b64encode(b"another secret of thirty-two oct").decode(), headers, body
    )
    old = str(int(headers["webhook-timestamp"]) - 301)
    event = Event(id=1, at=NOW, kind=EventKind.SUBSCRIBED, subscriber="s")
    then = dt.datetime.fromtimestamp(int(old), dt.UTC)
    assert not genuine(SECRET, webhook.headers(day.settings.webhook.key, event, body, then), body)
