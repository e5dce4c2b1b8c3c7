"""From a document to a reading: one module a kind of source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from digest.errors import DocumentError
from digest.ingest import arxiv, feed, huggingface, listing
from digest.ingest.document import Document
from digest.model import Reading, Source, SourceKind

READERS: Mapping[SourceKind, Callable[[Document], Reading]] = {
    SourceKind.HUGGINGFACE: huggingface.read,
    SourceKind.ARXIV: arxiv.read,
    SourceKind.FEED: feed.read,
    SourceKind.LISTING: listing.read,
}


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
    reading = READERS[source.kind](
        Document(source=source, content=document, now=now, content_type=content_type, day=day)
    )
    if reading.refused and not reading.entries:
        raise DocumentError(
            f"none of its {len(reading.refused)} entries could be read; the first, {reading.refused[0]}"
        )
    return reading
