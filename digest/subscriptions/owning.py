"""By the reader's own hand, with a link from their mailbox: confirmed, tuned, left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from digest.errors import LinkError
from digest.links import Purpose
from digest.messages import asked_plan
from digest.model import DeliveryKind, Paper, Subscriber, SubscriberState
from digest.service import Service
from digest.subscriptions.bearing import bearer, owned
from digest.subscriptions.reading import liking, remember
from digest.subscriptions.wishes import Wish, tuned

log = structlog.get_logger()


def confirm(day: Service, token: str, now: dt.datetime) -> Subscriber:
    """The reader of a confirmation wants it: digests come from now on, after a welcome. A second time changes nothing.

    Raises as `bearer` does.
    """
    reader = bearer(day, Purpose.CONFIRM, token, now)
    if reader.state is SubscriberState.SUPPRESSED or day.store.suppressions.has(reader.address):
        raise LinkError("the address is suppressed")

    def decide(subscriber: Subscriber) -> Subscriber:
        if subscriber.state in {SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED}:
            return replace(subscriber, state=SubscriberState.CONFIRMED, confirmed_at=now, starts_at=now)
        return subscriber

    confirmed = _by_link(day, reader, decide, now)
    if confirmed.state is SubscriberState.CONFIRMED and confirmed.confirmed_at == now:
        # Not in the same transaction: a kill in between costs a greeting, and nothing else.
        day.store.outbox.enqueue([asked_plan(day, DeliveryKind.WELCOME, confirmed, now)])
    return confirmed


def prefer(
    day: Service, token: str, wish: Wish, now: dt.datetime, examples: Sequence[Paper] = ()
) -> Subscriber:
    """A reader's own change of their settings; `examples`: papers of a reading list that become some, too.

    Raises as `bearer` does, and UsageError as `tuned`.
    """
    reader = bearer(day, Purpose.PREFERENCES, token, now)
    wish = liking(wish, examples)
    tuned(reader, wish, day.settings)  # what cannot be is refused before anything is kept
    remember(day, examples, now)
    return _by_link(day, reader, lambda subscriber: tuned(subscriber, wish, day.settings), now)


def unsubscribe(day: Service, token: str, now: dt.datetime) -> Subscriber | None:
    """No digest any more, at once; a second time changes nothing (RFC 8058). None if the reader is gone.

    LinkError if the token is forged, revoked or made for something else. It never expires.
    """
    reader = leaver(day, token, now)
    return _by_link(day, reader, left, now) if reader else None


def leaver(day: Service, token: str, now: dt.datetime) -> Subscriber | None:
    """Who would leave by that token; changes nothing, and otherwise as `unsubscribe`."""
    claim = day.links.read(Purpose.UNSUBSCRIBE, token, now)
    found = day.store.subscribers.get(claim.subscriber)
    return found and owned(found, claim)


def left(subscriber: Subscriber) -> Subscriber:
    """The subscriber without a subscription; one whose address is suppressed stays so, which is stronger."""
    if subscriber.state is SubscriberState.SUPPRESSED:
        return subscriber
    return replace(subscriber, state=SubscriberState.UNSUBSCRIBED)


def _by_link(
    day: Service, reader: Subscriber, decide: Callable[[Subscriber], Subscriber], now: dt.datetime
) -> Subscriber:
    changed = day.store.subscribers.change(reader.id, decide, now)
    if changed is None:
        raise LinkError("the reader of the link is gone")
    if changed.state is not reader.state:
        log.info("subscription changed", subscriber=reader.id, state=changed.state)
    return changed
