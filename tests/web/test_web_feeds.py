"""Feeds over HTTP: read as feed readers read them, asked again as they ask, and nobody's key."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import replace
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import feedparser
import pytest

from digest.links import Purpose
from digest.model import Interest, InterestKind, SubscriberState

ATOM = "{http://www.w3.org/2005/Atom}"
RFC3339 = "%Y-%m-%dT%H:%M:%SZ"


def own(site, **changes: object) -> str:
    reader = site.reader(f"u{uuid.uuid4().hex[:12]}", **changes)
    return f"{site.path(Purpose.FEED, reader)}/feed.atom"


def test_the_atom_feed_holds_the_newest_edition(site) -> None:
    answer = site.get("/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = feedparser.parse(answer.body)
    assert not feed.bozo
    edition = site.day.store.editions.latest()
    assert feed.feed.id == f"{site.url}/feed.atom"
    assert feed.feed.updated == edition.published_at.strftime(RFC3339)
    assert [one.id for one in feed.entries] == [
        f"{site.url}/papers/{listed.paper.id}" for listed in edition.papers[:50]
    ]
    for one, listed in zip(feed.entries, edition.papers, strict=False):
        assert one.title == listed.paper.title
        assert one.updated == listed.paper.first_seen.strftime(RFC3339)
        assert one.summary
        assert site.get(one.link.removeprefix(site.url)).status == 200


def test_the_json_feed_says_the_same(site) -> None:
    answer = site.get("/feed.json")
    feed, atom = json.loads(answer.body), feedparser.parse(site.get("/feed.atom").body)
    assert answer.headers["content-type"] == "application/feed+json"
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [one["id"] for one in feed["items"]] == [one.id for one in atom.entries]
    for one in feed["items"]:
        assert one["content_text"]
        assert dt.datetime.strptime(one["date_published"], RFC3339)  # noqa: DTZ007 (its Z is in the pattern)


@pytest.mark.parametrize("path", ["/feed.atom", "/feed.json", None])
def test_who_asks_again_is_told_that_nothing_is_new(site, path: str | None) -> None:
    path = path or own(site)
    tag = site.get(path).headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = site.ask("GET", path, If_None_Match=given)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert site.ask("GET", path, If_None_Match='"other"').status == 200


def test_a_readers_feed_is_in_their_order_with_reasons(site) -> None:
    asked = (Interest(kind=InterestKind.PHRASE, value="video generation"),)
    feed = feedparser.parse(site.get(own(site, interests=asked)).body)
    assert not feed.bozo
    assert "matches “video generation”" in feed.entries[0].summary
    plain = feedparser.parse(site.get("/feed.atom").body)
    assert [one.id for one in feed.entries] != [one.id for one in plain.entries[: len(feed.entries)]]


def test_a_forwarded_feed_lets_nobody_change_anything(site) -> None:
    path = own(site)
    token = path.split("/")[2]
    before = site.rows()
    for purpose in ("preferences", "unsubscribe", "confirm", "feedback"):
        assert site.get(f"/{purpose}/{token}").status == 404
        fields = {"subject": "author", "value": "x"}
        assert site.post(f"/{purpose}/{token}", fields).status == 404
    assert site.post(path).status == 405
    assert site.get(path).status == 200
    assert site.rows() == before
    assert site.get(path).headers["x-robots-tag"] == "noindex"
    assert site.get(path).headers["cache-control"].startswith("private")


@pytest.mark.parametrize(
    "changes", [{"state": SubscriberState.UNSUBSCRIBED}, {"state": SubscriberState.PENDING}]
)
def test_who_left_has_no_feed(site, changes) -> None:
    assert site.get(own(site, **changes)).status == 404


def test_raising_the_generation_revokes_it(site) -> None:
    reader = site.reader("revoked-feed")
    old = site.path(Purpose.FEED, replace(reader, generation=2))
    assert site.get(f"{old}/feed.atom").status == 404


def test_the_atom_feed_has_what_rfc_4287_asks_for(site) -> None:
    path = site.path(Purpose.FEED, site.reader("rfc4287"))
    for feed_path in ("/feed.atom", f"{path}/feed.atom"):
        feed = ET.fromstring(site.get(feed_path).body)
        for one in (feed, *(entries := feed.findall(f"{ATOM}entry"))):
            (identity,) = one.findall(f"{ATOM}id")
            (title,) = one.findall(f"{ATOM}title")
            (updated,) = one.findall(f"{ATOM}updated")
            assert urlsplit(identity.text).netloc
            assert title.text.strip()
            assert dt.datetime.fromisoformat(updated.text).tzinfo
            alternate = [link for link in one.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
            assert (
                len({(link.get("type"), link.get("hreflang")) for link in alternate}) == len(alternate) == 1
            )
            assert all(name.text.strip() for name in one.findall(f"{ATOM}author/{ATOM}name"))
        assert feed.findall(f"{ATOM}author")
        assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == len(entries) > 0


def test_the_json_feed_has_what_version_1_1_asks_for(site) -> None:
    feed = json.loads(site.get("/feed.json").body)
    assert (feed["version"], bool(feed["title"])) == ("https://jsonfeed.org/version/1.1", True)
    assert feed["feed_url"] == f"{site.url}/feed.json"
    for one in feed["items"]:
        assert isinstance(one["id"], str)
        assert one["content_text"]
        assert dt.datetime.fromisoformat(one["date_published"]).tzinfo
        assert all(author["name"] for author in one["authors"])
        assert all(isinstance(tag, str) for tag in one["tags"])


def test_before_the_first_edition_feeds_are_valid_and_empty(below) -> None:
    feed = feedparser.parse(below.get("/digest/feed.atom").body)
    assert (feed.bozo, feed.entries, feed.feed.id) == (False, [], f"{below.url}/feed.atom")
    assert json.loads(below.get("/digest/feed.json").body)["items"] == []


def test_pages_lead_to_the_feeds(site) -> None:
    assert 'type="application/atom+xml" href="/feed.atom"' in site.get("/").text
    reader = site.reader("feed-link")
    assert (
        f"{site.path(Purpose.FEED, reader)}/feed.atom"
        in site.get(site.path(Purpose.PREFERENCES, reader)).text
    )
