"""Bytes from the bounce mailbox become what they say, whatever they are. The one door for flufl.bounce.

A stranger may write anything to that mailbox. So nothing is believed that does not lead back to us by a keyed
token (`verp`, `links`), no more is read of a message than a report needs, and nothing in it can raise.
"""

from __future__ import annotations

import datetime as dt
import email
import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum

from flufl.bounce import all_failures

from digest.deliver.judging import ADDRESS, judged
from digest.model import BounceClass, Refusal

# It logs whole tracebacks, with the addresses in them.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)

#: Octets of a message that are read: reports begin with what counts, and end with our own message.
LONGEST = 256_000
#: Of those, so many are shown to flufl.bounce, whose time grows with the square of what it is shown.
LONGEST_WORDS = 10_000
#: Parts that hold parts; a real report has three. Beyond this the parser would recurse too deep.
DEEPEST = 30
#: Parts of all kinds, and recipients of one report, that are looked at.
MOST_PARTS = 200
MOST_REFUSALS = 50
LONGEST_HEADER = 4_000

HOLDER = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
#: A line that may divide parts.
DIVIDER = re.compile(rb"^--\S", re.MULTILINE)
#: Where a mail server or its neighbours write whom a message came for.
CAME_FOR = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To")
#: ARF fields and headers of our own message that hold the envelope's sender (RFC 5965 3.2).
SENT_BY = ("Original-Mail-From", "Return-Path", "X-Envelope-From")
#: RFC 5965 7.3, RFC 6430, RFC 6591: these are no complaints.
NO_COMPLAINT = {"not-spam", "auth-failure"}
SIGNED = r"[A-Za-z0-9_-]{8,500}\.[A-Za-z0-9_-]{8,100}"
LINK = re.compile(rf"/unsubscribe/({SIGNED})(?![\w.-])")
ASKED = re.compile(rf"unsubscribe\s+({SIGNED})(?![\w.-])", re.IGNORECASE)


class Kind(StrEnum):
    """What a message is."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    LEAVE = "leave"
    IDLE = "idle"  #: an automatic reply, or a report that nothing failed: nothing follows
    UNKNOWN = "unknown"  #: for a person to look at


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What came back."""

    kind: Kind
    #: Equal for the same message read twice.
    key: str
    #: When it says that it was written.
    at: dt.datetime | None = None
    #: Addresses one of which may be a sender of ours, with its token.
    senders: tuple[str, ...] = ()
    #: Texts one of which may be an unsubscribe token of ours.
    tokens: tuple[str, ...] = ()
    #: Of a BOUNCE, one at least.
    refusals: tuple[Refusal, ...] = ()


def read(raw: bytes) -> Returned:
    """What a message says; never raises, and takes time in proportion to its length."""
    raw = raw[:LONGEST]
    unread = Returned(kind=Kind.UNKNOWN, key=_key(raw))
    if _too_many(HOLDER, raw, DEEPEST) or _too_many(DIVIDER, raw, MOST_PARTS):
        return unread
    try:
        return _read(raw)
    except Exception:  # noqa: BLE001 (a stranger's bytes; no message may keep the others from being read)
        return unread


def _too_many(pattern: re.Pattern[bytes], raw: bytes, most: int) -> bool:
    return any(number >= most for number, _ in enumerate(pattern.finditer(raw)))


def _read(raw: bytes) -> Returned:
    message = email.message_from_bytes(raw)
    parts = list(message.walk())
    ours = list(_originals(parts))
    subject = _text(message, "Subject")
    asked = tuple(ASKED.findall(subject))
    kind, refusals = _kind(message, parts, subject, raw)
    named = _text(message, "Message-ID")
    feedback = [block for part in parts if _is(part, "message/feedback-report") for block in _blocks(part)]
    senders = [*_values(message, CAME_FOR)]
    senders += [value for one in (*feedback, *ours) for value in _values(one, SENT_BY)]
    links = [token for one in ours for token in LINK.findall(_text(one, "List-Unsubscribe"))]
    return Returned(
        kind=kind,
        key=_key(named.encode(errors="replace") or raw),
        at=_date(message),
        senders=tuple(dict.fromkeys(address for value in senders for address in ADDRESS.findall(value))),
        tokens=asked if kind is Kind.LEAVE else tuple(links),
        refusals=refusals,
    )


def _kind(
    message: Message, parts: list[Message], subject: str, raw: bytes
) -> tuple[Kind, tuple[Refusal, ...]]:
    """A report says what it is; then what a person or a mail program asked; then what experience knows."""
    statuses = [
        part for part in parts if _is(part, "message/delivery-status", "message/global-delivery-status")
    ]
    if statuses:
        refusals = tuple(found for part in statuses for block in _blocks(part) for found in _refused(block))
        return (Kind.BOUNCE if refusals else Kind.IDLE), refusals[:MOST_REFUSALS]
    for part in parts:
        if _is(part, "message/feedback-report"):
            types = {_text(block, "Feedback-Type").lower() for block in _blocks(part)}
            return (Kind.IDLE if types <= NO_COMPLAINT else Kind.COMPLAINT), ()
    if ASKED.search(subject) or subject.lower() == "unsubscribe":
        return Kind.LEAVE, ()
    if refused := _experienced(raw):
        return Kind.BOUNCE, refused
    return (Kind.IDLE if _automatic(message) else Kind.UNKNOWN), ()


def _refused(block: Message) -> Iterator[Refusal]:
    """What the fields of one recipient say (RFC 3464 2.3); nothing if it did not fail."""
    action, status = _text(block, "Action").lower(), _text(block, "Status")
    said = " ".join((_text(block, "Diagnostic-Code"), status.partition(" ")[2]))
    names = (_text(block, name).partition(";")[2] for name in ("Original-Recipient", "Final-Recipient"))
    recipients = frozenset(_unescaped(name).strip(" <>").lower() for name in names) - {""}
    if action.startswith("delayed"):
        # It is still under way: this is not yet a failure, whatever its code says.
        yield Refusal(
            meaning=BounceClass.TRANSIENT, status=judged(status, said).status, recipients=recipients
        )
    elif action.startswith(("failed", "error")) or (not action and status[:1] in {"4", "5"}):
        yield judged(status, said, recipients)


def _experienced(raw: bytes) -> tuple[Refusal, ...]:
    """What flufl.bounce knows of servers that send no report.

    What it calls permanent includes full mailboxes and policies, so it counts as SOFT; whom it names is not
    believed, since the token says whom we wrote to.
    """
    temporary, permanent = all_failures(email.message_from_bytes(raw[:LONGEST_WORDS]))
    if permanent:
        return (Refusal(meaning=BounceClass.SOFT),)
    return (Refusal(meaning=BounceClass.TRANSIENT),) if temporary else ()


def _automatic(message: Message) -> bool:
    """Whether it is a program's reply (RFC 3834), and no mail server's."""
    server = re.search(r"mailer-daemon|postmaster", _text(message, "From"), re.IGNORECASE)
    replied = _text(message, "Auto-Submitted").lower().startswith(("auto-replied", "auto-generated"))
    marked = any(message[name] for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
    precedence = _text(message, "Precedence").lower() == "auto_reply"
    return not server and (replied or marked or precedence)


# --- parts and headers ----------------------------------------------------------------------------


def _is(part: Message, *types: str) -> bool:
    return part.get_content_type() in types


def _blocks(part: Message) -> Iterator[Message]:
    """The blocks of fields of a report's machine-readable part."""
    held = part.get_payload()
    for block in held if isinstance(held, list) else ():
        if not isinstance(block, Message):
            continue
        yield block
        # The standard library divides `message/delivery-status` only, not its younger kin (RFC 6533).
        rest = block.get_payload()
        if isinstance(rest, str) and _is(part, "message/global-delivery-status"):
            yield from (email.message_from_string(text) for text in rest.split("\n\n")[:MOST_REFUSALS])


def _originals(parts: list[Message]) -> Iterator[Message]:
    """Our own message, or its headers, where a report holds them."""
    for part in parts:
        if _is(part, "message/rfc822", "message/global"):
            held = part.get_payload()
            yield from (one for one in held if isinstance(one, Message)) if isinstance(held, list) else ()
        elif _is(part, "text/rfc822-headers", "message/global-headers", "message/rfc822-headers"):
            text = part.get_payload(decode=True)
            yield from [email.message_from_bytes(text)] if isinstance(text, bytes) else _blocks(part)


def _values(message: Message, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield from (str(value)[:LONGEST_HEADER] for value in message.get_all(name, [])[:10])


def _text(message: Message, name: str) -> str:
    """A header on one line, decoded where it can be; empty if it is not there."""
    value = " ".join(str(message.get(name, ""))[:LONGEST_HEADER].split())
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):  # a charset that nobody knows, or a text that is not in it
        return value


def _unescaped(text: str) -> str:
    """An address as RFC 3461 4 writes it (`+2B` is a plus)."""
    return re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)


def _date(message: Message) -> dt.datetime | None:
    try:
        found = parsedate_to_datetime(_text(message, "Date"))
        return found.replace(tzinfo=found.tzinfo or dt.UTC).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _key(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()[:32]
