"""What operators ask of the store: pages, counts, exactly-those, a hold of everything, the days in numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from factories import NOON, PLAIN, a_plan, a_subscriber
from sqlalchemy import event

from digest.model import (
    Bounce,
    BounceClass,
    Days,
    Decision,
    DeliveryKind,
    DeliveryState,
    Schedule,
    Settlement,
    SubscriberState,
)
from digest.store import Limit, Lock, Store, Which, open_store

ME = "1@here/2"
TODAY = dt.date(2026, 4, 10)
DAY = dt.timedelta(days=1)
STATES = {
    "read": DeliveryState.SENT,
    "gone": DeliveryState.FAILED,
    "late": DeliveryState.EXPIRED,
    "lost": DeliveryState.IN_DOUBT,
}


def enqueued(store: Store, name: str, state: DeliveryState | None = None, **changes: object) -> int:
    """A delivery to that reader, in that state; its id."""
    reader = a_subscriber(name)
    if store.subscribers.get(reader.id) is None:
        store.subscribers.add(reader)
    date = changes.get("local_date", TODAY)
    made = {"message_id": f"<{name}.{date}@example.org>", "local_date": date}
    plan = replace(a_plan(reader, **made | changes), edition=None)
    assert store.outbox.enqueue([plan]) == 1
    (new,) = store.deliveries.page(Which(subscriber=reader.id, date=plan.local_date, kind=plan.kind))
    if state:
        (one,) = store.outbox.claim(NOON, 1, ME, reader.id)
        store.outbox.settle({one.id: Settlement(state=state, event="came", reply="why")}, NOON, ME)
    return new.id


def seen(store: Store, which: Which) -> list[str]:
    return [one.plan.reader.id.removeprefix("s-") for one in store.deliveries.page(which)]


@pytest.fixture
def day(store: Store) -> dict[str, int]:
    """A delivery in each of a few states, and a confirmation of the day before."""
    found = {name: enqueued(store, name, state) for name, state in STATES.items()}
    confirmation = {"kind": DeliveryKind.LINK, "local_date": TODAY - DAY}
    found["yesterday"] = enqueued(store, "yesterday", DeliveryState.SENT, **confirmation)
    return found


def test_deliveries_are_found_by_any_part_of_what_is_asked(store: Store, day: dict[str, int]):
    assert seen(store, Which()) == ["lost", "late", "gone", "read", "yesterday"]
    assert seen(store, Which(state=DeliveryState.SENT)) == ["read", "yesterday"]
    assert seen(store, Which(date=TODAY)) == ["lost", "late", "gone", "read"]
    assert seen(store, Which(kind=DeliveryKind.LINK)) == ["yesterday"]
    assert seen(store, Which(subscriber="s-gone")) == ["gone"]
    assert seen(store, Which(state=DeliveryState.SENT, date=TODAY, kind=DeliveryKind.LINK)) == []


def test_pages_of_deliveries_follow_one_another_without_gap_or_repetition(store: Store, day: dict[str, int]):
    whole = [one.id for one in store.deliveries.page(Which())]
    found, after = [], None
    while page := store.deliveries.page(Which(), 2, after):
        found += [one.id for one in page]
        after = (page[-1].plan.local_date, page[-1].id)
    assert found == whole
    assert len(found) == 5


def test_a_retry_takes_exactly_those_and_leaves_the_sent(store: Store, day: dict[str, int]):
    assert store.deliveries.retriable(Which(date=TODAY)) == 3
    assert store.deliveries.retry(Which(state=DeliveryState.FAILED, date=TODAY), NOON) == [day["gone"]]
    assert store.deliveries.retry(Which(date=TODAY), NOON) == [day["late"], day["lost"]]
    assert store.deliveries.retriable(Which()) == 0
    assert store.deliveries.counts(TODAY) == {DeliveryState.PLANNED: 3, DeliveryState.SENT: 1}
    assert store.outbox.journal(day["gone"])[-1].event == "retried"


def test_days_and_states_are_counted(store: Store, day: dict[str, int]):
    assert store.deliveries.counts(TODAY) == dict.fromkeys(STATES.values(), 1)
    assert store.deliveries.counts(TODAY + DAY) == {}
    open_ = (DeliveryState.IN_DOUBT, DeliveryState.HELD)
    assert store.deliveries.in_states(open_) == {DeliveryState.IN_DOUBT: 1}


def test_what_waits_too_long_is_counted(store: Store):
    enqueued(store, "waiting")
    due = NOON.replace(hour=7)
    assert store.deliveries.overdue(due) == 1
    assert store.deliveries.overdue(due - dt.timedelta(seconds=1)) == 0
    store.outbox.hold(NOON)
    assert store.deliveries.overdue(due) == 0


def test_while_everything_is_held_nothing_is_claimed_whenever_it_was_prepared(store: Store):
    enqueued(store, "before")
    assert store.outbox.held_since() is None
    assert store.outbox.hold(NOON) == 1
    enqueued(store, "after")
    assert store.outbox.held_since() == NOON
    assert store.outbox.hold(NOON + DAY) == 1  # what was prepared meanwhile; since when stays
    enqueued(store, "later")
    assert store.outbox.held_since() == NOON
    assert (store.outbox.due(NOON), store.outbox.claim(NOON, 9, ME)) == (0, ())
    assert store.outbox.release(NOON) == 2
    assert store.outbox.held_since() is None
    assert len(store.outbox.claim(NOON, 9, ME)) == 3


def test_why_a_delivery_was_suppressed_stands_on_its_row(store: Store):
    id_ = enqueued(store, "vision")
    store.subscribers.change("s-vision", lambda one: a_subscriber(state=SubscriberState.PAUSED), NOON)
    assert store.outbox.claim(NOON, 9, ME) == ()
    kept = store.outbox.get(id_)
    assert kept
    assert (kept.state, kept.last_reply) == (DeliveryState.SUPPRESSED, "the subscriber is paused")


def test_subscribers_are_paged_by_address_found_and_counted(store: Store):
    paused = SubscriberState.PAUSED
    for name, state in (("Charlie", paused), ("alice", paused), ("bob", SubscriberState.CONFIRMED)):
        store.subscribers.add(a_subscriber(name, state=state))
    page = store.subscribers.page

    assert [one.id for one in page(2)] == ["s-alice", "s-bob"]
    assert [one.id for one in page(2, after="bob@example.org")] == ["s-Charlie"]
    assert [one.id for one in page(9, paused)] == ["s-alice", "s-Charlie"]
    assert [one.id for one in page(9, holding="CHARL")] == ["s-Charlie"]
    assert page(9, holding="%") == page(9, holding="a_i") == []
    assert store.subscribers.counts() == {paused: 2, SubscriberState.CONFIRMED: 1}


def test_hours_are_counted_of_the_confirmed(store: Store):
    early = Schedule(timezone="Asia/Tokyo", send_at=dt.time(6), days=Days("mon,thu"))
    store.subscribers.add(a_subscriber("one", schedule=early))
    store.subscribers.add(a_subscriber("two"))
    store.subscribers.add(a_subscriber("three"))
    store.subscribers.add(a_subscriber("four", state=SubscriberState.PAUSED))
    usual = a_subscriber().schedule
    for name, until in (("over", NOON.date()), ("away", NOON.date() + DAY)):
        store.subscribers.add(a_subscriber(name, schedule=replace(usual, paused_until=until)))
    away = replace(usual, paused_until=NOON.date() + DAY)
    assert store.subscribers.schedules(NOON.date()) == {early: 1, usual: 3, away: 1}


def test_suppressions_are_paged_and_told(store: Store):
    for name in ("b", "a", "c"):
        store.suppressions.add(f"{name}@example.org", f"because of {name}", NOON)
    assert [one.address[0] for one in store.suppressions.page(2)] == ["a", "b"]
    assert [one.address[0] for one in store.suppressions.page(2, start=2)] == ["c"]
    assert [one.address[0] for one in store.suppressions.page(2, "C@")] == ["c"]
    told = store.suppressions.of("A@example.org")
    assert told
    assert told.reason == "because of a"
    assert store.suppressions.of("d@example.org") is None


def test_a_day_is_counted_while_it_may_change_and_then_kept(store: Store, day: dict[str, int]):
    bounce = Bounce(key="k", subscriber="s-gone", at=NOON, meaning=BounceClass.HARD)
    store.bounces.settle(bounce, lambda _: Decision(), NOON)
    store.tallies.take(TODAY)
    past, yesterday, today = store.tallies.list(TODAY - 2 * DAY)
    assert (past.sent, past.subscribers) == (0, None)
    assert (yesterday.sent, yesterday.failed, yesterday.subscribers) == (1, 0, None)
    assert (today.sent, today.failed, today.bounced, today.complained) == (1, 3, 1, 0)
    assert today.subscribers == 5

    store.persons.erase("s-read", PLAIN, NOON, NOON)
    store.tallies.take(TODAY + DAY)  # what is not settled is counted again, but for who was there
    assert [(one.sent, one.subscribers) for one in store.tallies.list(TODAY)] == [(0, 5), (0, 4)]
    store.persons.erase("s-yesterday", PLAIN, NOON, NOON)
    store.tallies.take(TODAY + 3 * DAY)
    assert store.tallies.list(TODAY - DAY)[0].sent == 1
    assert len(store.tallies.list(TODAY - 100 * DAY)) == 93


def test_a_limit_counts_only_what_it_let_through(store: Store):
    rates = ((2, dt.timedelta(hours=1)),)
    one, all_ = Limit(key="one", rates=rates), Limit(key="all", rates=((3, dt.timedelta(hours=1)),))
    other = Limit(key="other", rates=rates)
    assert [bool(store.limits.take([one, all_], NOON)) for _ in range(4)] == [False, False, True, True]
    assert not store.limits.take([other, all_], NOON)
    assert store.limits.take([other, all_], NOON) == dt.timedelta(hours=1)
    assert not store.limits.take([one, all_], NOON + dt.timedelta(hours=1))


def test_there_is_one_lock_or_none(store: Store):
    assert store.locks.get() is None
    store.locks.put(Lock(password="a", sessions="b"))
    store.locks.put(Lock(password="c", sessions="d"))
    assert store.locks.get() == Lock(password="c", sessions="d")
    assert store.locks.remove()
    assert not store.locks.remove()
    assert store.locks.get() is None


@pytest.fixture
def plans(sqlite_url: str) -> Iterator[Callable[[Callable[[Store], object]], str]]:
    """How SQLite finds the rows of what is asked."""
    with open_store(sqlite_url) as store:

        def plan(ask: Callable[[Store], object]) -> str:
            said: list[str] = []

            def explain(connection, cursor, statement, parameters, context, executemany):
                said.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

            event.listen(store._database._engine, "before_cursor_execute", explain)
            ask(store)
            event.remove(store._database._engine, "before_cursor_execute", explain)
            return "; ".join(said)

        yield plan


@pytest.mark.parametrize(
    ("which", "index"),
    [
        (Which(), "outbox_local_date_id"),
        (Which(date=TODAY), "outbox_local_date_id"),
        (Which(state=DeliveryState.FAILED), "outbox_state_local_date_id"),
        (Which(state=DeliveryState.FAILED, date=TODAY), "outbox_state_local_date_id"),
        (Which(state=DeliveryState.FAILED, kind=DeliveryKind.DIGEST), "outbox_state_local_date_id"),
        (Which(state=DeliveryState.SENT, kind=DeliveryKind.CONFIRM), "outbox_kind_local_date_id"),
        (Which(kind=DeliveryKind.CONFIRM, date=TODAY), "outbox_kind_local_date_id"),
    ],
)
def test_a_page_of_deliveries_is_found_by_an_index(plans, which: Which, index: str) -> None:
    for place in (None, (TODAY, 1_000)):
        plan = plans(lambda store, place=place: store.deliveries.page(which, 100, place))
        assert f"INDEX ix_{index}" in plan
        assert "SCAN outbox" not in plan.replace(
            "SCAN outbox USING COVERING INDEX ix_outbox_local_date_id", ""
        )


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.deliveries.counts(TODAY),
        lambda store: store.deliveries.in_states((DeliveryState.HELD,)),
        lambda store: store.deliveries.overdue(NOON),
        lambda store: store.deliveries.retriable(Which(state=DeliveryState.FAILED)),
        lambda store: store.subscribers.page(100, SubscriberState.PAUSED, after="m@example.org"),
        lambda store: store.bounces.complaints(NOON),
        lambda store: store.subscribers.schedules(TODAY),
    ],
)
def test_what_every_page_counts_is_found_by_an_index(plans, ask) -> None:
    plan = plans(ask)
    assert "SEARCH" in plan
    assert "SCAN" not in plan


def test_a_look_reads_whom_it_finds_in_the_order_of_an_index(plans) -> None:
    plan = plans(lambda store: list(store.looks.due(NOON, dt.timedelta(hours=9))))
    assert (
        plan.count("SEARCH subscribers USING INDEX ix_subscribers_state_look_at_id (state=? AND look_at") == 2
    )
    assert "B-TREE" not in plan
