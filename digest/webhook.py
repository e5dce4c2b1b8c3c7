"""One other program is told what happens to subscriptions: signed, at least once, each event for up to a day.

Rule 1. What is still to be told is a question to the database, so any process may tell it, at any time.
Rule 2. Whoever may not be asked for a feed is not told either: addresses are checked as they are dialled.
Rule 3. An event that is not taken ends the turn: a receiver that is down is knocked at once in a while, not by all.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable

import structlog

from digest import as_json
from digest.daily import never
from digest.errors import FetchError, Gone
from digest.ingest import network
from digest.ingest.fetch import Asker, hand_over
from digest.model import Event
from digest.service import Service

log = structlog.get_logger()

#: How long a receiver has to answer.
PATIENCE = dt.timedelta(seconds=10)
#: An event is told for so long, …
LIFETIME = dt.timedelta(days=1)
#: … first after about this, each time after twice as long, up to so long.
FIRST_PAUSE, LONGEST_PAUSE = dt.timedelta(seconds=30), dt.timedelta(hours=1)
#: How long events are kept for those who ask.
KEPT = dt.timedelta(days=90)


def tell(day: Service, now: dt.datetime, stopping: Callable[[], bool] = never) -> int:
    """Tell the webhook, if there is one, what it is still to be told; how many events it took."""
    if state(day) != "on":
        return 0
    if dropped := day.store.webhook.gather(now - LIFETIME, now):
        log.error("webhook events dropped", reason="not taken within a day", count=dropped)
    dice, told = secrets.SystemRandom(), 0
    while not stopping():
        due = day.store.webhook.take(now, lambda attempts: now + pause(attempts, dice.random()))
        if due is None or not _taken(day, due.event, due.attempts):
            break
        day.store.webhook.taken(due.event.id)
        told += 1
    return told


def _taken(day: Service, event: Event, attempts: int) -> bool:
    url, body = day.settings.webhook.url, message(day, event)
    try:
        # The real clock: a receiver's idea of "just now" knows nothing of `--now`.
        hand_over(
            url, body, headers(day.settings.webhook.key, event, body, dt.datetime.now(dt.UTC)), asker(day)
        )
    except Gone:
        if day.store.webhook.switch_off(name(day)):
            log.error("webhook switched off", reason="its server says that it is gone for good (410)")  # noqa: TRY400 (one line says it all)
    except FetchError as error:
        # Its URL may be what it is known by to nobody else.
        reason = str(error).partition(": ")[2]
        log.warning("webhook event not taken", id=event.id, attempts=attempts + 1, reason=reason)
    else:
        return True
    return False


def asker(day: Service) -> Asker:
    """Who tells another program something: at once, within `PATIENCE`, where feeds may be asked."""
    fetch = day.settings.fetch
    return Asker(
        settings=fetch.model_copy(update={"timeout": PATIENCE}),
        contact=day.settings.site.contact or day.settings.site.url,
        turn=lambda _url: None,
        permitted=network.anywhere if fetch.allow_private_networks else network.public,
    )


def message(day: Service, event: Event) -> bytes:
    """The event as the API tells it; with their address, if the operator wants it and they are still there."""
    told: dict[str, object] = {**as_json.event(event)}
    if day.settings.webhook.addresses:
        reader = day.store.subscribers.get(event.subscriber)
        told["address"] = reader.address if reader else None
    return json.dumps(told).encode()


def headers(key: bytes, event: Event, body: bytes, now: dt.datetime) -> dict[str, str]:
    """Who says it, and when (standardwebhooks.com): the same id for every attempt, also if ids begin anew some day."""
    name, time = f"evt_{event.id}_{int(event.at.timestamp())}", str(int(now.timestamp()))
    signature = hmac.new(key, f"{name}.{time}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": time,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def pause(attempts: int, luck: float) -> dt.timedelta:
    """How long to wait after so many attempts before this one; `luck`, in 0..1, spreads it by half either way."""
    longest = min(FIRST_PAUSE * (1 << min(attempts, 30)), LONGEST_PAUSE)
    return longest * (0.5 + luck)


def state(day: Service) -> str:
    """Whether there is one: `none`, `on`, or `gone` since its server said so."""
    if not day.settings.webhook.url:
        return "none"
    return "gone" if day.store.webhook.is_gone(name(day)) else "on"


def name(day: Service) -> str:
    """What the database knows the webhook by: its URL may be a secret."""
    return day.links.fingerprint("webhook", day.settings.webhook.url)


def forget(day: Service, now: dt.datetime) -> int:
    """Forget events that are long told; how many."""
    return day.store.events.forget(now - KEPT)
