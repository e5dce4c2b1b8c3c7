"""Whose link it is, and what follows when they act by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection

import structlog

from digest.errors import LinkError
from digest.links import Claim, Purpose
from digest.model import Consent, Plan, Subscriber, SubscriberState
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
    return owned(day.store.subscribers.get(claim.subscriber), claim.generation)


def owned(found: Subscriber | None, generation: int) -> Subscriber:
    """Whom the store has for a claim of that generation, if it is still theirs; raises as `owner`."""
    if found is None or found.generation != generation:
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

    If it confirms them anew, that rests on `consent`. LinkError, too, if the link was revoked meanwhile.
    """
    changed = act_unseen(day, reader.id, reader.generation, decide, now, mails, consent)
    if changed is None:
        raise LinkError("the reader of the link is gone")
    return changed


def act_unseen(
    day: Service,
    reader: str,
    generation: int,
    decide: Callable[[Subscriber], Subscriber],
    now: dt.datetime,
    mails: Collection[Plan] = (),
    consent: Consent | None = None,
) -> Subscriber | None:
    """The same of a reader who was not read before, and in one transaction; None if they are gone."""
    states: list[SubscriberState] = []

    def decided(subscriber: Subscriber) -> Subscriber:
        states.append(subscriber.state)
        return decide(owned(subscriber, generation))

    changed = day.store.subscribers.change(reader, decided, now, mails, consent)
    if changed and changed.state not in states:
        log.info("subscription changed", subscriber=reader, state=changed.state)
    return changed
