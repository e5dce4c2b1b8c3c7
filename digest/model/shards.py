"""Shards of the subscribers: what several processes share a day's work by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

#: No more shards than that: a bound is four hexadecimal digits.
MOST_SHARDS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The subscribers whose ids are from `first` on and before `end`; an empty `end` is the end of all."""

    first: str = ""
    end: str = ""

    def __str__(self) -> str:
        return f"{self.first}-{self.end}"


#: Which subscribers something is restricted to: one by their id, a shard of them, or None: nobody is left out.
Some: TypeAlias = str | Shard | None


def shards(due: int, size: int) -> list[Shard]:
    """All subscribers, cut so that a shard holds about `size` of the `due` ones at most; none if nothing is due.

    Ids are random hexadecimal digits, so shards of one width hold about equally many. There are 1, 2, 4, 8 ... of
    them, so that pass after pass names the same ones while ever less is due.
    """
    if not due:
        return []
    number = min(1 << (-(-due // size) - 1).bit_length(), MOST_SHARDS)
    bounds = [f"{MOST_SHARDS * n // number:04x}" for n in range(1, number)]
    return [Shard(first=first, end=end) for first, end in zip(["", *bounds], [*bounds, ""], strict=True)]
