"""A prepared statement against the plain way: `Connection.execute`, on both databases."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from factories import NOON, a_subscriber
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from digest.model import Departure, Subscriber, SubscriberState
from digest.store import Store
from digest.store.prepared import Prepared
from digest.store.schema import events, interests, subscribers

ODD = Subscriber(
    id="s-odd",
    address="Odd%(name)s?@example.org",
    name="100 % 'odd' : name ?",
    state=SubscriberState.UNSUBSCRIBED,
    schedule=replace(
        a_subscriber().schedule,
        timezone="Pacific/Auckland",
        send_at=dt.time(23, 59),
        paused_until=dt.date(2999, 12, 31),
    ),
    papers=3,
    plain_text=True,
    created_at=NOON.replace(microsecond=1),
    departure=Departure(at=NOON, state=SubscriberState.CONFIRMED),
    interests=a_subscriber().interests,
)
THEIRS = subscribers.c.id == bindparam("wanted")


@pytest.mark.parametrize("wanted", ["s-odd", "s-vision", "s-nobody"])
def test_rows_are_those_that_sqlalchemy_reads(store: Store, wanted: str):
    for one in (ODD, a_subscriber()):
        store.subscribers.add(one)

    with store._database.reading() as connection:
        for plain in (
            select(subscribers).where(THEIRS),
            select(subscribers.c.send_at, subscribers.c.left_at).where(THEIRS),
            select(interests).where(interests.c.subscriber == bindparam("wanted")),
        ):
            rows = Prepared(plain, ["wanted"]).rows(connection, {"wanted": wanted})
            expected = connection.execute(plain, {"wanted": wanted}).all()
            assert rows == expected
            assert [row._mapping for row in rows] == [row._mapping for row in expected]
            assert [list(map(type, row)) for row in rows] == [list(map(type, row)) for row in expected]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": SubscriberState.PAUSED, "left_at": None},
        {"plain_text": False, "send_at": dt.time(6), "paused_until": dt.date(2026, 5, 1)},
        {"created_at": NOON, "name": "%s"},
    ],
)
def test_what_is_written_is_what_sqlalchemy_writes(store: Store, changes: dict[str, object]):
    store.subscribers.add(ODD)
    found = []
    for prepared in (True, False):
        with store._database.writing() as connection:
            change, given = update(subscribers).where(THEIRS), {"wanted": ODD.id, **changes}
            if prepared:
                assert Prepared(change, list(given)).rows(connection, given) == []
            else:
                connection.execute(change, given)
            found.append(connection.execute(select(subscribers)).all())
            connection.rollback()
    assert found[0] == found[1]
    assert store.subscribers.get(ODD.id) == ODD


def test_one_statement_serves_again_and_returns_what_it_says_it_returns(store: Store):
    new = Prepared(insert(events).returning(events.c.id, events.c.at), ["at", "kind", "subscriber"])
    gone = Prepared(delete(events), [])
    with store._database.writing() as connection:
        given = {"at": NOON, "kind": "confirmed", "subscriber": "s-odd"}
        first, second = (new.rows(connection, given)[0] for _ in range(2))
        assert (second.id, second.at) == (first.id + 1, NOON)
        assert gone.rows(connection, {}) == []
        assert connection.execute(select(events)).all() == []


def test_an_error_is_the_one_that_sqlalchemy_raises_and_names_no_value(store: Store):
    store.subscribers.add(ODD)
    store.subscribers.add(a_subscriber())
    change = Prepared(update(subscribers).where(THEIRS), ["wanted", "address_key"])

    with pytest.raises(IntegrityError) as told, store._database.writing() as connection:
        change.rows(connection, {"wanted": ODD.id, "address_key": "vision@example.org"})

    assert "vision@" not in str(told.value).partition("\nDETAIL")[0]
    with pytest.raises(KeyError), store._database.writing() as connection:
        change.rows(connection, {"wanted": ODD.id})
