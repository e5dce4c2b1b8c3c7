"""What a webhook is still to be told: from now on, to one teller at a time, and not for ever."""

from __future__ import annotations

import datetime as dt
import threading

from factories import NOON, a_subscriber

from digest.model import SubscriberState
from digest.store import Store, Untold

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


def happen(store: Store, *names: str, at: dt.datetime = NOON) -> None:
    for name in names:
        store.subscribers.add(a_subscriber(name, state=SubscriberState.PENDING, created_at=at))


def gather(store: Store, now: dt.datetime = NOON) -> int:
    return store.webhook.gather(now - DAY, now)


def take(store: Store, now: dt.datetime = NOON) -> Untold | None:
    return store.webhook.take(now, lambda attempts: now + (attempts + 1) * MINUTE)


def test_a_webhook_learns_what_happens_from_its_first_turn_on(store: Store):
    happen(store, "before")
    assert gather(store) == 0
    assert take(store) is None
    happen(store, "after")
    gather(store)
    untold = take(store)
    assert untold
    assert (untold.event.subscriber, untold.attempts) == ("s-after", 0)


def test_an_event_is_queued_once_however_often_is_looked(store: Store):
    gather(store)
    happen(store, "one", "two")
    for _ in range(3):
        gather(store)
    assert store.webhook.waiting() == 2


def test_who_takes_an_event_puts_it_off_for_everybody(store: Store):
    gather(store)
    happen(store, "one")
    gather(store)
    assert take(store)
    assert take(store) is None
    again = take(store, NOON + MINUTE)
    assert again
    assert again.attempts == 1
    assert take(store, NOON + 2 * MINUTE) is None
    assert take(store, NOON + 3 * MINUTE)


def test_what_was_taken_is_not_told_again(store: Store):
    gather(store)
    happen(store, "one")
    gather(store)
    untold = take(store)
    assert untold
    store.webhook.taken(untold.event.id)
    assert store.webhook.waiting() == 0
    gather(store)
    assert take(store, NOON + DAY) is None


def test_those_that_ask_at_once_are_given_each_event_once(store: Store):
    gather(store)
    happen(store, *(f"r{number}" for number in range(20)))
    gather(store)
    taken: list[int] = []

    def work() -> None:
        while untold := take(store):
            taken.append(untold.event.id)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # On PostgreSQL who finds the longest due locked is given nothing this time, so a few may be left.
    assert len(taken) == len(set(taken))
    while untold := take(store):
        taken.append(untold.event.id)
    assert sorted(taken) == [event.id for event in store.events.list()]


def test_what_nobody_took_within_its_time_is_dropped_and_counted(store: Store):
    gather(store)
    happen(store, "one", "two")
    happen(store, "three", at=NOON + MINUTE)
    gather(store, NOON + MINUTE)
    assert gather(store, NOON + DAY) == 2
    assert store.webhook.waiting() == 1


def test_a_webhook_that_was_away_for_long_is_told_the_last_day_only(store: Store):
    gather(store)
    happen(store, "long ago")
    happen(store, "just now", at=NOON + 9 * DAY)
    gather(store, NOON + 9 * DAY)
    untold = take(store, NOON + 9 * DAY)
    assert untold
    assert untold.event.subscriber == "s-just now"
    assert store.webhook.waiting() == 1


def test_switched_off_it_is_told_nothing_until_it_is_switched_on(store: Store):
    gather(store)
    happen(store, "one")
    gather(store)
    assert store.webhook.switch_off("a")
    assert not store.webhook.switch_off("a")
    assert (store.webhook.waiting(), store.webhook.is_gone("a"), store.webhook.is_gone("b")) == (
        0,
        True,
        False,
    )
    store.webhook.switch_on()
    assert not store.webhook.is_gone("a")


def test_forgetting_an_event_takes_it_out_of_the_queue(store: Store):
    gather(store)
    happen(store, "one")
    gather(store)
    store.events.forget(NOON + DAY)
    assert store.webhook.waiting() == 0
