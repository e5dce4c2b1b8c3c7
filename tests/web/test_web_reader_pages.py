"""A reader's own pages, over HTTP: opening a link changes nothing, its button does, and nobody else's link works."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from digest.links import Purpose
from digest.model import SubscriberState

SCANNERS = ("Mozilla/5.0 (compatible; SafeLinks)", "Barracuda Sentinel (EE)", "curl/8", "")


@pytest.fixture
def name() -> str:
    """Somebody whom no other test knows."""
    return f"r{uuid.uuid4().hex[:12]}"


def pending(site, name: str):
    return site.reader(name, state=SubscriberState.PENDING, confirmed_at=None)


# --- opening links --------------------------------------------------------------------------------


def test_scanners_that_open_every_link_change_nothing(site, name: str) -> None:
    reader, waiting = site.reader(name), pending(site, f"{name}p")
    preferences = site.path(Purpose.PREFERENCES, reader)
    expired = site.path(Purpose.CONFIRM, waiting, expires_at=site.clock.now)
    paths = {
        site.confirm_path(waiting): 200,
        site.path(Purpose.UNSUBSCRIBE, reader): 200,
        preferences: 200,
        f"{preferences}/digest": 200,
        expired: 410,
        f"{expired}/again": 405,
        "/": 200,
        "/sample": 200,
    }
    before = site.rows()

    def scan(number: int) -> list[int]:
        return [
            site.ask(method, path, User_Agent=SCANNERS[number % len(SCANNERS)]).status
            for path in paths
            for method in ("GET", "HEAD")
        ]

    with ThreadPoolExecutor(8) as scanners:
        found = list(scanners.map(scan, range(25)))  # 50 requests a link
    assert found == [[status for status in paths.values() for _ in range(2)]] * 25
    assert site.rows() == before


def test_the_readers_pages_are_kept_out_of_caches_and_indexes(site, name: str) -> None:
    reader = site.reader(name)
    for path in (*(site.path(purpose, reader) for purpose in Purpose if purpose != "feedback"), "/confirm/x"):
        for method in ("GET", "HEAD", "POST"):
            headers = site.ask(method, path).headers
            assert headers["cache-control"] == "no-store"
            assert headers["x-robots-tag"] == "noindex"
            assert "set-cookie" not in headers
            assert "location" not in headers


def test_an_address_is_shown_masked_only(site, name: str) -> None:
    reader = site.reader(name)
    for path in (site.confirm_path(reader), site.path(Purpose.PREFERENCES, reader)):
        page = site.get(path).text
        assert f"{name[0]}•••{name[-1]}@example.org" in page
        assert reader.address not in page


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.UNSUBSCRIBE, Purpose.PREFERENCES])
def test_a_link_that_is_not_exactly_ours_leads_to_the_page_of_what_is_not_there(
    site, name: str, purpose: Purpose, method: str
) -> None:
    reader = site.reader(name)
    nowhere = site.get("/nowhere")
    token = site.path(purpose, reader).rpartition("/")[2]
    others = [site.path(other, reader).rpartition("/")[2] for other in Purpose if other is not purpose]
    flipped = [token[:at] + chr(ord(token[at]) ^ 1) + token[at + 1 :] for at in range(0, len(token), 7)]
    before = site.rows()
    for wrong in (*others, *flipped, token[:-1], f"{token}A", token.upper(), "a" * 5000):
        answer = site.ask(method, f"/{purpose}/{wrong}")
        assert (answer.status, answer.body) == (404, nowhere.body)
    assert site.rows() == before


def test_a_revoked_link_no_longer_acts(site, name: str) -> None:
    reader = site.reader(name, generation=2)
    site.day.store.subscribers.change(reader.id, lambda known: replace(known, generation=3), site.clock.now)
    for purpose in (Purpose.PREFERENCES, Purpose.UNSUBSCRIBE):
        assert site.post(site.path(purpose, reader)).status == 404
    assert site.now(name).state is SubscriberState.CONFIRMED


# --- confirm --------------------------------------------------------------------------------------


def test_confirming_twice_says_the_same_and_offers_the_settings(site, name: str) -> None:
    path = site.confirm_path(pending(site, name))
    first = site.post(path)
    rows = site.rows()
    second = site.post(path)
    assert first.status == 200
    assert first.body == second.body
    assert site.rows() == rows
    assert "You are subscribed" in first.text
    assert "Your first digest comes tomorrow, Friday 17 April 2026, at 07:00 (UTC)" in first.text
    confirmed = site.now(name)
    assert (confirmed.state, confirmed.confirmed_at) == (SubscriberState.CONFIRMED, site.clock.now)
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', first.text)
    assert site.post(action, {"rhythm": "days", "days": "mon", "papers": "12"}).status == 200
    assert site.now(name).papers == 12


def test_an_expired_link_is_gone_and_its_page_mails_a_new_one(site, name: str) -> None:
    site.post("/subscribe", {"email": f"{name}@example.org"})
    ((_, text),) = site.mails(name)
    path = site.linked(text, Purpose.CONFIRM)
    site.clock.now += dt.timedelta(hours=49)
    for page in (site.get(path), site.post(path)):
        assert page.status == 410
        assert f'action="{path}/again"' in page.text
    assert site.now(name).state is SubscriberState.PENDING
    assert site.post(f"{path}/again").body == site.post("/subscribe", {"email": f"x{name}@example.org"}).body
    new = site.linked(site.mails(name)[-1][1], Purpose.CONFIRM)
    assert new != path
    assert site.post(new).status == 200
    assert site.now(name).state is SubscriberState.CONFIRMED


def test_asking_again_counts_like_any_sign_up(site, name: str) -> None:
    path = site.path(Purpose.CONFIRM, pending(site, name), expires_at=site.clock.now)
    answers = [site.post(f"{path}/again", X_Forwarded_For="203.0.113.99") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert len(site.mails(name)) == 1


# --- privacy --------------------------------------------------------------------------------------


def test_no_address_and_no_token_is_logged(site, name: str, logged) -> None:
    site.post("/subscribe", {"email": f"{name}@example.org", "interests": "secret topic"})
    confirm = site.linked(site.mails(name)[0][1], Purpose.CONFIRM)
    site.post(confirm)
    reader = site.now(name)
    preferences, leave = site.path(Purpose.PREFERENCES, reader), site.path(Purpose.UNSUBSCRIBE, reader)
    for method, path in (("GET", confirm), ("GET", preferences), ("POST", preferences), ("PUT", leave)):
        site.ask(method, path)
    site.post(f"{leave}x")
    site.post(leave)
    said = logged()
    assert "subscription changed" in said
    for secret in (
        name,
        "secret topic",
        *(path.rpartition("/")[2] for path in (confirm, preferences, leave)),
    ):
        assert secret not in said


def test_a_revoked_link_to_leave_looks_like_any_other_that_is_not_there(site, name: str) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.reader(name))
    site.day.store.subscribers.change(
        site.now(name).id, lambda one: replace(one, generation=one.generation + 1), site.clock.now
    )
    assert site.get(path).status == site.post(path).status == 404


def test_a_suppressed_address_cannot_be_confirmed(site, name: str) -> None:
    reader = site.reader(name, state=SubscriberState.PENDING)
    site.day.store.suppressions.add(reader.address, "asked us to", site.clock.now)
    assert site.post(site.path(Purpose.CONFIRM, reader)).status == 404
    assert site.now(name).state is SubscriberState.PENDING
