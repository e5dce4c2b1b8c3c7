"""Having everything deleted, and what remains: who was deleted comes back by their own hand only.

Rule 1. A list or a file that still names them brings them back neither silently nor by asking them.
Rule 2. Their own sign-up, once confirmed, does; then nothing of the deletion remains.
"""

from __future__ import annotations

import datetime as dt

import structlog

from digest import address as addresses
from digest.errors import UsageError
from digest.links import Purpose
from digest.model import Deletion, Subscriber
from digest.service import Service
from digest.store import Hashes
from digest.subscriptions.bearing import owner

log = structlog.get_logger()

#: How long it is remembered that an address was deleted: exports and backups of a list live for about a year, and
#: a shorter memory would let one of them bring its people back.
LIFETIME = dt.timedelta(days=365)


def delete(day: Service, token: str, now: dt.datetime) -> None:
    """Delete everything of the reader whose fresh link it is; a second time changes nothing.

    Raises as `bearer` does, but not if the reader is gone.
    """
    claim = day.links.read(Purpose.MINE, token, now)
    if day.store.subscribers.get(claim.subscriber):
        erase(day, owner(day, claim), now)


def erase(day: Service, subscriber: Subscriber, now: dt.datetime) -> None:
    """Delete everything of a subscriber, by whoever's hand."""
    day.store.persons.erase(subscriber.id, hashes(day), now, now + LIFETIME)
    log.info("subscriber deleted", subscriber=subscriber.id)


def hashes(day: Service) -> Hashes:
    """How addresses are hashed here."""
    return Hashes(
        counted=lambda address: day.links.fingerprints("address", addresses.key(address)),
        deleted=lambda address: day.links.fingerprints("deleted", addresses.key(address)),
    )


def deletion(day: Service, address: str, now: dt.datetime) -> Deletion | None:
    """What remains of an address that was deleted; None if nothing does."""
    return day.store.persons.deletion(hashes(day).deleted(address), now)


def unmailable(day: Service, address: str, now: dt.datetime) -> bool:
    """Whether an address must not be mailed, even if its owner asks."""
    found = deletion(day, address, now)
    return bool(found and found.suppressed) or day.store.suppressions.has(address)


def refuse_deleted(day: Service, address: str, now: dt.datetime) -> None:
    """UsageError if an operator may not confirm this address in its owner's stead."""
    if found := deletion(day, address, now):
        raise UsageError(
            f"deleted on {found.at:%Y-%m-%d}, and only its owner's confirmation brings it back; if they asked you"
            f" to, `digest suppressions remove` allows it: {address!r}"
        )


def welcome_back(day: Service, address: str) -> bool:
    """Its owner is back: nothing of the deletion remains. Whether there was one."""
    return day.store.persons.welcome_back(hashes(day).deleted(address))
