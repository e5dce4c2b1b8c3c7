"""What is told to other programs: Event; and who may ask for more: Scope, ApiKey."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """What happened to a subscription."""

    SUBSCRIBED = "subscribed"  #: somebody new, confirmed or not
    CONFIRMED = "confirmed"  #: digests come from now on; also after having left
    UNSUBSCRIBED = "unsubscribed"  #: left, or was removed
    BOUNCED = "bounced"  #: the address was given up, after what came back
    COMPLAINED = "complained"  #: called it spam; left by that, and suppressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of a subscription's state, kept without anything that mentions the person."""

    #: Grows; an event that is read later has a higher one.
    id: int
    at: dt.datetime
    kind: EventKind
    #: The subscriber's id, who may be gone by now.
    subscriber: str


class Scope(StrEnum):
    """What a key of the API may do; each may do what those before it may."""

    EDITIONS = "editions"  #: read editions: nothing that is anybody's
    READ = "read"  #: read everything
    WRITE = "write"  #: read and change everything

    def covers(self, needed: Scope) -> bool:
        """Whether whoever has this may do that."""
        levels = list(Scope)
        return levels.index(self) >= levels.index(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Somebody's key to the API; the key itself is kept nowhere."""

    name: str
    scope: Scope
    created_at: dt.datetime
