"""The web edition over HTTP: days, search and papers, with nothing shown that is not ours to show."""

from __future__ import annotations

import datetime as dt
import html
import re
from dataclasses import replace
from urllib.parse import quote

import pytest
from factories import a_listed, a_mention, a_paper

from digest.languages import ENGLISH
from digest.model import UNSEEN, Resolved, Rights, Signals, Snapshot
from digest.web.papers import plot

SECRET = "A sentence that its publisher keeps."


@pytest.fixture(scope="module")
def kept(served):
    """A paper whose text is not ours, one that moves, and one that only a reader's list named; of an older day."""
    before = dt.datetime(2026, 4, 3, 12, tzinfo=dt.UTC)
    closed = a_paper(1, title="A closed matter", abstract=SECRET, rights=Rights.EXCERPT, first_seen=before)
    rising = a_paper(2, title="A matter on the rise", first_seen=before)
    unseen = a_paper(3, title="Somebody’s private reading", first_seen=UNSEEN)
    named = a_paper(
        4, id="doi:10.1000/x.4", aliases=("doi:10.1000/x.4", "arxiv:2604.00004"), first_seen=before
    )
    store, papers = served.day.store, (closed, rising, unseen, named)
    mention = a_mention(rising, 10, listed_at=before, as_of=before)
    store.papers.save(Resolved(papers=papers, mentions=(mention,), joined={}), before)
    later = replace(mention, as_of=before + dt.timedelta(days=1), signals=Signals(votes=1250))
    store.papers.save(Resolved(papers=(), mentions=(later,), joined={}), later.as_of)
    for hour in (6, 18):
        papers_then = [replace(a_listed(n), paper=p) for n, p in ((1, closed), (2, rising))][: hour // 9 + 1]
        store.editions.publish(before.replace(hour=hour), papers_then, -hour)
    return {"closed": closed, "rising": rising, "unseen": unseen, "named": named}


def test_the_archive_lists_the_days_and_each_shows_its_last_edition(site, kept) -> None:
    page = site.get("/archive").text
    assert re.findall(r'href="/archive/([\d-]+)"', page) == ["2026-04-16", "2026-04-03"]
    day = site.get("/archive/2026-04-03")
    assert re.findall(r'<h2><a href="/papers/([^"]+)"', day.text) == ["arxiv:2604.00001", "arxiv:2604.00002"]
    assert "<h1>Friday 3 April 2026</h1>" in day.text
    assert re.findall(r'href="/archive/([\d-]+)"', site.get("/archive?before=2026-04-16").text) == [
        "2026-04-03"
    ]


@pytest.mark.parametrize("path", ["/archive/2026-04-02", "/archive/20260403", "/archive/today", "/archive/2026-04-03?page=2", "/archive/2026-04-03?page=0", "/archive?before=x", "/papers/arxiv:0704.0001", "/papers/", "/papers/2604.00003"])  # fmt: skip
def test_what_there_is_not_is_not_found(site, kept, path: str) -> None:
    assert site.get(path).status == 404


@pytest.mark.parametrize("name", ["doi:10.1000/x.4", "10.1000/X.4", "arxiv:2604.00004", "2604.00004v2", "https://doi.org/10.1000/x.4"])  # fmt: skip
def test_every_name_of_a_paper_leads_to_its_page(site, kept, name: str) -> None:
    page = site.get(f"/papers/{name}")
    assert page.status == 200
    assert '<link rel="canonical" href="/papers/doi:10.1000/x.4">' in page.text


def test_a_text_that_is_not_ours_stands_nowhere(site, kept) -> None:
    for path in ("/papers/arxiv:2604.00001", "/archive/2026-04-03", "/archive?q=closed+matter"):
        page = site.get(path).text
        assert "A closed matter" in page
        assert SECRET not in page
    assert "A closed matter" not in site.get("/archive?q=publisher+keeps").text


def test_the_trend_is_drawn_and_told(site, kept) -> None:
    page = site.get("/papers/2604.00002").text
    told = "from 10 upvotes on 3 April 2026 to 1,250 on 4 April 2026"
    assert re.search(rf'<svg class="plot"[^>]* role="img" aria-label="[^"]*{told}"', page)
    (points,) = re.findall(r'<polyline points="([^"]+)"', page)
    (left, low), (right, high) = (map(float, point.split(",")) for point in points.split())
    assert left < right
    assert high < low
    assert "1,250 upvotes" in page


def test_votes_that_did_not_move_are_not_drawn() -> None:
    at = dt.datetime(2026, 4, 3, tzinfo=dt.UTC)
    once = Snapshot(paper="arxiv:2604.00001", source="A", listed_at=at, as_of=at, votes=3)
    assert plot([], ENGLISH) is None
    assert plot([once], ENGLISH) is None


def test_a_paper_shows_those_that_are_most_like_it_and_not_itself(site) -> None:
    listed = site.day.store.editions.latest().papers[0].paper
    page = site.get(f"/papers/{listed.id}").text
    alike = re.findall(r'<h3><a href="/papers/([^"]+)"', page)
    assert len(alike) == len(set(alike)) == 5
    assert listed.id not in alike


def test_search_wants_every_word_wherever_it_stands(site, kept) -> None:
    def found(query: str) -> list[str]:
        return re.findall(r'<h3><a href="/papers/([^"]+)"', site.get(f"/archive?q={query}").text)

    assert found("RISE+matter") == ["arxiv:2604.00002"]
    assert found("rise+closed") == []
    assert found("private+somebody") == []
    assert found("m%25tter") == []  # a percent sign is no wildcard
    assert len(found("the")) > 5


def test_hostile_queries_stay_words(site, kept) -> None:
    page = site.get("/archive?q=%22%3E%3Cscript%3E").text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "query", ["%00", "a%00b", "%0D%0A", "%FF%FE", "%F0%9F%8C%8D", "x" * 5000, "%ED%A0%80", "_%25_"]
)
def test_odd_queries_are_answered(site, query: str) -> None:
    assert site.get(f"/archive?q={query}").status == 200
    assert site.get(f"/papers/{query}").status == 404


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e3", "\u0663", "9" * 30, "2.0", "99999"])
def test_a_page_of_a_day_that_there_is_not_is_not_found(site, page: str) -> None:
    assert site.get(f"/archive/2026-04-16?page={quote(page)}").status == 404


def test_a_day_without_an_edition_says_so_and_leads_on(site) -> None:
    page = site.get("/archive/2026-04-01")
    assert page.status == 404
    assert "There is no edition of that day" in page.text
    assert 'href="/archive">All days</a>' in page.text


def test_a_crowd_of_authors_is_listed_when_asked(site) -> None:
    crowd = next(p.paper for p in site.day.store.editions.latest().papers if len(p.paper.authors) > 100)
    page = html.unescape(site.get(f"/papers/{crowd.id}").text)
    assert " more</summary>" in page
    assert crowd.authors[-1] in page


def test_the_archive_is_there_before_the_first_edition(below) -> None:
    assert "There is nothing here yet." in below.get("/digest/archive").text


def test_looking_changes_nothing(site, kept) -> None:
    before = site.rows()
    for path in ("/archive", "/archive/2026-04-16", "/archive?q=a", "/papers/2604.00002"):
        assert site.ask("HEAD", path).status == site.get(path).status == 200
    assert site.rows() == before
