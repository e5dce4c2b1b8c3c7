"""How a command ends that is told to: between two messages if it can, and soon in any case."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: A thread that waits for a relay or a lock would keep the process, for a relay up to ten minutes; a supervisor
#: gives it ten seconds.
LAST_SECONDS = 5.0


def leave_soon() -> threading.Timer:
    """End the process in `LAST_SECONDS`, unless the timer is cancelled."""
    leaving = threading.Timer(LAST_SECONDS, leave)
    leaving.daemon = True
    leaving.start()
    return leaving


def leave() -> None:
    """End the process, whatever is still under way; the database is made for that."""
    sys.stderr.flush()
    os._exit(0)


@contextmanager
def told_to_stop() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM came; from then on the process has `LAST_SECONDS`, and what it leaves is for the next pass."""
    told = threading.Event()
    timers: list[threading.Timer] = []

    def stop(_signal: int, _frame: object) -> None:
        if not told.is_set():
            told.set()
            timers.append(leave_soon())

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield told.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
        for timer in timers:
            timer.cancel()
