"""How often something was asked for: a network's sign-ups, the mails to an address, and to everybody.

Keyed hashes and instants only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from statistics import median

from sqlalchemy import Connection, delete, func, select

from digest.store.database import Database, lock
from digest.store.schema import asks

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How often something may be asked for by one, or for one."""

    #: A keyed hash of who or what is limited.
    key: str
    #: At most so many in any such period.
    rates: tuple[tuple[int, dt.timedelta], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """When mails that strangers ask for pause for everybody: too many in an hour, against what is usual here.

    It closes by itself when the hour before holds fewer.
    """

    #: What the mails of all are counted by.
    key: str
    #: So many in an hour are never too many;
    least: int
    #: nor are so many times those of a usual hour, which is a 24th of the median
    times: int
    #: of so many days.
    days: int
    #: How often its opening is told.
    alarm: Limit


class Limits:
    """What was asked for so far."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, limits: Collection[Limit], now: dt.datetime) -> dt.timedelta:
        """Count one under each of them and return zero; or how long until all allow it, and count nothing."""
        with self._database.writing() as connection:
            longest = max(wait(connection, limit, now) for limit in limits)
            if not longest:
                for limit in limits:
                    count(connection, limit, now)
            return longest


def wait(connection: Connection, limit: Limit, now: dt.datetime) -> dt.timedelta:
    """How long until one more is allowed; zero if it is now.

    Nobody else counts before the transaction ends, so that a hundred who ask at once are counted one by one.
    """
    lock(connection, asks)
    return max(_wait(connection, limit.key, most, per, now) for most, per in limit.rates)


def _wait(connection: Connection, key: str, most: int, per: dt.timedelta, now: dt.datetime) -> dt.timedelta:
    # What a clock that was ahead had counted is left out, lest it block until then.
    recent = select(asks.c.at).where(asks.c.key == key, asks.c.at > now - per, asks.c.at <= now)
    # The one that has to be out of the period before there is room again.
    first = connection.scalar(recent.order_by(asks.c.at.desc()).offset(most - 1).limit(1))
    return first + per - now if first else dt.timedelta(0)


def count(connection: Connection, limited: Limit | Breaker, now: dt.datetime) -> None:
    """Count one."""
    connection.execute(asks.insert(), {"key": limited.key, "at": now})


def taken(connection: Connection, limit: Limit, now: dt.datetime) -> bool:
    """Count one if it is allowed now; whether it was."""
    if wait(connection, limit, now):
        return False
    count(connection, limit, now)
    return True


def opened(connection: Connection, breaker: Breaker, now: dt.datetime) -> bool:
    """Whether there were too many in the hour before. Nobody else counts before the transaction ends."""
    lock(connection, asks)
    mails = _counted(connection, breaker.key, now - HOUR, now)
    if mails < breaker.least:
        return False
    days = [now - DAY * n for n in range(breaker.days)]
    usual = median(_counted(connection, breaker.key, day - DAY, day) for day in days) / 24
    return mails >= breaker.times * usual


def _counted(connection: Connection, key: str, after: dt.datetime, until: dt.datetime) -> int:
    counted = select(func.count()).where(asks.c.key == key, asks.c.at > after, asks.c.at <= until)
    return connection.execute(counted).scalar_one()


def forget(connection: Connection, before: dt.datetime) -> None:
    """Drop what no limit looks back at any more."""
    connection.execute(delete(asks).where(asks.c.at < before))
