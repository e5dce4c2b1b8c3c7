"""OPML, the list of feeds that readers exchange: read forgivingly, as much of it is not well formed."""

from __future__ import annotations

from html.parser import HTMLParser

from digest.config import is_source_url
from digest.errors import DocumentError
from digest.ingest.document import clean, web_url


def read(document: bytes) -> tuple[list[tuple[str, str]], list[str]]:
    """Name and URL of each feed, in their order, each URL once, and what is none; DocumentError if there is no feed.

    HTML's rules for attributes take a bare `&` for itself, and know no entities of a document's own.
    """
    outlines = Outlines()
    outlines.feed(document.decode("utf-8-sig", "replace"))
    outlines.close()
    if not outlines.found:
        raise DocumentError("no feed in it: an OPML outline with xmlUrl is expected")
    return [(name, url) for url, name in outlines.found.items()], outlines.refused


class Outlines(HTMLParser):
    """The outlines that lead to a feed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        #: What stood where an address is expected.
        self.refused: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An outline; folders have no xmlUrl."""
        said = {name: value or "" for name, value in attrs}
        if tag != "outline" or not said.get("xmlurl"):
            return
        url = lowered(web_url(said["xmlurl"]) or "")
        if not is_source_url(url):
            self.refused.append(said["xmlurl"])
        else:
            name = " ".join(clean(said.get("title") or said.get("text") or "").split())
            self.found.setdefault(url, name or url)


def lowered(url: str) -> str:
    """The URL with scheme and host in lower case, which is the same place (RFC 3986 6.2.2.1)."""
    scheme, divided, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{divided}{host.lower()}{slash}{path}" if "@" not in host else url
