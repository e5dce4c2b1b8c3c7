"""Any RSS, RDF, Atom or JSON feed: journals, bioRxiv, PubMed, blogs."""

from __future__ import annotations

import re

from digest.errors import EntryError
from digest.ingest import feeds, jsonfeed
from digest.ingest.document import (
    ABSTRACT_LIMIT,
    TITLE_LIMIT,
    Document,
    arxiv_links,
    cut,
    named_ids,
    web_url,
)
from digest.ingest.feeds import FeedEntry
from digest.ingest.text import readable
from digest.model import Entry, Link, Reading

#: A summary shorter than this is a teaser, and the content says more.
TEASER = 200
INITIALS = re.compile(r"(?:[A-Z]\w?\.?[- ]?){1,4}")


def read(document: Document) -> Reading:
    """The entries of any feed; one without a title or a web address is refused."""
    if document.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return jsonfeed.read(document)
    feed = feeds.parse(document.content, document.content_type, document.now, document.source.location)
    return document.each(feed.entries, lambda one: entry(document, one))


def entry(document: Document, one: FeedEntry) -> Entry:
    """One entry; what no id names is known by its title (`identity.resolve`)."""
    title = cut(str(one.title), TITLE_LIMIT)
    if not title:
        raise EntryError("no title")
    url = web_url(one.link) or web_url(one.id)
    if url is None and ":" in one.link:
        raise EntryError(f"its link is not http or https: {one.link[:60]!r}")
    ids = named_ids(*one.identifiers, one.doi, one.id, one.link)
    dated = one.published or one.updated
    return Entry(
        source=document.source.name,
        ids=ids,
        title=title,
        abstract=cut(abstract(one), ABSTRACT_LIMIT),
        authors=tuple(name for said in one.authors for name in authors(said)),
        categories=tuple(dict.fromkeys(readable(term) for term in one.categories if term)),
        published=dated,
        listed_at=dated or document.midnight,
        links=(Link(rel="abstract", url=url),) if url else arxiv_links(ids),
        rights=document.source.rights,
    )


def abstract(one: FeedEntry) -> str:
    """The summary, or the content where the summary is a teaser of it."""
    summary = str(one.summary)
    return summary if len(summary) >= TEASER else max(summary, str(one.content), key=len)


def authors(said: str) -> list[str]:
    """The names in one author field, without e-mail addresses.

    `a@b.org (Name)` is Name; `LAST, F., NEXT, G.` (bioRxiv) is two names; `Ada One, Bo Two, Cy Three` is three.
    """
    if named := re.fullmatch(r"[^\s@()]+@[^\s@()]+\s*\((.+)\)", said):
        said = named[1]
    words = (word for word in said.split() if "@" not in word)
    said = readable(" ".join(words), html="<" in said)
    parts = [part.strip() for part in said.split(",") if part.strip()]
    if len(parts) == 2 and " " not in parts[0]:
        return [said]
    if len(parts) >= 2 and len(parts) % 2 == 0 and all(INITIALS.fullmatch(part) for part in parts[1::2]):
        return [f"{last}, {first}" for last, first in zip(parts[::2], parts[1::2], strict=True)]
    return parts
