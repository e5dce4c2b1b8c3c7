"""How votes grow: the share of its votes that a paper typically has at an age, fitted from snapshots. Pure.

    share(age) = age / (age + half)

so that half of the votes are there after `half`. One number a source is fitted, by the least absolute error in
the logarithm of what a paper gained between its first and its last snapshot: a viral paper then counts as one
paper, and not by its votes. Until there are snapshots the prior stands; it weighs as much as PRIOR_PAPERS papers.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from digest.model import Snapshot

#: The one pair of answers that was seen went from 286 to 428 votes in 1.6 days (sources.md 2); had the first been
#: read ten hours into its day, that would be a half of 7 hours.
PRIOR_HALF = dt.timedelta(hours=8)
PRIOR_PAPERS = 20
#: Halves that are tried: from 30 minutes to 5 days, a quarter of an octave apart.
HALVES = [PRIOR_HALF * 2 ** (step / 4) for step in range(-16, 17)]
#: Younger is counted as this old: at its first minute one vote would promise hundreds.
YOUNGEST = dt.timedelta(minutes=30)
#: Pairs that say something: enough votes not to be luck, far enough apart to have grown.
FEWEST_VOTES = 5
APART = dt.timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Curve:
    """The typical growth of one source's votes."""

    half: dt.timedelta = PRIOR_HALF

    def share(self, age: dt.timedelta) -> float:
        """0..1: the part of its votes that a paper has at that age."""
        age = max(age, YOUNGEST)
        return age / (age + self.half)


def series(snapshots: Iterable[Snapshot]) -> Mapping[tuple[str, str, dt.date], Sequence[Snapshot]]:
    """The snapshots of each paper, source and listing day, in time."""
    found: defaultdict[tuple[str, str, dt.date], list[Snapshot]] = defaultdict(list)
    for snapshot in sorted(snapshots, key=lambda one: one.as_of):
        found[snapshot.paper, snapshot.source, snapshot.listed_at.date()].append(snapshot)
    return found


def curves(snapshots: Iterable[Snapshot]) -> Mapping[str, Curve]:
    """The curve of each source that has snapshots."""
    pairs: defaultdict[str, list[tuple[Snapshot, Snapshot]]] = defaultdict(list)
    for (_, source, _), seen in series(snapshots).items():
        pairs[source] += [(seen[0], seen[-1])]
    return {source: fit(found) for source, found in pairs.items()}


def fit(pairs: Iterable[tuple[Snapshot, Snapshot]]) -> Curve:
    """The curve with the least absolute error, the prior counted in."""
    told = [
        (first.age, last.age, math.log(last.votes / first.votes))
        for first, last in pairs
        if first.votes >= FEWEST_VOTES and last.votes >= first.votes and last.as_of - first.as_of >= APART
    ]

    def error(curve: Curve) -> float:
        misses = sum(
            abs(grown - math.log(curve.share(late) / curve.share(early))) for early, late, grown in told
        )
        return misses + PRIOR_PAPERS * 0.1 * abs(math.log2(curve.half / PRIOR_HALF))

    return min(map(Curve, HALVES), key=error)


def moving(snapshots: Iterable[Snapshot], now: dt.datetime) -> Mapping[str, frozenset[dt.date]]:
    """The listing days of each source whose votes still moved: worth asking for again, for two weeks at most."""
    found: defaultdict[str, set[dt.date]] = defaultdict(set)
    for snapshot in snapshots:
        if now - RECENTLY < snapshot.as_of <= now and now - snapshot.listed_at < LONGEST:
            found[snapshot.source].add(snapshot.listed_at.date())
    return {source: frozenset(days) for source, days in found.items()}


#: How far back snapshots tell it.
GROWTH = dt.timedelta(days=30)
#: A day without a changed count for so long has stopped moving.
RECENTLY = dt.timedelta(days=2)
#: Votes grow for about two weeks (sources.md 2).
LONGEST = dt.timedelta(days=14)
