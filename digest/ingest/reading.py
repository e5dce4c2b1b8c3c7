"""From a document to a reading: one module a kind of source, ours or an installed package's.

A reader is a function from a Document to a Reading. It touches nothing else, raises DocumentError for a document
that is not what the source promised, and lets `Document.each` refuse single entries.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import TypeAlias, cast

from digest.config import EXTENSIONS
from digest.errors import DocumentError
from digest.ingest import arxiv, feed, hackernews, huggingface, listing, rxiv
from digest.ingest.document import Document
from digest.model import Reading, Source, SourceKind

Reader: TypeAlias = Callable[[Document], Reading]

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
    if reading.refused and not reading.entries:
        raise DocumentError(
            f"none of its {len(reading.refused)} entries could be read; the first, {reading.refused[0]}"
        )
    return reading
