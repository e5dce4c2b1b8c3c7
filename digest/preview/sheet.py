"""A message taken apart again from its bytes, as a mail program would read them.

Rule 1. Nothing here renders: what is shown was parsed back from what is sent.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.message import Message as Part
from functools import cached_property
from statistics import median
from urllib.parse import unquote, urlsplit

from digest.address import masked
from digest.model import DeliveryKind, Listed, Message
from digest.preview.checks.page import Page, words
from digest.preview.checks.specimen import PADDING
from digest.preview.checks.structure import CLIP

#: Blanks that senders put behind a preheader, so that an inbox shows nothing else.
_PADDED = re.compile(rf"[{PADDING}\s]{{6,}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A part of the MIME tree."""

    depth: int
    type: str
    #: Transfer encoding, character set and name, as far as given.
    details: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A link of the HTML."""

    #: What is read, and what is read aloud instead; either may be empty.
    text: str
    label: str
    url: str
    #: What is odd about it, each in a few words.
    notes: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Where it leads; for a mailto, to whom."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return ""
        return parts.path if parts.scheme == "mailto" else parts.hostname or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """How a mail program lets its reader leave (RFC 2369, RFC 8058)."""

    #: The https URI of List-Unsubscribe, and the address of its mailto; each empty if there is none.
    page: str
    mailbox: str
    one_click: bool


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A message and its parts."""

    message: Message
    kind: DeliveryKind = DeliveryKind.DIGEST
    #: Whether it was made without public pages, so that no link leads back.
    personal: bool = False
    #: Texts of its papers, which it shows as they are: what they hold is no fault of a template.
    quoted: tuple[str, ...] = ()

    @property
    def raw(self) -> bytes:
        """The bytes that go over the wire."""
        return self.message.content

    @cached_property
    def stamp(self) -> str:
        """Names these bytes among all others."""
        return hashlib.sha256(self.raw).hexdigest()[:20]

    @cached_property
    def _parsed(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def _body(self, kind: str) -> str:
        found = self._parsed.get_body((kind,))
        return str(found.get_content()) if found else ""

    @cached_property
    def html(self) -> str:
        """The HTML part, decoded."""
        return self._body("html")

    @cached_property
    def text(self) -> str:
        """The text part, decoded."""
        return self._body("plain")

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self._parsed["Subject"])

    @property
    def sender(self) -> str:
        """From, decoded."""
        return str(self._parsed["From"])

    @property
    def sender_name(self) -> str:
        """What an inbox shows of From."""
        return self._parsed["From"].addresses[0].display_name or self.sender

    @property
    def to(self) -> str:
        """To, decoded, its address masked."""
        return self._masked(str(self._parsed["To"]))

    @cached_property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """All headers, decoded, in order, the reader's address masked."""
        return tuple((name, self._masked(str(value))) for name, value in self._parsed.items())

    @property
    def source(self) -> str:
        """The bytes as a page can show them, the reader's address masked; ASCII but for what a relay would refuse."""
        return self._masked(self.raw.decode("utf-8", "backslashreplace").replace("\r\n", "\n"))

    def _masked(self, text: str) -> str:
        return text.replace(self.message.recipient, masked(self.message.recipient))

    @cached_property
    def tree(self) -> tuple[Branch, ...]:
        """The MIME parts, each after the one that holds it."""
        return tuple(_branches(self._parsed, 0))

    @property
    def leaving(self) -> Leaving:
        """What List-Unsubscribe and List-Unsubscribe-Post say."""
        uris = re.findall(r"<([^>]+)>", str(self._parsed.get("List-Unsubscribe", "")))
        page = next((uri for uri in uris if uri.startswith("https:")), "")
        mailbox = next((uri.removeprefix("mailto:") for uri in uris if uri.startswith("mailto:")), "")
        post = str(self._parsed.get("List-Unsubscribe-Post", "")).strip()
        return Leaving(
            page=page, mailbox=mailbox, one_click=bool(page) and post == "List-Unsubscribe=One-Click"
        )

    # --- of the HTML ---

    @property
    def html_bytes(self) -> int:
        """Of the HTML part, decoded: what Gmail counts."""
        return len(self.html.encode())

    @cached_property
    def card_bytes(self) -> int | None:
        """What one more card would add: the middle one of its cards' sizes; None without cards."""
        pieces = re.split(r"(?=<[a-z]+\b[^>]*\bdata-paper=)", self.html)[1:]
        cards = [len(piece.encode()) for piece in pieces[:-1] if "<h2" in piece or "<h3" in piece]
        return int(median(cards)) if cards else None

    @property
    def room(self) -> int | None:
        """How many cards like its own would still fit below what Gmail shows; None without cards to tell by."""
        return self.card_bytes and max(0, (CLIP - self.html_bytes) // self.card_bytes)

    @cached_property
    def _page(self) -> Page:
        return Page.read(self.html)

    @cached_property
    def anchors(self) -> tuple[Anchor, ...]:
        """The links of the HTML, in order."""
        found = [(url, one) for one in self._page.elements("a") if (url := one.get("href"))]
        times = Counter(url for url, _ in found)
        return tuple(
            Anchor(
                text=" ".join("".join(words(one)).split()),
                label=one.get("aria-label", ""),
                url=url,
                notes=tuple(self._notes(url, times[url])),
            )
            for url, one in found
        )

    def _notes(self, url: str, times: int) -> Iterator[str]:
        if times > 1:
            yield f"stands here {times} times"
        if url.startswith("http:"):
            yield "not encrypted"
        if self.message.recipient.casefold() in unquote(url).casefold():
            yield "holds the reader's address"

    @property
    def preheader(self) -> str:
        """What an inbox shows behind the subject: the first words of the HTML."""
        text = "".join(words(self._page.body)).lstrip()
        return " ".join(_PADDED.split(text)[0].split())[:300]


def quoted(papers: Iterable[Listed]) -> tuple[str, ...]:
    """What papers say themselves, and machines of them: for none of it a template is to blame."""
    return tuple(
        text
        for one in papers
        for text in (one.paper.title, one.paper.abstract, *one.paper.authors, one.summary or "")
        if text
    )


def _branches(part: Part, depth: int) -> Iterator[Branch]:
    inner = part.get_payload() if part.is_multipart() else None
    payload = part.get_payload(decode=True) if inner is None else None
    given = (part.get("Content-Transfer-Encoding"), part.get_content_charset(), part.get_filename())
    yield Branch(
        depth=depth,
        type=part.get_content_type(),
        details=", ".join(str(one) for one in given if one),
        bytes=len(payload) if isinstance(payload, bytes) else len(part.as_bytes()),
    )
    for one in inner if isinstance(inner, list) else ():
        if isinstance(one, Part):
            yield from _branches(one, depth + 1)
