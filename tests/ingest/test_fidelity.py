"""What feeds say reaches us as they said it, where feedparser's reading of HTML would eat some of it."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections import Counter
from html import escape
from pathlib import Path

import feedparser
import pytest

from digest.errors import DocumentError
from digest.ingest import feeds
from digest.ingest.text import readable

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
HEAD = '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:m="http://search.yahoo.com/mrss/"><channel>'


def only(inner: str, before: str = "") -> feeds.FeedEntry:
    return parsed(f"{before}{HEAD}<item>{inner}</item></channel></rss>".encode())


def parsed(document: bytes, content_type: str | None = None) -> feeds.FeedEntry:
    (entry,) = feeds.parse(document, content_type, NOW, "https://example.org/").entries
    return entry


@pytest.mark.parametrize(
    "words",
    [
        "we show $a<b$ and $c>d$ for <SEG> tokens",
        "n<m. The rest of the abstract is still here",
        "a Q&A set for R&D; AT&T too",
        "&lt; is how HTML writes it",
        "if x<y and y>z then <b",
    ],
)
def test_a_title_and_an_abstract_lose_nothing_to_html(words: str) -> None:
    entry = only(f"<title>{escape(words)}</title><description>{escape(words)}</description>")

    assert entry.title.value == words
    assert entry.summary.value == words


@pytest.mark.parametrize(
    ("inner", "title"),
    [
        ("<title>Q&A</title>", "Q&A"),
        ("<title>flux of 5 M_&odot; &mdash; a caf&eacute;</title>", "flux of 5 M_⊙ — a café"),
        ("<title>A &nosuch; name &amp; another</title>", "A &nosuch; name & another"),
        ("<title><![CDATA[Q&A in <em>E. coli</em>]]></title>", "Q&A in E. coli"),
        ("<title>A\x0bB\x00C</title>", "ABC"),
        ("<title>don&#146;t &#x92;</title>", "don’t ’"),
        ("<m:title>not this</m:title><title>but this</title>", "but this"),
    ],
)
def test_what_feeds_get_wrong_most_is_mended(inner: str, title: str) -> None:
    assert str(only(inner).title) == title


def test_one_stray_byte_does_not_spoil_the_whole_feed() -> None:
    """feedparser would read every accent of the feed as Windows-1252 because of one."""
    document = (
        f"{HEAD}<item><title>Schrödinger’s naïve caf\udce9 \udc93x\udc94</title></item></channel></rss>"
    )

    assert str(parsed(document.encode("utf-8", "surrogateescape")).title) == "Schrödinger’s naïve café “x”"


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "koi8-r", "utf-16"])
def test_other_encodings_are_read_as_declared(encoding: str) -> None:
    title = "Привет" if encoding == "koi8-r" else "Schrödinger"
    words = f'<?xml version="1.0" encoding="{encoding}"?>{HEAD}<item><title>{title} Q</title></item></channel></rss>'

    assert str(parsed(words.encode(encoding)).title) == f"{title} Q"


def test_an_encoding_that_only_the_server_declares_is_believed() -> None:
    document = f"{HEAD}<item><title>Привет</title></item></channel></rss>".encode("koi8-r")

    assert str(parsed(document, "application/rss+xml; charset=koi8-r").title) == "Привет"


def test_many_creators_are_many_authors() -> None:
    entry = only("<title>t</title><dc:creator>Ada One, Bo Two</dc:creator><dc:creator>Cy Three</dc:creator>")

    assert entry.authors == ("Ada One, Bo Two", "Cy Three")


# --- all captured feeds ---------------------------------------------------------------------------

#: Why the two readings may differ, and ours is right. Anything else is a defect of one of them.
REASONS = {
    "an `&` (of A&A, or of &odot;, which it does not know) that feedparser escapes once more": re.compile(
        r"&amp;[a-zA-Z]"
    ),
    "valid UTF-8 that feedparser takes for UTF-8 read as Windows-1252": re.compile("[âÃ][€™”\u0080-\u00bf]"),
}


def differences(document: bytes) -> list[tuple[str, str, str, str]]:
    """Of every title and summary that two readings of one feed differ in: field, ours, theirs, their HTML."""
    ours = feeds.parse(document, None, NOW, "https://example.org/").entries
    theirs = feedparser.parse(io.BytesIO(document)).entries
    assert len(ours) == len(theirs)
    found = []
    for one, other in zip(ours, theirs, strict=True):
        for field, said in (("title", one.title), ("summary", one.summary)):
            detail = other.get(f"{field}_detail") or {}
            raw = detail.get("value") or ""
            words = readable(raw, html="html" in detail.get("type", ""))
            if str(said) != words:
                found.append((field, str(said), words, raw))
    return found


def test_the_two_readings_of_every_captured_feed_differ_only_where_feedparser_errs(shared: Path) -> None:
    compared, listed = 0, []
    for path in sorted((shared / "feeds").glob("*/*")):
        if path.suffix in {".json", ".jsonl", ".opml", ".html"} or path.parent.name == "oai":
            continue
        try:
            found = differences(path.read_bytes())
        except DocumentError:
            continue
        compared += 1
        for field, ours, theirs, raw in found:
            why = next((why for why, mark in REASONS.items() if mark.search(raw)), None)
            listed.append((path.name, field, why))
            assert why, (path.name, field, ours, theirs)
    assert compared > 50
    assert Counter(why for _, _, why in listed) == dict(zip(REASONS, (154, 1), strict=True))
