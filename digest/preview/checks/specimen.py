"""A message under the glass: its headers, both parts, and how everything in it looks."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message as Parsed
from enum import StrEnum
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from digest.model import DeliveryKind
from digest.preview.checks.page import Page, Run, runs
from digest.preview.checks.style import Look, Mode, Styles, looks

#: Characters that pad a hidden preheader; nobody sees them.
PADDING = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2007\u2060-\u2064\u3164\ufeff\uffa0"


class Post(StrEnum):
    """What kind of mail it is, which decides what it must hold."""

    LIST = "list"  #: a digest for subscribers, which can be left with one click
    PERSONAL = "personal"  #: a digest for people the operator added; it says how to stop
    NOTICE = "notice"  #: an answer to what somebody did: a confirmation, a link

    @classmethod
    def of(cls, kind: DeliveryKind, *, personal: bool) -> Post:
        """Of that kind of delivery; `personal` is whether the site has no URL."""
        if kind is not DeliveryKind.DIGEST:
            return cls.NOTICE
        return cls.PERSONAL if personal else cls.LIST


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A link of the HTML."""

    element: Element
    url: str
    #: As it is read, spaces made one; of a picture its alternative text.
    text: str
    shown: bool

    @property
    def host(self) -> str:
        """Lower case; empty if the URL names none."""
        return host_of(self.url)


def host_of(url: str) -> str:
    """The host that a URL names, in lower case; empty if there is none."""
    try:
        return urlsplit(url.strip()).hostname or ""
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """Everything that the rules look at; made once for a message."""

    post: Post
    #: Texts that the message quotes, as titles: what they hold is theirs, and no template's fault.
    quoted: str = field(repr=False)
    parsed: Parsed
    html: str
    #: Octets of the HTML part as it is on the wire.
    html_encoded: int
    text: str
    page: Page = field(repr=False)
    styles: Styles = field(repr=False)
    looks: Mapping[Mode, Mapping[Element, Look]] = field(repr=False)
    #: What is read of the HTML, in order, in light.
    shown: tuple[Run, ...] = field(repr=False)
    anchors: tuple[Anchor, ...] = field(repr=False)

    @classmethod
    def of(cls, content: bytes, post: Post, quoted: Iterable[str] = ()) -> Specimen:
        """Of a message's bytes; a part that is missing is empty."""
        # Not the default policy: it decodes encoded words where a mail program would see no URI.
        parsed = email.message_from_bytes(content, policy=email.policy.compat32)
        html, encoded = _part(parsed, "text/html")
        page = Page.read(html)
        styles = Styles.of(page)
        look = looks(page, styles)
        light = look[Mode.LIGHT]
        return cls(
            post=post,
            quoted="\n".join(" ".join(text.split()) for text in quoted),
            parsed=parsed,
            html=html,
            html_encoded=encoded,
            text=_part(parsed, "text/plain")[0],
            page=page,
            styles=styles,
            looks=look,
            shown=tuple(run for run in runs(page.body) if light[run.element].readable),
            anchors=tuple(_anchors(page, light)),
        )

    def header(self, name: str) -> str | None:
        """A header as it is written, unfolded; None if it is not there."""
        value = self.parsed.get(name)
        return None if value is None else re.sub(r"\r?\n[ \t]*", " ", str(value)).strip()

    @property
    def subject(self) -> str:
        """Decoded."""
        value = self.header("Subject") or ""
        try:
            return str(make_header(decode_header(value))).strip()
        except (HeaderParseError, LookupError, ValueError):
            return value

    @property
    def said(self) -> str:
        """What is read of the HTML, a line for each block."""
        text = re.sub(rf"[{PADDING}]", "", "".join(run.text for run in self.shown))
        text = re.sub(r"[^\S\n]+", " ", text)
        return re.sub(r" ?\n\s*", "\n", text).strip()

    def quotes(self, piece: str) -> bool:
        """Whether the piece is a quoted text's own."""
        return " ".join(piece.split()) in self.quoted

    @property
    def unsubscribe(self) -> str:
        """The one-click URL of the headers; empty without one."""
        found = re.search(r"<\s*(https?://[^<>\s]+)\s*>", self.header("List-Unsubscribe") or "")
        return found[1] if found else ""


def _part(parsed: Parsed, kind: str) -> tuple[str, int]:
    """The text of the first part of that kind, line ends as LF, and its octets on the wire."""
    for part in parsed.walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            octets = part.get_payload(decode=True)
            if not isinstance(octets, bytes):
                continue
            charset = part.get_content_charset() or "utf-8"
            try:
                text = octets.decode(charset, "replace")
            except LookupError:
                text = octets.decode("utf-8", "replace")
            return text.replace("\r\n", "\n"), len(str(part.get_payload()))
    return "", 0


def _anchors(page: Page, light: Mapping[Element, Look]) -> Iterator[Anchor]:
    for element in page.elements("a", "area"):
        url = element.get("href")
        if url is None:
            continue
        words = [run.text for run in runs(element)] + [image.get("alt", "") for image in element.iter("img")]
        yield Anchor(
            element=element,
            url=url.strip(),
            text=" ".join("".join(words).split()),
            shown=light[element].readable,
        )
