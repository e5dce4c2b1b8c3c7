"""bioRxiv and medRxiv: the RSS of a subject, and the JSON of the details API (api.biorxiv.org/details).

Both name a work by a DOI that all of its versions share, under the prefix 10.1101 or, since December 2025,
10.64898 (`identity`). A version above the first is no news.
"""

from __future__ import annotations

import re
from dataclasses import replace

from digest.errors import DocumentError, EntryError
from digest.ingest import feed, feeds
from digest.ingest.document import (
    ABSTRACT_LIMIT,
    TITLE_LIMIT,
    Document,
    cut,
    inner,
    iso_moment,
    items,
    named_ids,
    optional,
    required,
    whole,
)
from digest.ingest.feeds import FeedEntry
from digest.ingest.text import readable
from digest.model import Announcement, Entry, Link, Reading

SERVERS = {"biorxiv", "medrxiv"}
VERSION = re.compile(r"v(\d{1,3})(?:\?rss=1)?$")
#: `/2026-04-10/2026-04-10`, and the number of the first work on the page.
PAGE = re.compile(r"(?<=/)(\d{4}-\d\d-\d\d/\d{4}-\d\d-\d\d)(?:/\d+)?/?$")
#: What the API says where there is nothing to say.
NOTHING = "NA"


def read(document: Document) -> Reading:
    """The preprints of a feed or of one page of the API."""
    if document.content.lstrip()[:1] == b"{":
        return details(document)
    found = feeds.parse(document.content, document.content_type, document.now, document.source.location)
    return document.each(found.entries, lambda one: of_feed(document, one))


def of_feed(document: Document, one: FeedEntry) -> Entry:
    """One preprint of the RSS, whose link ends in its version."""
    entry = feed.entry(document, one)
    version = VERSION.search(one.link) or VERSION.search(one.id)
    return versioned(entry, int(version[1]) if version else None)


def versioned(entry: Entry, version: int | None) -> Entry:
    """The entry as what it is: a preprint that is new, or a new version of one."""
    news = Announcement.NEW if version in {None, 1} else Announcement.REPLACE
    return replace(entry, version=version, announcement=news)


def details(document: Document) -> Reading:
    """One page of the API; DocumentError if it is another answer, an interval without preprints excepted."""
    answer = document.json()
    if not isinstance(answer, dict) or not isinstance(answer.get("collection"), list):
        raise DocumentError("not an answer of the details API: an object with a collection is expected")
    reading = document.each(answer["collection"], lambda item: entry(document, inner(item, "the entry")))
    return replace(reading, more=next_page(document, answer))


def next_page(document: Document, answer: dict[str, object]) -> str:
    """Where the next page is; empty if this is the last one."""
    told = items(answer, "messages")
    said = inner(told[0], "messages") if told else {}
    first, held, total = (whole(said, key) or 0 for key in ("cursor", "count", "total"))
    place = document.source.location.replace("{date}", str(document.day))
    if not held or first + held >= total or not PAGE.search(place):
        return ""
    return PAGE.sub(rf"\1/{first + held}", place)


def entry(document: Document, item: dict[str, object]) -> Entry:
    """One preprint; EntryError without a DOI or a title."""
    doi, version = required(item, "doi"), whole(item, "version")
    server = optional(item, "server").lower()
    published = optional(item, "published")
    ids = named_ids(f"doi:{doi}", "" if published == NOTHING else f"doi:{published}")
    if not ids:
        raise EntryError(f"doi is none: {doi[:60]!r}")
    listed = iso_moment(optional(item, "date"), document.now)
    home = (
        f"https://www.{server}.org/content/{doi}v{version or 1}"
        if server in SERVERS
        else f"https://doi.org/{doi}"
    )
    found = Entry(
        source=document.source.name,
        ids=ids,
        title=cut(readable(required(item, "title"), html=True), TITLE_LIMIT),
        abstract=cut(readable(optional(item, "abstract"), html=True), ABSTRACT_LIMIT),
        authors=tuple(filter(None, (readable(name) for name in optional(item, "authors").split(";")))),
        categories=tuple(filter(None, [optional(item, "category")])),
        published=listed if version == 1 else None,
        listed_at=listed or document.midnight,
        links=(Link(rel="abstract", url=home),),
        rights=document.source.rights,
    )
    return versioned(found, version)
