"""Shards of the subscribers: nobody is left out, nobody is in two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import Shard, shards

IDS = st.text("0123456789abcdef", min_size=16, max_size=16) | st.text(min_size=1)


def holds(shard: Shard, subscriber: str) -> bool:
    return shard.first <= subscriber and (not shard.end or subscriber < shard.end)


@given(due=st.integers(1, 10**9), size=st.integers(1, 10_000), subscriber=IDS)
def test_everybody_is_in_one_shard(due: int, size: int, subscriber: str) -> None:
    assert sum(holds(one, subscriber) for one in shards(due, size)) == 1


@given(due=st.integers(1, 10**6), size=st.integers(16, 10_000))
def test_a_shard_holds_about_as_many_as_it_should(due: int, size: int) -> None:
    number = len(shards(due, size))
    assert due <= number * size
    assert number == 1 or due > number * size / 2


@given(due=st.integers(1, 10**6), less=st.integers(1, 10**6), size=st.integers(1, 1000))
def test_as_less_is_due_shards_are_joined_and_never_cut_elsewhere(due: int, less: int, size: int) -> None:
    many, few = shards(max(due, less), size), shards(min(due, less), size)

    assert {one.first for one in few} <= {one.first for one in many}
    assert {one.end for one in few} <= {one.end for one in many}


def test_readers_are_spread_over_the_shards_as_their_ids_are() -> None:
    ids = [f"{(number << 64) // 1000:016x}" for number in range(1000)]

    assert {sum(holds(one, id_) for id_ in ids) for one in shards(1000, 130)} == {125}


@pytest.mark.parametrize(("due", "number"), [(0, 0), (1, 1), (500, 1), (501, 2), (1_000, 2), (1_001, 4)])
def test_there_is_one_two_four_or_eight_of_them(due: int, number: int) -> None:
    assert len(shards(due, 500)) == number
