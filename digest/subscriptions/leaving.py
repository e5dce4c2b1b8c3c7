"""Leaving, by the link that every mail has: for good or a little; and taking it back.

Rule 1. The bearer of an unsubscribe link ends the subscription, has it come less often, or takes back that it ended.
        They do nothing else, and see nothing of the reader's.
Rule 2. The link never expires; only revoking it ends it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from digest.links import Purpose
from digest.messages import asked_plan
from digest.model import Days, DeliveryKind, Departure, Subscriber, SubscriberState
from digest.service import Service
from digest.subscriptions.bearing import act, act_unseen, owned

#: For so long leaving can be taken back by one click; after that, by subscribing again.
UNDO_LIFETIME = dt.timedelta(days=30)
#: Whose digests come, or would if they were not paused.
_READING = frozenset({SubscriberState.CONFIRMED, SubscriberState.PAUSED})


def leaver(day: Service, token: str, now: dt.datetime) -> Subscriber | None:
    """Who would leave by that token; changes nothing. None if the reader is gone.

    LinkError if the token is forged, revoked or made for something else. It never expires.
    """
    claim = day.links.read(Purpose.UNSUBSCRIBE, token, now)
    found = day.store.subscribers.get(claim.subscriber)
    return found and owned(found, claim.generation)


def unsubscribe(day: Service, token: str, now: dt.datetime) -> Subscriber | None:
    """No digest any more, at once; a second time changes nothing (RFC 8058). Otherwise as `leaver`."""
    claim = day.links.read(Purpose.UNSUBSCRIBE, token, now)
    return act_unseen(day, claim.subscriber, claim.generation, lambda reader: left(reader, now), now)


def left(subscriber: Subscriber, now: dt.datetime) -> Subscriber:
    """The subscriber without a subscription; one whose address is suppressed stays so, which is stronger."""
    if subscriber.state in {SubscriberState.SUPPRESSED, SubscriberState.UNSUBSCRIBED}:
        return subscriber
    departure = Departure(at=now, state=subscriber.state)
    return replace(subscriber, state=SubscriberState.UNSUBSCRIBED, departure=departure)


def undo(day: Service, token: str, now: dt.datetime) -> Subscriber | None:
    """As it was before they left, if they still may. Who had not confirmed has not by this. Otherwise as `leaver`."""
    reader = leaver(day, token, now)
    if reader is None or not may_undo(day, reader, now):
        return reader
    return act(day, reader, back, now)


def may_undo(day: Service, reader: Subscriber, now: dt.datetime) -> bool:
    """Whether one click takes it back that they left."""
    departed = reader.departure if reader.state is SubscriberState.UNSUBSCRIBED else None
    recently = departed is not None and now < departed.at + UNDO_LIFETIME
    return recently and not day.store.suppressions.has(reader.address)


def back(subscriber: Subscriber) -> Subscriber:
    """The subscriber as before they left."""
    if subscriber.departure is None or subscriber.state is not SubscriberState.UNSUBSCRIBED:
        return subscriber
    return replace(subscriber, state=subscriber.departure.state, departure=None)


def less_often(day: Service, token: str, now: dt.datetime) -> Subscriber | None:
    """One digest a week instead of leaving; who reads one at most is left as they are. Otherwise as `leaver`."""
    reader = leaver(day, token, now)
    return reader and act(day, reader, rarer, now)


def may_be_rarer(subscriber: Subscriber) -> bool:
    """Whether they get more than one digest a week."""
    return subscriber.state in _READING and len(subscriber.schedule.days.names) > 1


def rarer(subscriber: Subscriber) -> Subscriber:
    """The subscriber with one digest for the week: on Friday, or else on the last of their days."""
    if not may_be_rarer(subscriber):
        return subscriber
    names = subscriber.schedule.days.names
    days = Days(f"weekly:{'fri' if 'fri' in names else names[-1]}")
    return replace(subscriber, schedule=replace(subscriber.schedule, days=days))


def farewell(day: Service, token: str, now: dt.datetime) -> Subscriber | None:
    """One last mail that says so, for who left and wants it; one a day at most. Otherwise as `leaver`."""
    reader = leaver(day, token, now)
    if reader and reader.state is SubscriberState.UNSUBSCRIBED:
        day.store.outbox.enqueue([asked_plan(day, DeliveryKind.NOTICE, reader, now)])
    return reader
