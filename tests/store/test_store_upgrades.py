"""A database of any earlier version is brought here with rows in every state, and the day goes on with them."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from alembic import command
from factories import NOON
from sqlalchemy import Connection, create_engine, text

from digest.model import DeliveryState, SubscriberState
from digest.store import open_store, upgrade
from digest.store.migrate import _config, _scripts

REVISIONS = [script.revision for script in _scripts().walk_revisions()][:0:-1]
READER = {
    "id": "s-vision", "address": "vision@example.org", "name": "", "timezone": "Europe/Berlin", "send_at": "07:00:00",
    "days": "daily", "language": "en", "generation": 1, "confirmed_at": None,
}  # fmt: skip
#: As the first version wrote it: pick by pick.
PICKS = [["arxiv:2604.00001", 0.7, [["phrase", "video", None]]]]


def at(hours: float = 0) -> str:
    """An instant as either database takes it, the width SQLite compares."""
    return (NOON + dt.timedelta(hours=hours)).isoformat(timespec="microseconds")


def insert(connection: Connection, table: str, **row: object) -> None:
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def fill(connection: Connection) -> None:
    """A row of every kind that the first version had, and a delivery in every state."""
    insert(connection, "meta", key="secret", value="the secret of that time")
    insert(connection, "papers", id="arxiv:2604.00001", revision=1, first_seen=at(-5))
    insert(
        connection, "revisions", paper="arxiv:2604.00001", number=1, title_key="apaper", title="A paper",
        abstract="It works.", authors='["Ada"]', categories='["cs.CV"]', links="[]", rights="open",
    )  # fmt: skip
    insert(connection, "aliases", alias="arxiv:2604.00001", paper="arxiv:2604.00001")
    insert(
        connection, "mentions", paper="arxiv:2604.00001", source="hf", listed_on="2026-04-10", listed_at=at(-5),
        weight=1.0, url="https://x.example.org", votes=7, as_of=at(-4),
    )  # fmt: skip
    insert(
        connection,
        "snapshots",
        paper="arxiv:2604.00001",
        source="hf",
        listed_on="2026-04-10",
        as_of=at(-4),
        votes=7,
    )
    insert(connection, "sources", name="hf", state="fresh", reason="", last_attempt=at(-4), entries=1)
    insert(
        connection,
        "collections",
        id=1,
        source="hf",
        at=at(-4),
        state="fresh",
        reason="",
        entries=1,
        refused=0,
    )
    insert(connection, "editions", id=1, published_at=at(-3), changes=1)
    insert(
        connection, "edition_papers", edition=1, position=0, paper="arxiv:2604.00001", revision=1,
        first_seen=at(-5), mentions="[]", score=0.5, reasons="[]",
    )  # fmt: skip
    for state in SubscriberState:
        name = "vision" if state is SubscriberState.CONFIRMED else str(state)
        insert(
            connection, "subscribers", id=f"s-{name}", address=f"{name}@example.org", name="",
            address_key=f"{name}@example.org", state=str(state), timezone="Europe/Berlin", send_at="07:00:00.000000",
            days="daily", papers=10, language="en", generation=1, created_at=at(-99),
        )  # fmt: skip
    insert(
        connection, "interests", subscriber="s-vision", position=0, kind="phrase", value="video", weight=2.0
    )
    insert(
        connection,
        "suppressions",
        address_key="x@example.org",
        address="x@example.org",
        reason="gone",
        at=at(-9),
    )
    for number, state in enumerate(DeliveryState, 1):
        waits = state in {DeliveryState.PLANNED, DeliveryState.RETRY}
        insert(
            connection, "outbox", id=number, subscriber="s-vision", kind="digest", local_date=f"2026-03-{number:02}",
            edition=1, reader=json.dumps(READER), picks=json.dumps(PICKS), also_trending="[]", template="t",
            message_id=f"<{number}@example.org>", due_at=at(-2), expires_at=at(16), prepared_at=at(-2),
            state=str(state), attempts=1, next_attempt_at=at(-1) if waits else None,
            owner="1@gone/2" if state is DeliveryState.SENDING else None,
            sent_at=at(-1) if state is DeliveryState.SENT else None, last_reply="250 2.0.0 ok",
        )  # fmt: skip
        insert(connection, "outbox_journal", delivery=number, at=at(-1), event="came", reply="why")


def made_at(url: str, revision: str) -> None:
    """The database as that version made it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)
        fill(connection)
    engine.dispose()


def arrived(url: str) -> None:
    """Everything is there, reads as it was meant, and the day goes on with it."""
    with open_store(url) as store:
        assert store.secret() == "the secret of that time"
        rows = {one.state: one for one in store.outbox.list()}
        assert set(rows) == set(DeliveryState)
        for number, state in enumerate(DeliveryState, 1):
            one = rows[state]
            assert (one.id, one.plan.message_id, one.last_reply) == (
                number,
                f"<{number}@example.org>",
                "250 2.0.0 ok",
            )
            assert one.plan.reader.address == "vision@example.org"
            assert [pick.paper for pick in one.plan.picks] == ["arxiv:2604.00001"]
            assert [line.event for line in store.outbox.journal(one.id)] == ["came"]
        assert rows[DeliveryState.SENT].sent_at == NOON - dt.timedelta(hours=1)
        assert {one.state for one in store.subscribers.list()} == set(SubscriberState)
        reader = store.subscribers.get("s-vision")
        assert reader
        assert [interest.value for interest in reader.interests] == ["video"]
        assert store.suppressions.has("x@example.org")
        edition = store.editions.get(1)
        assert edition
        assert [(one.paper.title, one.paper.authors) for one in edition.papers] == [("A paper", ("Ada",))]
        assert store.sources.statuses()["hf"].entries == 1
        claimed = store.outbox.claim(NOON, 9, "1@here/2")
        assert {one.id for one in claimed} == {rows[DeliveryState.PLANNED].id, rows[DeliveryState.RETRY].id}
        assert [one.id for one in store.outbox.sending("1@gone/2")] == [rows[DeliveryState.SENDING].id]


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_earlier_sqlite_database_arrives_whole(sqlite_url: str, revision: str) -> None:
    made_at(sqlite_url, revision)
    upgrade(sqlite_url)
    arrived(sqlite_url)


@pytest.mark.parametrize("revision", [REVISIONS[0], REVISIONS[-1]])
def test_the_first_and_the_last_postgresql_database_arrive_whole(postgres_url: str, revision: str) -> None:
    made_at(postgres_url, revision)
    upgrade(postgres_url)
    arrived(postgres_url)
