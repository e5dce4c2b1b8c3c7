from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import replace

import pytest
from factories import NOON, a_subscriber

from digest.errors import UsageError
from digest.model import Days, Interest, InterestKind, Schedule, Subscriber, SubscriberState
from digest.store import Store


def test_a_subscriber_comes_back_with_everything_they_asked_for(store: Store):
    asked = tuple(
        Interest(kind=kind, value=f"{kind} {number}", weight=0.5 + number)
        for number, kind in enumerate((InterestKind.LIKE, InterestKind.PHRASE, InterestKind.EXCLUDE))
    )
    subscriber = replace(
        a_subscriber("night"),
        name="Nell",
        interests=asked,
        schedule=Schedule(timezone="Pacific/Auckland", send_at=dt.time(23, 59), days=Days("weekly:fri")),
        starts_at=NOON,
        language="de",
        generation=3,
        papers=7,
        confirmed_at=None,
    )
    store.subscribers.add(subscriber)

    assert store.subscribers.get("s-night") == subscriber
    assert store.subscribers.get("s-nobody") is None


def test_an_address_is_found_and_is_unique_without_case(store: Store):
    store.subscribers.add(a_subscriber("vision", address="Vision@example.org"))

    found = store.subscribers.by_address("vISION@example.org")
    assert found is not None
    assert found.address == "Vision@example.org"
    assert store.subscribers.by_address("other@example.org") is None
    with pytest.raises(
        UsageError, match=r"there is a subscriber with that id or address: 'v•••n@example\.org'"
    ):
        store.subscribers.add(a_subscriber("other", address="vision@example.org"))
    assert len(store.subscribers.list()) == 1


def test_updating_replaces_settings_and_interests(store: Store):
    store.subscribers.add(a_subscriber())
    changed = a_subscriber(
        state=SubscriberState.PAUSED,
        address="new@example.org",
        interests=(Interest(kind=InterestKind.AUTHOR, value="Ada Author"),),
    )

    assert store.subscribers.change(changed.id, lambda _: changed, NOON) == changed

    assert store.subscribers.get(changed.id) == changed
    assert store.subscribers.by_address("vision@example.org") is None


def test_updating_can_take_all_interests_away(store: Store):
    store.subscribers.add(a_subscriber())

    store.subscribers.change("s-vision", lambda subscriber: replace(subscriber, interests=()), NOON)

    assert store.subscribers.get("s-vision") == a_subscriber(interests=())


def test_nobody_can_be_given_the_address_of_another(store: Store):
    store.subscribers.add(a_subscriber("one"))
    store.subscribers.add(a_subscriber("two"))

    with pytest.raises(UsageError, match="there is a subscriber"):
        store.subscribers.change("s-two", lambda two: replace(two, address="ONE@example.org"), NOON)

    assert store.subscribers.get("s-two") == a_subscriber("two")


def test_changing_nobody_says_so(store: Store):
    assert store.subscribers.change("s-vision", lambda subscriber: subscriber, NOON) is None


def test_a_change_that_is_refused_changes_nothing(store: Store):
    store.subscribers.add(a_subscriber())

    def refuse(subscriber: Subscriber) -> Subscriber:
        raise UsageError(f"not {subscriber.id}")

    with pytest.raises(UsageError, match="not s-vision"):
        store.subscribers.change("s-vision", refuse, NOON)

    assert store.subscribers.get("s-vision") == a_subscriber()


def test_of_two_changes_at_once_neither_undoes_the_other(store: Store):
    store.subscribers.add(a_subscriber())
    inside, together = threading.Event(), []

    def slowly(subscriber: Subscriber) -> Subscriber:
        inside.set()
        time.sleep(0.2)
        return replace(subscriber, papers=3)

    tuning = threading.Thread(target=store.subscribers.change, args=("s-vision", slowly, NOON))
    tuning.start()
    assert inside.wait(10)
    together.append(
        store.subscribers.change("s-vision", lambda s: replace(s, state=SubscriberState.UNSUBSCRIBED), NOON)
    )
    tuning.join()

    expected = a_subscriber(papers=3, state=SubscriberState.UNSUBSCRIBED)
    assert together == [expected]
    assert store.subscribers.get("s-vision") == expected


def test_subscribers_are_listed_by_state(store: Store):
    people = [a_subscriber(state.value, state=state) for state in SubscriberState]
    for person in people:
        store.subscribers.add(person)

    assert store.subscribers.list() == sorted(people, key=lambda person: person.id)
    for person in people:
        assert store.subscribers.list(person.state) == [person]
