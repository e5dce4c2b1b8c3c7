"""The page behind a card's link, over HTTP: what it offers, does, and takes back."""

from __future__ import annotations

import uuid
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from digest.links import Purpose
from digest.model import Opinion, Subject


@pytest.fixture
def reader(site):
    return site.reader(f"f{uuid.uuid4().hex[:12]}")


@pytest.fixture
def paper(site):
    """One of the newest edition, with authors and a category."""
    edition = site.day.store.editions.latest()
    return next(one.paper for one in edition.papers if one.paper.authors and one.paper.categories)


def path(site, reader, paper) -> str:
    return urlsplit(site.day.links.of_reader(reader.reader, asked=True).feedback[paper.id]).path


def said(site, reader) -> list[tuple[Opinion, Subject, str]]:
    found = site.day.store.opinions.of([reader.id]).get(reader.id, ())
    return [(one.opinion, one.subject, one.value) for one in found]


def test_opening_it_changes_nothing_and_shows_what_can_be_said(site, reader, paper) -> None:
    before = site.rows()
    page = site.get(path(site, reader, paper))
    assert site.rows() == before
    for thing in ("This paper", paper.authors[0], paper.categories[0]):
        for word in ("More", "Less", "Never again"):
            assert f'aria-label="{word}: {thing}"' in page.text
    assert 'aria-pressed="true"' not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex"


@pytest.mark.parametrize("opinion", list(Opinion))
@pytest.mark.parametrize("subject", list(Subject))
def test_a_button_is_heard_and_undone(site, reader, paper, opinion, subject) -> None:
    value = {"paper": paper.id, "author": paper.authors[0], "topic": paper.categories[0]}[subject]
    fields, link = {"subject": subject, "value": value}, path(site, reader, paper)
    page = site.post(link, fields | {"opinion": opinion})
    assert said(site, reader) == [(opinion, subject, value)]
    assert page.text.count('aria-pressed="true"') == 1
    assert "Undo" in page.text
    undone = site.post(link, fields | {"opinion": "forget"})
    assert "Forgotten" in undone.text
    assert said(site, reader) == []


def test_another_opinion_takes_the_place_of_the_first(site, reader, paper) -> None:
    fields, link = {"subject": "paper", "value": paper.id}, path(site, reader, paper)
    site.post(link, fields | {"opinion": "more"})
    site.post(link, fields | {"opinion": "mute"})
    assert said(site, reader) == [(Opinion.MUTE, Subject.PAPER, paper.id)]


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "author", "value": "Somebody Else", "opinion": "mute"},
        {"subject": "paper", "value": "arxiv:2604.99999", "opinion": "more"},
        {"subject": "paper", "opinion": "adore"},
        {"subject": "source", "value": "arXiv", "opinion": "more"},
        {},
    ],
)
def test_a_link_says_nothing_of_anything_else(site, reader, paper, fields) -> None:
    assert site.post(path(site, reader, paper), {"value": paper.id} | fields).status == 422
    assert said(site, reader) == []


def test_a_muted_paper_leaves_the_next_digest(site, reader, paper) -> None:
    outlook = f"{site.path(Purpose.PREFERENCES, reader)}/digest"
    shown = site.get(outlook).text.partition('data-paper="')[2].partition('"')[0]
    found = site.day.store.papers.get(shown)
    assert found
    site.post(path(site, reader, found[0]), {"subject": "paper", "value": found[0].id, "opinion": "mute"})
    assert f'data-paper="{shown}"' not in site.get(outlook).text


def test_the_settings_list_what_was_said_and_forget_it(site, reader, paper) -> None:
    fields = {"subject": "paper", "value": paper.id}
    site.post(path(site, reader, paper), fields | {"opinion": "less"})
    settings = site.path(Purpose.PREFERENCES, reader)
    page = site.get(settings)
    assert "What you said of papers" in page.text
    assert " · Less</p>" in page.text
    assert "What you said of papers" not in site.post(f"{settings}/forget", fields).text
    assert said(site, reader) == []


def test_links_of_others_papers_and_purposes_lead_nowhere(site, reader, paper) -> None:
    good = path(site, reader, paper)
    unknown = site.path(Purpose.FEEDBACK, reader, paper="arxiv:0704.0001")
    other = good.replace("/feedback/", "/preferences/")
    revoked = path(site, replace(reader, generation=9), paper)
    for one in (unknown, other, revoked, f"{good}x", site.path(Purpose.FEEDBACK, reader)):
        assert site.get(one).status == 404


def test_forms_of_other_sites_are_refused(site, reader, paper) -> None:
    fields = {"subject": "paper", "value": paper.id, "opinion": "more"}
    answer = site.post(path(site, reader, paper), fields, Origin="https://other.example.org")
    assert (answer.status, said(site, reader)) == (403, [])
