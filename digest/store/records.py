"""Everything that is kept of subscribers, but for what was sent to them: read and written as a whole."""

from __future__ import annotations

import builtins
import datetime as dt
from dataclasses import replace

from sqlalchemy import Connection

from digest.address import key
from digest.model import Bounce, Feedback, Record
from digest.store.bounces import Bounces
from digest.store.consents import Consents
from digest.store.consents import add as add_consent
from digest.store.database import Database, insert
from digest.store.events import tell, told
from digest.store.opinions import Opinions
from digest.store.schema import bounces, feedback
from digest.store.subscribers import Subscribers, keep
from digest.store.suppressions import Suppressions, suppress


class Records:
    """All subscribers, each with what is theirs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> builtins.list[Record]:
        """Everybody's, by id."""
        everybody = Subscribers(self._database).list()
        said = Opinions(self._database).of([one.id for one in everybody])
        back, consents = Bounces(self._database), Consents(self._database).list()
        suppressed = {key(one.address): one for one in Suppressions(self._database).list()}
        return [
            Record(
                subscriber=one,
                said=said.get(one.id, ()),
                back=tuple(replace(each, origin=None) for each in back.of(one.id)),
                consents=tuple(replace(each, mailed_at=None) for each in consents.get(one.id, ())),
                suppression=suppressed.get(key(one.address)),
            )
            for one in everybody
        ]

    def add(self, record: Record, now: dt.datetime) -> None:
        """Keep somebody new as they were kept elsewhere; nobody is mailed. UsageError if id or address is known."""
        subscriber, stopped = record.subscriber, record.suppression
        with self._database.writing() as connection:
            keep(connection, subscriber)
            _write(connection, subscriber.id, record.said, record.back)
            for consent in record.consents:
                add_consent(connection, subscriber.id, consent)
            if stopped:
                suppress(connection, stopped.address, stopped.reason, stopped.at)
            tell(connection, [(kind, subscriber.id) for kind in told(None, subscriber.state)], now)


def _write(
    connection: Connection, subscriber: str, said: tuple[Feedback, ...], back: tuple[Bounce, ...]
) -> None:
    opinions = [
        {
            "subscriber": subscriber,
            "subject": one.subject,
            "value": one.value,
            "opinion": one.opinion,
            "times": one.count,
            "at": one.at,
        }
        for one in said
    ]
    returned = [
        {"subscriber": subscriber, "key": b.key, "at": b.at, "meaning": b.meaning, "status": b.status}
        for b in back
    ]
    for table, rows in ((feedback, opinions), (bounces, returned)):
        if rows:
            connection.execute(insert(connection, table).on_conflict_do_nothing(), rows)
