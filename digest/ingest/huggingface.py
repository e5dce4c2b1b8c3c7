"""Hugging Face daily papers: the JSON array of /api/daily_papers, in every form it has had since 2024."""

from __future__ import annotations

import datetime as dt

from digest.errors import DocumentError, EntryError
from digest.ingest.document import (
    ABSTRACT_LIMIT,
    SUMMARY_LIMIT,
    TITLE_LIMIT,
    Document,
    arxiv_links,
    clean,
    count,
    cut,
    inner,
    iso_moment,
    items,
    named_ids,
    optional,
    required,
    web_url,
)
from digest.ingest.text import readable
from digest.model import Entry, Link, Reading, Signals

#: The outer publishedAt is the arXiv day's midnight less four hours, so it names the day before (sources.md 2).
OUTER_LAG = dt.timedelta(hours=4)


def read(document: Document) -> Reading:
    """The papers of one answer; an empty array is a day without papers."""
    answer = document.json()
    if isinstance(answer, dict) and "error" in answer:
        raise DocumentError(f"hugging face answered with an error: {str(answer['error'])[:200]!r}")
    if not isinstance(answer, list):
        raise DocumentError("not an answer of daily_papers: a JSON array of papers is expected")
    if answer and not any(isinstance(item, dict) for item in answer):
        raise DocumentError(
            f"not an answer of daily_papers: {len(answer)} entries and none of them is an object"
        )
    return document.each(answer, lambda item: entry(document, item))


def entry(document: Document, item: object) -> Entry:
    """One featured paper; EntryError if a field that we use has the wrong type."""
    outer = inner(item, "the entry")
    paper = inner(outer.get("paper"), "paper")
    number = required(paper, "id")
    ids = named_ids(number)
    if not ids or not ids[0].startswith("arxiv:"):
        raise EntryError(f"paper.id is not an arXiv id: {number[:60]!r}")
    title = readable(optional(paper, "title") or required(outer, "title"))
    return Entry(
        source=document.source.name,
        ids=ids,
        title=cut(title, TITLE_LIMIT),
        abstract=cut(readable(optional(paper, "summary") or optional(outer, "summary")), ABSTRACT_LIMIT),
        authors=authors(paper),
        published=iso_moment(optional(paper, "publishedAt"), document.now),
        listed_at=listed_at(document, outer, paper),
        links=links(ids, paper),
        signals=Signals(
            votes=count(paper, "upvotes"),
            comments=count(outer, "numComments"),
            stars=count(paper, "githubStars"),
        ),
        rights=document.source.rights,
        ai_summary=cut(readable(ai_summary(paper)), SUMMARY_LIMIT),
    )


def ai_summary(paper: dict[str, object]) -> str:
    """What Hugging Face's model wrote, where it did; nothing that is no text refuses an entry for it."""
    said = paper.get("ai_summary")
    return clean(said) if isinstance(said, str) else ""


def authors(paper: dict[str, object]) -> tuple[str, ...]:
    """The names that are shown, in their order."""
    people = [inner(one, "author") for one in items(paper, "authors")]
    names = (readable(optional(person, "name")) for person in people if person.get("hidden") is not True)
    return tuple(name for name in names if name)


def listed_at(document: Document, outer: dict[str, object], paper: dict[str, object]) -> dt.datetime | None:
    """The feature day: as stated, else as asked for, else the arXiv day that the outer date stands for."""
    stated = iso_moment(optional(paper, "submittedOnDailyAt"), document.now)
    if stated or document.midnight:
        return stated or document.midnight
    published = iso_moment(optional(outer, "publishedAt"), document.now)
    return min(published + OUTER_LAG, document.now) if published else None


def links(ids: tuple[str, ...], paper: dict[str, object]) -> tuple[Link, ...]:
    """Where the paper can be read and discussed, and what belongs to it."""
    number = ids[0].partition(":")[2]
    code = web_url(optional(paper, "githubRepo"))
    project = web_url(optional(paper, "projectPage"))
    return (
        *arxiv_links(ids),
        Link(rel="discussion", url=f"https://huggingface.co/papers/{number}"),
        *([Link(rel="code", url=code)] if code else []),
        *([Link(rel="project", url=project)] if project else []),
    )
