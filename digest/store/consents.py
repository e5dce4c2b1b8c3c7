"""The log of consents: rows are added, and go with their subscriber.

Rule 1. Nothing that a row says is changed: its confirmation is written once, and its network is forgotten.
Rule 2. A row is written in the transaction that changes the subscriber it speaks of.
"""

from __future__ import annotations

import builtins
import datetime as dt
from collections import defaultdict

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from digest.model import Consent, ConsentMethod
from digest.store.database import Database
from digest.store.schema import UtcDateTime, metadata, outbox

#: What a subscription rests on.
consents = Table(
    "consents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber", ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    # A `ConsentMethod`.
    Column("method", Text, nullable=False),
    Column("wording", Text, nullable=False),
    # Of the wording, so that two can be compared without it.
    Column("sha256", String(64), nullable=False),
    # Empty where there was no form.
    Column("url", Text, nullable=False),
    # A /24 or a /48; empty when it is forgotten, or never was known.
    Column("network", Text, nullable=False),
    # Of the mail that asks to confirm it: `outbox.message_id`; null where none was needed.
    Column("message_id", Text),
    Column("confirmed_at", UtcDateTime),
)


class Consents:
    """Who agreed to what, when and how."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, subscriber: str) -> builtins.list[Consent]:
        """A subscriber's, the oldest first."""
        with self._database.reading() as connection:
            chosen = _chosen().where(consents.c.subscriber == subscriber)
            return [_consent(row) for row in connection.execute(chosen)]

    def list(self) -> dict[str, builtins.list[Consent]]:
        """Everybody's, the oldest first, by subscriber."""
        found: defaultdict[str, builtins.list[Consent]] = defaultdict(builtins.list)
        with self._database.reading() as connection:
            for row in connection.execute(_chosen()):
                found[row.subscriber].append(_consent(row))
        return found

    def forget_networks(self, before: dt.datetime) -> None:
        """Forget where forms came from that were sent before that instant."""
        old = update(consents).where(consents.c.at < before, consents.c.network != "")
        with self._database.writing() as connection:
            connection.execute(old.values(network=""))


def add(connection: Connection, subscriber: str, consent: Consent, message_id: str | None = None) -> None:
    """Write a row; `message_id` names the mail that asks to confirm it."""
    row = {
        "subscriber": subscriber,
        "at": consent.at,
        "method": consent.method,
        "wording": consent.wording,
        "sha256": consent.sha256,
        "url": consent.url,
        "network": consent.network,
        "message_id": message_id,
        "confirmed_at": consent.confirmed_at,
    }
    connection.execute(insert(consents), row)


def confirm(connection: Connection, subscriber: str, consent: Consent) -> None:
    """Write that they agreed: by a form, to what they were asked last, if that is open; else as a row of its own."""
    theirs = select(consents.c.id, consents.c.confirmed_at).where(consents.c.subscriber == subscriber)
    last = connection.execute(theirs.order_by(consents.c.id.desc()).limit(1)).one_or_none()
    if consent.method is ConsentMethod.FORM and last and last.confirmed_at is None:
        asked = update(consents).where(consents.c.id == last.id)
        connection.execute(asked.values(confirmed_at=consent.confirmed_at))
    else:
        add(connection, subscriber, consent)


def _chosen() -> Select[tuple[object, ...]]:
    mails = consents.outerjoin(outbox, outbox.c.message_id == consents.c.message_id)
    return select(consents, outbox.c.sent_at).select_from(mails).order_by(consents.c.id)


def _consent(row: Row[tuple[object, ...]]) -> Consent:
    return Consent(
        at=row.at,
        method=ConsentMethod(row.method),
        wording=row.wording,
        url=row.url,
        network=row.network,
        mailed_at=row.sent_at,
        confirmed_at=row.confirmed_at,
    )
