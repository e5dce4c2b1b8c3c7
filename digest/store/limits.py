"""How often something was asked for: a network's sign-ups, the mails to an address. Keyed hashes and instants only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from digest.store.database import lock
from digest.store.schema import asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `most` in any `per`, counted under `key`, which is a keyed hash of who or what is limited."""

    key: str
    most: int
    per: dt.timedelta


def wait(connection: Connection, limits: Sequence[Limit], now: dt.datetime) -> dt.timedelta:
    """How long until every limit allows one more; zero if they do now.

    Nobody else counts before the transaction ends, so that a hundred who ask at once are counted one by one.
    """
    lock(connection, asks)
    return max((_wait(connection, limit, now) for limit in limits), default=dt.timedelta(0))


def _wait(connection: Connection, limit: Limit, now: dt.datetime) -> dt.timedelta:
    recent = select(asks.c.at).where(asks.c.key == limit.key, asks.c.at > now - limit.per)
    # The one that has to be out of the period before there is room again.
    first = connection.scalar(recent.order_by(asks.c.at.desc()).offset(limit.most - 1).limit(1))
    return first + limit.per - now if first else dt.timedelta(0)


def count(connection: Connection, key: str, now: dt.datetime) -> None:
    """Count one."""
    connection.execute(asks.insert(), {"key": key, "at": now})


def forget(connection: Connection, before: dt.datetime) -> None:
    """Drop what no limit looks back at any more."""
    connection.execute(delete(asks).where(asks.c.at < before))
