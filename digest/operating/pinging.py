"""A dead-man's switch: somebody else's clock notices when nobody here is left to say that something is wrong.

Rule 1. A ping never fails anything: whoever does not answer within ten seconds has not heard it.
Rule 2. The URL is a secret, and is in no line of the log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum

import structlog

from digest import webhook
from digest.errors import FetchError
from digest.ingest.fetch import hand_over
from digest.operating.judging import Need
from digest.service import Service

log = structlog.get_logger()


class Signal(StrEnum):
    """What a ping says: the end of its URL, as healthchecks.io has it."""

    START = "/start"
    WELL = ""
    FAIL = "/fail"


def ping(day: Service, signal: Signal, words: str = "") -> None:
    """Say it, with some words, to `operating.ping` if there is one."""
    url = day.settings.operating.ping.get_secret_value()
    if not url:
        return
    asker = webhook.asker(day)
    try:
        hand_over(f"{url.rstrip('/')}{signal}", words.encode(), {"Content-Type": "text/plain"}, asker)
    except FetchError as error:
        # Its message begins with the URL, which whoever knows it could ping too.
        log.warning("ping not heard", signal=signal.name.lower(), reason=str(error).partition(": ")[2])


@contextmanager
def watched(day: Service) -> Iterator[None]:
    """Say that a pass begins, and, if nothing is left to say how it went, that it failed."""
    ping(day, Signal.START)
    try:
        yield
    except BaseException as error:
        ping(day, Signal.FAIL, type(error).__name__)
        raise


def conclude(day: Service, broken: Collection[Need]) -> None:
    """Say how it stands: well, or what is broken."""
    ping(day, Signal.FAIL if broken else Signal.WELL, "\n".join(need.text for need in broken))
