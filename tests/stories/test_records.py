"""Readers move to another installation with everything that is theirs, and what is there is the same again."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from factories import NOON, a_subscriber

from digest import cli, config, records
from digest.errors import UsageError
from digest.model import (
    Bounce,
    BounceClass,
    Days,
    Decision,
    EventKind,
    Interest,
    InterestKind,
    Opinion,
    Schedule,
    Subject,
    SubscriberState,
)
from digest.service import Service, open_service

NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
EVERYTHING = replace(
    a_subscriber("vision"),
    name="Doctor Vision",
    schedule=Schedule(
        timezone="Europe/Berlin",
        send_at=dt.time(18, 30),
        days=Days("weekly:fri"),
        paused_until=dt.date(2026, 5, 1),
    ),
    papers=7,
    language="de",
    plain_text=True,
    generation=3,
    starts_at=NOON,
    interests=(
        Interest(kind=InterestKind.AUTHOR, value="Ada Author"),
        Interest(kind=InterestKind.PHRASE, value="P=NP", weight=2.5),
        Interest(kind=InterestKind.TEXT, value="We study touch; hands, too: n=5."),
        Interest(kind=InterestKind.LIKE, value="arxiv:2604.07429"),
        Interest(kind=InterestKind.EXCLUDE, value="blockchain"),
        Interest(kind=InterestKind.PHRASE, value="robots"),
        Interest(kind=InterestKind.CATEGORY, value="cs.CL"),
    ),
)


def house(folder: Path) -> config.Settings:
    folder.mkdir()
    (folder / "digest.toml").write_text('[site]\nurl = "https://digest.example.org"\n', encoding="utf-8")
    return config.load(folder / "digest.toml", {})


@pytest.fixture
def houses(tmp_path: Path):
    with ExitStack() as stack:
        yield [stack.enter_context(open_service(house(tmp_path / name))) for name in ("old", "new")]


def furnish(day: Service) -> None:
    """One reader with everything, and one in every other state."""
    store = day.store
    store.subscribers.add(EVERYTHING)
    for state in set(SubscriberState) - {SubscriberState.CONFIRMED}:
        store.subscribers.add(a_subscriber(str(state), state=state, confirmed_at=None))
    for _ in range(2):
        store.opinions.say(EVERYTHING.id, Opinion.LESS, Subject.TOPIC, "hands", NOON)
    store.opinions.say(EVERYTHING.id, Opinion.MUTE, Subject.AUTHOR, "Bo Writer", NOW)
    soft = Bounce(key="k", subscriber=EVERYTHING.id, at=NOON, meaning=BounceClass.SOFT, status="5.2.2")
    store.bounces.settle(soft, lambda _: Decision(), NOON)
    store.suppressions.add("suppressed@example.org", "bounced: 5.1.1", NOON)


def test_what_is_written_is_read_back_and_written_the_same(houses: list[Service]) -> None:
    old, new = houses
    furnish(old)
    written = records.write(old)
    text = json.dumps(written).encode()
    assert records.add_all(new, records.read(text, new.settings, NOW), NOW) == (5, 0)
    assert records.write(new) == written
    assert new.store.subscribers.get(EVERYTHING.id) == EVERYTHING
    assert new.store.records.list() == old.store.records.list()


def test_nobody_is_mailed_nobody_told_of_twice_and_who_is_known_stays(houses: list[Service]) -> None:
    old, new = houses
    furnish(old)
    known = replace(EVERYTHING, id="another", papers=1)
    new.store.subscribers.add(known)
    found = records.read(json.dumps(records.write(old)).encode(), new.settings, NOW)
    assert records.add_all(new, found, NOW) == (4, 1)
    assert records.add_all(new, found, NOW) == (0, 5)
    assert new.store.subscribers.by_address(known.address) == known
    assert new.store.outbox.list() == []
    told = [(event.kind, event.subscriber) for event in new.store.events.list() if event.at == NOW]
    assert sorted(told) == [(EventKind.SUBSCRIBED, "s-paused"), (EventKind.SUBSCRIBED, "s-pending")]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda row: row | {"papers": 99}, "1 to 50 papers"),
        (lambda row: row | {"timezone": "Mars/Olympus"}, "not an IANA time zone"),
        (lambda row: row | {"state": "asleep"}, "0.state"),
        (lambda row: row | {"created_at": "yesterday"}, "an instant is ISO 8601"),
        (lambda row: row | {"created_at": "2026-04-10T10:00:00"}, "an instant is ISO 8601"),
        (lambda row: row | {"address": "nobody"}, "not an e-mail address"),
        (lambda row: row | {"shoe_size": 42}, "0.shoe_size"),
        (lambda row: {"address": row["address"]}, "0.id"),
        (lambda row: row | {"id": "../etc"}, "0.id"),
        (lambda row: row | {"generation": 2**40}, "0.generation"),
        (lambda row: "text", "0"),
    ],
)
def test_a_file_that_cannot_be_is_refused_as_a_whole(
    houses: list[Service], spoil: Callable[[dict[str, object]], object], why: str
) -> None:
    old, new = houses
    furnish(old)
    rows = [dict(row) for row in records.write(old)]
    rows[0] = spoil(rows[0])
    with pytest.raises(UsageError, match=why):
        records.read(json.dumps(rows).encode(), new.settings, NOW)


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff", b"[" * 10_000])
def test_what_is_no_list_of_subscribers_is_refused(houses: list[Service], text: bytes) -> None:
    with pytest.raises(UsageError, match="the file"):
        records.read(text, houses[0].settings, NOW)


def test_the_command_line_writes_and_reads_it(
    houses: list[Service], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def digest(place: str, *words: str) -> str:
        config_file = str(tmp_path / place / "digest.toml")
        monkeypatch.setattr(sys, "argv", ["digest", "--config", config_file, "subscribers", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        structlog.reset_defaults()  # the command logs to the test's stderr, which is closed afterwards
        assert ended.value.code == 0
        return capsys.readouterr().out

    furnish(houses[0])
    exported = digest("old", "export", "--json")
    (tmp_path / "readers.json").write_text(exported, encoding="utf-8")
    assert digest("new", "import", str(tmp_path / "readers.json")) == "5 added, 0 already known\n"
    assert digest("new", "export", "--json") == exported
