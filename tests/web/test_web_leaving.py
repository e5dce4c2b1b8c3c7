"""Leaving over HTTP: at once, for good or a little, taken back or in writing; and no more than that."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace

import pytest
from factories import a_subscriber

from digest import subscriptions
from digest.links import Purpose
from digest.model import Bounce, BounceClass, Days, Decision, DeliveryKind, Schedule, SubscriberState

ACTS = ("undo", "weekly", "farewell")
MONTH = dt.timedelta(days=30)


@pytest.fixture
def name() -> str:
    """Somebody whom no other test knows."""
    return f"l{uuid.uuid4().hex[:12]}"


def on(days: str) -> Schedule:
    return replace(a_subscriber().schedule, days=Days(days))


MULTIPART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"List-Unsubscribe=One-Click", {"Content_Type": "application/x-www-form-urlencoded"}),
        (b"List-Unsubscribe=One-Click&x=1&y=2", {"Content_Type": "application/x-www-form-urlencoded"}),
        (MULTIPART, {"Content_Type": "multipart/form-data; boundary=b"}),
        (b"not a form", {"Content_Type": "multipart/form-data"}),
        (b"", {}),
        (b"\x00\xff" * 60_000, {"Content_Type": "application/octet-stream"}),
        (b"List-Unsubscribe=One-Click", {"Origin": "https://mail.example.net", "Sec_Fetch_Site": "cross-site"}),
    ],
    ids=["urlencoded", "extra fields", "multipart", "broken multipart", "empty", "long garbage", "foreign origin"],
)  # fmt: skip
def test_a_bare_post_unsubscribes_at_once_whatever_it_carries(
    site, name: str, body: bytes, headers: dict[str, str]
) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.reader(name))
    first = site.post(path, body, **headers)
    rows = site.rows()
    second = site.post(path, body, **headers)
    assert (first.status, second.status) == (200, 200)
    assert "location" not in first.headers
    assert first.body == second.body
    assert "no digest will be sent" in first.text
    assert site.now(name).state is SubscriberState.UNSUBSCRIBED
    assert site.rows() == rows


def test_an_unsubscribe_link_works_for_ever_and_when_its_reader_is_gone(site, name: str) -> None:
    reader = site.reader(name)
    path = site.path(Purpose.UNSUBSCRIBE, reader)
    site.clock.now += dt.timedelta(days=3650)
    assert "You are unsubscribed" in site.post(path).text
    subscriptions.erase(site.day, reader, site.clock.now)
    assert site.get(path).body == site.post(path).body
    assert "You are unsubscribed" in site.get(path).text
    assert "<form" not in site.get(path).text


def test_who_left_can_subscribe_again(site, name: str) -> None:
    site.post(site.path(Purpose.UNSUBSCRIBE, site.reader(name)))
    site.post("/subscribe", {"email": f"{name}@example.org"})
    site.post(site.linked(site.mails(name)[-1][1], Purpose.CONFIRM))
    assert site.now(name).state is SubscriberState.CONFIRMED


# --- taking it back -------------------------------------------------------------------------------


def test_for_thirty_days_one_click_brings_it_back_as_it_was(site, name: str) -> None:
    reader = site.reader(name)
    path = site.path(Purpose.UNSUBSCRIBE, reader)
    left = site.post(path, b"List-Unsubscribe=One-Click")
    assert "Until 15 May 2026 one click here" in left.text
    site.clock.now += MONTH - dt.timedelta(seconds=1)
    later = site.get(path)
    assert f'action="{path}/undo"' in later.text
    assert "as if you had not left" in site.post(f"{path}/undo").text
    assert site.now(name) == reader
    rows = site.rows()
    assert site.post(f"{path}/undo").status == 200
    assert site.rows() == rows


def test_after_thirty_days_it_takes_a_subscription(site, name: str) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.reader(name))
    site.post(path)
    site.clock.now += MONTH
    for page in (site.get(path), site.post(path), site.post(f"{path}/undo")):
        assert (page.status, "/undo" in page.text, "Subscribe again" in page.text) == (200, False, True)
    assert site.now(name).state is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("state", [SubscriberState.PENDING, SubscriberState.PAUSED])
def test_who_had_not_confirmed_or_was_paused_is_so_again(site, name: str, state: SubscriberState) -> None:
    reader = site.reader(name, state=state)
    path = site.path(Purpose.UNSUBSCRIBE, reader)
    site.post(path)
    assert site.now(name).state is SubscriberState.UNSUBSCRIBED
    assert "It is as it was before." in site.post(f"{path}/undo").text
    assert site.now(name) == reader


def test_an_address_that_must_not_be_mailed_stays_unsubscribed(site, name: str) -> None:
    reader = site.reader(name)
    path = site.path(Purpose.UNSUBSCRIBE, reader)
    site.post(path)
    site.day.store.suppressions.add(reader.address, "complaint", site.clock.now)
    assert "/undo" not in site.get(path).text
    site.post(f"{path}/undo")
    assert site.now(name).state is SubscriberState.UNSUBSCRIBED


def test_who_left_by_mail_may_take_it_back_by_the_link(site, name: str) -> None:
    reader = site.reader(name)
    wish = Bounce(key=name, subscriber=reader.id, at=site.clock.now, meaning=BounceClass.LEAVE)
    site.day.store.bounces.settle(wish, lambda _: Decision(leave=True), site.clock.now)
    assert site.now(name).state is SubscriberState.UNSUBSCRIBED
    site.post(f"{site.path(Purpose.UNSUBSCRIBE, reader)}/undo")
    assert site.now(name) == reader


# --- less often, and in writing -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "weekly", "told"),
    [
        ("daily", "weekly:fri", "Friday"),
        ("weekdays", "weekly:fri", "Friday"),
        ("mon,thu", "weekly:thu", "Thursday"),
    ],
)
def test_less_often_is_once_a_week_and_changes_nothing_else(
    site, name: str, days: str, weekly: str, told: str
) -> None:
    reader = site.reader(name, schedule=on(days))
    path = site.path(Purpose.UNSUBSCRIBE, reader)
    assert f'action="{path}/weekly"' in site.get(path).text
    assert f"once a week, on {told}" in site.post(f"{path}/weekly").text
    assert site.now(name) == replace(reader, schedule=on(weekly))
    assert "/weekly" not in site.get(path).text


@pytest.mark.parametrize("days", ["tue", "weekly:mon"])
def test_who_reads_once_a_week_is_not_offered_less(site, name: str, days: str) -> None:
    reader = site.reader(name, schedule=on(days))
    path = site.path(Purpose.UNSUBSCRIBE, reader)
    assert "/weekly" not in site.get(path).text
    site.post(f"{path}/weekly")
    assert site.now(name) == reader


def test_less_often_brings_nobody_back(site, name: str) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.reader(name))
    site.post(path)
    assert "You are unsubscribed" in site.post(f"{path}/weekly").text
    assert (site.now(name).state, str(site.now(name).schedule.days)) == (
        SubscriberState.UNSUBSCRIBED,
        "daily",
    )


def test_a_last_mail_comes_to_who_left_and_asks_for_it_and_once_a_day(site, name: str) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.reader(name))
    site.post(f"{path}/farewell")
    assert site.mails(name) == [], "who has not left gets none"
    site.post(path)
    assert site.mails(name) == []
    for _ in range(2):
        assert "One last mail is on its way" in site.post(f"{path}/farewell").text
    ((kind, text),) = site.mails(name)
    assert kind is DeliveryKind.NOTICE
    assert "You asked us to confirm it: you are unsubscribed" in text


# --- and no more than that ------------------------------------------------------------------------


@pytest.mark.parametrize("act", ACTS)
def test_only_leaving_itself_is_taken_from_anywhere(site, name: str, act: str) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.reader(name))
    if act != "weekly":
        site.post(path)
    rows = site.rows()
    assert site.post(f"{path}/{act}", Origin="https://evil.example.net").status == 403
    for method in ("GET", "HEAD"):
        assert site.ask(method, f"{path}/{act}").status == 405
    nowhere = site.get("/nowhere").body
    for purpose in (Purpose.PREFERENCES, Purpose.FEED, Purpose.CONFIRM):
        token = site.path(purpose, site.now(name)).rpartition("/")[2]
        assert site.post(f"/unsubscribe/{token}/{act}").body == nowhere
    assert site.rows() == rows


def test_whoever_was_forwarded_a_mail_learns_nothing_of_its_reader(site, name: str) -> None:
    schedule = replace(on("daily"), timezone="Asia/Kolkata")
    reader = site.reader(name, schedule=schedule)
    path = site.path(Purpose.UNSUBSCRIBE, reader)
    told = [site.get(path), site.post(f"{path}/weekly"), site.post(path), site.post(f"{path}/undo")]
    others = [site.path(purpose, reader) for purpose in Purpose if purpose is not Purpose.UNSUBSCRIBE]
    for page in told:
        for secret in ("Kolkata", "diffusion", name, *others):
            assert secret not in page.text
