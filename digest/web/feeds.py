"""Feeds, for whoever prefers a feed reader: Atom (RFC 4287) and JSON Feed 1.1, for everybody; and Atom for one reader.

Rule 1. An entry's id is the address of the paper's page, and its date that of its first sight: both stay.
Rule 2. Who asks again with the ETag they were given is told in no words that nothing is new (RFC 9110 13.1.2).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, Request, Response

from digest import languages, subscriptions
from digest.languages import Language
from digest.links import Purpose
from digest.model import Edition, Listed, Pick, SubscriberState
from digest.render import words
from digest.render.cards import card_view
from digest.render.excerpt import Length, clean
from digest.samples import opened
from digest.web.desk import READ, Desk
from digest.web.papers import path_of

#: Of the public feeds.
MOST_ENTRIES = 50
ATOM, JSON = "application/atom+xml; charset=utf-8", "application/feed+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One paper in a feed."""

    #: Its page on our site: absolute, and its id.
    url: str
    #: Where it can be read.
    external: str | None
    title: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    #: RFC 3339.
    first_seen: str
    #: Never empty: JSON Feed asks for content.
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """A feed."""

    title: str
    author: str
    home: str
    #: Its own address, which is also its id.
    url: str
    #: RFC 3339.
    updated: str
    entries: tuple[FeedEntry, ...]


def add(pages: FastAPI, desk: Desk) -> None:
    """All feeds."""

    @pages.api_route("/feed.atom", methods=READ)
    def atom(request: Request) -> Response:
        return _answer(request, _atom(desk, _public(desk, "/feed.atom"), desk.look.language), ATOM)

    @pages.api_route("/feed.json", methods=READ)
    def json_feed(request: Request) -> Response:
        return _answer(request, _json(_public(desk, "/feed.json"), desk.look.language), JSON)

    @pages.api_route("/u/{token}/feed.atom", methods=READ)
    def personal(request: Request, token: str) -> Response:
        feed, language = _personal(desk, token)
        return _answer(request, _atom(desk, feed, language), ATOM, private=True)


def _public(desk: Desk, path: str) -> FeedPage:
    shown, language = desk.shelf.newest(), desk.look.language
    edition = shown.case.edition if shown else None
    papers = edition.papers[:MOST_ENTRIES] if edition else ()
    return _feed(desk, path, edition, [_entry(desk, one, (), language) for one in papers])


def _personal(desk: Desk, token: str) -> tuple[FeedPage, Language]:
    """The reader's own: ranked, with reasons. It may be forwarded, so it holds no text that a source keeps."""
    now = desk.clock()
    reader = subscriptions.bearer(desk.day, Purpose.FEED, token, now)
    if reader.state not in {SubscriberState.CONFIRMED, SubscriberState.PAUSED}:
        raise HTTPException(404)
    language, ranked = languages.of(reader.language), desk.shelf.ranked(reader, now)
    path = f"/{Purpose.FEED}/{token}/feed.atom"
    if ranked is None:
        return _feed(desk, path, None, []), language
    plan, case = ranked
    by_id = case.edition.by_id()
    chosen: tuple[Pick, ...] = (*plan.picks, *plan.also_trending)
    entries = [
        _entry(desk, by_id[p.paper], words.reasons(language, p.reasons, votes_shown=False), language)
        for p in chosen
    ]
    return _feed(desk, path, case.edition, entries), language


def _feed(desk: Desk, path: str, edition: Edition | None, entries: Iterable[FeedEntry]) -> FeedPage:
    site = desk.day.settings.site
    beginning = dt.datetime(
        1970, 1, 1, tzinfo=dt.UTC
    )  # before the first edition there is nothing to date it by
    return FeedPage(
        title=clean(site.name),
        author=clean(site.name),
        home=f"{site.url}/",
        url=f"{site.url}{path}",
        updated=_instant(edition.published_at if edition else beginning),
        entries=tuple(entries),
    )


def _entry(desk: Desk, listed: Listed, reasons: tuple[str, ...], language: Language) -> FeedEntry:
    shown = opened(listed)
    view, paper = card_view(shown, language, Length.FULL), shown.paper
    told = " · ".join((*reasons, *view.facts))
    return FeedEntry(
        url=path_of(desk.day.settings.site.url, paper.id),
        external=view.url,
        title=view.title,
        authors=tuple(name for one in paper.authors if (name := clean(one))),
        categories=tuple(clean(one) for one in paper.categories),
        first_seen=_instant(paper.first_seen),
        text="\n\n".join(filter(None, (view.summary, told))) or view.title,
    )


def _atom(desk: Desk, feed: FeedPage, language: Language) -> str:
    return desk.look.text("feed.xml", language, feed=feed)


def _json(feed: FeedPage, language: Language) -> str:
    items = [
        {
            "id": one.url,
            "url": one.url,
            **({"external_url": one.external} if one.external else {}),
            "title": one.title,
            "content_text": one.text,
            "date_published": one.first_seen,
            "authors": [{"name": name} for name in one.authors],
            "tags": one.categories,
        }
        for one in feed.entries
    ]
    whole = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "language": language.tag,
        "items": items,
    }
    return json.dumps(whole, ensure_ascii=False)


def _answer(request: Request, text: str, kind: str, *, private: bool = False) -> Response:
    """The feed, or that it is the one they have."""
    body = text.encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept = {"ETag": tag, "Cache-Control": "private, no-cache" if private else "public, max-age=300"}
    given = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if given & {tag, "*"}:
        return Response(status_code=304, headers=kept)
    return Response(body, media_type=kind, headers=kept)


def _instant(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
