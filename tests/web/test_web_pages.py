"""The pages for everybody, over HTTP: subscribing, the sample, refusals, headers."""

from __future__ import annotations

import datetime as dt
import re
import time
import urllib.robotparser

import pytest

from digest.links import Purpose
from digest.model import DeliveryKind, SubscriberState
from digest.web.common import FRESH

OPEN_PATHS = ["/", "/sample", "/style.css", "/robots.txt", "/healthz", "/readyz", "/nowhere"]


# --- the landing page and the sample --------------------------------------------------------------


def test_the_landing_page_shows_a_real_digest_and_works_without_scripts(site) -> None:
    page = site.get("/")
    assert page.status == 200
    assert "<script" not in page.text
    assert page.text.count("<h1") == page.text.count("<main") == 1
    assert re.search(r'<iframe src="/sample" title="[^"]+" sandbox="(?![^"]*allow-(scripts|same))', page.text)
    sample = site.get("/sample")
    assert sample.text.count("data-paper=") == 6 + 5  # and what is also trending
    assert '<base target="_blank">' in sample.text


def test_the_sample_is_a_mail_in_a_sandbox(site) -> None:
    policy = site.get("/sample").headers["content-security-policy"]
    for part in ("default-src 'none'", "sandbox allow-popups", "frame-ancestors 'self'"):
        assert part in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


def test_before_the_first_edition_the_page_says_so_and_the_sample_is_not_found(below) -> None:
    page = below.get("/")
    assert "The first papers are being collected" in page.text
    assert "<iframe" not in page.text
    assert below.get("/sample").status == 404


# --- subscribing ----------------------------------------------------------------------------------


def test_who_subscribes_is_mailed_one_link_and_nothing_of_what_they_typed(site) -> None:
    answer = site.post("/subscribe", {"email": "fresh@example.org", "interests": "video\r\nrobots=2"})
    assert (answer.status, "Look into your inbox" in answer.text) == (200, True)
    reader = site.now("fresh")
    assert reader.state is SubscriberState.PENDING
    assert [(i.value, i.weight) for i in reader.interests] == [("video", 1), ("robots", 2)]
    ((kind, text),) = site.mails("fresh")
    assert kind is DeliveryKind.CONFIRM
    assert "robots" not in text
    assert site.get(site.linked(text, Purpose.CONFIRM)).status == 200


@pytest.mark.parametrize("state", list(SubscriberState))
def test_known_and_unknown_addresses_get_the_same_bytes(site, state: SubscriberState) -> None:
    site.reader(f"known-{state}", state=state)
    known = site.post("/subscribe", {"email": f"KNOWN-{state}@example.org"})
    unknown = site.post("/subscribe", {"email": f"unknown-{state}@example.org"})
    assert (known.status, known.body) == (unknown.status, unknown.body) == (200, known.body)
    names = {name: known.headers[name] for name in known.headers if name != "date"}
    assert names == {name: unknown.headers[name] for name in unknown.headers if name != "date"}


def test_who_is_subscribed_already_is_mailed_the_link_to_their_settings(site) -> None:
    site.reader("returning")
    site.post("/subscribe", {"email": "returning@example.org"})
    ((kind, text),) = site.mails("returning")
    assert kind is DeliveryKind.LINK
    assert site.get(site.linked(text, Purpose.PREFERENCES)).status == 200


def test_a_hundred_sign_ups_for_one_address_are_one_mail(site) -> None:
    answers = {site.post("/subscribe", {"email": "victim@example.org"}).body for _ in range(100)}
    assert len(answers) == 1
    assert len(site.mails("victim")) == 1


@pytest.mark.parametrize("address", ["", "nobody", "nobody@", "a@b.example\r\nBcc: x@y.example", "a" * 250 + "@x.example", '"<script>"@x.example'])  # fmt: skip
def test_an_address_that_cannot_be_read_comes_back_with_the_reason(site, address: str) -> None:
    before = site.rows()
    page = site.post("/subscribe", {"email": address, "interests": "quantum <error> correction"})
    assert page.status == 422
    assert re.search(
        r'<input id="email"[^>]*aria-describedby="email-problem [^>]*aria-invalid="true"', page.text
    )
    assert 'id="email-problem">That is not an e-mail address' in page.text
    assert "quantum &lt;error&gt; correction</textarea>" in page.text
    assert "<script" not in page.text
    assert site.rows() == before


def test_an_interest_that_cannot_be_read_comes_back_with_the_reason(site) -> None:
    page = site.post("/subscribe", {"email": "long@example.org", "interests": "x" * 301})
    assert page.status == 422
    assert 'value="long@example.org"' in page.text
    assert re.search(r'<textarea id="interests"[^>]*aria-describedby="interests-problem [^>]*aria-invalid', page.text)  # fmt: skip


@pytest.mark.parametrize(
    "networks", [["203.0.113.7"], ["2001:db8:7::1", "2001:db8:7::2"], ["203.0.113.8", "::ffff:203.0.113.8"]]
)
def test_the_sixth_sign_up_of_a_network_within_the_hour_has_to_wait(site, networks: list[str]) -> None:
    crowd = f"crowd{len(networks[-1])}"

    def subscribe(number: int):
        client = networks[number % len(networks)]
        form = {"email": f"{crowd}-{number}@example.org"}
        return site.post("/subscribe", form, X_Forwarded_For=client)

    answers = [subscribe(number) for number in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert 0 < int(answers[5].headers["retry-after"]) <= 3600
    assert "come back later" in answers[5].text
    site.clock.now += dt.timedelta(seconds=int(answers[5].headers["retry-after"]))
    assert subscribe(8).status == 200


def test_only_the_proxy_on_this_machine_may_name_a_client(site) -> None:
    def subscribe(number: int) -> int:
        form = {"email": f"spoof{number}@example.org"}
        # Every request of `Site.ask` claims another client's address.
        return site.ask("POST", "/subscribe", form, source="127.0.0.2").status

    assert [subscribe(number) for number in range(6)] == [200] * 5 + [429]


def landing(site) -> str:
    """The page as it is now: it is made anew once a second, on a clock that is not ours."""
    time.sleep(FRESH)
    return site.get("/").text


def stamped(page: str) -> dict[str, str]:
    """The hidden fields of the form to subscribe, as a browser sends them back."""
    (form,) = re.findall(r'<form method="post" action="/subscribe">(.*?)</form>', page, re.DOTALL)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    assert '<input id="homepage" name="homepage" tabindex="-1" autocomplete="off">' in form
    return hidden | {"homepage": ""}


def test_a_form_that_comes_back_too_soon_is_answered_as_any_and_nothing_is_kept(site) -> None:
    answer = site.post("/subscribe", {"email": "slow@example.org"})
    hidden = stamped(landing(site))
    before = site.rows()
    site.clock.now += dt.timedelta(milliseconds=1999)
    hasty = site.post("/subscribe", {"email": "hasty@example.org"} | hidden)
    assert (hasty.status, hasty.body, hasty.headers.keys()) == (200, answer.body, answer.headers.keys())
    assert site.rows() == before

    site.clock.now += dt.timedelta(milliseconds=1)
    site.post("/subscribe", {"email": "hasty@example.org"} | hidden)
    assert len(site.mails("hasty")) == 1


def test_the_form_behind_a_trial_tells_haste_too(site) -> None:
    hidden = stamped(site.post("/try", {"interests": "video"}).text)
    before = site.rows()
    site.post("/subscribe", {"email": "trial@example.org"} | hidden)
    assert site.rows() == before
    site.clock.now += dt.timedelta(seconds=2)
    site.post("/subscribe", {"email": "trial@example.org"} | hidden)
    assert [i.value for i in site.now("trial").interests] == ["video"]


def test_whoever_corrects_a_mistake_does_not_start_anew(site) -> None:
    hidden = stamped(landing(site))
    site.clock.now += dt.timedelta(seconds=5)
    assert stamped(site.post("/subscribe", {"email": "typo"} | hidden).text) == hidden


@pytest.mark.parametrize(
    "age", [dt.timedelta(days=400), -dt.timedelta(hours=1)], ids=["kept", "clock was ahead"]
)
def test_a_form_that_a_browser_kept_still_works(site, age: dt.timedelta) -> None:
    hidden = stamped(landing(site))
    site.clock.now += age
    site.post("/subscribe", {"email": f"kept{age.days}@example.org"} | hidden)
    assert site.now(f"kept{age.days}").state is SubscriberState.PENDING


@pytest.mark.parametrize(
    "shown", ["", "x", "1", "1776333600000.", "1776333600000.aaaaaaaaaaaaaaaaaaaaaaaaaa", "\x00.é"]
)
def test_a_form_that_never_saw_our_page_is_no_proof_of_a_program(site, shown: str) -> None:
    name = f"program{len(shown)}"
    assert site.post("/subscribe", {"email": f"{name}@example.org", "shown": shown}).status == 200
    assert site.now(name).state is SubscriberState.PENDING


def test_a_program_that_fills_in_every_field_is_answered_as_any_and_nothing_is_kept(site) -> None:
    hidden = stamped(landing(site))
    before = site.rows()
    site.clock.now += dt.timedelta(minutes=1)
    form = {"email": "robot@example.org"} | hidden
    answer = site.post("/subscribe", form | {"homepage": "https://spam.example.net"})
    assert site.rows() == before
    assert answer.body == site.post("/subscribe", form).body


def test_when_far_too_many_ask_everybody_is_answered_alike_and_the_log_tells_once(site, logged) -> None:
    site.clock.now += dt.timedelta(days=100)  # after what other tests counted
    answers = [site.post("/subscribe", {"email": f"storm{n}@example.org"}) for n in range(103)]
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    assert len([n for n in range(103) if site.mails(f"storm{n}")]) == 100
    said = logged()
    assert said.count("sign-up mails paused") == 1
    assert "storm" not in said
    site.clock.now += dt.timedelta(hours=1)
    site.post("/subscribe", {"email": "storm102@example.org"})
    assert len(site.mails("storm102")) == 1


def test_a_bounded_body_is_read_and_a_longer_one_refused(site) -> None:
    page = site.post("/subscribe", {"email": "large@example.org", "interests": "x" * 1_000_001})
    assert (page.status, "Shorten it" in page.text) == (413, True)


@pytest.mark.parametrize(("field", "status"), [("email", 422), ("interests", 200)])
def test_half_a_character_from_a_strange_charset_does_no_harm(site, field: str, status: int) -> None:
    typed = {"email": "strange@example.org", "interests": "video"} | {field: "+2AA-@example.org"}
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = "".join(part.format(*item) for item in typed.items()) + "--b--\r\n"
    kind = "multipart/form-data; charset=utf-7; boundary=b"
    assert site.post("/subscribe", body.encode(), Content_Type=kind).status == status


@pytest.mark.parametrize("body", [b"\x00\xff\xfe", b'{"email": "a@example.org"}', b"email=a@example.org"])
def test_a_body_that_is_no_form_of_ours_is_refused_with_a_page(site, body: bytes) -> None:
    before = site.rows()
    page = site.post("/subscribe", body, Content_Type="application/json")
    assert (page.status, "<h1" in page.text) == (422, True)
    assert site.rows() == before


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example.net"}, {"Sec_Fetch_Site": "cross-site"}]
)
def test_a_form_of_another_site_is_refused(site, headers: dict[str, str]) -> None:
    before = site.rows()
    page = site.post("/subscribe", {"email": "csrf@example.org"}, **headers)
    assert (page.status, "another site" in page.text) == (403, True)
    assert site.rows() == before


def test_a_form_of_our_own_page_is_taken(site) -> None:
    for number, origin in enumerate([site.url, "null"]):
        form = {"email": f"own{number}@example.org"}
        assert site.post("/subscribe", form, Origin=origin).status == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/subscribe", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/confirm/abc", "GET, HEAD, POST"),
        ("PUT", "/preferences/abc", "GET, HEAD, POST"),
    ],
)
def test_a_wrong_method_is_told_which_are_right(site, method: str, path: str, allowed: str) -> None:
    answer = site.ask(method, path)
    assert (answer.status, answer.headers["allow"], b"<h1" in answer.body) == (405, allowed, True)


def test_whatever_is_not_there_looks_the_same(site) -> None:
    paths = ["/nowhere", "/confirm/abc", "/unsubscribe/abc.def", "/preferences/%F0%9F%A6%8A", "/confirm/a/b", "/docs", "/openapi.json", "//", "/style.css/"]  # fmt: skip
    answers = {(answer.status, answer.body) for answer in map(site.get, paths)}
    assert len(answers) == 1
    assert answers.pop()[0] == 404


def test_when_the_store_fails_a_person_is_told_and_the_log_names_no_one(site, logged) -> None:
    token = site.path(Purpose.PREFERENCES, site.reader("locked"))
    database = site.folder / "digest.db"
    away = database.rename(site.folder / "away.db")
    kept = site.day.store
    try:
        kept.close()
        database.mkdir()
        page = site.get(token)
    finally:
        database.rmdir()
        away.rename(database)
    assert (page.status, page.headers["retry-after"], "Nothing was changed" in page.text) == (503, "60", True)
    said = logged()
    assert "page failed" in said
    assert "/preferences/{token}" in said
    assert token.rpartition("/")[2] not in said
    assert site.get(token).status == 200


def test_a_defect_of_ours_is_loud_and_its_page_locked_down_too(site, logged) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader("defect"))
    site.clock.now = None  # no decision can be made without a time
    page = site.get(path)
    assert (page.status, "The fault is ours" in page.text) == (500, True)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    patience = time.monotonic() + 10  # the server logs when the answer is out
    while "AttributeError" not in (said := logged()) and time.monotonic() < patience:
        time.sleep(0.01)
    assert "AttributeError" in said
    assert path.rpartition("/")[2] not in said


# --- headers, machines ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", OPEN_PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_answer_is_locked_down(site, method: str, path: str) -> None:
    answer = site.ask(method, path)
    assert answer.status == (404 if path == "/nowhere" else 200)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers  # this site is on http
    assert bool(answer.body) == (method == "GET")


def test_pages_cannot_be_framed_and_load_nothing_from_elsewhere(site) -> None:
    page = site.get("/")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href|action)="([^"]+)"', page.text)
    assert [url for url in loaded if not url.startswith(("/", "mailto:"))] == []


def test_the_style_sheet_is_named_by_its_bytes_and_kept_for_long(site) -> None:
    (link,) = re.findall(r'href="(/style\.css\?v=[0-9a-f]+)"', site.get("/").text)
    sheet = site.get(link)
    assert sheet.headers["content-type"].startswith("text/css")
    assert "immutable" in sheet.headers["cache-control"]
    assert len(sheet.body) < 8_000
    assert not re.search(r"url\(|@import|https?:", sheet.text)


def test_robots_are_kept_from_the_readers_pages(site) -> None:
    rules = urllib.robotparser.RobotFileParser()
    rules.parse(site.get("/robots.txt").text.splitlines())
    assert rules.can_fetch("*", "/")
    assert not any(rules.can_fetch("*", f"/{p}/abc") for p in ("confirm", "unsubscribe", "preferences"))


def test_readiness_is_told_apart_from_life(site) -> None:
    site.ready = False
    assert (site.get("/healthz").status, site.get("/readyz").status) == (200, 503)
    assert site.get("/readyz").body == b"not ready: the jobs are not running"


# --- under a path of its host ---------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/digest"])
def test_a_proxy_may_strip_the_sites_path_or_not(below, prefix: str) -> None:
    page = below.get(f"{prefix}/")
    assert 'action="/digest/subscribe"' in page.text
    assert 'href="/digest/style.css?v=' in page.text
    assert below.get(f"{prefix}/healthz").body == b"ok"
    form = {"email": f"below{len(prefix)}@example.org"}
    assert below.post(f"{prefix}/subscribe", form).status == 200


def test_the_bare_address_of_the_site_is_its_landing_page(below) -> None:
    assert below.get("/digest").body == below.get("/digest/").body
    assert below.get("/digestive").status == 404


def test_a_mailed_link_under_a_path_leads_to_its_page(below) -> None:
    below.post("/digest/subscribe", {"email": "deep@example.org"})
    ((_, text),) = below.mails("deep")
    (path,) = re.findall(r"http://[^/]+(/digest/confirm/\S+)", text)
    page = below.get(path)
    assert f'action="{path}"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert 'action="/digest/preferences/' in below.post(path).text
