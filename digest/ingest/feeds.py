"""The one door for feedparser: bytes become feeds of our own, typed; nothing is fetched and no file is opened."""

from __future__ import annotations

import calendar
import datetime as dt
import io
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import feedparser
import structlog
from feedparser.mixin import _FeedParserMixin as Mixin

from digest.errors import DocumentError
from digest.ingest.document import bounded, clean
from digest.ingest.guard import refuse_other
from digest.ingest.text import readable
from digest.ingest.verbatim import LONGEST_TEXT, Said, tree, verbatim

log = structlog.get_logger()

#: Dates that begin with a year have to be ISO 8601: feedparser takes `2026-W17` and `2016/6/29` for other days.
YEAR_FIRST = re.compile(r"\d{4}(?!-?\d{2}(-?\d{2})?([T\s+Z]|$))")
MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|&(#\w+|[A-Za-z]\w*);")
#: No address has a longer part (RFC 5321 4.5.3.1).
LONG_WORD = re.compile(r"[\w.+-]{65}")
#: An entry with more categories than this has none that say anything.
MOST_CATEGORIES = 200
# Two steps of feedparser take time by the square of what a feed says, and cannot be told not to: 3 s for an author of
# 20 kB, 2 s for 200 kB of categories (6.0.14). They are bounded here, and tests/ingest/test_hostile.py holds it.
_find_address, _add_category = Mixin._sync_author_detail, Mixin._add_tag  # noqa: SLF001 (there is no other way)


def find_address(parser: Mixin, key: str = "author") -> None:
    """Look for an address in an author, unless it has a word that is too long to be part of one."""
    if not LONG_WORD.search(parser._get_context().get(key) or ""):  # noqa: SLF001 (there is no other way)
        _find_address(parser, key)


def add_category(parser: Mixin, term: str | None, scheme: str | None, label: str | None) -> None:
    """Add a category, unless there are many."""
    if len(parser._get_context().get("tags", ())) < MOST_CATEGORIES:  # noqa: SLF001 (there is no other way)
        _add_category(parser, term, scheme, label)


Mixin._sync_author_detail, Mixin._add_tag = find_address, add_category  # noqa: SLF001 (there is no other way)


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
    document, root = tree(document, content_type)
    headers = {"content-type": content_type} if content_type and root is None else {}
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
    said = verbatim(root, len(parsed.entries))
    home = absolute(location, text_of(parsed.feed, "link"))
    return Feed(
        title=text_of(parsed.feed, "title"),
        published=moment(parsed.feed, "published", now) or moment(parsed.feed, "updated", now),
        entries=tuple(
            feed_entry(entry, raw, home, now) for entry, raw in zip(parsed.entries, said, strict=True)
        ),
    )


def reason(parsed: feedparser.FeedParserDict) -> str:
    """What feedparser stumbled over, in one line."""
    error = parsed.get("bozo_exception")
    said = clean(str(error)).strip().splitlines() if error else []
    return said[0][:200] if said else "no RSS, Atom or RDF element in it"


def feed_entry(entry: feedparser.FeedParserDict, raw: Said, home: str, now: dt.datetime) -> FeedEntry:
    """A loose dictionary as values that are there and have a type."""
    content = next((part for part in entry.get("content", ()) if part.get("value")), None)
    primary = entry.get("arxiv_primary_category")
    return FeedEntry(
        id=text_of(entry, "id"),
        link=absolute(home, link) if (link := text_of(entry, "link")) else "",
        title=marked(entry.get("title_detail"), raw.title),
        summary=marked(entry.get("summary_detail"), raw.summary),
        content=marked(content, raw.content),
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
    words = (clean(raw[:LONGEST_TEXT]).strip() if raw is not None else value)[:LONGEST_TEXT]
    return Text(value=words, html=declared or bool(MARKUP.search(words)))


def authors(entry: feedparser.FeedParserDict, raw: Said) -> tuple[str, ...]:
    """Each author as said; of several that are one string in the feed, the one string."""
    if names := tuple(filter(None, (clean(name).strip() for name in raw.creators))):
        return names
    names = tuple(text_of(person, "name") for person in entry.get("authors", ()))
    return tuple(filter(None, names)) or tuple(filter(None, [text_of(entry, "author")]))


def moment(table: feedparser.FeedParserDict, key: str, now: dt.datetime) -> dt.datetime | None:
    """A date that the feed states under that very key; None where it is missing, malformed or out of bounds."""
    # `get` and [] fall back from updated to published; only `in` tells them apart (sources.md 5).
    if key not in table or f"{key}_parsed" not in table or YEAR_FIRST.match(text_of(table, key)):
        return None
    parsed = table[f"{key}_parsed"]
    if not isinstance(parsed, time.struct_time):
        return None
    try:
        return bounded(dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC), now)
    except (ValueError, OverflowError, OSError):
        return None
