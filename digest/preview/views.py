"""What the pages say, as values: rows of the lists, a message on its page, a problem."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlencode

from digest import languages
from digest.address import masked
from digest.errors import ConfigError, DigestError, RenderError, StoreError
from digest.model import Delivery, DeliveryKind, Plan, Subscriber
from digest.preview.compare import Row
from digest.preview.exhibits import Exhibit
from digest.preview.fixtures import Fixture
from digest.preview.look import PLAIN, Look
from digest.preview.report import Report
from digest.preview.sheet import Sheet
from digest.render import notes, words
from digest.render.excerpt import clean

#: Interests that a row names; the others are counted.
_NAMED_INTERESTS = 3
#: Lines before and after the one that is wrong.
_CONTEXT = 3


# --- the lists ------------------------------------------------------------------------------------


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
            reader=plan.reader.name or masked(plan.reader.address),
            date=plan.local_date.isoformat(),
            papers=len(plan.picks) if digest else None,
            state=_spoken(delivery.state),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberRow:
    """A subscriber in the list; the address is masked."""

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
            address=masked(subscriber.address),
            name=subscriber.name,
            state=_spoken(subscriber.state),
            schedule=words.schedule(languages.ENGLISH, subscriber.schedule),
            interests=named or "whatever is trending",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The three lists."""

    fixtures: tuple[Fixture, ...]
    digests: tuple[DigestRow, ...]
    subscribers: tuple[SubscriberRow, ...]
    #: Of all subscribers, also those that are not listed.
    subscribed: int


# --- a message on its page ------------------------------------------------------------------------


class View(StrEnum):
    """What a page shows of its message; the n-th is the key n."""

    HTML = "html"
    TEXT = "text"
    INBOX = "inbox"
    LINKS = "links"
    FINDINGS = "findings"
    CONTRAST = "contrast"
    CLIENTS = "clients"
    SOURCE = "source"
    COMPARE = "compare"

    @property
    def label(self) -> str:
        """What its tab is called."""
        return "HTML" if self is View.HTML else self.value.capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message at its place among the pages."""

    exhibit: Exhibit
    sheet: Sheet
    #: Why it is the last good rendering and not the one of now; None if it is of now.
    problem: Problem | None = None
    #: What is wrong with it; None if nobody checks.
    report: Report | None = None

    def to(self, view: str = View.HTML, look: Look = PLAIN, **more: str) -> str:
        """The URL of a view of it."""
        said = self.exhibit.query | ({} if view == View.HTML else {"view": str(view)}) | look.query | more
        return self.exhibit.root + (f"?{urlencode(said)}" if said else "")

    def part(self, name: str, look: Look = PLAIN) -> str:
        """The URL of `html`, `raw` or `message.eml`, of the very bytes that this page is about."""
        said = self.exhibit.query | {"of": self.sheet.stamp} | look.query
        return f"{self.exhibit.root}/{name}?{urlencode(said)}"

    @property
    def file_name(self) -> str:
        """What the message is called when it is saved."""
        kind, _, name = self.exhibit.root.removeprefix("/").partition("/")
        first = {"digests": "digest", "subscribers": "next", "fixtures": "fixture"}[kind]
        return f"{first}-{re.sub(r'[^0-9A-Za-z-]', '', name)}.eml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A fixture in the matrix: its message, or why there is none."""

    fixture: Fixture
    shown: Shown | None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The messages before and after, by URL; empty at the ends."""

    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something that a message can be compared with."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A message beside another one."""

    choices: tuple[Choice, ...]
    #: Which of them is chosen; empty if there is nothing yet.
    chosen: str = ""
    other: Shown | None = None
    rows: tuple[Row, ...] = ()


# --- problems -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """A line of a template near the one that is wrong."""

    number: int
    text: str
    wrong: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a page cannot be shown, and where that is to be mended."""

    title: str
    #: File and line; empty if it is in no file, or the text says it.
    place: str = ""
    text: str
    #: What stands there.
    lines: tuple[SourceLine, ...] = ()

    @classmethod
    def of(cls, error: DigestError) -> Problem:
        """The problem that an error tells of."""
        placed = re.match(r"(?s)(.+?):(\d+): (.+)", str(error)) if isinstance(error, RenderError) else None
        if placed is None:
            return cls(title=_title(error), text=str(error))
        file, line, text = placed.groups()
        return cls(
            title=_title(error), place=f"{file}:{line}", text=text, lines=_around(Path(file), int(line))
        )


def _around(file: Path, line: int) -> tuple[SourceLine, ...]:
    """The lines there; none if the file cannot be read (any more)."""
    try:
        written = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ()
    first = max(1, line - _CONTEXT)
    shown = written[first - 1 : line + _CONTEXT]
    return tuple(SourceLine(number=n, text=text, wrong=n == line) for n, text in enumerate(shown, first))


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
        return notes.subject(language, plan.kind, plan.matter, clean(site))
    titles = [clean(title)] * len(plan.picks)
    return words.subject(language, titles, len(plan.also_trending), plan.local_date, days)


def _spoken(state: str) -> str:
    return state.replace("_", " ")
