"""arXiv's lists: RSS 2.0 and Atom of rss.arxiv.org, the RDF of before 2024, and the Atom of its API.

Rule 1: an announcement is dated by the day it was made (`listed_at`); its submission date is not in it.
Rule 2: an API result is dated by the day that was asked for, else by its first version. Being found by a query is
no announcement, so counting it as listed when it was asked for would make every old paper new.
Rule 3: a paper that was withdrawn is no news; only the API's comments tell (arxiv.org/help/withdraw).
"""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import urlencode, urlsplit

from digest.errors import DocumentError, EntryError
from digest.ingest import feeds
from digest.ingest.document import ABSTRACT_LIMIT, TITLE_LIMIT, Document, arxiv_links, cut, named_ids
from digest.ingest.feeds import Feed, FeedEntry
from digest.ingest.ids import version_of
from digest.ingest.text import readable
from digest.ingest.watch import submitted
from digest.model import Announcement, Entry, Reading

#: `absonly` is in arXiv's code: new metadata of an old paper.
ANNOUNCED = {kind.value: kind for kind in Announcement if kind is not Announcement.SIGNAL} | {
    "absonly": Announcement.REPLACE
}
#: What rss.arxiv.org puts before the abstract.
HEADING = re.compile(r"^arXiv:\S+\s+Announce Type:\s*(?P<type>\S+)\s+(?:Abstract:\s*)?", re.IGNORECASE)
#: ` (arXiv:1805.09166v1 [hep-ex] CROSS LISTED)`, as titles ended in the old RDF.
SUFFIX = re.compile(
    r"\s*\((?P<id>arXiv:\S{1,40})\s+\[(?P<category>[^\]]{1,40})\]\s*(?P<mark>CROSS LISTED|UPDATED)?\)\s*$"
)
MARKS = {"CROSS LISTED": "cross", "UPDATED": "replace"}
#: Of one answer of the API (arxiv.org/help/api/user-manual).
MOST_RESULTS = 2000
WITHDRAWN = re.compile(r"\bwithdrawn\b", re.IGNORECASE)
ERRORS = re.compile(r"^https?://(?:export\.)?arxiv\.org/api/errors")


def read(document: Document) -> Reading:
    """The papers that are announced or found; DocumentError if arXiv answered with an error."""
    feed = feeds.parse(document.content, document.content_type, document.now, document.source.location)
    refuse_errors(feed)
    return document.each(feed.entries, lambda one: entry(document, feed, one))


def refuse_errors(feed: Feed) -> None:
    """A bad query is answered with a valid feed that says so in its title or its only entry (sources.md 1)."""
    if feed.title.lower().startswith("feed error for query"):
        raise DocumentError(f"arxiv answered with an error: {feed.title[:200]!r}")
    for one in feed.entries:
        if ERRORS.match(one.id) or ERRORS.match(one.link):
            raise DocumentError(f"arxiv answered with an error: {one.summary.value[:200]!r}")


def entry(document: Document, feed: Feed, one: FeedEntry) -> Entry:
    """One announced or found paper; EntryError if it names no arXiv id or has no title."""
    said = " ".join(one.title.value.split())
    suffix = SUFFIX.search(said)
    heading = HEADING.match(one.summary.value)
    ids = named_ids(one.id, one.link, suffix["id"] if suffix else "", one.doi and f"doi:{one.doi}")
    if not ids or not ids[0].startswith("arxiv:"):
        raise EntryError(f"names no arXiv id: {one.id[:80]!r}")
    title = readable(SUFFIX.sub("", said))
    if not title:
        raise EntryError("no title")
    announced = announcement(one, heading, suffix)
    return Entry(
        source=document.source.name,
        ids=ids,
        title=cut(title, TITLE_LIMIT),
        abstract=cut(abstract(one), ABSTRACT_LIMIT),
        authors=authors(one),
        categories=categories(one, suffix),
        published=None if announced else one.published,
        listed_at=listed_at(document, feed, one) if announced else document.midnight or one.published,
        links=arxiv_links(ids),
        version=version_of(one.id) or version_of(suffix["id"] if suffix else one.link),
        announcement=Announcement.REPLACE if WITHDRAWN.search(one.comment) else announced or Announcement.NEW,
        rights=document.source.rights,
    )


def announcement(
    one: FeedEntry, heading: re.Match[str] | None, suffix: re.Match[str] | None
) -> Announcement | None:
    """Why it is listed; None for an API result, which is no announcement."""
    said = one.announce_type or (heading["type"] if heading else "")
    if not said and suffix:
        said = MARKS.get(suffix["mark"] or "", "new")
    if not said:
        return None if urlsplit(one.id).scheme else Announcement.NEW
    if said not in ANNOUNCED:
        raise EntryError(f"unknown announce type: {said[:40]!r}")
    return ANNOUNCED[said]


def listed_at(document: Document, feed: Feed, one: FeedEntry) -> dt.datetime | None:
    """The announcement's day: the entry's, else its list's (early 2024 and RDF), else the one asked for."""
    return one.published or feed.published or document.midnight


def abstract(one: FeedEntry) -> str:
    """The abstract without arXiv's heading; only the RDF's is HTML, the others' `<` is a less-than sign."""
    words = HEADING.sub("", one.summary.value)
    return readable(words, html=words.startswith("<p>"))


def categories(one: FeedEntry, suffix: re.Match[str] | None) -> tuple[str, ...]:
    """The categories, the primary one first; MSC and ACM classes beside them have spaces or commas."""
    primary = one.primary_category or (suffix["category"] if suffix else "")
    named = dict.fromkeys(filter(None, (primary, *one.categories)))
    return tuple(name for name in named if re.fullmatch(r"[a-z-]+(\.[A-Za-z-]+)?", name))


def authors(one: FeedEntry) -> tuple[str, ...]:
    """The names; an announcement has them in one string, with affiliations in parentheses."""
    if len(one.authors) != 1:
        return tuple(filter(None, (readable(name) for name in one.authors)))
    said = one.authors[0]
    if "</a>" in said:
        said = re.sub(r"<[^>]*>", "", said)
    names = (readable(name) for name in without_parentheses(said).split(","))
    return tuple(name for name in names if name and name not in {"et al.", "et al"})


def catch_up(location: str, day: dt.date) -> str | None:
    """Where the API tells what an RSS or Atom list of arXiv's held on a day; None for any other location."""
    parts = urlsplit(location)
    names = re.fullmatch(r"/(?:rss|atom)/([A-Za-z.+-]+)", parts.path)
    if parts.hostname != "rss.arxiv.org" or not names or "{date}" in location:
        return None
    wanted = " OR ".join(f"cat:{name if '.' in name else f'{name}.*'}" for name in names[1].split("+"))
    start, end = submitted(day)
    between = f"submittedDate:[{start:%Y%m%d%H%M} TO {end:%Y%m%d%H%M}]"
    asked = {
        "search_query": f"({wanted}) AND {between}",
        "sortBy": "submittedDate",
        "max_results": MOST_RESULTS,
    }
    return f"https://export.arxiv.org/api/query?{urlencode(asked)}"


def without_parentheses(text: str) -> str:
    """The text outside parentheses, which may be nested; one that is never closed takes the rest with it."""
    outside, depth = [], 0
    for part in re.split(r"([()])", text):
        depth = max(0, depth + {"(": 1, ")": -1}.get(part, 0))
        if depth == 0 and part != ")":
            outside.append(part)
    return "".join(outside)
