"""By the reader's own hand, with a link from their mailbox: confirmed, tuned."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from digest import languages
from digest.errors import LinkError
from digest.links import Purpose
from digest.messages import asked_plan
from digest.model import DeliveryKind, Paper, Subscriber, SubscriberState
from digest.service import Service
from digest.subscriptions.bearing import act, bearer
from digest.subscriptions.consenting import by_form
from digest.subscriptions.deleting import welcome_back
from digest.subscriptions.reading import liking, remember
from digest.subscriptions.wishes import Wish, tuned


def confirm(day: Service, token: str, now: dt.datetime) -> Subscriber:
    """The reader of a confirmation wants it: digests come from now on, after a welcome. A second time changes nothing.

    Raises as `bearer` does.
    """
    reader = bearer(day, Purpose.CONFIRM, token, now)
    if reader.state is SubscriberState.SUPPRESSED or day.store.suppressions.has(reader.address):
        raise LinkError("the address is suppressed")

    def decide(subscriber: Subscriber) -> Subscriber:
        if subscriber.state in {SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED}:
            return replace(
                subscriber,
                state=SubscriberState.CONFIRMED,
                confirmed_at=now,
                starts_at=now,
                departure=None,
            )
        return subscriber

    asked = by_form(day.settings.site, languages.of(reader.language), "confirm", "", now)
    confirmed = act(day, reader, decide, now, consent=replace(asked, confirmed_at=now))
    if confirmed.state is SubscriberState.CONFIRMED and confirmed.confirmed_at == now:
        welcome_back(day, confirmed.address)
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
    return act(day, reader, lambda subscriber: tuned(subscriber, wish, day.settings), now)
