"""What a subscription rests on: asked for and confirmed, vouched for, or brought along from elsewhere."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import config, languages, roster, subscriptions
from digest.errors import UsageError
from digest.links import Claim, Purpose
from digest.messages import confirm_url
from digest.model import (
    Consent,
    ConsentMethod,
    DeliveryKind,
    Interest,
    InterestKind,
    Subscriber,
    SubscriberState,
)
from digest.roster import Imported
from digest.service import Service, open_service
from digest.subscriptions import Wish
from digest.subscriptions.consenting import truncated

NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
NOTHING = Wish()
AGREED = {SubscriberState.CONFIRMED, SubscriberState.PAUSED}


def settings(folder: Path, url: str = "https://digest.example.org", readers: str = "") -> config.Settings:
    folder.mkdir(exist_ok=True)
    (folder / "digest.toml").write_text(f'[site]\nurl = "{url}"\n{readers}', encoding="utf-8")
    return config.load(folder / "digest.toml", {})


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Service]:
    with open_service(settings(tmp_path)) as opened:
        yield opened


def reader(day: Service) -> Subscriber:
    (found,) = day.store.subscribers.list()
    return found


def consents(day: Service) -> list[Consent]:
    return day.store.consents.of(reader(day).id)


def confirm(day: Service, now: dt.datetime) -> None:
    """Press the button behind the newest mail's link."""
    newest = next(row.plan for row in day.store.outbox.list() if row.plan.kind is DeliveryKind.CONFIRM)
    subscriptions.confirm(day, confirm_url(day, newest).rpartition("/")[2], now)


def leave(day: Service, now: dt.datetime) -> None:
    one = reader(day)
    claim = Claim(purpose=Purpose.UNSUBSCRIBE, subscriber=one.id, generation=one.generation)
    subscriptions.unsubscribe(day, day.links.token(claim), now)


# --- by form --------------------------------------------------------------------------------------


def test_the_form_and_its_confirmation_are_one_consent_with_words_place_and_times(day: Service) -> None:
    subscriptions.ask(day, "vision@example.org", NOTHING, "192.0.2.77", NOW)
    (asked,) = consents(day)
    assert asked == Consent(
        at=NOW,
        method=ConsentMethod.FORM,
        wording="You agree that Daily Digest mails you its digest, at most once a day, until you unsubscribe, and"
        " keeps for this what its privacy page says.",
        url="https://digest.example.org/subscribe",
        network="192.0.2.0/24",
    )
    confirm(day, NOW + HOUR)
    confirm(day, NOW + 2 * HOUR)
    assert consents(day) == [replace(asked, confirmed_at=NOW + HOUR)]


def test_who_comes_back_after_leaving_agrees_anew(day: Service) -> None:
    subscriptions.ask(day, "vision@example.org", NOTHING, "net", NOW)
    confirm(day, NOW)
    leave(day, NOW + HOUR)
    subscriptions.ask(day, "vision@example.org", NOTHING, "2001:db8:1:2::/64", NOW + DAY)
    confirm(day, NOW + DAY + HOUR)
    first, second = consents(day)
    assert (first.confirmed_at, second.at, second.confirmed_at) == (NOW, NOW + DAY, NOW + DAY + HOUR)
    assert (first.network, second.network) == ("", "2001:db8:1::/48")


def test_a_link_that_confirms_once_more_after_leaving_is_a_consent_of_its_own(day: Service) -> None:
    subscriptions.ask(day, "vision@example.org", NOTHING, "net", NOW)
    confirm(day, NOW)
    leave(day, NOW)
    confirm(day, NOW)
    leave(day, NOW + HOUR)
    confirm(day, NOW + 2 * HOUR)
    *first, second = consents(day)
    assert [one.confirmed_at for one in (*first, second)] == [NOW, NOW, NOW + 2 * HOUR]
    assert second.url == "https://digest.example.org/confirm"


def test_who_is_subscribed_and_asks_for_their_settings_agrees_to_nothing_new(day: Service) -> None:
    subscriptions.ask(day, "vision@example.org", NOTHING, "net", NOW)
    confirm(day, NOW)
    subscriptions.ask(day, "vision@example.org", NOTHING, "net", NOW + DAY)
    assert len(consents(day)) == 1


def test_what_was_never_mailed_is_not_on_record(day: Service) -> None:
    for minute in range(3):
        now = NOW + minute * dt.timedelta(minutes=1)
        subscriptions.ask(day, "vision@example.org", NOTHING, f"net {minute}", now)
    assert len(consents(day)) == 1


def test_networks_are_forgotten_after_a_month(day: Service) -> None:
    subscriptions.ask(day, "vision@example.org", NOTHING, "192.0.2.77", NOW)
    confirm(day, NOW)
    subscriptions.forget(day, NOW + 30 * DAY)
    assert consents(day)[0].network == "192.0.2.0/24"
    subscriptions.forget(day, NOW + 30 * DAY + HOUR)
    assert consents(day)[0].network == ""


@given(st.ip_addresses())
def test_a_network_is_kept_so_coarsely_that_it_is_nobodys(address) -> None:
    kept = truncated(str(address))
    assert kept.endswith("/24" if address.version == 4 else "/48")
    assert truncated(kept) == kept


@pytest.mark.parametrize("network", ["", "unknown", "net", "999.1.1.1"])
def test_what_is_no_network_is_not_kept(network: str) -> None:
    assert truncated(network) == ""


# --- by the operator ------------------------------------------------------------------------------


def test_the_operators_word_is_recorded_as_such(day: Service) -> None:
    subscriptions.add(day, "vision@example.org", NOTHING, NOW, confirmed=True)
    (consent,) = consents(day)
    assert (consent.method, consent.confirmed_at) == (ConsentMethod.OPERATOR, NOW)
    assert consent.wording == "added as confirmed by the operator"
    subscriptions.pause(day, "vision@example.org", NOW)
    subscriptions.update(day, "vision@example.org", NOTHING, confirmed=True, now=NOW + DAY)
    assert consents(day) == [consent]


def test_whom_the_operator_brings_back_after_leaving_has_a_new_consent(day: Service) -> None:
    subscriptions.add(day, "vision@example.org", NOTHING, NOW, confirmed=True)
    leave(day, NOW + HOUR)
    subscriptions.update(day, "vision@example.org", NOTHING, confirmed=True, now=NOW + DAY)
    assert [one.confirmed_at for one in consents(day)] == [NOW, NOW + DAY]
    assert reader(day).confirmed_at == NOW + DAY


def test_whom_the_operator_adds_unconfirmed_agrees_by_the_button(day: Service) -> None:
    subscriptions.add(day, "vision@example.org", NOTHING, NOW, confirmed=False)
    confirm(day, NOW + HOUR)
    (consent,) = consents(day)
    assert (consent.method, consent.at, consent.confirmed_at) == (ConsentMethod.OPERATOR, NOW, NOW + HOUR)
    assert consent.wording == subscriptions.wording(day.settings.site, languages.ENGLISH)


def test_readers_of_the_configuration_rest_on_it(tmp_path: Path) -> None:
    with open_service(settings(tmp_path, "", '[[readers]]\naddress = "vision@example.org"')) as day:
        for _ in range(2):
            subscriptions.sync_readers(day, NOW)
        (consent,) = consents(day)
        assert consent.method is ConsentMethod.CONFIGURATION


# --- by import ------------------------------------------------------------------------------------


def imported(day: Service, *lines: str) -> Imported:
    return roster.import_all(day, roster.read_csv(io.StringIO("\n".join(lines)), day.settings, NOW), NOW)


def test_a_stated_basis_confirms_and_is_kept(day: Service) -> None:
    done = imported(
        day,
        "address,confirmed,consent_at,consent_source",
        "vision@example.org,yes,2024-02-29T08:00:00+02:00,the form of the old list",
    )
    assert done == Imported(added=1, asked=0, known=0)
    agreed_at = dt.datetime(2024, 2, 29, 6, tzinfo=dt.UTC)
    assert (reader(day).state, reader(day).confirmed_at) == (SubscriberState.CONFIRMED, agreed_at)
    assert consents(day) == [
        Consent(
            at=NOW, method=ConsentMethod.IMPORT, wording="the form of the old list", confirmed_at=agreed_at
        )
    ]
    assert day.store.outbox.list() == []


@pytest.mark.parametrize(
    "row", ["address,confirmed\nvision@example.org,yes", "address,state\nvision@example.org,paused"]
)
def test_without_a_basis_they_are_asked_by_mail(day: Service, row: str) -> None:
    assert imported(day, row) == Imported(added=1, asked=1, known=0)
    assert reader(day).state is SubscriberState.PENDING
    assert [one.plan.kind for one in day.store.outbox.list()] == [DeliveryKind.CONFIRM]
    confirm(day, NOW + HOUR)
    (consent,) = consents(day)
    assert (consent.method, consent.confirmed_at) == (ConsentMethod.IMPORT, NOW + HOUR)
    assert consent.wording.startswith("You agree")


def test_in_personal_mode_the_operators_word_is_enough(tmp_path: Path) -> None:
    with open_service(settings(tmp_path, "")) as day:
        assert imported(day, "address", "vision@example.org") == Imported(added=1, asked=0, known=0)
        (consent,) = consents(day)
        assert (consent.method, consent.confirmed_at) == (ConsentMethod.IMPORT, NOW)


@pytest.mark.parametrize(
    ("at", "source", "said"),
    [
        ("2026-04-01", "", "given together"),
        ("", "the old list", "given together"),
        ("yesterday", "the old list", "consent_at is a date"),
        ("2026-04-17", "the old list", "in the future"),
    ],
)
def test_half_a_basis_is_a_mistake_that_names_its_line(day: Service, at: str, source: str, said: str) -> None:
    with pytest.raises(UsageError, match=rf"line 2: .*{said}"):
        imported(day, "address,consent_at,consent_source", f"vision@example.org,{at},{source}")
    assert day.store.subscribers.list() == []


def test_exported_and_imported_elsewhere_everybody_is_as_they_were_and_nobody_is_mailed(
    day: Service, tmp_path: Path
) -> None:
    states = set(SubscriberState) - {SubscriberState.PENDING}
    asked = (
        Interest(kind=InterestKind.PHRASE, value="x=2"),
        Interest(kind=InterestKind.AUTHOR, value="A. B"),
        Interest(kind=InterestKind.TEXT, value="We study touch; hands, too: n=5, p=0.01."),
    )
    vouched = subscriptions.vouched(ConsentMethod.OPERATOR, NOW)
    for state in states:  # one is confirmed since before consents were logged
        one = replace(subscriptions.newcomer(f"{state}@example.org", day.settings, NOW), state=state)
        basis = None if state is SubscriberState.PAUSED else vouched
        day.store.subscribers.add(replace(one, interests=asked, confirmed_at=NOW), consent=basis)
    file = io.StringIO()
    roster.write_csv(day.store.subscribers.list(), day.store.consents.list(), file)
    with open_service(settings(tmp_path / "elsewhere")) as other:
        rows = roster.read_csv(io.StringIO(file.getvalue()), other.settings, NOW)
        assert roster.import_all(other, rows, NOW) == Imported(added=len(states), asked=0, known=0)
        assert other.store.outbox.list() == []
        found = {(one.address, one.state, one.interests) for one in other.store.subscribers.list()}
        kept = {
            one.state: [consent.wording for consent in other.store.consents.of(one.id)]
            for one in other.store.subscribers.list()
            if one.state in AGREED
        }
    assert found == {(one.address, one.state, one.interests) for one in day.store.subscribers.list()}
    assert kept == {
        SubscriberState.CONFIRMED: [vouched.wording],
        SubscriberState.PAUSED: ["confirmed before consents were logged"],
    }
