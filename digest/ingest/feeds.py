"""The one door for feedparser: bytes become feeds of our own, typed; nothing is fetched and no file is opened."""

from __future__ import annotations

import calendar
import datetime as dt
import io
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from html.entities import html5
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

import feedparser
import structlog
from feedparser.mixin import _FeedParserMixin as Mixin

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


#: A feed of arXiv's biggest day has about 40,000 elements in 2,000 entries; time and memory grow with both.
MOST_ENTRIES = 20_000
MOST_TAGS = 150_000
MOST_ATTRIBUTES = 400
#: Characters of a title or text that are looked at; whole articles stand in some feeds.
LONGEST_TEXT = 100_000
ENTRY = re.compile(rb"<(?:\w+:)?(?:item|entry)\b")
TAG = re.compile(rb"<\w(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+")
#: No address has a longer part (RFC 5321 4.5.3.1).
LONG_WORD = re.compile(r"[\w.+-]{65}")
#: An entry with more categories than this has none that say anything.
MOST_CATEGORIES = 200
# Two steps of feedparser take time by the square of what a feed says, and cannot be told not to: 80 s for an author
# of 100 kB, minutes for a megabyte of categories. They are bounded here (tests/ingest/test_hostile.py).
_find_address, _add_category = Mixin._sync_author_detail, Mixin._add_tag  # noqa: SLF001


def find_address(parser: Mixin, key: str = "author") -> None:
    """Look for an address in an author, unless it has a word that is too long to be part of one."""
    if not LONG_WORD.search(parser._get_context().get(key) or ""):  # noqa: SLF001
        _find_address(parser, key)


def add_category(parser: Mixin, term: str | None, scheme: str | None, label: str | None) -> None:
    """Add a category, unless there are many."""
    if len(parser._get_context().get("tags", ())) < MOST_CATEGORIES:  # noqa: SLF001
        _add_category(parser, term, scheme, label)


Mixin._sync_author_detail, Mixin._add_tag = find_address, add_category  # noqa: SLF001


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
    refuse_floods(head)
    match = PROLOG.match(head)
    start = match.end() if match else 0
    if head[start : start + 9].upper() == b"<!DOCTYPE":
        refuse_entities(head[start:])
    if root := re.match(rb"<([\w:-]+)", head[start:]):
        name = root[1].decode("ascii", "replace").rpartition(":")[2]
        if name in OTHER_ROOTS:
            raise DocumentError(OTHER_ROOTS[name])


def refuse_floods(head: bytes) -> None:
    """DocumentError for more elements or attributes than a feed can need: each costs far more than its bytes."""
    if head.count(b"<") > MOST_TAGS:
        raise DocumentError(f"more than {MOST_TAGS:,} tags: no feed needs that")
    if sum(1 for _ in ENTRY.finditer(head)) > MOST_ENTRIES:
        raise DocumentError(f"more than {MOST_ENTRIES:,} entries: no feed needs that")
    if any(tag[0].count(b"=") > MOST_ATTRIBUTES for tag in TAG.finditer(head)):
        raise DocumentError(f"a tag with more than {MOST_ATTRIBUTES} attributes: no feed needs that")


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


# --- the XML itself -------------------------------------------------------------------------------

_PLAIN = (
    *("", "http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"),
    *(
        "http://purl.org/rss/1.0/",
        "http://my.netscape.com/rdf/simple/0.9/",
        "http://channel.netscape.com/rdf/simple/0.9/",
    ),
)
_DC = ("http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/")
#: What we take from the XML itself, by the name that we have for it.
WANTED = {
    **{
        f"{{{space}}}{name}" if space else name: name
        for space in _PLAIN
        for name in ("title", "summary", "content")
    },
    **{f"{{{space}}}description" if space else "description": "summary" for space in _PLAIN},
    **{f"{{{space}}}creator": "creator" for space in _DC},
    "{http://purl.org/rss/1.0/modules/content/}encoded": "content",
}
XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_AMPERSAND = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|&(?:(#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z]\w{1,31});)?", re.DOTALL
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.-]{1,40})", re.IGNORECASE)


def tree(document: bytes, content_type: str | None) -> tuple[bytes, ET.Element | None]:
    """The document and its XML, mended where that makes it well formed; no XML if it cannot be."""
    try:
        return document, ET.fromstring(document)  # noqa: S314 (entity declarations were refused before)
    except (ET.ParseError, ValueError, LookupError):
        pass
    words = mended(document, content_type)
    if words is None:
        return document, None
    try:
        return words, ET.fromstring(words)  # noqa: S314 (as above)
    except (ET.ParseError, ValueError, LookupError):
        return document, None


def mended(document: bytes, content_type: str | None) -> bytes | None:
    """The document with the faults mended that feeds have most; None if it does not call itself UTF-8.

    One stray byte of Latin-1 or Windows-1252 is read as that, and does not have the whole feed read so (`clean`);
    HTML's names become characters and a bare `&` itself; characters that XML forbids go.
    """
    declared = _DECLARED.match(document.lstrip(b"\xef\xbb\xbf \t\r\n"))
    said = re.search(r"charset=[\"']?([\w.-]+)", content_type or "")
    names = {
        declared[1].decode("ascii").lower() if declared else "utf-8",
        said[1].lower() if said else "utf-8",
    }
    if not names <= {"utf-8", "utf8", "us-ascii"}:
        return None
    text = document.decode("utf-8-sig", "surrogateescape")
    text = re.sub("[\udc80-\udcff]", lambda stray: chr(ord(stray[0]) - 0xDC00), text)
    return _AMPERSAND.sub(_escaped, _FORBIDDEN.sub("", text)).encode("utf-8", "replace")


def _escaped(match: re.Match[str]) -> str:
    name = match[1] or ""
    if (
        match[0].startswith("<")
        or name in XML_ENTITIES
        or (name.startswith("#") and unescape(match[0]).isprintable())
    ):
        return match[0]
    character = html5.get(f"{name};", "")
    return character or f"&amp;{match[0][1:]}"


def verbatim(root: ET.Element | None, entries: int) -> list[Said]:
    """What each entry says in the XML itself, in order; nothing if there is none, or feedparser sees other entries.

    feedparser treats an RSS description as HTML and so eats `$a<b$`, also without its sanitiser (sources.md 5).
    """
    found = (
        [Said.of(element) for element in root.iter() if local(element) in {"item", "entry"}]
        if root is not None
        else []
    )
    return found if len(found) == entries else [Said()] * entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The words of one entry as the XML holds them; None where it has none, or markup in place of text."""

    title: str | None = None
    summary: str | None = None
    content: str | None = None
    creators: tuple[str, ...] = ()

    @classmethod
    def of(cls, element: ET.Element) -> Said:
        """What an entry's own children hold; the first of each counts."""
        words: dict[str, list[str]] = {}
        for child in element:
            if (name := WANTED.get(child.tag)) and len(child) == 0:
                words.setdefault(name, []).append((child.text or "")[:LONGEST_TEXT])
        first = {name: next(iter(words.get(name, ())), None) for name in ("title", "summary", "content")}
        return cls(**first, creators=tuple(words.get("creator", ())))


def local(element: ET.Element) -> str:
    """The name without its namespace; empty for comments and instructions."""
    tag: object = element.tag  # a function for comments, whatever the stubs say
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
