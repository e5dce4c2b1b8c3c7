"""Documents that mean harm, or are broken by chance: entries or a clear error, never another exception, never a hang."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import DocumentError
from digest.ingest.reading import read
from digest.model import Reading, Source, SourceKind

NOW = dt.datetime(2026, 4, 14, 12, tzinfo=dt.UTC)
#: Ordinary machines need a fifth of it; before these bounds some took hours.
SECONDS = 30
MEGABYTE = 1_000_000


def reading(
    document: bytes, kind: SourceKind = SourceKind.FEED, content_type: str | None = None
) -> Reading | None:
    """The entries, or nothing after a clear error."""
    source = Source(name="s", kind=kind, location="https://example.org/", every=dt.timedelta(hours=1))
    try:
        found = read(source, document, NOW, content_type)
    except DocumentError:
        return None
    for entry in found.entries:
        assert entry.title
        assert not any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in entry.title + entry.abstract)
        assert all(link.url.startswith(("http://", "https://")) for link in entry.links)
    return found


# --- floods ---------------------------------------------------------------------------------------


def rss(inner: str) -> str:
    return (
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>t</title>'
        f"<item><title>One title</title><link>https://example.org/1</link>{inner}</item></channel></rss>"
    )


def described(words: str) -> str:
    return rss(f"<description>{escape(words)}</description>")


FLOODS: dict[str, Callable[[int], str]] = {
    "a long author": lambda n: rss(f"<author>{'a' * n}</author>"),
    "a long creator": lambda n: rss(f"<dc:creator>{'a.' * (n // 2)}</dc:creator>"),
    "a long author, malformed": lambda n: (
        f"<rss><channel><item><title>t</title><author>{'a' * n}</author></item><"
    ),
    "a long editor": lambda n: rss(f"</item><item><managingEditor>{'a' * n}</managingEditor>"),
    "categories": lambda n: rss("".join(f"<category>c{i}</category>" for i in range(n // 25))),
    "creators": lambda n: rss("".join(f"<dc:creator>c{i}</dc:creator>" for i in range(n // 30))),
    "attributes": lambda n: rss("<x " + " ".join(f"a{i}='b'" for i in range(n // 9)) + "/>"),
    "attributes after a quoted >": lambda n: rss(
        "<x a='>' " + " ".join(f"a{i}='b'" for i in range(n // 9)) + "/>"
    ),
    "namespaces": lambda n: rss("<x " + " ".join(f"xmlns:a{i}='b'" for i in range(n // 14)) + "/>"),
    "namespaces, one an element": lambda n: rss(
        "".join(f"<a{i}:x xmlns:a{i}='b{i}'/>" for i in range(n // 25))
    ),
    "namespaces under one name": lambda n: rss("".join(f"<a:x xmlns:a='b{i}'/>" for i in range(n // 22))),
    "entries": lambda n: rss("</item>" + "<item/>" * (n // 7) + "<item>"),
    "open entries": lambda n: "<rss><channel>" + "<item>" * (n // 6),
    "depth": lambda n: rss("<x>" * (n // 7) + "</x>" * (n // 7)),
    "open depth": lambda n: "<rss><channel><item>" + "<x>" * (n // 3),
    "depth in xhtml": lambda n: (
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>t</title><summary type='xhtml'>"
        + "<b>" * (n // 7)
        + "</b>" * (n // 7)
        + "</summary></entry></feed>"
    ),
    "open quotes": lambda n: '<rss><channel><item><a b="' + "\"'" * (n // 2),
    "open comments": lambda n: "<rss><channel><item>" + "<!--" * (n // 4),
    "open sections": lambda n: "<rss><channel><item>" + "<![CDATA[" * (n // 9),
    "a long DOCTYPE": lambda n: "<!DOCTYPE rss [" + "<!ENTITY a 'b'>" * (n // 15),
    "less-than signs": lambda n: described("<" * n),
    "open tags in HTML": lambda n: described("<a b='" * (n // 6)),
    "depth in HTML": lambda n: described("<div>" * (n // 5)),
    "ampersands": lambda n: described("&" * n),
    "unknown names": lambda n: rss(f"<description>{'&foo;' * (n // 5)}</description>"),
    "dollars": lambda n: described("$ a " * (n // 4)),
    "braces": lambda n: described("{" * n),
    "macros": lambda n: described("\\\\href{" * (n // 6)),
    "open quotation marks": lambda n: described("``" * (n // 2)),
    "a date": lambda n: rss(f"<pubDate>{'1:' * (n // 2)}</pubDate>"),
    "white space": lambda n: described("x" + " " * n + "x"),
    "a long link": lambda n: rss(f"<link>https://{'a' * n}</link>"),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_anything_takes_a_bounded_time(flood: str) -> None:
    document = FLOODS[flood](MEGABYTE).encode()
    began = time.monotonic()

    reading(document)
    reading(document, SourceKind.ARXIV)

    assert time.monotonic() - began < SECONDS


BOMB = '<!DOCTYPE r [<!ENTITY a "{}"><!ENTITY b "{}">]><rss version="2.0"><channel><item><title>{}</title></item></channel></rss>'


@pytest.mark.parametrize(
    "document",
    [
        BOMB.format("x" * 1000, "&a;" * 1000, "&b;" * 1000),
        BOMB.format("x", "&a;&a;", "&b;"),
        '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><rss version="2.0"><channel><item><title>&a;</title></item></channel></rss>',
        '<!DOCTYPE r [<!ENTITY % a SYSTEM "http://127.0.0.1:1/x.dtd"> %a;]><rss version="2.0"/>',
        '<?xml version="1.0"?>' + "<!-- c -->" * 50 + '<!doctype r [<!ENTITY a "&b;">]><rss version="2.0"/>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_with_entities_of_its_own_is_refused(document: str, encoding: str) -> None:
    assert reading(document.encode(encoding)) is None


# --- chance ---------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(
            "<rss version='2.0'>",
            "</rss>",
            "<channel>",
            "</channel>",
            "<item>",
            "</item>",
            "<title>",
            "</title>",
        ),
        *("<feed xmlns='http://www.w3.org/2005/Atom'>", "<entry>", "</entry>", "<id>", "<link href='", "'/>"),
        *(
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>",
            "<div>",
        ),
        *(
            "<description>",
            "</description>",
            "<![CDATA[",
            "]]>",
            "<!--",
            "-->",
            "&lt;",
            "&amp;",
            "&foo;",
            "&#0;",
            "&#x80;",
        ),
        *(
            "<author>",
            "a@b.org (A B)",
            "<pubDate>",
            "Mon, 13 Apr 2026 00:00:00 GMT",
            "99999",
            "2026-13-45",
            "\0",
            "\ufeff",
        ),
        *(
            "javascript:alert(1)",
            "https://arxiv.org/abs/2604.00001v2",
            "10.1101/2026.01.01.123456",
            "{",
            "}",
            "[",
            "]",
            ":",
        ),
        *(
            '"version"',
            '"https://jsonfeed.org/version/1.1"',
            '"items"',
            '"title"',
            '"paper"',
            '"id"',
            ",",
            "null",
            "1e999",
        ),
        *("$", "\\\\frac{", "{\\\\bf", "%", "xmlns:x='y'", "<x:y>", "\ud800", "\u202e", "word ", "\n"),
    ]
)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(PIECES | st.text(max_size=20), max_size=40),
    st.sampled_from(["utf-8", "utf-16", "latin-1", "koi8-r"]),
    st.sampled_from([SourceKind.FEED, SourceKind.ARXIV, SourceKind.HUGGINGFACE, SourceKind.LISTING]),
)
def test_documents_made_of_pieces_are_read_or_refused(
    pieces: list[str], encoding: str, kind: SourceKind
) -> None:
    text = "".join(pieces)
    reading(text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace"), kind)


@cache
def captures(shared: Path) -> list[tuple[SourceKind, bytes]]:
    """The smaller captures, each with how it is read."""
    kinds = {"hf": SourceKind.HUGGINGFACE, "arxiv-rss": SourceKind.ARXIV, "arxiv-api": SourceKind.ARXIV}
    paths = [p for p in sorted((shared / "feeds").glob("*/*")) if p.is_file() and p.stat().st_size < 60_000]
    return [(kinds.get(path.parent.name, SourceKind.FEED), path.read_bytes()) for path in paths]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_captures_are_read_or_refused(shared: Path, data: st.DataObject) -> None:
    kind, document = data.draw(st.sampled_from(captures(shared)))
    mutated = bytearray(document)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(mutated)))
        length = data.draw(st.sampled_from([0, 1, 3, 200, len(mutated)]))
        mutated[at : at + length] = data.draw(
            st.binary(max_size=6) | PIECES.map(lambda piece: piece.encode("utf-8", "replace"))
        )
    reading(bytes(mutated[:20_000]), kind)
