"""The newest edition, ready to be ranked, and the digest of it that anybody may see: each made once."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from digest import samples
from digest.model import Content, Entry, Listed, Paper, Plan, Subscriber
from digest.samples import Edits, Showcase, Trial
from digest.service import Service
from digest.subscriptions import Wish, newcomer, tuned

#: Whom the public digest is for: nobody, without interests.
STAND_IN = "reader@example.org"


@dataclass(frozen=True, slots=True)
class Shown:
    """What was made of one edition."""

    #: Which edition: its count of changes; two that share it are of the same papers.
    changes: int
    case: Showcase
    public: Content | None

    @property
    def date(self) -> dt.date:
        """The day of its papers."""
        return self.case.edition.published_at.date()


class Shelf:
    """Holds what was made of the newest edition until there is a newer one; may be shared by threads."""

    def __init__(self, day: Service) -> None:
        self._day = day
        self._lock = threading.Lock()
        #: A ranker keeps what it has read for the next block of readers, so one thread uses it at a time.
        self._ranking = threading.Lock()
        self._shown: Shown | None = None

    def newest(self) -> Shown | None:
        """None if there is no edition yet. Who comes while one is being made waits for it."""
        with self._lock:
            changes = self._day.store.editions.changes_of_latest()
            if changes is None:
                return None
            if self._shown is None or self._shown.changes != changes:
                self._shown = self._made(changes)
            return self._shown

    def outlook(self, reader: Subscriber, now: dt.datetime, edits: Edits | None = None) -> Content | None:
        """The reader's next digest as it would be now, under `edits`; None if there is nothing to show them."""
        shown = self.newest()
        if shown is None:
            return None
        with self._ranking:
            return samples.outlook(self._day, shown.case, reader, now, edits)

    def tried(self, wish: Wish, pasted: Sequence[Entry], now: dt.datetime) -> Trial | None:
        """The digest of somebody without an account; None if there is no edition yet. UsageError as `tuned`."""
        stand_in = tuned(newcomer(STAND_IN, self._day.settings, now), wish, self._day.settings)
        shown = self.newest()
        if shown is None:
            return None
        with self._ranking:
            return samples.tried(self._day, shown.case, stand_in, pasted, now)

    def ranked(self, reader: Subscriber, now: dt.datetime) -> tuple[Plan, Showcase] | None:
        """The reader's best of the newest edition; None if there is none yet."""
        shown = self.newest()
        if shown is None:
            return None
        with self._ranking:
            return samples.ranked(self._day, shown.case, reader, now), shown.case

    def alike(self, paper: Paper, most: int) -> list[Listed]:
        """The papers of the newest edition that are most like this one, without itself."""
        shown = self.newest()
        if shown is None:
            return []
        by_id = shown.case.edition.by_id()
        with self._ranking:
            return [by_id[one] for one in shown.case.ranker.alike(paper, most)]

    def _made(self, changes: int) -> Shown | None:
        case = samples.showcase(self._day)
        if case is None:
            return None
        then = case.edition.published_at
        stand_in = newcomer(STAND_IN, self._day.settings, then)
        return Shown(changes, case, samples.public(self._day, case, stand_in, then))
