"""What happened to subscriptions, in the order in which it was told; and which of it a webhook is still to be told.

Rule 1: an event is written in the transaction of the change that it tells, as the last thing in it.
Rule 2: rows are never changed; they outlive their subscriber, whose opaque id they hold and nothing else, so that
        whoever keeps a copy of the list learns of everybody who left. After a while they are forgotten.
"""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, func, select

from digest.model import Event, EventKind, SubscriberState
from digest.store.database import Database, lock
from digest.store.prepared import Prepared
from digest.store.schema import events

#: Who gets digests, or will again.
_HERE = {SubscriberState.CONFIRMED, SubscriberState.PAUSED}

_NEW = Prepared(events.insert().inline(), ["at", "kind", "subscriber"])


class Events:
    """Everything that was told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, after: int = 0, limit: int | None = None) -> builtins.list[Event]:
        """Events with a higher id than that, by id: none of them is ever told later than one that follows it."""
        chosen = select(events).where(events.c.id > after).order_by(events.c.id).limit(limit)
        with self._database.reading() as connection:
            return [Event(**row) for row in connection.execute(chosen).mappings()]

    def counts(self, since: dt.datetime, until: dt.datetime) -> Mapping[EventKind, int]:
        """How often each kind happened from one instant to the other."""
        chosen = select(events.c.kind, func.count().label("number")).group_by(events.c.kind)
        with self._database.reading() as connection:
            rows = connection.execute(chosen.where(events.c.at >= since, events.c.at < until))
            return {row.kind: row.number for row in rows}

    def forget(self, before: dt.datetime) -> int:
        """Drop events from before that instant; how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(events).where(events.c.at < before)).rowcount


def tell(connection: Connection, kinds: Collection[tuple[EventKind, str]], now: dt.datetime) -> None:
    """Write events, each of a subscriber; the last thing in a transaction.

    Nobody else tells anything before it ends, so that who reads up to an id has missed none below it; and whoever
    waits for that holds nothing that we could still want.
    """
    if kinds:
        lock(connection, events)
        for kind, subscriber in kinds:
            _NEW.rows(connection, {"at": now, "kind": kind, "subscriber": subscriber})


def told(before: SubscriberState | None, after: SubscriberState | None) -> builtins.list[EventKind]:
    """What a change of state is told as; None is somebody who is not there.

    Bounces and complaints are told by who counts them, since a state does not say which of them it was.
    """
    kinds = []
    if before is None and after in {SubscriberState.PENDING, *_HERE}:
        kinds.append(EventKind.SUBSCRIBED)
    if before not in _HERE and after is SubscriberState.CONFIRMED:
        kinds.append(EventKind.CONFIRMED)
    left = {SubscriberState.PENDING, *_HERE} if after is SubscriberState.UNSUBSCRIBED else _HERE
    if before in left and after in {SubscriberState.UNSUBSCRIBED, None}:
        kinds.append(EventKind.UNSUBSCRIBED)
    return kinds
