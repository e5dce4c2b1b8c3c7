from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

from factories import NOON

from digest.store import Store, open_store

PAUSE = dt.timedelta(seconds=3)
PATIENCE = dt.timedelta(minutes=2)


def test_a_turn_leaves_the_pause_free_for_every_process_that_opens_the_store(store_url: str):
    with open_store(store_url) as one, open_store(store_url) as other:
        taken = [store.turns.take("arxiv.org", PAUSE, PATIENCE, NOON) for store in (one, other, one)]

    assert taken == [NOON, NOON + PAUSE, NOON + 2 * PAUSE]


def test_no_two_who_ask_at_once_get_the_same_turn(store: Store):
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(store.turns.take, "arxiv.org", PAUSE, PATIENCE, NOON) for _ in range(12)]
        taken = {turn.result() for turn in asked}

    assert taken == {NOON + n * PAUSE for n in range(12)}


def test_a_site_without_a_pause_is_free_until_it_asks_to_be_left_alone(store: Store):
    nothing, later = dt.timedelta(), NOON + dt.timedelta(hours=1)
    assert store.turns.take("example.org", nothing, PATIENCE, NOON) == NOON

    store.turns.hold_off("example.org", later)

    assert store.turns.take("example.org", nothing, PATIENCE, NOON) == later
    assert store.turns.take("example.com", nothing, PATIENCE, NOON) == NOON
    assert store.turns.take("example.org", nothing, PATIENCE, later) == later


def test_a_turn_beyond_our_patience_is_not_taken(store: Store):
    later = NOON + dt.timedelta(hours=1)
    store.turns.hold_off("arxiv.org", later)

    assert [store.turns.take("arxiv.org", PAUSE, PATIENCE, NOON) for _ in range(2)] == [later, later]


def test_a_turn_taken_before_a_clock_was_set_back_does_not_stop_a_site_for_years(store: Store):
    store.turns.hold_off("arxiv.org", NOON + dt.timedelta(days=365))

    assert store.turns.take("arxiv.org", PAUSE, PATIENCE, NOON) == NOON
