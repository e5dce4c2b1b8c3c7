"""What can be shown: a delivery of the outbox, a subscriber's next digest, a fixture; each at its own path."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, unquote

from digest import languages
from digest.errors import NotThere


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The message of a delivery."""

    delivery: int

    @classmethod
    def read(cls, name: str, _: Mapping[str, str]) -> Sent:
        """The delivery that a path names."""
        if not (name.isascii() and name.isdecimal() and len(name) < 19):  # what a database's integer holds
            raise NotThere(f"a delivery has a number: {name[:40]!r}")
        return cls(delivery=int(name))

    @property
    def root(self) -> str:
        """Its path."""
        return f"/digests/{self.delivery}"

    @property
    def query(self) -> dict[str, str]:
        """What its URLs say beside the path."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A subscriber's next digest, as it would be prepared at an instant."""

    subscriber: str
    at: dt.datetime

    @classmethod
    def read(cls, name: str, query: Mapping[str, str]) -> Ahead:
        """The subscriber that a path names, now unless the query names another instant."""
        return cls(subscriber=name, at=_instant(query.get("at")))

    @property
    def root(self) -> str:
        """Its path, the same at every instant."""
        return f"/subscribers/{quote(self.subscriber, safe='')}"

    @property
    def query(self) -> dict[str, str]:
        """The instant, so that the parts of a page all show the same bytes."""
        return {"at": self.at.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A fixture, in a language."""

    fixture: str
    language: str

    @classmethod
    def read(cls, name: str, query: Mapping[str, str]) -> Staged:
        """The fixture that a path names, in English unless the query names another language."""
        return cls(fixture=name, language=offered(query.get("language", languages.SOURCE)))

    @property
    def root(self) -> str:
        """Its path, the same in every language."""
        return f"/fixtures/{quote(self.fixture, safe='')}"

    @property
    def query(self) -> dict[str, str]:
        """The language, unless it is English."""
        return {} if self.language == "en" else {"language": self.language}


def offered(language: str) -> str:
    """The same if it is a language of ours; else NotThere, lest English be taken for it."""
    if language not in (known := languages.codes()):
        raise NotThere(f"the languages are {', '.join(known)}: {language[:20]!r}")
    return language


Exhibit: TypeAlias = Sent | Ahead | Staged
#: By the first step of their paths.
ROOMS: Mapping[str, type[Exhibit]] = {"digests": Sent, "subscribers": Ahead, "fixtures": Staged}


def at_path(path: str, query: Mapping[str, str]) -> Exhibit:
    """What stands at a path, as `/digests/3`; NotThere if nothing can."""
    found = re.fullmatch(r"/(\w+)/([^/]+)", path)
    if not found or found[1] not in ROOMS:
        raise NotThere(f"a message is at /digests/…, /subscribers/… or /fixtures/…: {path[:80]!r}")
    return ROOMS[found[1]].read(unquote(found[2]), query)


def _instant(text: str | None) -> dt.datetime:
    if text is None:
        return dt.datetime.now(dt.UTC).replace(microsecond=0)
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise NotThere(f"an instant is ISO 8601, as 2026-04-10T10:00:00Z: {text!r}") from None
