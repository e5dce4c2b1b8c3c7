"""From relevance to digests: shares per interest, diversity, a floor, one discovery, never a paper shown before. Pure.

A block of readers is chosen for together, seat by seat: the arrays are facets x papers or readers x papers, and the
facets of one reader stand together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from digest.config import DigestDefaults, Ranking
from digest.model import Edition, Pick, Reason, ReasonKind
from digest.rank.features import Bools, Ints
from digest.rank.profile import Facet, Profile
from digest.rank.score import Taste
from digest.rank.vectors import Floats

#: Reasons of one pick: what the reader asked for, then what the world says.
MOST_REASONS = 3
#: How many papers an interest puts forward for each seat of the digest: enough when others take as many of them.
PUT_FORWARD = 2

#: For papers (rows of the pool), the liked paper of a taste that speaks for each.
Naming = Callable[[Taste, Sequence[int]], Sequence[Reason]]


_first = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What one reader is shown."""

    picks: tuple[Pick, ...]
    also_trending: tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of readers over the pool."""

    #: The reader of each facet, ascending.
    owner: Ints
    #: Where each reader's facets begin.
    first: Ints
    weight: Floats
    #: facets x papers
    relevance: Floats
    #: readers x papers: 1 - product of (1 - relevance), so that whatever speaks for a paper raises its score
    total: Floats
    #: readers x papers: may be shown
    open: Bools

    @classmethod
    def of(cls, facets: Sequence[tuple[Facet, ...]], open_: Bools) -> Block:
        """Every reader has at least one facet."""
        counts = [len(one) for one in facets]
        first = np.cumsum([0, *counts[:-1]])
        relevance = np.stack([facet.relevance for one in facets for facet in one])
        weight = np.array([facet.weight for one in facets for facet in one], dtype=np.float32)
        total = 1 - np.multiply.reduceat(1 - relevance, first, axis=0)
        return cls(np.repeat(np.arange(len(facets)), counts), first, weight, relevance, total, open_)


class Selector:
    """Chooses from one edition."""

    def __init__(self, edition: Edition, similarity: Floats, rules: DigestDefaults, ranking: Ranking) -> None:
        self._edition, self._similarity = edition, similarity
        self._rules, self._ranking = rules, ranking
        self._floor = max(rules.min_score, 1e-6)
        self._trend = np.array([listed.trend.score for listed in edition.papers], dtype=np.float32)
        self._by_trend = np.argsort(-self._trend, kind="stable")
        self._strangers: dict[tuple[int, ReasonKind], Pick] = {}
        self._trending = Facet(1.0, self._trend, Reason(kind=ReasonKind.TRENDING))

    def choose(
        self, profiles: Sequence[Profile], shown: Bools, papers: Sequence[int], naming: Naming
    ) -> Iterator[Chosen]:
        """At most so many picks each (the discovery among them), and "also trending" lines beside them.

        A reader without interests gets what is trending. The floor is on relevance: the trend alone never makes
        a pick of a paper that no interest speaks for, it makes an "also trending" line of it.
        """
        facets = [profile.facets or (self._trending,) for profile in profiles]
        block = Block.of(facets, ~(shown | np.stack([profile.excluded for profile in profiles])))
        # What the world is reading that the reader's interests would never show; never half of a digest.
        wanted = np.array(
            [
                min(self._rules.discovery, most // 3) if p.facets else 0
                for p, most in zip(profiles, papers, strict=True)
            ]
        )
        discovery = self._first_by_trend(block.open & (block.total < self._floor), wanted)
        seats = np.array(papers) - [len(one) for one in discovery]
        rows = self._share_out(block, seats)
        left = block.open.copy()
        for reader, taken in enumerate(zip(rows, discovery, strict=True)):
            left[reader, [row for some in taken for row in some]] = False
        also = self._first_by_trend(left, np.full(len(facets), self._rules.also_trending))
        for reader, one in enumerate(facets):
            heard = block.relevance[block.first[reader] : block.first[reader] + len(one), rows[reader]]
            found = self._picks(one, heard.tolist(), block.total[reader, rows[reader]], rows[reader], naming)
            found += [self._stranger(row, ReasonKind.DISCOVERY) for row in discovery[reader]]
            trending = tuple(self._stranger(row, ReasonKind.TRENDING) for row in also[reader])
            yield Chosen(tuple(found), trending)

    def _first_by_trend(self, among: Bools, counts: Ints) -> list[list[int]]:
        """For each reader the most trending papers among those allowed; equal ones in pool order."""
        allowed = among[:, self._by_trend]
        allowed &= np.cumsum(allowed, axis=1, dtype=np.int32) <= counts[:, None]
        found: list[list[int]] = [[] for _ in counts]
        readers, places = np.nonzero(allowed)
        for reader, row in zip(readers.tolist(), self._by_trend[places].tolist(), strict=True):
            found[reader].append(row)
        return found

    def _share_out(self, block: Block, seats: Ints) -> list[list[int]]:
        """Seats by Sainte-Laguë (weight / (2 * taken + 1)), each filled by the best open paper of its interest.

        When an interest has none left, its seats go to the others. Diversity is maximal marginal relevance
        (Carbonell and Goldstein 1998): likeness to what is already picked is subtracted.
        """
        lists, scores = self._put_forward(block, seats)
        near = np.zeros_like(scores)
        taken = np.zeros(len(block.owner), dtype=np.float32)
        picked: list[list[int]] = [[] for _ in seats]
        for seat in range(int(seats.max(initial=0))):
            marginal = scores - self._ranking.diversity * near
            best = marginal.argmax(axis=1)
            able = np.isfinite(marginal[np.arange(len(best)), best]) & (seats[block.owner] > seat)
            claim = np.where(able, block.weight / (2 * taken + 1), 0)
            strongest = np.maximum.reduceat(claim, block.first)
            winners = np.flatnonzero((claim == strongest[block.owner]) & able)
            owners, index = np.unique(block.owner[winners], return_index=True)
            if not len(owners):
                break
            winners = winners[index]
            rows = np.full(len(seats), -1)
            rows[owners] = lists[winners, best[winners]]
            for reader, row in zip(owners.tolist(), rows[owners].tolist(), strict=True):
                picked[reader].append(row)
            taken[winners] += 1
            beside = rows[block.owner][:, None]
            scores[lists == beside] = -np.inf
            likeness = self._similarity[lists, np.maximum(beside, 0)]
            np.maximum(near, np.where(beside >= 0, likeness, 0), out=near)
        return picked

    def _put_forward(self, block: Block, seats: Ints) -> tuple[Ints, Floats]:
        """Each facet's best papers that may be picked, with their scores; -inf where it has no more."""
        facets, papers = np.nonzero((block.relevance >= self._floor) & block.open[block.owner])
        weight = self._ranking.trend_weight
        scores = (1 - weight) * block.relevance[facets, papers] + weight * self._trend[papers]
        best = np.lexsort((papers, -scores, facets))
        counts = np.bincount(facets, minlength=len(block.owner))
        place = np.arange(len(best)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = place < PUT_FORWARD * seats[block.owner[facets[best]]]
        best, place = best[kept], place[kept]
        shape = (len(block.owner), int(place.max(initial=0)) + 1)
        lists, found = np.zeros(shape, dtype=np.intp), np.full(shape, -np.inf, dtype=np.float32)
        lists[facets[best], place], found[facets[best], place] = papers[best], scores[best]
        return lists, found

    def _picks(
        self,
        facets: tuple[Facet, ...],
        relevance: list[list[float]],
        total: Floats,
        rows: list[int],
        naming: Naming,
    ) -> list[Pick]:
        """Picks with what spoke for them (`relevance`: facets x rows), the highest score first."""
        spoken: list[list[tuple[float, Reason]]] = [[] for _ in rows]
        for facet, heard in zip(facets, relevance, strict=True):
            near = [n for n, value in enumerate(heard) if value >= self._floor]
            voices: Sequence[Reason] = [facet.voice] * len(near) if isinstance(facet.voice, Reason) else ()
            if isinstance(facet.voice, Taste) and near:
                voices = naming(facet.voice, [rows[n] for n in near])
            for n, voice in zip(near, voices, strict=True):
                spoken[n].append((heard[n], voice))
        weight = self._ranking.trend_weight
        scores = ((1 - weight) * total + weight * self._trend[rows]).tolist()
        picks = []
        for n in sorted(range(len(rows)), key=scores.__getitem__, reverse=True):
            listed = self._edition.papers[rows[n]]
            spoken[n].sort(key=_first, reverse=True)
            said = [voice for _, voice in spoken[n][: MOST_REASONS - 1]]
            reasons = (*said, *listed.trend.reasons)[:MOST_REASONS]
            picks.append(Pick(paper=listed.paper.id, score=round(scores[n], 4), reasons=reasons))
        return picks

    def _stranger(self, row: int, kind: ReasonKind) -> Pick:
        """A paper that no interest speaks for; the same for everybody, so it is made once."""
        if (row, kind) not in self._strangers:
            listed = self._edition.papers[row]
            reasons = (Reason(kind=kind), *listed.trend.reasons)[:MOST_REASONS]
            score = round(float(self._trend[row]), 4)
            self._strangers[row, kind] = Pick(paper=listed.paper.id, score=score, reasons=reasons)
        return self._strangers[row, kind]
