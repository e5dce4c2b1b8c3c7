"""What a source handed over, and checked access to the values in it.

Rule 1: an EntryError refuses one entry; anything else that goes wrong inside one entry refuses it too, and is logged.
Rule 2: no string leaves this room with a control character, a lone surrogate or a link that is not http(s).
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import structlog

from digest.errors import DocumentError, EntryError
from digest.ingest.ids import canonical_ids
from digest.model import Entry, Link, Reading, Source

log = structlog.get_logger()

TITLE_LIMIT = 500
#: The longest arXiv abstract is under 2 kB; a feed may carry whole articles.
ABSTRACT_LIMIT = 10_000
#: What a source's machine made of an abstract is one or two sentences.
SUMMARY_LIMIT = 1_000
URL_LIMIT = 2_000
#: What the databases hold in an integer column.
COUNT_LIMIT = 2**31
#: A clock may be wrong by so much, or a zone be forgotten; later dates are nonsense (sources.md 5).
AHEAD = dt.timedelta(days=2)
#: feedparser reads the epoch number 1777248000 as a day of the year 1777.
FIRST_YEAR = 1900

#: What stands at 0x80 to 0x9f in Windows-1252, where Unicode has control characters.
WINDOWS = {n: bytes([n]).decode("cp1252", "ignore") for n in range(0x80, 0xA0)}

Raw = TypeVar("Raw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a source, with what is known of it from outside."""

    source: Source
    content: bytes = field(repr=False)
    now: dt.datetime
    content_type: str | None = None
    #: The `{date}` it was asked for.
    day: dt.date | None = None

    @property
    def midnight(self) -> dt.datetime | None:
        """The start of the day it was asked for, in UTC."""
        return dt.datetime.combine(self.day, dt.time(), dt.UTC) if self.day else None

    def text(self) -> str:
        """The content as UTF-8; DocumentError for anything else."""
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DocumentError(f"not UTF-8 text, from byte {error.start} on") from None

    def json(self) -> object:
        """The content as JSON; DocumentError for anything else."""
        try:
            return json.loads(self.text())
        except (ValueError, RecursionError) as error:
            raise DocumentError(f"not JSON: {error}") from None

    def each(self, raw: Iterable[Raw], read: Callable[[Raw], Entry]) -> Reading:
        """Read every raw entry; one that cannot be read becomes a line, the rest goes on."""
        entries: list[Entry] = []
        refused: list[str] = []
        for number, one in enumerate(raw, start=1):
            try:
                entries.append(read(one))
            except EntryError as error:
                refused.append(f"entry {number}: {error}")
            except Exception as error:
                log.exception("entry failed", source=self.source.name, entry=number)
                refused.append(f"entry {number}: {type(error).__name__}: {clean(str(error))[:200]}")
        return Reading(entries=tuple(entries), refused=tuple(refused))


def clean(text: str) -> str:
    """Without control characters and lone surrogates, which neither PostgreSQL nor an e-mail can hold.

    Those of C1 are Windows-1252's characters, as browsers read them too.
    """
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "", text.translate(WINDOWS))


def cut(text: str, limit: int) -> str:
    """The text, or its beginning up to a word and an ellipsis."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(None, 1)[0] + "…"


def required(table: dict[str, object], key: str) -> str:
    """A text that must be there and not be blank."""
    text = optional(table, key)
    if not text.strip():
        raise EntryError(f"no {key}")
    return text


def optional(table: dict[str, object], key: str) -> str:
    """A text, empty if it is not given."""
    value = table.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EntryError(f"{key} is not a text: {short(value)}")
    return clean(value)


def count(table: dict[str, object], key: str) -> int | None:
    """A number of something, None if it is not given: missing is not 0."""
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < COUNT_LIMIT:
        raise EntryError(f"{key} is not a count: {short(value)}")
    return value


def whole(table: dict[str, object], key: str) -> int | None:
    """A number that JSON holds as one or as its digits; None if it is neither."""
    value = table.get(key)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:9])
    return (
        value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < COUNT_LIMIT else None
    )


def inner(value: object, what: str) -> dict[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise EntryError(f"{what} is not an object: {short(value)}")
    return value


def items(table: dict[str, object], key: str) -> list[object]:
    """A JSON array, empty if it is not given."""
    value = table.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise EntryError(f"{key} is not a list: {short(value)}")
    return value


def short(value: object) -> str:
    """The value as a message can hold it."""
    shown = clean(repr(value))
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def iso_moment(text: str, now: dt.datetime) -> dt.datetime | None:
    """An ISO 8601 instant, UTC if it names no zone; None if it is none or out of bounds."""
    try:
        moment = dt.datetime.fromisoformat(text)
        return bounded(moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC), now)
    except (ValueError, OverflowError):
        return None


def bounded(moment: dt.datetime, now: dt.datetime) -> dt.datetime | None:
    """The moment, `now` if it is a little ahead of it, None if it cannot be meant."""
    if moment.year < FIRST_YEAR or moment > now + AHEAD:
        return None
    return min(moment, now)


def web_url(text: str) -> str | None:
    """An http(s) URL that names a host; None for anything else, `javascript:` and `file:` among it."""
    url = clean(text).strip().replace(" ", "%20")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s<>\"\\]", url):
        return None
    return url if len(url) <= URL_LIMIT else None


def named_ids(*texts: str) -> tuple[str, ...]:
    """The canonical ids that the texts name, arXiv's first, each once."""
    found = dict.fromkeys(name for text in texts if text for name in canonical_ids(text[:URL_LIMIT]))
    return tuple(sorted(found, key=lambda name: not name.startswith("arxiv:")))


def arxiv_links(ids: Iterable[str]) -> tuple[Link, ...]:
    """Abstract page and PDF of the first arXiv id; nothing if there is none."""
    number = next((name.partition(":")[2] for name in ids if name.startswith("arxiv:")), None)
    if number is None:
        return ()
    return (
        Link(rel="abstract", url=f"https://arxiv.org/abs/{number}"),
        Link(rel="pdf", url=f"https://arxiv.org/pdf/{number}"),
    )
