"""Whose link it is, and what follows when they act by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection

import structlog

from digest.errors import LinkError
from digest.links import Claim, Purpose
from digest.model import Consent, Plan, Subscriber
from digest.service import Service

log = structlog.get_logger()


def bearer(day: Service, purpose: Purpose, token: str, now: dt.datetime) -> Subscriber:
    """Whose token it is; changes nothing.

    LinkError if it is forged, revoked or made for something else, or if its reader is gone; LinkExpired if
    it was ours, and its time is over.
    """
    return owner(day, day.links.read(purpose, token, now))


def owner(day: Service, claim: Claim) -> Subscriber:
    """The subscriber of a claim; LinkError if they are gone, or revoked it."""
    return owned(day.store.subscribers.get(claim.subscriber), claim)


def owned(found: Subscriber | None, claim: Claim) -> Subscriber:
    """Whom the store has for a claim, if it is still theirs; raises as `owner`."""
    if found is None or found.generation != claim.generation:
        raise LinkError("the link is revoked, or its reader is gone")
    return found


def act(
    day: Service,
    reader: Subscriber,
    decide: Callable[[Subscriber], Subscriber],
    now: dt.datetime,
    mails: Collection[Plan] = (),
    consent: Consent | None = None,
) -> Subscriber:
    """Change a reader as the bearer of their link decided, and mail that if it does; LinkError if they are gone.

    If it confirms them anew, that rests on `consent`.
    """
    changed = day.store.subscribers.change(reader.id, decide, now, mails, consent)
    if changed is None:
        raise LinkError("the reader of the link is gone")
    if changed.state is not reader.state:
        log.info("subscription changed", subscriber=reader.id, state=changed.state)
    return changed
