"""Events are told with the change that they tell, in an order that nothing slips into, and outlive their subscriber."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest
from factories import NOON, PLAIN, a_plan, a_subscriber

from digest.model import (
    Bounce,
    BounceClass,
    Decision,
    DeliveryState,
    EventKind,
    Settlement,
    Subscriber,
    SubscriberState,
)
from digest.store import Breaker, Limit, Mail, Store

DAY = dt.timedelta(days=1)
CLOSED = Breaker(key="all", least=10_000, times=10, days=3, alarm=Limit(key="alarm", rates=((1, DAY),)))
LATER = NOON + dt.timedelta(hours=1)
VISION = a_subscriber()
PENDING, CONFIRMED, PAUSED, UNSUBSCRIBED, SUPPRESSED = SubscriberState


def kinds(store: Store) -> list[EventKind]:
    return [event.kind for event in store.events.list()]


def having(store: Store, state: SubscriberState) -> int:
    """Keep a subscriber in that state; the id of the last event so far."""
    store.subscribers.add(replace(VISION, state=state))
    return max((event.id for event in store.events.list()), default=0)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, PENDING, ["subscribed"]),
        (None, CONFIRMED, ["subscribed", "confirmed"]),
        (None, PAUSED, ["subscribed"]),
        (None, UNSUBSCRIBED, []),
        (None, SUPPRESSED, []),
        (PENDING, CONFIRMED, ["confirmed"]),
        (PENDING, UNSUBSCRIBED, ["unsubscribed"]),
        (PENDING, None, []),
        (CONFIRMED, PAUSED, []),
        (CONFIRMED, UNSUBSCRIBED, ["unsubscribed"]),
        (CONFIRMED, None, ["unsubscribed"]),
        (PAUSED, CONFIRMED, []),
        (PAUSED, UNSUBSCRIBED, ["unsubscribed"]),
        (PAUSED, None, ["unsubscribed"]),
        (UNSUBSCRIBED, CONFIRMED, ["confirmed"]),
        (UNSUBSCRIBED, None, []),
        (SUPPRESSED, CONFIRMED, ["confirmed"]),
        (SUPPRESSED, None, []),
    ],
)
def test_every_change_of_state_is_told_as_what_it_is(
    store: Store, before: SubscriberState | None, after: SubscriberState | None, told: list[str]
):
    last = having(store, before) if before else 0
    if before is None and after:
        store.subscribers.add(replace(VISION, state=after))
    elif after is None:
        store.persons.erase(VISION.id, PLAIN, LATER, LATER)
    else:
        store.subscribers.change(VISION.id, lambda one: replace(one, state=after), LATER)
    found = store.events.list(after=last)
    assert [event.kind for event in found] == told
    assert {event.subscriber for event in found} <= {VISION.id}
    assert {event.at for event in found} <= {LATER if before else VISION.created_at}


def test_a_change_of_settings_alone_is_no_event(store: Store):
    last = having(store, CONFIRMED)
    store.subscribers.change(VISION.id, lambda one: replace(one, papers=3), LATER)
    assert store.events.list(after=last) == []


def test_who_asks_on_a_page_is_told_once(store: Store):
    stranger = replace(VISION, state=PENDING, confirmed_at=None)
    for hour in range(3):
        now = NOON + hour * dt.timedelta(hours=30)
        plan = replace(a_plan(stranger), edition=None, picks=(), also_trending=(), prepared_at=now)
        plan = replace(plan, local_date=now.date(), message_id=f"<{hour}@x>")
        mail = Mail(plan=plan, limit=Limit(key="address", rates=((1, DAY),)))
        store.subscribers.ask(stranger, mail, Limit(key="network", rates=((9, DAY),)), CLOSED, now)
    assert kinds(store) == [EventKind.SUBSCRIBED]


@pytest.mark.parametrize(
    ("meaning", "decision", "state", "told"),
    [
        (BounceClass.HARD, Decision(suppress="bounced: 5.1.1"), SUPPRESSED, ["bounced"]),
        (BounceClass.SOFT, Decision(), CONFIRMED, []),
        (BounceClass.COMPLAINT, Decision(suppress="complaint", leave=True), UNSUBSCRIBED, ["complained"]),
        (BounceClass.LEAVE, Decision(leave=True), UNSUBSCRIBED, ["unsubscribed"]),
    ],
)
def test_what_comes_back_is_told_once_by_what_it_was(
    store: Store, meaning: BounceClass, decision: Decision, state: SubscriberState, told: list[str]
):
    last = having(store, CONFIRMED)
    for key in ("one", "one", "another"):
        bounce = Bounce(key=key, subscriber=VISION.id, at=NOON, meaning=meaning)
        store.bounces.settle(bounce, lambda _: decision, LATER)
    now = store.subscribers.get(VISION.id)
    assert now
    assert now.state is state
    found = [str(event.kind) for event in store.events.list(after=last)]
    # A second complaint is news; a second end of the same subscription is none.
    assert found == (told * 2 if meaning is BounceClass.COMPLAINT else told)


def test_who_is_suppressed_and_asks_to_leave_was_told_before(store: Store):
    last = having(store, SUPPRESSED)
    bounce = Bounce(key="leave", subscriber=VISION.id, at=NOON, meaning=BounceClass.LEAVE)
    store.bounces.settle(bounce, lambda _: Decision(leave=True), LATER)
    assert store.events.list(after=last) == []


def test_an_address_that_the_relay_refuses_for_good_is_told(store: Store):
    last = having(store, CONFIRMED)
    edition = store.editions.publish(NOON, [], 0)
    plan = replace(a_plan(VISION), edition=edition.id, due_at=NOON, expires_at=NOON + DAY)
    store.outbox.enqueue([plan])
    (row,) = store.outbox.claim(LATER, 9, "me")
    refused = Settlement(state=DeliveryState.FAILED, event="failed", reply="550 5.1.1", suppress="5.1.1")
    store.outbox.settle({row.id: refused}, LATER, "me")
    assert [event.kind for event in store.events.list(after=last)] == [EventKind.BOUNCED]


def test_a_change_that_fails_is_not_told(store: Store):
    last = having(store, CONFIRMED)

    def refuse(_: Subscriber) -> Subscriber:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.subscribers.change(VISION.id, refuse, LATER)
    assert store.events.list(after=last) == []


def test_whoever_reads_on_from_the_last_id_misses_nothing(store: Store):
    """Were ids given before their rows can be seen, a reader would pass over those of slower transactions."""
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        ended = False
        while not ended:
            ended = done.is_set()  # so that it is read once more after the last was written
            seen.extend(event.id for event in store.events.list(after=seen[-1] if seen else 0))

    def write(numbers: range) -> None:
        for number in numbers:
            store.subscribers.add(a_subscriber(f"r{number}"))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(range(first, 60, 3),)) for first in range(3)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert seen == [event.id for event in store.events.list()]
    assert len(seen) == 120


def test_of_who_is_gone_nothing_is_told_but_that(store: Store, rows):
    having(store, CONFIRMED)
    store.persons.erase(VISION.id, PLAIN, LATER, LATER)
    assert kinds(store) == ["unsubscribed"]
    assert "vision@" not in str(rows("SELECT * FROM events"))


def test_old_events_are_forgotten_and_their_ids_never_given_again(store: Store):
    last = having(store, CONFIRMED)
    assert store.events.forget(NOON + DAY) == 2
    store.persons.erase(VISION.id, PLAIN, LATER, LATER)
    (event,) = store.events.list()
    assert event.id > last


def test_pages_of_events_follow_one_another(store: Store):
    for number in range(5):
        store.subscribers.add(a_subscriber(f"r{number}", state=PENDING))
    whole = store.events.list()
    first = store.events.list(limit=2)
    assert first == whole[:2]
    assert store.events.list(after=first[-1].id, limit=9) == whole[2:]
