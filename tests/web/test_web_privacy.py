"""What people are told that is kept of them, and what their digests rest on."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from pathlib import Path

import pytest

from digest import config
from digest.links import Purpose
from digest.model import SubscriberState
from digest.web.privacy import kept


def settings(folder: Path, text: str) -> config.Settings:
    (folder / "digest.toml").write_text(text, encoding="utf-8")
    return config.load(folder / "digest.toml", {})


def test_every_page_leads_to_what_is_kept(site) -> None:
    for path in ("/", "/try", "/archive", "/nowhere"):
        assert '<a href="/privacy">Privacy</a></nav>' in site.get(path).text
    page = site.get("/privacy")
    assert page.status == 200
    assert page.text.count("<h1") == 1
    assert '<a href="mailto:hello@example.org">' in page.text
    for told in (
        "cut to a /24 (IPv6: a /48), for 30 days",
        "not confirmed is forgotten after 7 days",
        "keyed hashes of them stay for 30 days",
        "mails are written to files here, and not sent",
        "no cookies",
    ):
        assert told in page.text


def test_it_says_who_else_takes_part_as_it_is_configured(tmp_path: Path) -> None:
    alone = kept(
        settings(tmp_path, '[mail]\ntransport = "smtp"\n[summary]\nurl = "https://unused.example.org"')
    )
    assert (alone.sent, alone.relay, alone.logo, alone.model) == (True, "", "", "")
    assert alone.contact == "digest@example.org"
    others = """
        [mail]
        transport = "smtp"
        host = "relay.example.net"
        [brand]
        logo = "https://pictures.example.org/logo.png"
        [digest]
        summary = "model"
        [summary]
        url = "https://models.example.com:8080/v1"
        model = "m"
    """
    found = kept(settings(tmp_path, others))
    assert (found.relay, found.logo, found.model) == (
        "relay.example.net",
        "pictures.example.org",
        "models.example.com",
    )


@pytest.fixture
def name() -> str:
    return f"w{uuid.uuid4().hex[:12]}"


def test_a_reader_is_told_what_their_digests_rest_on(site, name: str) -> None:
    site.post("/subscribe", {"email": f"{name}@example.org"})
    ((_, text),) = site.mails(name)
    agreed = re.search(r"You agree[^<]+", site.get("/").text)
    confirm = site.linked(text, Purpose.CONFIRM)
    assert agreed
    assert agreed[0] in site.get(confirm).text
    site.clock.now += dt.timedelta(hours=1)
    settings_page = site.post(confirm)
    (path,) = re.findall(
        r'<a href="(/preferences/[^"]+/why)">Why am I getting this\?</a>', settings_page.text
    )
    page = site.get(path)
    assert page.status == 200
    assert page.headers["cache-control"] == "no-store"
    assert "You get this every day at 07:00 (UTC) because you confirmed" in page.text
    assert agreed[0].strip() in page.text
    assert f"16 April 2026, 10:00, {site.url}/subscribe" in page.text
    assert "16 April 2026, 11:00" in page.text
    assert f"{name}@" not in page.text


def test_a_reader_from_before_the_log_is_told_that_there_is_none(site, name: str) -> None:
    page = site.get(f"{site.path(Purpose.PREFERENCES, site.reader(name))}/why")
    assert "It is not on record" in page.text
    assert "You get this" in page.text


def test_whoever_gets_nothing_is_told_so(site, name: str) -> None:
    reader = site.reader(name, state=SubscriberState.UNSUBSCRIBED)
    page = site.get(f"{site.path(Purpose.PREFERENCES, reader)}/why")
    assert "At the moment no digest is sent." in page.text


def test_why_opens_for_its_reader_only(site, name: str) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.reader(name)).replace("/unsubscribe/", "/preferences/")
    assert site.get(f"{path}/why").status == 404
