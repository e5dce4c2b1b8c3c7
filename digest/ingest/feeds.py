"""The one door for feedparser: bytes become feeds of our own, typed; nothing is fetched and no file is opened."""

from __future__ import annotations

import calendar
import datetime as dt
import io
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

import feedparser
import structlog

from digest.errors import DocumentError
from digest.ingest.document import bounded, clean
from digest.ingest.text import readable

log = structlog.get_logger()

#: Real DOCTYPEs of feeds are under 1 kB (RSS 0.91's and XHTML's); expat's own guard stops what is under this.
DOCTYPE_LIMIT = 4096
PROLOG = re.compile(rb"(?:\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
#: `<!ENTITY nbsp "&#160;">`: a character by name, which cannot grow.
CHARACTER_ENTITY = re.compile(
    rb"<!ENTITY\s+\w+\s+(?:\"(?:&#x?\w{1,8};|[^&%\"]{1,8})\"|'(?:&#x?\w{1,8};|[^&%']{1,8})')\s*>"
)
#: Dates that begin with a year have to be ISO 8601: feedparser takes `2026-W17` and `2016/6/29` for other days.
YEAR_FIRST = re.compile(r"\d{4}(?!-?\d{2}(-?\d{2})?([T\s+Z]|$))")
MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|&(#\w+|[A-Za-z]\w*);")
OTHER_ROOTS = {
    "opml": "an OPML list of feeds, which is not a feed: give the address of one of them",
    "OAI-PMH": "an OAI-PMH answer, which is not a feed: give the RSS or API address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words as a feed said them."""

    value: str = ""
    html: bool = False

    def __str__(self) -> str:
        return readable(self.value, html=self.html)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One entry as feedparser understood it; texts from the XML itself where it is well formed."""

    id: str
    link: str
    title: Text
    summary: Text
    content: Text
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    published: dt.datetime | None
    updated: dt.datetime | None
    #: dc:identifier, prism:doi and the like: where a DOI may stand.
    identifiers: tuple[str, ...]
    #: arXiv's own fields, empty elsewhere.
    announce_type: str
    doi: str
    journal: str
    comment: str
    primary_category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed of any format that feedparser knows."""

    title: str
    #: When it says that it was published as a whole.
    published: dt.datetime | None
    entries: tuple[FeedEntry, ...]


def parse(document: bytes, content_type: str | None, now: dt.datetime, location: str) -> Feed:
    """The feed; DocumentError if it is none. A feed without entries is fine, a damaged one gives what is left.

    Relative links belong to the feed's own page, which may itself be relative to `location`.
    """
    refuse_other(document)
    headers = {"content-type": content_type} if content_type else {}
    try:
        # Never a str and never bytes: feedparser opens a file of that name (sources.md 5).
        parsed = feedparser.parse(
            io.BytesIO(document), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as error:  # whatever hostile bytes make of a lenient parser
        log.warning("feedparser failed", exc_info=True)
        raise DocumentError(f"feedparser cannot read it: {type(error).__name__}") from error
    if not parsed.entries and not parsed.version:
        if b"<html" in document[:4096].lower():
            raise DocumentError("a web page, not a feed; look for the feed's address in it")
        raise DocumentError(f"not a feed: {reason(parsed)}")
    said = verbatim(document, len(parsed.entries))
    home = absolute(location, text_of(parsed.feed, "link"))
    return Feed(
        title=text_of(parsed.feed, "title"),
        published=moment(parsed.feed, "published", now) or moment(parsed.feed, "updated", now),
        entries=tuple(
            feed_entry(entry, raw, home, now) for entry, raw in zip(parsed.entries, said, strict=True)
        ),
    )


def refuse_other(document: bytes) -> None:
    """DocumentError for what is no feed at sight, and for entity declarations, before any parser sees them."""
    if not document.strip():
        raise DocumentError("an empty document")
    if document.startswith((b"\x1f\x8b", b"PK\x03\x04", b"%PDF")):
        raise DocumentError("compressed or binary data, not a feed")
    if document.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        raise DocumentError("JSON, where RSS or Atom is expected")
    # The NULs of UTF-16 and UTF-32 would hide a declaration.
    head = document.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xfe\xff")
    match = PROLOG.match(head)
    start = match.end() if match else 0
    if head[start : start + 9].upper() == b"<!DOCTYPE":
        refuse_entities(head[start:])
    if root := re.match(rb"<([\w:-]+)", head[start:]):
        name = root[1].decode("ascii", "replace").rpartition(":")[2]
        if name in OTHER_ROOTS:
            raise DocumentError(OTHER_ROOTS[name])


def refuse_entities(head: bytes) -> None:
    """DocumentError unless a DOCTYPE is short and declares nothing but characters by name."""
    declared = re.match(
        rb"<!DOCTYPE[^>\[]*(?:\[(.*?)\]\s*)?>", head[:DOCTYPE_LIMIT], re.DOTALL | re.IGNORECASE
    )
    if declared is None:
        raise DocumentError("the DOCTYPE is not closed or longer than 4 kB: no feed needs that")
    # Comments and other declarations too, or a `]>` in one would hide what follows.
    if CHARACTER_ENTITY.sub(b"", declared[1] or b"").strip():
        raise DocumentError("the DOCTYPE declares entities: no feed needs that")


def reason(parsed: feedparser.FeedParserDict) -> str:
    """What feedparser stumbled over, in one line."""
    error = parsed.get("bozo_exception")
    said = clean(str(error)).strip().splitlines() if error else []
    return said[0][:200] if said else "no RSS, Atom or RDF element in it"


def feed_entry(
    entry: feedparser.FeedParserDict, raw: Mapping[str, str], home: str, now: dt.datetime
) -> FeedEntry:
    """A loose dictionary as values that are there and have a type."""
    content = next((part for part in entry.get("content", ()) if part.get("value")), None)
    primary = entry.get("arxiv_primary_category")
    return FeedEntry(
        id=text_of(entry, "id"),
        link=absolute(home, link) if (link := text_of(entry, "link")) else "",
        title=marked(entry.get("title_detail"), raw.get("title")),
        summary=marked(entry.get("summary_detail"), raw.get("summary")),
        content=marked(content, None),
        authors=authors(entry, raw),
        categories=tuple(filter(None, (text_of(tag, "term") for tag in entry.get("tags", ())))),
        published=moment(entry, "published", now),
        updated=moment(entry, "updated", now),
        identifiers=tuple(filter(None, (text_of(entry, key) for key in ("dc_identifier", "prism_doi")))),
        announce_type=text_of(entry, "arxiv_announce_type"),
        doi=text_of(entry, "arxiv_doi"),
        journal=text_of(entry, "arxiv_journal_reference") or text_of(entry, "arxiv_journal_ref"),
        comment=text_of(entry, "arxiv_comment"),
        primary_category=text_of(primary, "term") if isinstance(primary, Mapping) else "",
    )


def absolute(home: str, link: str) -> str:
    """The link, resolved if it is relative and its home is on the web."""
    try:
        return link if urlsplit(link).scheme else urljoin(home, link)
    except ValueError:
        return link


def text_of(table: Mapping[str, object], key: str) -> str:
    """A text, empty if it is missing or something else."""
    value = table.get(key)
    return clean(value).strip() if isinstance(value, str) else ""


def marked(detail: Mapping[str, object] | None, raw: str | None) -> Text:
    """The text as the XML holds it, else as feedparser repaired it, and whether it is HTML."""
    detail = detail or {}
    value = text_of(detail, "value")
    declared = detail.get("type") in ("text/html", "application/xhtml+xml")
    words = clean(raw).strip() if raw is not None else value
    return Text(value=words, html=declared or bool(MARKUP.search(words)))


def authors(entry: feedparser.FeedParserDict, raw: Mapping[str, str]) -> tuple[str, ...]:
    """Each author as said; feedparser gives one string of several where the feed does."""
    names = tuple(text_of(person, "name") for person in entry.get("authors", ()))
    return tuple(filter(None, names)) or tuple(filter(None, (text_of(entry, "author"), raw.get("creator"))))


def moment(table: feedparser.FeedParserDict, key: str, now: dt.datetime) -> dt.datetime | None:
    """A date that the feed states under that very key; None where it is missing, malformed or out of bounds."""
    # `get` and [] fall back from updated to published; only `in` tells them apart (sources.md 5).
    if f"{key}_parsed" not in table or YEAR_FIRST.match(text_of(table, key)):
        return None
    parsed = table[f"{key}_parsed"]
    if not isinstance(parsed, time.struct_time):
        return None
    try:
        return bounded(dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC), now)
    except (ValueError, OverflowError, OSError):
        return None


# --- the XML itself -------------------------------------------------------------------------------


def verbatim(document: bytes, entries: int) -> list[Mapping[str, str]]:
    """Title, summary and creator of each entry as the XML holds them, in order; empty where it is not well formed.

    feedparser treats an RSS description as HTML and so eats `$a<b$`, also without its sanitiser (sources.md 5).
    """
    try:
        root = ET.fromstring(document)  # noqa: S314 (entity declarations were refused before)
    except (ET.ParseError, ValueError, LookupError):
        return [{}] * entries
    found = [dict(fields(element)) for element in root.iter() if local(element) in {"item", "entry"}]
    return list(found) if len(found) == entries else [{}] * entries


def fields(element: ET.Element) -> Iterator[tuple[str, str]]:
    """The wanted children that hold text alone, by our name; the first of each counts."""
    wanted = {"title": "title", "description": "summary", "summary": "summary", "creator": "creator"}
    seen = set()
    for child in element:
        name = wanted.get(local(child))
        if name and name not in seen and len(child) == 0:
            seen.add(name)
            yield name, child.text or ""


def local(element: ET.Element) -> str:
    """The name without its namespace; empty for comments and instructions."""
    tag: object = element.tag  # a function for comments, whatever the stubs say
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
