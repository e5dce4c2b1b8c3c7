"""Who is to be looked at, whether a digest is due: in blocks, each once, and never put off under another schedule."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from factories import NOON, a_subscriber
from sqlalchemy import text

from digest.model import Days, Shard, Subscriber, SubscriberState
from digest.store import Store, open_store

HOUR = dt.timedelta(hours=1)
BELIEVED = 9 * HOUR


def found(store: Store, now: dt.datetime = NOON, **how: object) -> list[str]:
    return [one.id for block in store.looks.due(now, BELIEVED, **how) for one in block]


def added(store: Store, *names: str) -> list[Subscriber]:
    people = [a_subscriber(name) for name in names]
    for person in people:
        store.subscribers.add(person)
    return people


def test_of_whom_nothing_is_known_comes_in_blocks_each_once_and_as_a_whole(store: Store) -> None:
    people = added(store, *(f"reader{number}" for number in range(7)))
    store.subscribers.add(a_subscriber("reader3x", state=SubscriberState.PAUSED))

    blocks = list(store.looks.due(NOON, BELIEVED, batch=3))

    assert [len(block) for block in blocks] == [3, 3, 1]
    assert [person for block in blocks for person in block] == people


def test_who_is_put_off_comes_when_it_is_time_the_longest_waiting_first(store: Store) -> None:
    early, late, now = added(store, "early", "late", "now")
    store.looks.put_off([(late, NOON + 2 * HOUR), (early, NOON + HOUR)])

    assert found(store) == [now.id]
    assert found(store, NOON + HOUR) == [now.id, early.id]
    assert found(store, NOON + 2 * HOUR) == [now.id, early.id, late.id]


def test_who_is_put_off_while_the_others_are_read_does_not_disturb_them(store: Store) -> None:
    added(store, *(f"reader{number}" for number in range(5)))
    seen = []
    for block in store.looks.due(NOON, BELIEVED, batch=2):
        seen += [one.id for one in block]
        store.looks.put_off([(one, NOON + HOUR) for one in block])

    assert seen == [f"s-reader{number}" for number in range(5)]
    assert found(store) == []


def test_an_instant_too_far_ahead_is_of_a_clock_that_was_wrong(store: Store) -> None:
    (reader,) = added(store, "reader")
    store.looks.put_off([(reader, NOON + BELIEVED)])
    assert found(store) == []
    store.looks.put_off([(reader, NOON + BELIEVED + HOUR)])
    assert found(store) == [reader.id]


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "Asia/Tokyo"},
        {"send_at": dt.time(5)},
        {"days": Days("mon,thu")},
        {"paused_until": NOON.date()},
        {"starts_at": NOON},
    ],
)
def test_another_schedule_forgets_it_and_is_not_put_off_by_who_saw_the_old_one(
    store: Store, change: dict[str, object]
) -> None:
    (before,) = added(store, "reader")
    store.looks.put_off([(before, NOON + HOUR)])

    def changed(one: Subscriber) -> Subscriber:
        if "starts_at" in change:
            return replace(one, **change)
        return replace(one, schedule=replace(one.schedule, **change))

    after = store.subscribers.change(before.id, changed, NOON)
    assert found(store) == [before.id]
    store.looks.put_off([(before, NOON + HOUR)])
    assert found(store) == [before.id]
    assert after
    store.looks.put_off([(after, NOON + HOUR)])
    assert found(store) == []


def test_what_has_nothing_to_do_with_the_hour_leaves_it(store: Store) -> None:
    (reader,) = added(store, "reader")
    store.looks.put_off([(reader, NOON + HOUR)])
    store.subscribers.change(reader.id, lambda one: replace(one, papers=3, name="Ada"), NOON)
    assert found(store) == []


def test_a_shard_holds_its_own(store: Store) -> None:
    added(store, "2reader", "3reader", "4reader", "5reader")
    assert found(store, some=Shard(first="s-3", end="s-5")) == ["s-3reader", "s-4reader"]
    assert found(store, some="s-2reader") == ["s-2reader"]


def test_who_is_written_to_just_now_is_not_waited_for(emptied: str) -> None:
    """On PostgreSQL; SQLite has one writer at a time, and whoever writes is waited for as always."""
    with open_store(emptied) as store:
        one, other = added(store, "one", "other")
        with store._database.writing() as connection:
            connection.execute(text("UPDATE subscribers SET name = 'Ada' WHERE id = 's-one'"))
            store.looks.put_off([(one, NOON + HOUR), (other, NOON + HOUR)])
        assert found(store) == [one.id]
