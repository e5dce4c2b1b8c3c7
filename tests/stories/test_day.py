"""Stories of the day, told through the flow: real store, real files, sample documents, a clock that is given."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import itertools
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from digest import collecting, config, daily, deliver, subscriptions
from digest.errors import DeliveryError
from digest.model import DeliveryState, Source, SourceKind, SourceState, SourceStatus, SubscriberState
from digest.service import open_service
from digest.subscriptions import Wish

#: The last day of the sample, at an hour when a digest of 07:00 UTC is due.
NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)

HEAD = """
[site]
url = "https://digest.example.org"
[mail]
from = "Daily Digest <papers@example.org>"
"""
SOURCES = """
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "sample/huggingface/{date}.json"
[[sources]]
name = "arXiv"
kind = "arxiv"
path = "sample/arxiv/{date}.xml"
"""


class House:
    """One installation in a folder: a configuration, a database, an outbox of files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configure(HEAD + SOURCES)
        shutil.copytree(config.shipped("config", "sample"), folder / "sample")

    def configure(self, text: str) -> None:
        (self.folder / "digest.toml").write_text(text, encoding="utf-8")
        self.settings = config.load(self.folder / "digest.toml", {})

    def add(self, address: str, *interests: str, now: dt.datetime = NOW - 9 * DAY, **wish: object) -> str:
        asked = Wish(interests=interests or ("video generation",), **wish)
        with open_service(self.settings) as day:
            return subscriptions.add(day, address, asked, now, confirmed=True).id

    def run(self, now: dt.datetime = NOW, only: str | None = None) -> daily.Report:
        with open_service(self.settings) as day:
            transport = deliver.transport(self.settings.mail, self.settings.outbox_directory)
            return daily.run(day, transport, now, daily.Orders(only=only))

    def prepare(self, now: dt.datetime = NOW) -> None:
        """Everything of a pass but the delivery."""
        with open_service(self.settings) as day:
            list(daily.collect(day, collecting.due_sources(day, now), now))
            edition = daily.publish(day, now)
            assert edition
            daily.prepare(day, edition, now)

    def deliver(self, now: dt.datetime = NOW) -> Counter[DeliveryState]:
        with open_service(self.settings) as day:
            transport = deliver.transport(self.settings.mail, self.settings.outbox_directory)
            return daily.deliver_due(day, transport, now)

    def rows(self):
        with open_service(self.settings) as day:
            return day.store.outbox.list()

    def states(self) -> dict[str, DeliveryState]:
        return {one.plan.reader.address: one.state for one in self.rows()}

    def mails(self) -> list[email.message.EmailMessage]:
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(self.settings.outbox_directory.rglob("*.eml"))
        ]

    def recipients(self) -> Counter[str]:
        return Counter(str(mail["To"].addresses[0].addr_spec) for mail in self.mails())


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def papers_of(row) -> set[str]:
    return {pick.paper for pick in (*row.plan.picks, *row.plan.also_trending)}


def test_running_the_day_twice_delivers_once(house: House) -> None:
    for name in ("vision", "robots", "theory"):
        house.add(f"{name}@example.org", name)
    first, second = house.run(), house.run()
    assert (first.prepared, first.outcomes[DeliveryState.SENT]) == (3, 3)
    assert (second.prepared, +second.outcomes) == (0, Counter())
    assert set(house.recipients().values()) == {1}
    assert not first.troubled


def test_one_reader_is_never_shown_a_paper_twice(house: House) -> None:
    house.add("vision@example.org")
    for now in (NOW - 2 * DAY, NOW - DAY, NOW):
        house.run(now)
    rows = house.rows()
    assert len(rows) == 3
    for one, other in itertools.combinations(rows, 2):
        assert papers_of(one)
        assert papers_of(one).isdisjoint(papers_of(other))


def test_a_failing_source_does_not_stop_the_day_and_is_reported(house: House) -> None:
    (house.folder / "broken.json").write_text('{"not": "a listing"', encoding="utf-8")
    broken = '[[sources]]\nname = "broken"\nkind = "huggingface"\npath = "broken.json"\n'
    house.configure(HEAD + broken + SOURCES)
    house.add("vision@example.org")
    report = house.run()
    assert {one.source.name for one in report.sources if one.state is SourceState.FAILING} == {"broken"}
    assert report.outcomes[DeliveryState.SENT] == 1
    assert report.troubled


def test_when_nothing_new_is_found_the_last_edition_is_read_back(house: House) -> None:
    house.add("berlin@example.org")
    first = house.run(NOW)
    house.add("later@example.org", send_at="11:00")
    second = house.run(NOW + dt.timedelta(hours=2))
    assert second.edition == first.edition
    assert house.recipients() == {"berlin@example.org": 1, "later@example.org": 1}


def test_an_edition_older_than_36_hours_is_not_news(house: House) -> None:
    house.add("vision@example.org")
    house.run(NOW)
    house.configure(HEAD)  # no source any more
    assert house.run(NOW + DAY).prepared == 1
    late = house.run(NOW + 2 * DAY)
    assert (late.prepared, late.skipped) == (0, 0)


def test_each_reader_gets_it_at_their_own_hour_in_their_own_zone(house: House) -> None:
    zones = {"auckland": "Pacific/Auckland", "berlin": "Europe/Berlin", "york": "America/New_York"}
    for name, zone in zones.items():
        house.add(f"{name}@example.org", timezone=zone, send_at="07:00")
    delivered: dict[str, str] = {}
    start = dt.datetime(2026, 4, 15, 18, tzinfo=dt.UTC)  # 07:00 on the 16th is 19:00, 05:00 and 11:00 UTC
    house.run(start - dt.timedelta(hours=1))  # what was due on the 15th
    for hour in range(18):
        before = {one.id for one in house.rows()}
        now = start + dt.timedelta(hours=hour)
        house.run(now)
        for one in house.rows():
            if one.id not in before:
                delivered[one.plan.reader.address.partition("@")[0]] = f"{now:%d %H:%M}"
                assert one.plan.local_date == dt.date(2026, 4, 16)
    assert delivered == {"auckland": "15 19:00", "berlin": "16 05:00", "york": "16 11:00"}


def test_a_digest_that_was_not_delivered_expires_and_its_papers_come_back(house: House) -> None:
    reader = house.add("vision@example.org")
    house.prepare(NOW)
    (lost,) = house.rows()
    report = house.run(NOW + DAY)
    states = {one.plan.local_date: one.state for one in house.rows()}
    assert states == {NOW.date(): DeliveryState.EXPIRED, (NOW + DAY).date(): DeliveryState.SENT}
    assert report.outcomes[DeliveryState.SENT] == 1
    again = next(one for one in house.rows() if one.state is DeliveryState.SENT)
    assert papers_of(lost) & papers_of(again)
    with open_service(house.settings) as day:
        assert day.store.outbox.shown([reader])[reader] == papers_of(again)


@pytest.mark.parametrize("state", [SubscriberState.UNSUBSCRIBED, SubscriberState.PAUSED])
def test_who_leaves_between_preparing_and_delivering_is_not_mailed(
    house: House, state: SubscriberState
) -> None:
    house.add("stays@example.org")
    leaver = house.add("leaves@example.org")
    house.prepare()
    with open_service(house.settings) as day:
        assert day.store.subscribers.change(leaver, lambda subscriber: replace(subscriber, state=state), NOW)
    house.deliver()
    assert house.recipients() == {"stays@example.org": 1}
    assert house.states()["leaves@example.org"] is DeliveryState.SUPPRESSED


def test_while_the_relay_is_away_rows_stay_planned_and_the_next_pass_delivers(house: House) -> None:
    house.configure(HEAD + 'transport = "smtp"\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\n' + SOURCES)
    for name in ("vision", "robots"):
        house.add(f"{name}@example.org")
    with pytest.raises(DeliveryError):
        house.run()
    assert set(house.states().values()) == {DeliveryState.PLANNED}
    house.configure(HEAD + SOURCES)
    back = house.run(NOW + dt.timedelta(minutes=5))
    assert (back.prepared, back.outcomes[DeliveryState.SENT]) == (0, 2)
    assert set(house.recipients().values()) == {1}


def test_on_a_quiet_day_with_nothing_left_to_show_nothing_is_sent(house: House) -> None:
    listing = [
        {
            "paper": {"id": "2604.00001", "title": "The only paper", "summary": "It says one thing. It says it well."},
            "publishedAt": "2026-04-15T00:00:00.000Z",
        }
    ]  # fmt: skip
    (house.folder / "one.json").write_text(json.dumps(listing), encoding="utf-8")
    house.configure(HEAD + '[[sources]]\nname = "one"\nkind = "huggingface"\npath = "one.json"\n')
    house.add("vision@example.org")
    first, second = house.run(NOW - DAY), house.run(NOW)
    assert (first.prepared, first.skipped) == (1, 0)
    assert (second.prepared, second.skipped) == (0, 1)
    assert not second.troubled
    assert house.recipients() == {"vision@example.org": 1}


def test_a_weekday_reader_rests_at_the_weekend(house: House) -> None:
    house.add("vision@example.org", days="weekdays")
    saturday = dt.datetime(2026, 4, 18, 10, tzinfo=dt.UTC)
    assert house.run(saturday).prepared == 0
    assert house.run(NOW).prepared == 1


def test_only_one_readers_digest_can_be_asked_for(house: House) -> None:
    one = house.add("one@example.org")
    house.add("other@example.org")
    house.run(only=one)
    assert house.recipients() == {"one@example.org": 1}
    house.run()
    assert house.recipients() == {"one@example.org": 1, "other@example.org": 1}


def test_in_personal_mode_a_mail_has_no_link_back_to_us(house: House) -> None:
    house.add("vision@example.org")
    house.run()
    (mail,) = house.mails()
    assert mail["List-Unsubscribe"]
    house.configure(HEAD.replace("https://digest.example.org", "") + SOURCES)
    house.add("home@example.org")
    house.run()
    (home,) = (mail for mail in house.mails() if "home@" in str(mail["To"]))
    assert home["List-Unsubscribe"] is None
    assert home["List-Unsubscribe-Post"] is None
    assert b"digest.example.org" not in home.as_bytes().replace(b"@digest.example.org", b"")


def test_an_example_that_a_reader_gave_is_not_recommended_to_them(house: House) -> None:
    house.add("asks@example.org", papers=20)
    house.run()
    (row,) = house.rows()
    example = row.plan.picks[0].paper
    house.add("knows@example.org", papers=20, likes=(example,))
    house.run()
    knows = next(one for one in house.rows() if one.plan.reader.address == "knows@example.org")
    assert papers_of(knows)
    assert example not in papers_of(knows)


def test_a_digest_is_not_made_for_a_day_before_the_subscription(house: House) -> None:
    with open_service(house.settings) as day:
        subscriber = subscriptions.newcomer("new@example.org", day.settings, NOW)
        begins = replace(
            subscriber, state=SubscriberState.CONFIRMED, confirmed_at=NOW, interests=(), starts_at=NOW
        )
        day.store.subscribers.add(begins)
    assert house.run(NOW).prepared == 0
    assert house.run(NOW + DAY).prepared == 1


def test_a_source_that_is_gone_is_not_asked_again_until_it_has_another_address() -> None:
    source = Source(name="blog", kind=SourceKind.FEED, location="https://example.org/feed", every=DAY)
    status = SourceStatus(
        name="blog",
        location=source.location,
        state=SourceState.DISABLED,
        reason="410 Gone",
        last_attempt=NOW - 9 * DAY,
        last_success=None,
        entries=0,
    )

    assert not collecting.is_due(source, status, NOW)
    assert collecting.is_due(replace(source, location="https://example.org/atom"), status, NOW)
    assert collecting.is_due(source, replace(status, state=SourceState.FAILING), NOW)
