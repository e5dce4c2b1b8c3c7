"""OPML, the list of feeds that readers exchange: read forgivingly, as much of it is not well formed."""

from __future__ import annotations

from html.parser import HTMLParser

from digest.errors import DocumentError
from digest.ingest.document import clean, web_url


def read(document: bytes) -> list[tuple[str, str]]:
    """Name and URL of each feed, in their order, each URL once; DocumentError if there is none.

    HTML's rules for attributes take a bare `&` for itself, and know no entities of a document's own.
    """
    outlines = Outlines()
    outlines.feed(document.decode("utf-8-sig", "replace"))
    outlines.close()
    if not outlines.found:
        raise DocumentError("no feed in it: an OPML outline with xmlUrl is expected")
    return [(name, url) for url, name in outlines.found.items()]


class Outlines(HTMLParser):
    """The outlines that lead to a feed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An outline; folders have no xmlUrl."""
        said = {name: value or "" for name, value in attrs}
        url = web_url(said.get("xmlurl", ""))
        if tag == "outline" and url:
            name = " ".join(clean(said.get("title") or said.get("text") or "").split())
            self.found.setdefault(url, name or url)
