"""Which rows of the outbox may leave: due, not held, and to somebody who may still be written to."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, case, exists, literal, select, update

from digest.model import Delivery, DeliveryKind, DeliveryState, Matter, Plan, Some, SubscriberState
from digest.store.database import among, chunks
from digest.store.planning import delivery_of
from digest.store.schema import meta, outbox, subscribers
from digest.store.suppressions import suppressed

#: The row of `meta` that says since when nothing is sent.
HELD = "held"

#: A subscriber's state, as a digest of its date finds it: paused, too, until a date of theirs.
_STATE_TODAY = case(
    (
        and_(outbox.c.kind == DeliveryKind.DIGEST, outbox.c.local_date < subscribers.c.paused_until),
        literal(SubscriberState.PAUSED, subscribers.c.state.type),
    ),
    else_=subscribers.c.state,
)
#: A delivery, with its subscriber's state and generation today.
Due: TypeAlias = tuple[Delivery, SubscriberState, int]


def is_due(now: dt.datetime, some: Some) -> tuple[ColumnElement[bool], ...]:
    """Nothing is, while an operator holds everything."""
    held = exists().where(meta.c.key == HELD)
    due = (outbox.c.next_attempt_at <= now, outbox.c.expires_at > now, ~held)
    return (*due, *among(outbox.c.subscriber, some))


def due(connection: Connection, now: dt.datetime, limit: int, some: Some) -> list[Due]:
    """What may be claimed, with its subscriber as of today; locked, and what others are claiming left out."""
    chosen = (
        select(outbox, _STATE_TODAY.label("subscriber_state"), subscribers.c.generation)
        .join(subscribers, subscribers.c.id == outbox.c.subscriber)
        .where(*is_due(now, some))
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(limit)
        .with_for_update(of=outbox, skip_locked=True)  # left out on SQLite, where BEGIN IMMEDIATE does it
    )
    rows = connection.execute(chosen).mappings().all()
    return [
        (delivery_of(row, DeliveryState.SENDING, further=1), row["subscriber_state"], row["generation"])
        for row in rows
    ]


def stopped(connection: Connection, due: Sequence[Due]) -> Mapping[str, list[int]]:
    """Those whose reader may not be written to any more, by the reason."""
    refused = suppressed(connection, {delivery.plan.reader.address for delivery, _, _ in due})
    stopped: defaultdict[str, list[int]] = defaultdict(list)
    for delivery, state, generation in due:
        plan = delivery.plan
        if plan.reader.address in refused:
            stopped["the address is suppressed"].append(delivery.id)
        elif not _may_get(plan, state):
            stopped[f"the subscriber is {state}"].append(delivery.id)
        elif plan.kind is not DeliveryKind.NOTICE and plan.reader.generation != generation:
            stopped["its links are revoked"].append(delivery.id)
    return stopped


def _may_get(plan: Plan, state: SubscriberState) -> bool:
    match plan.kind, plan.matter:
        case ((DeliveryKind.DIGEST | DeliveryKind.WELCOME), _):
            return state is SubscriberState.CONFIRMED
        case DeliveryKind.CONFIRM, Matter.SUBSCRIPTION:  # also to somebody who left and asked again
            return state in {SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED}
        case DeliveryKind.NOTICE, Matter.SUBSCRIPTION:  # a farewell, unless they are back
            return state is SubscriberState.UNSUBSCRIBED
        case _:
            return state is not SubscriberState.SUPPRESSED


def take(connection: Connection, ids: Sequence[int], owner: str) -> None:
    """From now on these rows are that owner's."""
    values = {
        "state": DeliveryState.SENDING,
        "owner": owner,
        "next_attempt_at": None,
        "attempts": outbox.c.attempts + 1,
    }
    for some in chunks(ids):
        connection.execute(update(outbox).where(outbox.c.id.in_(some)).values(values))
