"""From a document to a reading: one module a kind of source, ours or an installed package's.

A reader is a function from a Document to a Reading. It touches nothing else, raises DocumentError for a document
that is not what the source promised, and lets `Document.each` refuse single entries.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from typing import TypeAlias, cast

from digest.config import EXTENSIONS
from digest.errors import DocumentError
from digest.ingest import arxiv, feed, hackernews, huggingface, listing, rxiv
from digest.ingest.document import Document
from digest.model import Entry, Reading, Source, SourceKind

Reader: TypeAlias = Callable[[Document], Reading]

#: The root elements of what feeds are.
ROOT = re.compile(rb"<((?:\w+:)?(?:rss|feed|RDF))\b(?![^<>]*/>)")

READERS: Mapping[str, Reader] = {
    SourceKind.HUGGINGFACE: huggingface.read,
    SourceKind.ARXIV: arxiv.read,
    SourceKind.BIORXIV: rxiv.read,
    SourceKind.MEDRXIV: rxiv.read,
    SourceKind.HACKERNEWS: hackernews.read,
    SourceKind.FEED: feed.read,
    SourceKind.LISTING: listing.read,
}


def reader_of(kind: str) -> Reader:
    """Who reads sources of that kind; DocumentError if it was known to an installed package that is gone."""
    return READERS[kind] if kind in READERS else extension(kind)


@cache
def extension(kind: str) -> Reader:
    """The reader that an installed package offers under that name."""
    found = entry_points(group=EXTENSIONS, name=kind)
    if not found:
        raise DocumentError(f"no installed package reads sources of this kind: {kind!r}")
    return cast("Reader", next(iter(found)).load())


def is_cut(document: bytes) -> bool:
    """Whether an XML document lacks the end of its root element: cut short under a Content-Length that agrees."""
    plain = document.replace(b"\0", b"")
    root = ROOT.search(plain[:10_000])
    return root is not None and b"</" + root[1] not in plain[-10_000:]


def checked(reading: Reading, source: Source) -> Reading:
    """What another package's reader gave, without the entries that the rest of the day could not work with."""
    troubles = [(entry, trouble(entry, source)) for entry in reading.entries]
    refused = (f"{entry.title[:60]!r}: {why}" for entry, why in troubles if why)
    return replace(
        reading,
        entries=tuple(entry for entry, why in troubles if not why),
        refused=(*reading.refused, *refused),
    )


def trouble(entry: Entry, source: Source) -> str:
    """What is wrong with an entry; empty if nothing is."""
    if entry.source != source.name:
        return f"it names another source: {entry.source!r}"
    if any(at is not None and at.tzinfo is None for at in (entry.published, entry.listed_at)):
        return "an instant without a time zone"
    texts = (entry.title, entry.abstract, *entry.authors, *entry.categories, *entry.ids)
    if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
        return "half a character, which no database keeps"
    return ""


def read(
    source: Source,
    document: bytes,
    now: dt.datetime,
    content_type: str | None = None,
    day: dt.date | None = None,
) -> Reading:
    """What the document says, pure; DocumentError if it is not what the source promised, or nothing of it is usable.

    `day` is the `{date}` it was asked for. A bad entry becomes a line in `Reading.refused`.
    """
    reading = reader_of(source.kind)(
        Document(source=source, content=document, now=now, content_type=content_type, day=day)
    )
    if source.kind not in READERS:
        reading = checked(reading, source)
    if is_cut(document):
        reading = replace(reading, refused=(*reading.refused, "the document ends in the middle"))
    if reading.refused and not reading.entries:
        raise DocumentError(
            f"none of its {len(reading.refused)} entries could be read; the first, {reading.refused[0]}"
        )
    return reading
