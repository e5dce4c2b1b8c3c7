"""How often a site may be asked: one request at a time, its pause in between, and not at all while it says so.

Rule 1. The pauses hold across passes, processes and machines, so the turns are kept by whoever keeps the truth.
Rule 2. The clock is the real one: a server does not know what `--now` says.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from digest.errors import AskedToWait

#: Between two requests, by the site's name and all below it: arXiv's terms of use (sources.md 1.2) count "all of
#: the machines under your control" as one; the others are our own manners.
PAUSES = {
    "arxiv.org": dt.timedelta(seconds=3),
    "biorxiv.org": dt.timedelta(seconds=1),
    "medrxiv.org": dt.timedelta(seconds=1),
}
#: A turn further away than this is not waited for within a pass.
PATIENCE = dt.timedelta(seconds=30)


class Turns(Protocol):
    """Who may ask a site when; shared by everybody who asks."""

    def take(self, site: str, pause: dt.timedelta, patience: dt.timedelta, at: dt.datetime) -> dt.datetime:
        """The instant, from `at` on, at which the site may be asked; taken, unless it is beyond our patience."""

    def hold_off(self, site: str, until: dt.datetime) -> None:
        """Nobody asks that site before then."""


def real_clock() -> dt.datetime:
    """The instant that it really is."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Politeness:
    """Manners of one pass."""

    turns: Turns
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], dt.datetime] = real_clock
    _locks: defaultdict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def turn(self, url: str) -> None:
        """Wait until that URL's site may be asked; AskedToWait if it wants to be left alone for long."""
        site, at = site_of(url), self.clock()
        free_at = self.turns.take(site, PAUSES.get(site, dt.timedelta()), PATIENCE, at)
        if free_at - at > PATIENCE:
            raise AskedToWait(
                f"{site}: it asked not to be asked before {free_at:%Y-%m-%d %H:%M}Z", free_at - at
            )
        if free_at > at:
            self.sleep((free_at - at).total_seconds())

    @contextmanager
    def asking(self, url: str) -> Iterator[None]:
        """While a request to that URL is made, nobody else of this pass asks its site; what it wants is kept."""
        site = site_of(url)
        with self._locks[site]:
            try:
                yield
            except AskedToWait as error:
                self.turns.hold_off(site, self.clock() + error.wait)
                raise


def site_of(url: str) -> str:
    """Whose machine it is: the name that a pause is known for, else the whole host."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return url
    return next((site for site in PAUSES if host == site or host.endswith(f".{site}")), host)
