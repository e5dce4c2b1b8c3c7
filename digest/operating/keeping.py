"""What is over is kept for a while, and then forgotten."""

from __future__ import annotations

import datetime as dt

import structlog

from digest.service import Service

log = structlog.get_logger()


def forget(day: Service, now: dt.datetime) -> int:
    """Forget what `[retention]` keeps no longer; how many rows. A year of neglect is caught up in small steps."""
    keep, store = day.settings.retention, day.store
    old = (now - keep.deliveries).date()
    gone = {
        "deliveries": store.outbox.forget(old),
        "editions": store.editions.forget(old),
        "attempts": store.sources.forget(now - keep.attempts),
        "letters": store.letters.forget(now),
    }
    if any(gone.values()):
        log.info("history forgotten", **gone)
    return sum(gone.values())
