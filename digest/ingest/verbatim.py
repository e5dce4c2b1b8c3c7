"""The words of a feed as its XML holds them, before anybody takes them for HTML.

feedparser treats an RSS description as HTML and so eats `$a<b$`, also without its sanitiser (sources.md 5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from html.entities import html5
from xml.etree import ElementTree as ET

#: Characters of a title or text that are looked at; whole articles stand in some feeds.
LONGEST_TEXT = 100_000
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
    """What each entry says in the XML itself, in order; nothing if there is none, or feedparser sees other entries."""
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
