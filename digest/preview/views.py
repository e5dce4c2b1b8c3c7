"""What the pages say, as values: a row of a list, a message taken apart, a problem."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import urlencode

from digest import languages
from digest.errors import ConfigError, DigestError, RenderError, StoreError
from digest.model import Delivery, DeliveryKind, Message, Plan, Subscriber
from digest.render import notes, words
from digest.render.excerpt import clean

#: Gmail hides what follows 102 KiB of HTML.
GMAIL_SHOWS = 102 * 1024
#: Interests that a row names; the others are counted.
_NAMED_INTERESTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRow:
    """A delivery in the list."""

    id: int
    subject: str
    reader: str
    date: str
    #: None for a mail that holds none.
    papers: int | None
    state: str

    @classmethod
    def of(cls, delivery: Delivery, title: str, site: str) -> DigestRow:
        """The row of a delivery; `title` is its first paper's as it is known today."""
        plan = delivery.plan
        digest = plan.kind is DeliveryKind.DIGEST
        return cls(
            id=delivery.id,
            subject=_subject(plan, title, site),
            reader=plan.reader.name or plan.reader.address,
            date=plan.local_date.isoformat(),
            papers=len(plan.picks) if digest else None,
            state=_spoken(delivery.state),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberRow:
    """A subscriber in the list."""

    id: str
    address: str
    name: str
    state: str
    schedule: str
    interests: str

    @classmethod
    def of(cls, subscriber: Subscriber) -> SubscriberRow:
        """The row of a subscriber."""
        wanted = [interest.value for interest in subscriber.interests]
        more = len(wanted) - _NAMED_INTERESTS
        named = ", ".join(wanted[:_NAMED_INTERESTS]) + (f" and {more} more" if more > 0 else "")
        return cls(
            id=subscriber.id,
            address=subscriber.address,
            name=subscriber.name,
            state=_spoken(subscriber.state),
            schedule=words.schedule(languages.ENGLISH, subscriber.schedule),
            interests=named or "whatever is trending",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The two lists."""

    digests: tuple[DigestRow, ...]
    subscribers: tuple[SubscriberRow, ...]
    #: Of all subscribers, also those that are not listed.
    subscribed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A message, taken apart again from its bytes."""

    subject: str
    sender: str
    recipient: str
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    raw: bytes

    @classmethod
    def of(cls, message: Message) -> Sheet:
        """The parts of these bytes, as a mail program would read them."""
        parsed: EmailMessage = email.message_from_bytes(message.content, policy=email.policy.default)
        html, text = (parsed.get_body((kind,)) for kind in ("html", "plain"))
        return cls(
            subject=str(parsed["Subject"]),
            sender=str(parsed["From"]),
            recipient=str(parsed["To"]),
            headers=tuple((name, str(value)) for name, value in parsed.items()),
            html=html.get_content() if html else "",
            text=text.get_content() if text else "",
            raw=message.content,
        )

    @property
    def source(self) -> str:
        """The bytes as a page can show them; they are ASCII but for what a relay would refuse."""
        return self.raw.decode("utf-8", "backslashreplace").replace("\r\n", "\n")

    @property
    def html_bytes(self) -> int:
        """Of the HTML part, decoded: what Gmail counts."""
        return len(self.html.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message at its place among the pages."""

    #: The path of its page.
    root: str
    sheet: Sheet
    #: When a digest to come would be prepared; None for a message of the outbox.
    at: dt.datetime | None = None

    def part(self, name: str) -> str:
        """The URL of `html`, `raw` or `message.eml`, of the same bytes as this page."""
        return f"{self.root}/{name}" + (f"?{urlencode({'at': self.at.isoformat()})}" if self.at else "")

    @property
    def file_name(self) -> str:
        """What the message is called when it is saved."""
        return f"{'next' if self.at else 'digest'}-{re.sub(r'[^0-9A-Za-z-]', '', self.root.rpartition('/')[2])}.eml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a page cannot be shown, and where that is to be mended."""

    title: str
    #: File and line; empty if it is in no file, or the text says it.
    place: str = ""
    text: str

    @classmethod
    def of(cls, error: DigestError) -> Problem:
        """The problem that an error tells of."""
        placed = re.match(r"(?s)(.+?:\d+): (.+)", str(error)) if isinstance(error, RenderError) else None
        place, text = placed.groups() if placed else ("", str(error))
        return cls(title=_title(error), place=place, text=text)


def _title(error: DigestError) -> str:
    match error:
        case ConfigError():
            return "The configuration is wrong"
        case RenderError():
            return "A template is broken"
        case StoreError():
            return "The database cannot be used"
        case _:
            return "Nothing to show"


def _subject(plan: Plan, title: str, site: str) -> str:
    """The subject that the message has, told without making it."""
    language, days = languages.of(plan.reader.language), plan.reader.schedule.days
    if plan.kind is not DeliveryKind.DIGEST:
        return notes.subject(language, plan.kind, clean(site))
    titles = [clean(title)] * len(plan.picks)
    return words.subject(language, titles, len(plan.also_trending), plan.local_date, days)


def _spoken(state: str) -> str:
    return state.replace("_", " ")
