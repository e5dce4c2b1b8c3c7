"""Hacker News as a signal: votes for papers that we know from elsewhere, from the JSON of hn.algolia.com's search.

A story makes no paper of its own: its title is its sender's, and most of what is linked is no paper.
"""

from __future__ import annotations

from digest.errors import DocumentError
from digest.ingest.document import (
    TITLE_LIMIT,
    Document,
    count,
    cut,
    inner,
    iso_moment,
    items,
    named_ids,
    optional,
    required,
)
from digest.ingest.text import readable
from digest.model import Announcement, Entry, Link, Reading, Signals


def read(document: Document) -> Reading:
    """The stories that link a paper by arXiv id or DOI; the others are passed over."""
    answer = document.json()
    if not isinstance(answer, dict) or not isinstance(answer.get("hits"), list):
        raise DocumentError("not an answer of the Hacker News search: an object with hits is expected")
    stories = [inner(hit, "a hit") for hit in items(answer, "hits") if isinstance(hit, dict)]
    return document.each((story for story in stories if linked(story)), lambda story: entry(document, story))


def linked(story: dict[str, object]) -> tuple[str, ...]:
    """The papers that its link names."""
    url = story.get("url")
    return named_ids(url) if isinstance(url, str) else ()


def entry(document: Document, story: dict[str, object]) -> Entry:
    """One story, as evidence for the paper that it links."""
    listed = iso_moment(optional(story, "created_at"), document.now)
    number = required(story, "objectID")
    return Entry(
        source=document.source.name,
        ids=linked(story),
        title=cut(readable(required(story, "title")), TITLE_LIMIT),
        abstract="",
        listed_at=listed or document.midnight,
        links=(Link(rel="discussion", url=f"https://news.ycombinator.com/item?id={number}"),)
        if number.isdecimal()
        else (),
        signals=Signals(votes=count(story, "points"), comments=count(story, "num_comments")),
        announcement=Announcement.SIGNAL,
        rights=document.source.rights,
    )
