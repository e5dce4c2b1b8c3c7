"""A page that is the same for everybody: made once a second at most, however many ask."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

#: Seconds that it is shown before anybody looks whether there is news for it.
FRESH = 1.0


class Common:
    """One answer, given again and again; belongs to one event loop."""

    def __init__(self, make: Callable[[], Response]) -> None:
        self._make = make
        self._made: Response | None = None
        self._old_at = 0.0

    async def answer(self, _: Request) -> Response:
        """The answer, made anew by the first who asks when it is old; who comes meanwhile is given the old one."""
        now = time.monotonic()
        if self._made is None or now >= self._old_at:
            self._old_at = now + FRESH
            self._made = await run_in_threadpool(self._make)
        return self._made
