"""The web edition: every day's last edition, search, and a page for each paper. For everybody.

Rule 1. Texts that a source keeps are shown and searched nowhere here.
"""

from __future__ import annotations

import datetime as dt
import re

from fastapi import FastAPI, HTTPException, Response

from digest.ingest.ids import canonical_ids
from digest.model import UNSEEN
from digest.store.papers import Known
from digest.web.desk import READ, Desk
from digest.web.papers import Row, paper_page, path_of, row, unranked
from digest.web.views import ArchivePage, DayPage

#: Days of one page of the archive, papers of one page of a day, papers found.
MOST_DAYS, MOST_PAPERS, MOST_FOUND = 30, 50, 50
#: Of what somebody looks for.
LONGEST_QUERY, MOST_WORDS = 100, 8
#: "Papers like this".
MOST_ALIKE = 5


def add(pages: FastAPI, desk: Desk) -> None:
    """The archive and its papers."""

    @pages.api_route("/archive", methods=READ)
    def archive(q: str = "", before: str = "") -> Response:
        # No database can look for a NUL, and no text holds other control characters.
        query = "".join(c if c.isprintable() else " " for c in q[:LONGEST_QUERY]).strip()
        return desk.look.page("archive.html", page=_archive(desk, query, before))

    @pages.api_route("/archive/{date}", methods=READ)
    def day(date: str, page: str = "1") -> Response:
        view = _day(desk, _date(date), _number(page))
        return desk.look.page("day.html", 200 if view.papers else 404, page=view)

    @pages.api_route("/papers/{name:path}", methods=READ)
    def paper(name: str) -> Response:
        found = _paper(desk, name)
        if found is None or (found[0].first_seen == UNSEEN and not found[1]):
            raise HTTPException(404)
        known, mentions = found
        view = paper_page(
            desk.look.base,
            unranked(known, mentions),
            desk.day.store.papers.counted(known.id),
            desk.shelf.alike(known, MOST_ALIKE),
            desk.look.language,
        )
        return desk.look.page("paper.html", page=view, canonical=path_of(desk.look.base, known.id))


def _date(text: str) -> dt.date:
    """`2026-04-16`, in no other spelling: a page has one address."""
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        raise HTTPException(404) from None
    if date.isoformat() != text:
        raise HTTPException(404)
    return date


def _number(text: str) -> int:
    """Of a page."""
    if not re.fullmatch("[1-9][0-9]{0,4}", text):
        raise HTTPException(404)
    return int(text)


def _archive(desk: Desk, query: str, before: str) -> ArchivePage:
    end = _date(before) if before else desk.clock().date() + dt.timedelta(days=1)
    found = desk.day.store.papers.search(query.split()[:MOST_WORDS], MOST_FOUND) if query else []
    days = [] if query else desk.day.store.editions.days(end, MOST_DAYS)
    language = desk.look.language
    return ArchivePage(
        query=query,
        found=tuple(row(desk.look.base, unranked(*one), language) for one in found),
        full=len(found) == MOST_FOUND,
        days=tuple((date.isoformat(), language.headline(date)) for date in days),
        older=days[-1].isoformat() if len(days) == MOST_DAYS else "",
    )


def _day(desk: Desk, date: dt.date, page: int) -> DayPage:
    """A day without an edition has no papers, and is said so."""
    edition = desk.day.store.editions.last_of(date)
    papers = edition.papers if edition else ()
    shown = papers[(page - 1) * MOST_PAPERS : page * MOST_PAPERS]
    if not (shown or page == 1):
        raise HTTPException(404)
    language, base = desk.look.language, desk.look.base
    rows: tuple[Row, ...] = tuple(row(base, listed, language) for listed in shown)
    return DayPage(
        date=date.isoformat(),
        heading=language.headline(date),
        papers=len(papers),
        rows=rows,
        start=(page - 1) * MOST_PAPERS + 1,
        before=page - 1,
        after=page + 1 if page * MOST_PAPERS < len(papers) else 0,
    )


def _paper(desk: Desk, name: str) -> Known | None:
    """By any id of it, in our spelling or another: `arxiv:2604.07429`, `2604.07429v2`, a DOI."""
    if not name.isprintable():  # NUL, which PostgreSQL does not take
        return None
    found = (desk.day.store.papers.get(one) for one in (name, *canonical_ids(name)))
    return next(filter(None, found), None)
