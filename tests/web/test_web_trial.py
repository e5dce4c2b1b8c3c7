"""Try it, over HTTP: a stranger's wishes are ranked and shown, and nothing of them is kept."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest

from digest.web.pace import MOST_NETWORKS, Pace

BIBTEX = """@article{one, title = {Gaussian splatting of city-scale scenes}, author = {Ada Example},
  abstract = {We reconstruct 3D scenes from video with radiance fields.}, year = 2026}
"""
FIELDS = {"interests": "video generation=2"}


def shown(page: str) -> str:
    """The digest in the page's frame."""
    found = re.search(r'<iframe srcdoc="([^"]*)"', page)
    assert found
    return html.unescape(found[1])


def titles(digest: str) -> list[str]:
    return re.findall(r'data-paper="([^"]+)"', digest)


def test_a_stranger_sees_a_digest_of_their_own_and_nothing_is_kept(site) -> None:
    before = site.rows()
    page = site.post("/try", FIELDS)
    assert page.status == 200
    assert "matches “video generation”" in shown(page.text)
    assert titles(shown(page.text)) != titles(site.get("/sample").text)
    assert site.rows() == before
    assert page.headers["cache-control"] == "no-store"


def test_its_page_runs_no_script_and_fetches_nothing(site) -> None:
    policy = site.post("/try", FIELDS).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in site.get("/try").headers["content-security-policy"]


def test_a_reading_list_counts_by_its_text_and_says_that_it_is_not_known(site) -> None:
    page = site.post("/try", {"papers": BIBTEX})
    assert "1 of your papers is not known here" in page.text
    assert "close to “Gaussian splatting of city-scale scenes”" in shown(page.text)


def test_a_reading_list_is_taken_as_a_file(site) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bib"\r\n\r\n'
        + BIBTEX.encode()
        + b"\r\n--x--\r\n"
    )
    page = site.post("/try", body, Content_Type="multipart/form-data; boundary=x")
    assert "close to “Gaussian splatting" in shown(page.text)


def test_a_pasted_text_is_never_taken_for_that_of_the_paper_it_names(site) -> None:
    """Else a stranger could tell other readers' digests what a paper says."""
    known = next(paper for paper, _ in site.day.store.papers.list(None) if paper.id.startswith("arxiv:"))
    forged = f"@misc{{x, title = {{Forged}}, eprint = {{{known.id[6:]}}}, archivePrefix = {{arXiv}}}}"
    page = site.post("/try", {"papers": forged})
    assert "Forged" not in shown(page.text)
    assert site.day.store.papers.get(known.id)[0] == known


def test_an_example_by_id_is_not_shown_itself(site) -> None:
    given = titles(site.get("/sample").text)[0]
    page = site.post("/try", {"papers": given.removeprefix("arxiv:")})
    assert given not in titles(shown(page.text))
    assert "not known here" not in page.text


def test_the_same_wishes_are_carried_into_the_subscription(site) -> None:
    given = titles(site.get("/sample").text)[0]
    page = site.post("/try", FIELDS | {"papers": given})
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
    site.clock.now += dt.timedelta(seconds=2)
    site.post("/subscribe", hidden | {"email": "convinced@example.org"})
    wishes = [(one.kind, one.value, one.weight) for one in site.now("convinced").interests]
    assert wishes == [("phrase", "video generation", 2), ("like", given, 1)]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"interests": " \n"},
        {"papers": "no id at all"},
        {"papers": "@article{}"},
        {"papers": '{"items": 3}'},
        {"interests": "x" * 301},
        {"papers": "\n".join(f"2604.{n:05}" for n in range(1, 200))},
    ],
)
def test_what_cannot_be_read_comes_back_with_the_reason(site, fields) -> None:
    page = site.post("/try", fields)
    assert page.status == 422
    assert 'class="problem" role="alert"' in page.text
    assert "<iframe" not in page.text


def test_hostile_words_stay_words(site) -> None:
    page = site.post("/try", {"interests": '"><script>alert(1)</script>'})
    assert "<script" not in page.text
    assert "<script" not in shown(page.text)


def test_forms_of_other_sites_are_refused(site) -> None:
    assert site.post("/try", FIELDS, Origin="https://other.example.org").status == 403


def test_before_the_first_edition_it_says_so(below) -> None:
    assert "The first papers are being collected" in below.post("/digest/try", FIELDS).text


def test_a_network_has_it_done_thirty_times_an_hour(site) -> None:
    asked = [site.post("/try", {}, X_Forwarded_For="203.0.113.77") for _ in range(31)]
    assert {one.status for one in asked[:30]} == {422}
    assert asked[30].status == 429
    assert asked[30].headers["retry-after"] == "3600"


def test_a_pace_forgets_what_is_over_and_whoever_asked_longest_ago() -> None:
    now, pace = dt.datetime(2026, 4, 16, tzinfo=dt.UTC), Pace(2, dt.timedelta(hours=1))
    hour, none = dt.timedelta(hours=1), dt.timedelta()
    assert [pace.wait("a", now) for _ in range(3)] == [none, none, hour]
    assert pace.wait("a", now + hour) == none
    for number in range(MOST_NETWORKS):
        pace.wait(str(number), now)
    assert pace.wait("a", now + hour) == none
    assert pace.wait("a", now + hour) == none
