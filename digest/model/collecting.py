"""What collecting found and how it went: Reading, Resolved, Collected, SourceStatus."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from digest.model.papers import Entry, Mention, Paper, Source, SourceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a server gave us to ask "changed since?"; echoed verbatim (RFC 9110 13.1)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one document held."""

    entries: tuple[Entry, ...] = ()
    #: One line for each entry that was refused.
    refused: tuple[str, ...] = ()
    #: Where the next page of it is; empty if this is all.
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How a set of entries might already be known."""

    ids: frozenset[str]
    title_keys: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Entries that became papers."""

    #: New or changed, in their final form.
    papers: tuple[Paper, ...]
    mentions: tuple[Mention, ...]
    #: Ids that turned out to be the same work: the id given up -> the id that stays.
    joined: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What one source gave in one pass; never raised, always recorded."""

    source: Source
    at: dt.datetime
    state: SourceState
    #: Why it is in that state, or what to change, for a person.
    reason: str
    #: What to change, although all went well: it outlives the reason.
    advice: str = ""
    entries: tuple[Entry, ...] = ()
    refused: tuple[str, ...] = ()
    #: Documents that could not be had or read.
    missed: int = 0
    #: By URL, for the next pass.
    validators: Mapping[str, Validators] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How a source has been doing, as stored."""

    name: str
    #: What was asked; a source that has another one now is as good as new.
    location: str
    state: SourceState
    reason: str
    last_attempt: dt.datetime
    last_success: dt.datetime | None
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt at a source came to."""

    at: dt.datetime
    state: SourceState
    reason: str
    entries: int
