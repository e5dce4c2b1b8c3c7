"""Whose link it is."""

from __future__ import annotations

import datetime as dt

from digest.errors import LinkError
from digest.links import Claim, Purpose
from digest.model import Subscriber
from digest.service import Service


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
