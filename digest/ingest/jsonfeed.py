"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1), which feedparser does not read."""

from __future__ import annotations

from digest.errors import DocumentError
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
    web_url,
)
from digest.ingest.text import readable
from digest.model import Entry, Link, Reading


def read(document: Document) -> Reading:
    """The items that have a title; DocumentError for any other JSON."""
    feed = document.json()
    if not isinstance(feed, dict) or "jsonfeed.org/version/1" not in str(feed.get("version")):
        raise DocumentError(
            "JSON, but not a JSON Feed: version has to be https://jsonfeed.org/version/1 or 1.1"
        )
    listed = feed.get("items")
    if not isinstance(listed, list):
        raise DocumentError("not a JSON Feed: items has to be an array")
    return document.each(listed, lambda item: entry(document, item))


def entry(document: Document, item: object) -> Entry:
    """One item; EntryError if a field that we use has the wrong type."""
    fields = inner(item, "the item")
    url = web_url(optional(fields, "url"))
    named = optional(fields, "id")
    stated = optional(fields, "date_published") or optional(fields, "date_modified")
    dated = iso_moment(stated, document.now)
    return Entry(
        source=document.source.name,
        ids=named_ids(named, url or "", optional(fields, "external_url")),
        title=cut(readable(required(fields, "title")), TITLE_LIMIT),
        abstract=cut(abstract(fields), ABSTRACT_LIMIT),
        authors=authors(fields),
        categories=tuple(tag for tag in items(fields, "tags") if isinstance(tag, str)),
        published=dated,
        listed_at=dated or document.midnight,
        links=(Link(rel="abstract", url=url),) if url else (),
        rights=document.source.rights,
    )


def abstract(fields: dict[str, object]) -> str:
    """The summary, else the text, else the HTML as text."""
    plain = optional(fields, "summary") or optional(fields, "content_text")
    return readable(plain) if plain else readable(optional(fields, "content_html"), html=True)


def authors(fields: dict[str, object]) -> tuple[str, ...]:
    """The names of `authors` (1.1) or `author` (1.0)."""
    people = items(fields, "authors") or [one for one in [fields.get("author")] if one is not None]
    names = (readable(optional(inner(person, "author"), "name")) for person in people)
    return tuple(name for name in names if name)
