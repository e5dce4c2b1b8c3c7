"""How often a network may have us work for nothing: counted in memory, in bounded space, and kept nowhere."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException

#: Networks that are remembered; the one that asked longest ago is forgotten first.
MOST_NETWORKS = 10_000


class Pace:
    """At most so many in any such period, by each network; may be shared by threads."""

    def __init__(self, most: int, per: dt.timedelta) -> None:
        self._most, self._per = most, per
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, deque[dt.datetime]] = OrderedDict()

    def wait(self, network: str, now: dt.datetime) -> dt.timedelta:
        """Count one and return zero; or how long until the next is allowed, and count nothing."""
        with self._lock:
            asked = self._asked.setdefault(network, deque())
            while asked and not now - self._per < asked[0] <= now:
                asked.popleft()
            if len(asked) >= self._most:
                return asked[0] + self._per - now
            asked.append(now)
            self._asked.move_to_end(network)
            if len(self._asked) > MOST_NETWORKS:
                self._asked.popitem(last=False)
            return dt.timedelta()


class Places:
    """At most so many at once; whoever comes then is asked to come back (503)."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place for the time of the block."""
        if not self._free.acquire(blocking=False):
            raise HTTPException(503, headers={"Retry-After": "5"})
        try:
            yield
        finally:
            self._free.release()
