"""Stories of a subscription: asked for, confirmed, tuned, left; nobody else can do any of it for the reader."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import io
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from factories import a_plan
from hypothesis import given
from hypothesis import strategies as st

from digest import config, daily, deliver, roster, subscriptions
from digest.due import due_digests, next_due
from digest.errors import LinkError, LinkExpired, UsageError
from digest.links import Purpose
from digest.messages import compose
from digest.model import (
    Days,
    DeliveryKind,
    DeliveryState,
    Departure,
    Interest,
    InterestKind,
    Schedule,
    Subscriber,
    SubscriberState,
)
from digest.service import Service, open_service
from digest.subscriptions import Wish

NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
NOTHING = Wish()
ABOUT = "We study touch; hands, too: n=5, p=0.01."


def settings(folder: Path, url: str = "https://digest.example.org", zone: str = "UTC") -> config.Settings:
    written = f'[site]\nurl = "{url}"\n[schedule]\ntimezone = "{zone}"\n'
    (folder / "digest.toml").write_text(written, encoding="utf-8")
    return config.load(folder / "digest.toml", {})


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Service]:
    with open_service(settings(tmp_path)) as opened:
        yield opened


def mailed(day: Service) -> list[email.message.EmailMessage]:
    """Everything that is or was in the outbox, the oldest first, as it reads."""
    return [
        email.message_from_bytes(compose(day, row.plan).content, policy=email.policy.default)
        for row in reversed(day.store.outbox.list())
    ]


def token(mail: email.message.EmailMessage, purpose: Purpose) -> str:
    body = mail.get_body(("plain",))
    assert body
    found = re.search(rf"https://digest\.example\.org/{purpose}/(\S+)", body.get_content())
    assert found, body.get_content()
    return found[1]


def the_reader(day: Service) -> Subscriber:
    (subscriber,) = day.store.subscribers.list()
    return subscriber


def subscribed(day: Service, now: dt.datetime = NOW) -> Subscriber:
    subscriptions.ask(day, "vision@example.org", NOTHING, "192.0.2.1", now)
    return subscriptions.confirm(day, token(mailed(day)[-1], Purpose.CONFIRM), now)


def links(day: Service, subscriber: Subscriber) -> tuple[str, str]:
    found = day.links.of_reader(subscriber.reader)
    assert found
    return found.unsubscribe.rpartition("/")[2], found.preferences.rpartition("/")[2]


def test_who_asks_is_mailed_a_link_and_gets_nothing_before_confirming(day: Service) -> None:
    assert subscriptions.ask(day, "Vision@Example.ORG", Wish(interests=("robots",)), "net", NOW) is None
    reader = the_reader(day)
    assert (reader.address, reader.state) == ("Vision@example.org", SubscriberState.PENDING)
    assert [i.value for i in reader.interests] == ["robots"]
    assert not any(due_digests(day, NOW + DAY))

    confirmed = subscriptions.confirm(day, token(mailed(day)[0], Purpose.CONFIRM), NOW + HOUR)
    assert confirmed == the_reader(day)
    assert (confirmed.state, confirmed.confirmed_at) == (SubscriberState.CONFIRMED, NOW + HOUR)


def test_the_first_digest_is_the_first_that_is_due_after_confirming(day: Service) -> None:
    subscribed(day)
    assert not any(due_digests(day, NOW + HOUR))
    assert any(due_digests(day, NOW + DAY))


def test_the_next_digest_is_told_as_it_will_come(day: Service) -> None:
    reader = subscribed(day, NOW)  # 10:00, after the usual 07:00
    tomorrow = NOW.date() + DAY
    assert next_due(day, reader, NOW).date == tomorrow
    later = subscriptions.update(day, reader.id, Wish(send_at="11:00"), confirmed=False, now=NOW)
    assert next_due(day, later, NOW).date == NOW.date()
    assert next_due(day, later, NOW + HOUR).date == NOW.date(), "due, and still to be prepared"
    day.store.outbox.enqueue([replace(a_plan(later), edition=None, local_date=NOW.date())])
    assert next_due(day, later, NOW + HOUR).date == tomorrow
    latest = subscriptions.update(day, reader.id, Wish(send_at="23:00"), confirmed=False, now=NOW)
    assert next_due(day, latest, NOW + HOUR).date == tomorrow, "one a day, whatever the hour is moved to"


def test_a_pause_ends_by_itself_on_its_date(day: Service) -> None:
    reader = subscribed(day, NOW - DAY)
    until = NOW.date() + 3 * DAY
    paused = subscriptions.update(day, reader.id, Wish(paused_until=str(until)), confirmed=False, now=NOW)
    assert next_due(day, paused, NOW).date == until
    due = [any(due_digests(day, NOW + n * DAY)) for n in range(5)]
    assert due == [False, False, False, True, True]
    subscriptions.update(day, reader.id, Wish(paused_until=""), confirmed=False, now=NOW)
    assert any(due_digests(day, NOW))


@given(
    st.integers(0, 9000).map(lambda hours: NOW + hours * HOUR),
    st.dates(dt.date(2025, 12, 1), dt.date(2999, 12, 31)),
    st.sampled_from(["Pacific/Auckland", "Europe/Berlin", "Pacific/Niue"]),
    st.sampled_from(["daily", "weekly:fri", "mon,thu"]),
)
def test_no_digest_is_of_a_date_within_a_pause(
    now: dt.datetime, until: dt.date, zone: str, days: str
) -> None:
    usual = Schedule(timezone=zone, send_at=dt.time(7), days=Days(days))
    paused = replace(usual, paused_until=until)
    due, coming = paused.due_date(now, 18 * HOUR), paused.next_date(now)
    assert due in {None, usual.due_date(now, 18 * HOUR)}
    assert due is None or due >= until
    assert coming >= max(until, usual.next_date(now))
    assert coming - max(until, usual.next_date(now)) < 7 * DAY


def test_what_was_typed_into_the_form_is_not_in_the_mail(day: Service) -> None:
    subscriptions.ask(day, "vision@example.org", Wish(interests=("buy cheap stocks",)), "net", NOW)
    (mail,) = mailed(day)
    assert "stocks" not in mail.as_string()


def test_who_is_subscribed_and_asks_again_is_mailed_the_link_to_their_settings(day: Service) -> None:
    reader = subscribed(day)
    assert subscriptions.ask(day, "VISION@example.org", Wish(papers=50), "net", NOW + DAY) is None
    assert the_reader(day) == reader
    kinds = [row.plan.kind for row in day.store.outbox.list()]
    assert kinds == [DeliveryKind.LINK, DeliveryKind.WELCOME, DeliveryKind.CONFIRM]
    preferences = token(mailed(day)[-1], Purpose.PREFERENCES)
    assert subscriptions.bearer(day, Purpose.PREFERENCES, preferences, NOW + 400 * DAY) == reader


def test_an_address_is_mailed_once_a_day_however_many_networks_ask(day: Service) -> None:
    answers = {
        subscriptions.ask(
            day, "vision@example.org", NOTHING, f"192.0.2.{n}", NOW + n * dt.timedelta(seconds=1)
        )
        for n in range(200)
    }
    assert answers == {None}
    assert len(day.store.outbox.list()) == 1


def test_a_network_may_sign_up_five_addresses_an_hour(day: Service) -> None:
    answers = [subscriptions.ask(day, f"reader{n}@example.org", NOTHING, "net", NOW) for n in range(7)]
    assert answers == [None] * 5 + [HOUR] * 2
    assert len(day.store.subscribers.list()) == 5
    assert subscriptions.ask(day, "reader6@example.org", NOTHING, "net", NOW + HOUR) is None


def test_neither_network_nor_address_can_be_read_from_the_counts(day: Service, tmp_path: Path) -> None:
    subscriptions.ask(day, "vision@example.org", NOTHING, "192.0.2.77", NOW)
    with closing(sqlite3.connect(tmp_path / "digest.db")) as database:
        counted = [key for (key,) in database.execute("SELECT key FROM asks")]
    assert len(counted) == 3  # the network, the address, and one of the mails to everybody
    assert all(re.fullmatch("[a-z2-7]{26}", key) for key in counted)


def test_a_clock_that_was_ahead_does_not_block_until_then(day: Service) -> None:
    for number in range(5):
        subscriptions.ask(day, f"reader{number}@example.org", NOTHING, "net", NOW + 300 * DAY)
    assert subscriptions.ask(day, "reader0@example.org", NOTHING, "net", NOW) is None
    assert len(day.store.outbox.list()) == 6


def test_a_suppressed_address_is_answered_alike_and_never_mailed(day: Service) -> None:
    day.store.suppressions.add("vision@example.org", "550 5.1.1", NOW)
    assert subscriptions.ask(day, "vision@example.org", NOTHING, "net", NOW) is None
    assert day.store.outbox.list() == []
    assert day.store.subscribers.list() == []


@pytest.mark.parametrize(
    "address", ["", "vision", "vision@localdomain", "a@b.c\r\nBcc: x@example.org", "x" * 250 + "@example.org"]
)
def test_an_unreadable_address_is_refused_and_nothing_kept(day: Service, address: str) -> None:
    with pytest.raises(UsageError):
        subscriptions.ask(day, address, NOTHING, "net", NOW)
    assert day.store.subscribers.list() == []


def test_who_confirms_is_welcomed_once_and_not_after_leaving(day: Service, tmp_path: Path) -> None:
    reader = subscribed(day)
    confirmation, welcome = mailed(day)
    assert welcome["Subject"].startswith("Welcome to ")
    assert "List-Unsubscribe" not in welcome
    assert subscriptions.bearer(day, Purpose.PREFERENCES, token(welcome, Purpose.PREFERENCES), NOW) == reader
    subscriptions.confirm(day, token(confirmation, Purpose.CONFIRM), NOW + HOUR)
    assert len(mailed(day)) == 2

    subscriptions.unsubscribe(day, token(welcome, Purpose.UNSUBSCRIBE), NOW + HOUR)
    assert len(mailed(day)) == 2
    transport = deliver.transport(day.settings.mail, tmp_path / "outbox")
    daily.deliver_due(day, transport, NOW + HOUR)
    newest, *_ = day.store.outbox.list()
    assert (newest.plan.kind, newest.state) == (DeliveryKind.WELCOME, DeliveryState.SUPPRESSED)


def test_confirming_twice_is_confirming_once(day: Service) -> None:
    reader = subscribed(day)
    again = subscriptions.confirm(day, token(mailed(day)[0], Purpose.CONFIRM), NOW + 2 * HOUR)
    assert again == reader


def test_after_48_hours_a_new_link_is_needed_and_can_be_had(day: Service) -> None:
    subscriptions.ask(day, "vision@example.org", NOTHING, "net", NOW)
    old = token(mailed(day)[0], Purpose.CONFIRM)
    late = NOW + 2 * DAY
    with pytest.raises(LinkExpired):
        subscriptions.confirm(day, old, late)
    assert the_reader(day).state is SubscriberState.PENDING
    assert subscriptions.ask_again(day, old, "net", late) is None
    assert subscriptions.ask_again(day, old, "net", late) is None
    new = token(mailed(day)[1], Purpose.CONFIRM)
    assert len(mailed(day)) == 2
    assert subscriptions.confirm(day, new, late + HOUR).state is SubscriberState.CONFIRMED


def test_leaving_takes_effect_at_once_and_twice_is_once(day: Service) -> None:
    reader = subscribed(day)
    leave, _ = links(day, reader)
    for _ in range(2):
        left = subscriptions.unsubscribe(day, leave, NOW + 900 * DAY)
        departure = Departure(at=NOW + 900 * DAY, state=SubscriberState.CONFIRMED)
        gone = replace(reader, state=SubscriberState.UNSUBSCRIBED, departure=departure)
        assert left == the_reader(day) == gone
    assert not any(due_digests(day, NOW + DAY))


def test_a_reader_who_is_gone_can_still_leave_and_can_do_nothing_else(day: Service) -> None:
    reader = subscribed(day)
    leave, preferences = links(day, reader)
    subscriptions.erase(day, reader, NOW)
    assert subscriptions.unsubscribe(day, leave, NOW) is None
    with pytest.raises(LinkError):
        subscriptions.prefer(day, preferences, Wish(papers=3), NOW)


def test_who_left_comes_back_by_confirming_anew(day: Service) -> None:
    reader = subscribed(day)
    leave, _ = links(day, reader)
    subscriptions.unsubscribe(day, leave, NOW)
    later = NOW + 3 * DAY
    subscriptions.ask(day, "vision@example.org", NOTHING, "net", later)
    assert the_reader(day).state is SubscriberState.UNSUBSCRIBED
    back = subscriptions.confirm(day, token(mailed(day)[-1], Purpose.CONFIRM), later + HOUR)
    assert (back.state, back.confirmed_at) == (SubscriberState.CONFIRMED, later + HOUR)


def test_readers_tune_what_they_get_and_a_wrong_wish_changes_nothing(day: Service) -> None:
    reader = subscribed(day)
    _, preferences = links(day, reader)
    wish = Wish(
        interests=("robots=2",), excludes=("drones",), send_at="06:30", timezone="Asia/Tokyo", days="mon,thu"
    )
    tuned = subscriptions.prefer(day, preferences, wish, NOW)
    assert [(i.value, i.weight) for i in tuned.interests] == [("robots", 2.0), ("drones", 1.0)]
    assert str(tuned.schedule.days) == "mon,thu"
    with pytest.raises(UsageError):
        subscriptions.prefer(day, preferences, Wish(interests=("more",), timezone="Nowhere/Land"), NOW)
    assert the_reader(day) == tuned


@pytest.mark.parametrize(
    "pasted", [ABOUT, f"\n {ABOUT}  \n\n", ABOUT.replace(" ", "\r\n"), ABOUT.replace("n", "n\u00ad")]
)
def test_what_somebody_writes_about_their_work_is_kept_as_one_paragraph(day: Service, pasted: str) -> None:
    reader = subscriptions.add(day, "vision@example.org", Wish(about=pasted), NOW, confirmed=True)
    assert reader.interests == (Interest(kind=InterestKind.TEXT, value=ABOUT),)

    tuned = subscriptions.update(day, reader.id, Wish(interests=("touch",)), confirmed=False, now=NOW)
    assert [i.kind for i in tuned.interests] == [InterestKind.TEXT, InterestKind.PHRASE]
    gone = subscriptions.update(day, reader.id, Wish(about=" "), confirmed=False, now=NOW)
    assert [i.kind for i in gone.interests] == [InterestKind.PHRASE]


def test_a_text_that_is_too_long_is_refused_with_its_length(day: Service) -> None:
    longest = Wish(about="a" * subscriptions.LONGEST_TEXT)
    assert subscriptions.add(day, "vision@example.org", longest, NOW, confirmed=True).interests
    with pytest.raises(UsageError, match="1 to 2000 characters, this is 2001: 'aaa"):
        subscriptions.add(day, "robots@example.org", Wish(about="a" * 2001), NOW, confirmed=True)


def test_raising_the_generation_revokes_every_link(day: Service) -> None:
    reader = subscribed(day)
    leave, preferences = links(day, reader)
    day.store.subscribers.change(reader.id, lambda one: replace(one, generation=one.generation + 1), NOW)
    with pytest.raises(LinkError):
        subscriptions.unsubscribe(day, leave, NOW)
    with pytest.raises(LinkError):
        subscriptions.prefer(day, preferences, NOTHING, NOW)


def test_leaving_does_not_lift_a_suppression(day: Service) -> None:
    leave, _ = links(day, subscribed(day))
    suppressed = replace(the_reader(day), state=SubscriberState.SUPPRESSED)
    day.store.subscribers.change(suppressed.id, lambda _: suppressed, NOW)
    assert subscriptions.unsubscribe(day, leave, NOW) == suppressed == the_reader(day)


def test_an_operators_mail_counts_as_one_of_the_days(day: Service) -> None:
    subscriptions.add(day, "vision@example.org", NOTHING, NOW, confirmed=False)
    assert subscriptions.ask(day, "vision@example.org", NOTHING, "net", NOW + 23 * HOUR) is None
    assert len(day.store.outbox.list()) == 1
    assert subscriptions.ask(day, "vision@example.org", NOTHING, "net", NOW + 24 * HOUR) is None
    assert len(day.store.outbox.list()) == 2


def test_a_mail_a_day_is_one_a_day_where_a_day_has_25_hours(tmp_path: Path) -> None:
    with open_service(settings(tmp_path, zone="Europe/Berlin")) as day:
        first = dt.datetime(
            2026, 10, 24, 22, 10, tzinfo=dt.UTC
        )  # ten past midnight; the clocks go back at three
        for now in (first, first + DAY):
            assert subscriptions.ask(day, "vision@example.org", NOTHING, "net", now) is None
        assert len(day.store.outbox.list()) == 2


def test_who_was_deleted_is_brought_back_by_no_list_and_by_no_file(day: Service, tmp_path: Path) -> None:
    reader = subscribed(day)
    file = io.StringIO()
    roster.write_csv(day.store.subscribers.list(), day.store.consents.list(), file)
    subscriptions.erase(day, reader, NOW)
    file.seek(0)
    rows = roster.read_csv(file, day.settings, NOW)
    assert roster.import_all(day, rows, NOW).known == 1
    named = day.settings.model_copy(update={"readers": (config.ReaderTable(address="VISION@example.org"),)})
    subscriptions.sync_readers(replace(day, settings=named), NOW)
    assert day.store.subscribers.list() == []
    assert subscriptions.deletion(day, reader.address, NOW)

    file.seek(0)
    assert roster.import_all(day, rows, NOW + 365 * DAY).added == 1, "a year later nothing remains"


def test_whom_the_operator_adds_unconfirmed_is_asked_to_confirm(day: Service) -> None:
    subscriptions.add(day, "vision@example.org", NOTHING, NOW, confirmed=False)
    assert [row.plan.kind for row in day.store.outbox.list()] == [DeliveryKind.CONFIRM]


def test_in_personal_mode_nobody_is_asked_to_confirm(tmp_path: Path) -> None:
    with open_service(settings(tmp_path, url="")) as day:
        subscriptions.add(day, "vision@example.org", NOTHING, NOW, confirmed=False)
        assert day.store.outbox.list() == []


def test_who_never_confirms_is_forgotten_after_a_week(day: Service) -> None:
    subscriptions.ask(day, "vision@example.org", NOTHING, "net", NOW)
    assert subscriptions.forget(day, NOW + 7 * DAY) == 0
    assert subscriptions.forget(day, NOW + 7 * DAY + HOUR) == 1
    assert day.store.subscribers.list() == []
