"""How fast messages leave: one rate for all connections, less after the relay's trouble, and when to give up."""

from __future__ import annotations

import time

from digest.model import Verdict

#: So many troubles in a row, and the relay is left alone until the next pass.
PATIENT_WITH = 3
#: After so many messages without trouble, twice as fast again.
TRUST = 100
#: The slowest start, in seconds between two messages, when a first message meets trouble.
CAUTION = 0.1


class Pace:
    """When the next message may begin: at most `rate` a second, half of it after each trouble."""

    def __init__(self, rate: float | None, rest: float) -> None:
        self._least = 1 / rate if rate else 0.0
        self._rest = rest
        self._interval = self._least
        self._next_at = 0.0
        self._began_at: float | None = None
        self._begun = self._smooth = self._troubles = 0

    @property
    def hopeless(self) -> bool:
        """The relay is to be left alone."""
        return self._troubles >= PATIENT_WITH

    def wait(self) -> float:
        """Seconds until the next message may begin; 0 if it may."""
        return max(0.0, self._next_at - time.monotonic())

    def begin(self) -> None:
        """A message begins."""
        now = time.monotonic()
        self._began_at = self._began_at or now
        self._begun += 1
        self._next_at = max(now, self._next_at) + self._interval

    def heed(self, verdict: Verdict) -> None:
        """What became of one."""
        if verdict in {Verdict.UNREACHABLE, Verdict.IN_DOUBT}:
            self._ease()
            return
        self._troubles = 0
        self._smooth += 1
        if self._smooth % TRUST == 0:
            halved = self._interval / 2
            self._interval = max(self._least, halved if halved > 0.001 else 0.0)

    def _ease(self) -> None:
        """Half the rate, and a rest."""
        now = time.monotonic()
        spacing = (now - self._began_at) / self._begun if self._began_at and self._begun > 1 else CAUTION
        self._interval = 2 * max(self._interval, min(spacing, CAUTION))
        self._next_at = max(self._next_at, now + self._rest * 2**self._troubles)
        self._troubles, self._smooth = self._troubles + 1, 0
