"""A reader's own pages, over HTTP: opening a link changes nothing, its button does, and nobody else's link works."""

from __future__ import annotations

import datetime as dt
import html
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from digest.links import Purpose
from digest.model import Days, Interest, InterestKind, SubscriberState

SCANNERS = ("Mozilla/5.0 (compatible; SafeLinks)", "Barracuda Sentinel (EE)", "curl/8", "")
FORM = {
    "interests": "video generation=2\r\n\r\n3D scenes",
    "excludes": "survey",
    "rhythm": "days",
    "days": ["mon", "thu"],
    "weekday": "fri",
    "send_at": "06:30",
    "timezone": "Asia/Kolkata",
    "papers": "12",
}


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
    site.day.store.subscribers.change(reader.id, lambda known: replace(known, generation=3))
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
    assert site.post(action, FORM).status == 200
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


# --- preferences ----------------------------------------------------------------------------------


def test_saving_changes_what_was_changed_and_says_when_the_next_digest_comes(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    page = site.post(path, FORM)
    assert page.status == 200
    # It is Thursday afternoon there, so today's is due and was not prepared yet.
    assert 'role="status">Saved. Your next digest comes within the next minutes.' in page.text
    site.clock.now += dt.timedelta(days=1)
    assert "Your next digest comes on Monday 20 April 2026 at 06:30 (Asia/Kolkata)." in site.get(path).text
    saved = site.now(name)
    assert [(i.value, i.weight) for i in saved.asked(InterestKind.PHRASE)] == [
        ("video generation", 2),
        ("3D scenes", 1),
    ]
    assert [i.value for i in saved.asked(InterestKind.EXCLUDE)] == ["survey"]
    assert (saved.papers, saved.schedule.timezone, saved.schedule.send_at) == (
        12,
        "Asia/Kolkata",
        dt.time(6, 30),
    )
    assert saved.schedule.days == Days("mon,thu")
    again = site.get(path).text
    assert "video generation=2\n3D scenes</textarea>" in again
    assert '<option value="Asia/Kolkata" selected>' in again
    assert re.findall(r'name="days" value="(\w+)" [^>]* checked', again) == ["mon", "thu"]


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        ({"rhythm": "weekly"}, "weekly:fri"),
        ({"days": ["mon", "tue", "wed", "thu", "fri"]}, "weekdays"),
        ({"days": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]}, "daily"),
    ],
)
def test_days_are_stored_as_they_were_chosen(site, name: str, change: dict, stored: str) -> None:
    site.post(site.path(Purpose.PREFERENCES, site.reader(name)), FORM | change)
    assert str(site.now(name).schedule.days) == stored


@pytest.mark.parametrize(
    "change",
    [
        {"papers": "0"},
        {"papers": "51"},
        {"papers": "many"},
        {"send_at": "25:00"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"days": []},
        {"rhythm": "weekly", "weekday": "someday"},
        {"interests": "video=1000"},
        {"interests": "x" * 301},
        {"interests": "\n".join(f"topic {n}" for n in range(201))},
        {"excludes": "a\x07b"},
    ],
    ids=lambda change: f"{change}"[:40],
)
def test_what_cannot_be_saved_is_said_and_nothing_typed_is_lost(site, name: str, change: dict) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    before = site.rows()
    page = site.post(path, FORM | {"excludes": "typed <here>"} | change)
    assert page.status == 422
    assert 'role="alert">Nothing was saved.' in page.text
    typed = FORM | change
    assert f'value="{typed["send_at"]}"' in page.text
    assert f'<option value="{typed["timezone"]}" selected>' in page.text
    assert "excludes" in change or "typed &lt;here&gt;</textarea>" in page.text
    assert "interests" in change or "3D scenes</textarea>" in page.text
    assert site.rows() == before


def test_a_blank_list_of_interests_means_none(site, name: str) -> None:
    site.post(site.path(Purpose.PREFERENCES, site.reader(name)), FORM | {"interests": "", "excludes": " "})
    assert site.now(name).interests == ()


def test_the_next_digest_follows_the_saved_interests(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name, interests=()))
    before = site.get(f"{path}/digest")
    site.post(path, FORM | {"interests": "auctions and equilibria", "excludes": ""})
    after = site.get(f"{path}/digest")
    assert "auctions and equilibria" not in before.text
    assert "matches “auctions and equilibria”" in after.text
    assert "sandbox" in after.headers["content-security-policy"]
    assert after.headers["cache-control"] == "no-store"


def test_without_papers_the_next_digest_is_a_kind_sentence(below, name: str) -> None:
    path = below.path(Purpose.PREFERENCES, below.reader(name))
    page = below.get(f"{path}/digest")
    assert page.status == 200
    assert "Nothing to show yet" in page.text
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SubscriberState.PAUSED, "are paused"),
        (SubscriberState.UNSUBSCRIBED, "subscribe again"),
        (SubscriberState.PENDING, "not confirmed yet"),
        (SubscriberState.SUPPRESSED, "came back"),
    ],
)
def test_who_gets_no_digests_is_told_why_and_what_to_do(
    site, name: str, state: SubscriberState, words: str
) -> None:
    page = site.get(site.path(Purpose.PREFERENCES, site.reader(name, state=state))).text
    assert words in page
    assert "next digest comes" not in page
    assert "<iframe" not in page


def test_a_foreign_form_cannot_change_settings(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    before = site.rows()
    assert site.post(path, FORM, Origin="https://evil.example.net").status == 403
    assert site.rows() == before


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


@pytest.mark.parametrize("body", [b"", b"List-Unsubscribe=One-Click", {"interests": "other things"}])
def test_a_post_that_is_not_the_form_saves_nothing(site, name: str, body) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    before = site.now(name)
    page = site.post(path, body, Content_Type="application/x-www-form-urlencoded")
    assert (page.status, "Nothing was saved" in page.text) == (422, True)
    assert site.now(name) == before


def test_the_form_tells_what_it_does_not_show(site, name: str) -> None:
    kept = (
        Interest(kind=InterestKind.AUTHOR, value="A. Author"),
        Interest(kind=InterestKind.CATEGORY, value="cs.CL"),
    )
    path = site.path(Purpose.PREFERENCES, site.reader(name, interests=kept))
    assert "You also follow 1 author and 1 category, which stay as they are." in site.get(path).text
    site.post(path, FORM)
    assert [i.value for i in site.now(name).asked(InterestKind.AUTHOR)] == ["A. Author"]


def test_a_revoked_link_to_leave_looks_like_any_other_that_is_not_there(site, name: str) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.reader(name))
    site.day.store.subscribers.change(
        site.now(name).id, lambda one: replace(one, generation=one.generation + 1)
    )
    assert site.get(path).status == site.post(path).status == 404


def test_a_suppressed_address_cannot_be_confirmed(site, name: str) -> None:
    reader = site.reader(name, state=SubscriberState.PENDING)
    site.day.store.suppressions.add(reader.address, "asked us to", site.clock.now)
    assert site.post(site.path(Purpose.CONFIRM, reader)).status == 404
    assert site.now(name).state is SubscriberState.PENDING


def test_a_readers_pages_speak_the_language_that_they_chose(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    assert '<html lang="en" dir="ltr">' in site.get(path).text
    saved = site.post(path, FORM | {"language": "de"})
    assert '<html lang="de" dir="ltr">' in saved.text
    assert "Gespeichert. Ihr nächster Digest kommt in den nächsten Minuten." in saved.text
    assert '<option value="de" lang="de" selected>Deutsch</option>' in saved.text
    assert site.now(name).language == "de"
    leaving = site.get(site.path(Purpose.UNSUBSCRIBE, site.now(name)))
    assert "Drücken Sie den Knopf" in leaving.text
    assert site.post(path, FORM).status == 200
    assert site.now(name).language == "de"


def test_a_language_that_is_not_there_is_said_and_nothing_is_saved(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    refused = site.post(path, FORM | {"language": "tlh"})
    assert refused.status == 422
    assert "The languages are en, de, es, fr, zh" in refused.text
    assert site.now(name).language == "en"


def test_a_preview_shows_the_settings_in_the_form_and_saves_nothing(site, name: str) -> None:
    settings = site.path(Purpose.PREFERENCES, site.reader(name))
    before = site.rows()
    page = site.post(f"{settings}/preview", FORM | {"papers": "3", "interests": "video generation"})
    assert site.rows() == before
    assert page.status == 200
    assert 'name="papers" type="number" min="1" max="50" required value="3"' in page.text
    digest = html.unescape(page.text.partition('<iframe srcdoc="')[2].partition('"')[0])
    assert "matches “video generation”" in digest
    assert digest.count("data-paper=") == 3 + 5  # and what is also trending
    assert "Nothing is saved yet" in page.text


def test_a_preview_of_what_cannot_be_read_says_so(site, name: str) -> None:
    settings = site.path(Purpose.PREFERENCES, site.reader(name))
    page = site.post(f"{settings}/preview", FORM | {"papers": "many"})
    assert page.status == 422
    assert "<iframe srcdoc" not in page.text
