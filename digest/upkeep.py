"""What is done now and then so that nothing is kept for ever, by `digest serve` each hour and at the end of `digest run`.

Rule 1. Whoever runs the day by cron lacks nothing that a daemon does: both call this, and nothing else.
"""

from __future__ import annotations

import datetime as dt

import structlog

from digest import operating, subscriptions, webhook
from digest.service import Service

log = structlog.get_logger()


def keep_tidy(day: Service, now: dt.datetime) -> None:
    """Forget what has been kept long enough, and count the day; may be repeated at any time."""
    if forgotten := subscriptions.forget(day, now):
        log.info("subscriptions forgotten", count=forgotten)
    if forgotten := webhook.forget(day, now):
        log.info("events forgotten", count=forgotten)
    operating.forget(day, now)
    day.store.tallies.take(now.date())
