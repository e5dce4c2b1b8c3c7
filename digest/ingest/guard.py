"""What is refused before a parser sees it, so that no feed costs much more than its bytes."""

from __future__ import annotations

import re

from digest.errors import DocumentError

#: Real DOCTYPEs of feeds are under 1 kB (RSS 0.91's and XHTML's); expat's own guard stops what is under this.
DOCTYPE_LIMIT = 4096
PROLOG = re.compile(rb"(?:\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
#: `<!ENTITY nbsp "&#160;">`: a character by name, which cannot grow.
CHARACTER_ENTITY = re.compile(
    rb"<!ENTITY\s+\w+\s+(?:\"(?:&#x?\w{1,8};|[^&%\"]{1,8})\"|'(?:&#x?\w{1,8};|[^&%']{1,8})')\s*>"
)
#: A feed of arXiv's biggest day has about 40,000 elements in 2,000 entries; time and memory grow with both.
MOST_ENTRIES = 20_000
MOST_TAGS = 150_000
MOST_ATTRIBUTES = 400
ENTRY = re.compile(rb"<(?:\w+:)?(?:item|entry)\b")
#: Namespaces are looked up one by one, so that many unlike ones cost the square of their number.
MOST_NAMESPACES = 300
NAMESPACE = re.compile(rb"xmlns(?::[^\s=]+)?\s*=\s*(?:\"[^\"]*\"|'[^']*')")
TAG = re.compile(rb"<\w(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+")
OTHER_ROOTS = {
    "opml": "an OPML list of feeds, which is not a feed: give the address of one of them",
    "OAI-PMH": "an OAI-PMH answer, which is not a feed: give the RSS or API address",
}


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
    if len({found[0] for found in NAMESPACE.finditer(head)}) > MOST_NAMESPACES:
        raise DocumentError(f"more than {MOST_NAMESPACES} namespaces: no feed needs that")
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
