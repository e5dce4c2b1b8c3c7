"""Content, a plan and a letterhead become the bytes of a message, the same bytes every time they are asked for.

Written by hand and not with `email.message`, which on CPython 3.11 folds a long List-Unsubscribe URI into encoded
words (mail clients then see no URI), breaks quoted-printable at 78 octets where RFC 2045 6.7 allows 76, and takes
milliseconds. The standard library's parser is the tests' oracle.

Rule 1: a value with a control character is refused (RenderError) before anything is sent.
Rule 2: only CRLF; body lines of at most 76 octets, none of which begins with a dot; header lines of at most 998.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import format_datetime
from functools import cached_property, lru_cache

from digest import address
from digest.config import Settings
from digest.deliver.dkim import Signer, signer
from digest.deliver.verp import Verp
from digest.errors import RenderError
from digest.links import Links
from digest.model import Content, DeliveryKind, Message, Plan, ReaderLinks
from digest.model.content import LINE

#: RFC 5322 2.1.1, without the CRLF.
LONGEST_LINE = 998
#: UTF-8 octets in one encoded word. 12 of markup and 52 of base64 make 64, so that the header's name fits
#: before the first one: a line that holds an encoded word has at most 76 octets (RFC 2047 2).
ENCODED_WORD = 39

ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
URI = re.compile(r"[!-;=?-~]+")
_PART = b"Content-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
#: The whole body of whoever wants no HTML.
_PLAIN_PART = (
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
)
MAILBOX = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """What all messages of one site have in common."""

    #: The site's name.
    name: str
    sender: Address
    #: Names the delivery in the envelope's sender; without it bounces go to the sender's own mailbox.
    verp: Verp | None = None
    #: Signs messages where the relay does not.
    signer: Signer | None = None
    reply_to: str = ""
    unsubscribe_mailbox: str = ""
    #: Name of a header by which the relay recognises a message it already has.
    idempotency_header: str = ""

    @classmethod
    def of(cls, settings: Settings, links: Links) -> Letterhead:
        """The letterhead that is configured; ConfigError if its key cannot be used."""
        mail = settings.mail
        found = address.mailbox(mail.sender)
        sender = Address(found.display_name or settings.site.name, found.username, found.domain)
        return cls(
            name=settings.site.name,
            sender=sender,
            signer=signer_of(settings),
            verp=Verp(address=mail.bounce_address, links=links) if mail.bounce_address else None,
            reply_to=settings.site.contact,
            unsubscribe_mailbox=mail.unsubscribe_mailbox,
            idempotency_header=mail.idempotency_header,
        )

    def envelope(self, plan: Plan) -> str:
        """Where bounces of that delivery go: the envelope's sender."""
        return _mailbox(self.verp.sender(plan)) if self.verp else self.address

    @cached_property
    def address(self) -> str:
        """The sender's, checked."""
        return _mailbox(self.sender.addr_spec)

    @cached_property
    def shown(self) -> str:
        """The header that names the sender."""
        return named("From", self.sender.display_name, self.address)

    @cached_property
    def list_id(self) -> str:
        """The header that names the list (RFC 2919)."""
        return named("List-Id", self.name, f"daily.{self.sender.domain}", always=True)

    @cached_property
    def feedback_name(self) -> str:
        """Who sends, in 5 to 15 characters for Feedback-ID, made from the site's name."""
        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]", "", plain)
        return (slug if len(slug) >= 5 else f"{slug}digest")[:15]


def signer_of(settings: Settings) -> Signer | None:
    """What signs our messages; None if that is left to the relay. ConfigError if the key is none."""
    mail = settings.mail
    key = mail.dkim_key.get_secret_value()
    domain = mail.dkim_domain or mail.domain
    return signer(key, mail.dkim_selector, domain, settings.directory) if key else None


def message_id(
    links: Links, kind: DeliveryKind, subscriber: str, local_date: dt.date, domain: str, number: int = 0
) -> str:
    """The Message-ID of that delivery, with its angle brackets; the same for every attempt."""
    date = local_date.isoformat()
    start = date.replace("-", "") if kind is DeliveryKind.DIGEST else kind.value
    which = (date, str(number)) if number else (date,)
    return f"<{start}.{links.fingerprint(kind.value, subscriber, *which)}@{domain}>"


def pack(
    content: Content,
    plan: Plan,
    letterhead: Letterhead,
    links: ReaderLinks | None,
    edition_at: dt.datetime | None,
) -> Message:
    """The message of a plan; equal arguments give equal bytes. `links` is None in personal mode.

    Raises RenderError if a header's value holds a control character or cannot be written.
    """
    # "=-" cannot occur in quoted-printable, so no body can hold the boundary.
    boundary = "=-" + hashlib.sha256(plan.message_id.encode()).hexdigest()[:24]
    plain = plan.reader.plain_text
    headers = _identity(content, plan, letterhead)
    if plan.kind is DeliveryKind.DIGEST:
        headers += _bulk(plan, letterhead, links, edition_at)
    kind = _PLAIN_PART if plain else (f'Content-Type: multipart/alternative; boundary="{boundary}"',)
    headers += ("MIME-Version: 1.0", *kind)
    body = [content.text_piece, b"\r\n"] if plain else _body(content, boundary)
    head = _checked("\r\n".join(headers)).encode("ascii") + b"\r\n"
    if letterhead.signer:
        fields = [(name, value.encode("ascii")) for name, _, value in (h.partition(":") for h in headers)]
        head = letterhead.signer.sign(fields, body, plan.prepared_at) + head
    return Message(
        id=plan.message_id,
        sender=letterhead.envelope(plan),
        recipient=plan.reader.address,
        content=b"".join([head, b"\r\n", *body]),
    )


def _body(content: Content, boundary: str) -> list[bytes]:
    """Both parts, the one that most can show last (RFC 2046 5.1.4); they are encoded already."""
    border = f"--{boundary}".encode()
    return [
        border + b"\r\n" + _PART % b"plain",
        content.text_piece,
        b"\r\n" + border + b"\r\n" + _PART % b"html",
        content.html_piece,
        b"\r\n" + border + b"--\r\n",
    ]


def _identity(content: Content, plan: Plan, letterhead: Letterhead) -> list[str]:
    """The headers of every message, of whatever kind."""
    headers = [letterhead.shown, named("To", plan.reader.name, _mailbox(plan.reader.address))]
    if letterhead.reply_to:
        headers.append(f"Reply-To: {_mailbox(letterhead.reply_to)}")
    headers += (
        unstructured("Subject", content.subject),
        _date(plan.prepared_at),
        f"Message-ID: {_plain(plan.message_id)}",
    )
    if letterhead.idempotency_header:
        headers.append(f"{letterhead.idempotency_header}: {_plain(plan.message_id.strip('<>'))}")
    headers.append("Auto-Submitted: auto-generated")  # RFC 3834 5
    return headers


def _bulk(
    plan: Plan, letterhead: Letterhead, links: ReaderLinks | None, edition_at: dt.datetime | None
) -> list[str]:
    """The headers of a digest: it comes every day, and can be stopped."""
    headers = [letterhead.list_id]
    if links:
        uris = [_uri(links.unsubscribe)]
        if letterhead.unsubscribe_mailbox:
            token = links.unsubscribe.rpartition("/")[2]
            uris.append(_uri(f"mailto:{letterhead.unsubscribe_mailbox}?subject=unsubscribe%20{token}"))
        headers += (
            "List-Unsubscribe: " + ",\r\n ".join(uris),  # RFC 2369 3.2: one URI is never folded
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",  # RFC 8058 3.1
        )
    return [*headers, *_of_all(plan.local_date, letterhead.feedback_name, edition_at)]


@lru_cache(maxsize=64)  # the same for all of a day and an edition
def _of_all(date: dt.date, feedback_name: str, edition_at: dt.datetime | None) -> tuple[str, ...]:
    headers = (
        "Precedence: bulk",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        f"Feedback-ID: {date:%Y%m%d}:daily:digest:{feedback_name}",
        f"X-Digest-Date: {date.isoformat()}",
    )
    if edition_at is None:
        return headers
    at = edition_at.astimezone(dt.UTC).isoformat().removesuffix("+00:00")
    return (*headers, f"X-Digest-Edition: {at}Z")


# --- headers --------------------------------------------------------------------------------------


@lru_cache(maxsize=64)  # what is prepared together has one
def _date(at: dt.datetime) -> str:
    return f"Date: {format_datetime(at.astimezone(dt.UTC))}"


@lru_cache(maxsize=8192)  # many readers share their first paper, and so a subject
def unstructured(name: str, text: str) -> str:
    """A header of free text: as it is where ASCII and short enough for one line; else in encoded words.

    Folding at spaces would do by RFC 5322 2.2.3, and some readers show the fold; encoded words (RFC 2047) are
    decoded by all.
    """
    text = _plain(text)
    if text.isascii() and len(f"{name}: {text}") <= LINE and "=?" not in text and text == text.strip():
        return f"{name}: {text}"
    return f"{name}: {encoded_words(text)}"


def named(header: str, name: str, spec: str, *, always: bool = False) -> str:
    """`Header: Name <spec>`, the name quoted or encoded as it needs; just the spec without a name."""
    name = " ".join(_plain(name).split())  # spaces in a phrase mean no more than one (RFC 5322 3.2.5)
    if not name:
        return f"{header}: <{spec}>" if always else f"{header}: {spec}"
    shown = phrase(name)
    last = len(shown.rpartition("\r\n")[2]) + (0 if "\r\n" in shown else len(header) + 2)
    space = " " if last + len(spec) + 3 <= LINE else "\r\n "
    return f"{header}: {shown}{space}<{spec}>"


def phrase(name: str) -> str:
    """A display name: atoms, a quoted string, or encoded words (RFC 5322 3.2.5, RFC 2047 5)."""
    if not name.isascii() or "=?" in name or len(name) > 60:
        return encoded_words(name)
    if ATOMS.fullmatch(name):
        return name
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'


def encoded_words(text: str) -> str:
    """Any text in encoded words, one a line, none of which splits a character (RFC 2047 5)."""
    words, word = [], b""
    for character in text:
        octets = character.encode()
        if len(word) + len(octets) > ENCODED_WORD:
            words.append(word)
            word = b""
        word += octets
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(part).decode()}?=" for part in (*words, word) if part)


def _plain(value: str) -> str:
    """The value, if it holds no control character and no half of a surrogate pair."""
    if value.isascii() and value.isprintable():  # nearly always, and far faster than the question below
        return value
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise RenderError(f"a header holds no control characters: {value!r}")
    return value


def _mailbox(spec: str) -> str:
    if not MAILBOX.fullmatch(spec):
        raise RenderError(f"not an address that can be written in a message: {address.masked(spec)!r}")
    return spec


def _uri(uri: str) -> str:
    if not URI.fullmatch(uri):
        raise RenderError(f"not a URI that can be written in a header: {uri!r}")
    return f"<{uri}>"


def _checked(head: str) -> str:
    """The headers, if they are ASCII, only folded where they are meant to be, and no line is too long."""
    lines = head.split("\r\n")
    text = "".join(lines)  # asked once for all of them
    if not (text.isascii() and text.isprintable()) or max(map(len, lines)) > LONGEST_LINE:
        odd = next(
            line for line in lines if len(line) > LONGEST_LINE or not (line.isascii() and line.isprintable())
        )
        raise RenderError(f"a header that cannot be written: {odd[:80]!r}")
    return head
