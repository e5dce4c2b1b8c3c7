"""From scores to a digest: shares per interest, diversity, a floor, one discovery, never a paper shown before. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digest.config import DigestDefaults, Ranking
from digest.model import Edition, Pick, Reason, ReasonKind
from digest.rank.features import Bools, Floats
from digest.rank.profile import Facet, Profile

#: Reasons of one pick: what the reader asked for, then what the world says.
MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Pool:
    """What selection needs of an edition, row by row."""

    edition: Edition
    trend: Floats
    similarity: Floats


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows picked, and rows for "also trending"."""

    picks: tuple[Pick, ...]
    also_trending: tuple[Pick, ...]


def select(
    pool: Pool, profile: Profile, shown: Bools, papers: int, rules: DigestDefaults, ranking: Ranking
) -> Chosen:
    """At most `papers` picks (the discovery among them) and `rules.also_trending` lines beside them.

    A reader without interests gets what is trending. The floor is on relevance: the trend alone never makes
    a pick of a paper that no interest speaks for, it makes an "also trending" line of it.
    """
    open_ = ~(shown | profile.excluded)
    trending = Facet(pool.trend, 1.0, (Reason(kind=ReasonKind.TRENDING),))
    facets = profile.facets or (trending,)
    relevance = np.max([facet.relevance for facet in facets], axis=0)
    fit = open_ & (relevance >= max(rules.min_score, 1e-6))
    discovery = _discovery(pool, open_ & ~fit, rules.discovery if profile.facets else 0, papers)
    rows = _share_out(pool, facets, fit, papers - len(discovery), ranking)
    picks = [_pick(pool, facets, row, ranking, rules.min_score) for row in rows]
    picks.sort(key=lambda pick: -pick.score)
    picks += [_stranger(pool, row, ReasonKind.DISCOVERY) for row in discovery]
    left = open_.copy()
    left[[*rows, *discovery]] = False
    also = [_stranger(pool, row, ReasonKind.TRENDING) for row in _top(pool.trend, left, rules.also_trending)]
    return Chosen(tuple(picks), tuple(also))


def _top(values: Floats, among: Bools, count: int) -> list[int]:
    """The best `count` rows among those allowed; equal values in pool order."""
    rows = np.flatnonzero(among)
    return [int(r) for r in rows[np.argsort(-values[rows], kind="stable")][:count]]


def _discovery(pool: Pool, among: Bools, slots: int, papers: int) -> list[int]:
    """What the world is reading that the reader's interests would never show; never half of a digest."""
    return _top(pool.trend, among, min(slots, papers // 3))


def _share_out(pool: Pool, facets: tuple[Facet, ...], fit: Bools, slots: int, ranking: Ranking) -> list[int]:
    """Seats by Sainte-Laguë (weight / (2 * taken + 1)), each filled by its facet's best open paper.

    A facet speaks for the papers for which it is the most relevant one; when it has none left, its seats go to
    the others. Diversity is maximal marginal relevance (Carbonell and Goldstein 1998): similarity to what
    is already picked is subtracted.
    """
    scores = [(1 - ranking.trend_weight) * f.relevance + ranking.trend_weight * pool.trend for f in facets]
    best = np.argmax([facet.relevance for facet in facets], axis=0)
    queues = [np.flatnonzero(fit & (best == number)) for number in range(len(facets))]
    taken = [0] * len(facets)
    picked: list[int] = []
    near = np.zeros(len(pool.trend), dtype=np.float32)
    while len(picked) < slots and any(len(queue) for queue in queues):
        number = max(
            (n for n, queue in enumerate(queues) if len(queue)),
            key=lambda n: (facets[n].weight / (2 * taken[n] + 1), -n),
        )
        queue = queues[number]
        row = int(queue[np.argmax(scores[number][queue] - ranking.diversity * near[queue])])
        queues[number] = queue[queue != row]
        taken[number] += 1
        picked.append(row)
        near = np.maximum(near, pool.similarity[row])
    return picked


def _pick(pool: Pool, facets: tuple[Facet, ...], row: int, ranking: Ranking, floor: float) -> Pick:
    by_relevance = sorted(facets, key=lambda facet: -float(facet.relevance[row]))
    spoke = [f.reason(row) for f in by_relevance if f.relevance[row] >= floor][: MOST_REASONS - 1]
    listed = pool.edition.papers[row]
    reasons = (*spoke, *listed.trend.reasons)[:MOST_REASONS]
    value = (1 - ranking.trend_weight) * by_relevance[0].relevance[row] + ranking.trend_weight * pool.trend[
        row
    ]
    return Pick(paper=listed.paper.id, score=round(float(value), 4), reasons=reasons)


def _stranger(pool: Pool, row: int, kind: ReasonKind) -> Pick:
    listed = pool.edition.papers[row]
    reasons = (Reason(kind=kind), *listed.trend.reasons)[:MOST_REASONS]
    return Pick(paper=listed.paper.id, score=round(float(pool.trend[row]), 4), reasons=reasons)
