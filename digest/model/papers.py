"""What is listed: Source, Entry, Paper, Mention, Trend, Edition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class SourceKind(StrEnum):
    """How a source's documents are read; installed packages may add kinds (`ingest.reading`)."""

    HUGGINGFACE = "huggingface"
    ARXIV = "arxiv"
    BIORXIV = "biorxiv"
    MEDRXIV = "medrxiv"
    HACKERNEWS = "hackernews"
    FEED = "feed"
    LISTING = "listing"


class Rights(StrEnum):
    """What may be shown of a source's texts."""

    OPEN = "open"
    #: At most two sentences with a link; kept out of public pages, feeds and search.
    EXCERPT = "excerpt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A configured publisher of feeds."""

    name: str
    #: A SourceKind, or one that an installed package adds.
    kind: str
    #: An http(s) URL or a file's absolute path; may hold `{date}`, a UTC date.
    location: str
    weight: float = 1.0
    every: dt.timedelta
    rights: Rights = Rights.OPEN


class Announcement(StrEnum):
    """Why a source lists an entry. Only NEW and CROSS are news."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"
    SIGNAL = "signal"  #: speaks of a paper that others made known, and makes none itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where a paper can be read or discussed."""

    rel: Literal["abstract", "pdf", "discussion", "code", "project"]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """How loudly a source speaks of a paper. None is "not known", which is not 0."""

    votes: int | None = None
    comments: int | None = None
    stars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One element as the source said it, with its texts made readable (plain Unicode, no TeX, no HTML)."""

    source: str
    #: Canonical ids named by the entry, strongest first (`arxiv:2604.07429`, `doi:10.1000/x`); may be empty.
    ids: tuple[str, ...]
    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published: dt.datetime | None = None
    #: When the source listed it; None for undated entries, which count as listed when first seen.
    listed_at: dt.datetime | None = None
    links: tuple[Link, ...] = ()
    version: int | None = None
    signals: Signals = Signals()
    announcement: Announcement = Announcement.NEW
    rights: Rights = Rights.OPEN
    #: What a machine of the source made of the abstract; empty if it has none.
    ai_summary: str = ""


#: `first_seen` of a paper of which only a reader's list spoke: in no edition's window.
UNSEEN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The canonical work, merged from everything that sources said of it."""

    #: `arxiv:…`, `doi:…` or `title:…`, the strongest that is known.
    id: str
    #: Every canonical id under which it is or was known, its own first.
    aliases: tuple[str, ...]
    #: Letters and digits of the title, for the weak merge (`ingest.identity`).
    title_key: str
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    published: dt.datetime | None
    version: int | None
    links: tuple[Link, ...]
    rights: Rights
    first_seen: dt.datetime
    #: What a machine of a source made of the abstract; empty if none did.
    ai_summary: str = ""

    def link(self, rel: str) -> str | None:
        """The first URL with that relation."""
        return next((link.url for link in self.links if link.rel == rel), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Evidence that a source spoke of a paper, with what it counted last; one per source and listing day."""

    paper: str
    source: str
    #: Multiplies the votes' part of the trend; the operator's trust in this source.
    weight: float
    listed_at: dt.datetime
    url: str
    signals: Signals
    #: When the signals were read.
    as_of: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The votes of a mention as they were at an instant."""

    paper: str
    source: str
    listed_at: dt.datetime
    as_of: dt.datetime
    votes: int

    @property
    def age(self) -> dt.timedelta:
        """How long the votes had had."""
        return self.as_of - self.listed_at


class ReasonKind(StrEnum):
    """What spoke for a paper. `subject` and `value` of a Reason are named beside each."""

    VOTES = "votes"  #: subject: source; value: votes; days: in how many
    RISING = "rising"  #: subject: source; value: share of the source's week that it is ahead of, 0..1
    LATE = "late"  #: subject: source; value: votes that came in the last `days`, long after its own
    SOURCES = "sources"  #: value: number of sources
    NEW = "new"  #: value: age in days
    PHRASE = "phrase"  #: subject: the reader's phrase
    CATEGORY = "category"  #: subject: the category
    AUTHOR = "author"  #: subject: the author
    LIKED = "liked"  #: subject: title of the example paper
    TEXT = "text"  #: subject: the phrase that it has of what the reader wrote; perhaps none
    TRENDING = "trending"  #: the trend alone
    DISCOVERY = "discovery"  #: outside the reader's interests on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that spoke for a paper; put into words by the templates, in the reader's language."""

    kind: ReasonKind
    subject: str = ""
    value: float | None = None
    #: Over how many whole days, where that matters.
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """What a model made of a paper's text."""

    #: The paper's id.
    paper: str
    #: Fingerprint of the title and abstract that it was made from: another text has another embedding.
    text: str
    #: Numbers of 16 bits (IEEE 754 binary16), little-endian.
    vector: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How a paper stands at a moment."""

    #: 0..1
    score: float
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A paper in the pool, with text, votes and trend as they were then."""

    paper: Paper
    mentions: tuple[Mention, ...]
    trend: Trend
    #: What a machine wrote, shown instead of the abstract's sentences; empty: the abstract speaks. None until a
    #: digest picks the paper from this edition; then it is decided once, and never changed.
    summary: str | None = ""

    @property
    def votes(self) -> int | None:
        """The most votes that any one source counted; None if none counts."""
        counted = [m.signals.votes for m in self.mentions if m.signals.votes is not None]
        return max(counted, default=None)

    @property
    def stars(self) -> int | None:
        """Stars of the code's repository, the newest count that is known."""
        known = [m for m in self.mentions if m.signals.stars is not None]
        return max(known, key=lambda m: m.as_of).signals.stars if known else None


class SourceState(StrEnum):
    """How a source is doing."""

    FRESH = "fresh"
    QUIET = "quiet"  #: nothing listed, and that is all right
    LATE = "late"  #: nothing listed where it usually is
    STALE = "stale"  #: what it listed is what it had listed before
    PARTIAL = "partial"  #: some entries were refused, or far fewer than usual
    FAILING = "failing"
    DISABLED = "disabled"  #: gone for good, so that it is not asked any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What readers of an edition should know of a source, in one line."""

    source: str
    state: SourceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The frozen pool of papers as of an instant, the highest trend first."""

    id: int
    published_at: dt.datetime
    papers: tuple[Listed, ...]
    notices: tuple[Notice, ...] = ()
    #: The edition before it, if that was too old for a digest on the days in between.
    silent_since: dt.datetime | None = None

    def by_id(self) -> Mapping[str, Listed]:
        """Papers by each of their ids, aliases included."""
        return {alias: listed for listed in self.papers for alias in listed.paper.aliases}
