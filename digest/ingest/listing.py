"""A page's text in which a title and its abstract stand on alternating lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.errors import DocumentError, EntryError
from digest.ingest.document import ABSTRACT_LIMIT, TITLE_LIMIT, Document, clean, cut, named_ids
from digest.ingest.text import readable
from digest.model import Entry, Reading

#: Shorter lines are no abstracts. The shortest of the page that the project was started from has 483 characters.
SHORTEST_ABSTRACT = 150
#: A button's label that the page's text glues to the first title.
GLUED = re.compile(r"^Subscribe(?=[A-Z0-9])")


def read(document: Document) -> Reading:
    """The papers in page order; what stands before the first title is the page's own text."""
    if b"\0" in document.content:
        raise DocumentError("not a listing: binary data")
    text = document.text().lstrip()
    if text.startswith(("<", "{", "[")):
        raise DocumentError("not a listing: markup or JSON where lines of text are expected")
    lines = [line for line in (clean(one).strip() for one in text.splitlines()) if line]
    reading = document.each(pairs(lines), lambda pair: entry(document, *pair))
    if len(reading.entries) <= len(reading.refused):
        raise DocumentError("not a listing: titles and abstracts on alternating lines are expected")
    return reading


def pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each title with its abstract, which is empty where none follows."""
    start = next((n for n, line in enumerate(lines) if n and is_abstract(line)), None)
    if start is None:
        return
    rest = iter([GLUED.sub("", lines[start - 1]), *lines[start:]])
    title = next(rest)
    for line in rest:
        if is_abstract(line) and title:
            yield title, line
            title = ""
        else:
            if title:
                yield title, ""
            title = line
    if title:
        yield title, ""


def is_abstract(line: str) -> bool:
    """Whether a line is long enough to be an abstract."""
    return len(line) >= SHORTEST_ABSTRACT


def entry(document: Document, title: str, abstract: str) -> Entry:
    """A paper that is known by its title only."""
    if is_abstract(title):
        raise EntryError(f"an abstract without a title: {title[:40]!r}")
    if not abstract:
        raise EntryError(f"a title without an abstract: {title[:60]!r}")
    return Entry(
        source=document.source.name,
        ids=named_ids(title) if "arxiv" in title.lower() else (),
        title=cut(readable(title), TITLE_LIMIT),
        abstract=cut(readable(abstract), ABSTRACT_LIMIT),
        listed_at=document.midnight,
        rights=document.source.rights,
    )
