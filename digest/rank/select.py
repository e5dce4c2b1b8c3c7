"""From relevance to digests: shares per interest, diversity, a floor, one discovery, never a paper shown before. Pure.

A block of readers is chosen for together, seat by seat: the arrays are facets x papers or readers x papers, and the
facets of one reader stand together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from digest.config import DigestDefaults, Ranking
from digest.model import Edition, Pick, Reason, ReasonKind
from digest.rank.features import Bools, Ints
from digest.rank.profile import Facet, Profile
from digest.rank.score import Taste, ranges
from digest.rank.vectors import Floats

#: Reasons of one pick: what the reader asked for, then what the world says.
MOST_REASONS = 3
#: How many papers an interest puts forward for each seat of the digest: enough when others take as many of them.
PUT_FORWARD = 2
#: Papers looked at together, from the most trending on, for those that no interest speaks for.
STRIDE = 64

#: For tastes and as many papers (rows of the pool), the liked paper of each taste that speaks for the paper.
Naming = Callable[[Sequence[Taste], Ints], Sequence[Reason]]


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
    #: Where each reader's facets begin, and how many they are, one at least.
    first: Ints
    counts: Ints
    weight: Floats
    #: What speaks for each facet's papers.
    voices: Sequence[Reason | Taste]
    #: facets x papers
    relevance: Floats
    #: readers x papers: may be shown
    open: Bools

    @classmethod
    def of(cls, facets: Sequence[tuple[Facet, ...]], open_: Bools) -> Block:
        """Every reader has at least one facet."""
        counts = np.array([len(one) for one in facets])
        together = [facet for one in facets for facet in one]
        return cls(
            owner=np.repeat(np.arange(len(facets)), counts),
            first=np.cumsum(counts) - counts,
            counts=counts,
            weight=np.array([facet.weight for facet in together], dtype=np.float32),
            voices=[facet.voice for facet in together],
            relevance=np.stack([facet.relevance for facet in together]),
            open=open_,
        )

    def unheard(self, papers: Ints, floor: float) -> Bools:
        """Readers x these papers: those that may be shown and of which no interest speaks."""
        silence = np.multiply.reduceat(1 - self.relevance[:, papers], self.first, axis=0)
        return self.open[:, papers] & (1 - silence < floor)


@dataclass(frozen=True, slots=True)
class Seats:
    """Papers that were picked, those of one reader together."""

    #: Ascending.
    reader: Ints
    #: Rows of the pool.
    paper: Ints


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
        discovery = self._first_by_trend(lambda some: block.unheard(some, self._floor), wanted)
        seats = self._share_out(block, np.array(papers) - [len(one) for one in discovery])
        picks = self._picks(block, seats, naming)
        left = block.open.copy()
        left[seats.reader, seats.paper] = False
        for reader, taken in enumerate(discovery):
            left[reader, taken] = False
        also = self._first_by_trend(
            lambda some: left[:, some], np.full(len(facets), self._rules.also_trending)
        )
        for matched, strange, lines in zip(picks, discovery, also, strict=True):
            matched += [self._stranger(row, ReasonKind.DISCOVERY) for row in strange]
            trending = tuple(self._stranger(row, ReasonKind.TRENDING) for row in lines)
            yield Chosen(tuple(matched), trending)

    def _first_by_trend(self, allowed: Callable[[Ints], Bools], counts: Ints) -> list[list[int]]:
        """For each reader the most trending of the papers allowed to them; equal ones in pool order."""
        found: list[list[int]] = [[] for _ in counts]
        left = counts.copy()
        for start in range(0, len(self._by_trend), STRIDE):
            if not left.any():
                break
            rows = self._by_trend[start : start + STRIDE]
            among = allowed(rows)
            among &= np.cumsum(among, axis=1) <= left[:, None]
            left -= among.sum(axis=1)
            for reader, place in np.argwhere(among).tolist():
                found[reader].append(int(rows[place]))
        return found

    def _share_out(self, block: Block, seats: Ints) -> Seats:
        """Seats by Sainte-Laguë (weight / (2 * taken + 1)), each filled by the best open paper of its interest.

        When an interest has none left, its seats go to the others. Diversity is maximal marginal relevance
        (Carbonell and Goldstein 1998): likeness to what is already picked is subtracted.
        """
        lists, scores = self._put_forward(block, seats)
        near = np.zeros_like(scores)
        taken = np.zeros(len(block.owner), dtype=np.float32)
        picked = np.full((len(seats), int(seats.max(initial=0))), -1)
        for seat in range(picked.shape[1]):
            marginal = scores - self._ranking.diversity * near
            best = marginal.argmax(axis=1)
            able = np.isfinite(marginal[np.arange(len(best)), best]) & (seats[block.owner] > seat)
            claim = np.where(able, block.weight / (2 * taken + 1), 0)
            strongest = np.maximum.reduceat(claim, block.first)
            winners = np.flatnonzero((claim == strongest[block.owner]) & able)
            if not len(winners):
                break
            # The first of each reader's, where several claim alike; owners ascend.
            owners = block.owner[winners]
            first = np.diff(owners, prepend=-1) > 0
            winners, owners = winners[first], owners[first]
            picked[owners, seat] = lists[winners, best[winners]]
            taken[winners] += 1
            beside = picked[block.owner, seat][:, None]
            scores[lists == beside] = -np.inf
            likeness = self._similarity[lists, np.maximum(beside, 0)]
            np.maximum(near, np.where(beside >= 0, likeness, 0), out=near)
        reader, seat_of = np.nonzero(picked >= 0)
        return Seats(reader, picked[reader, seat_of])

    def _put_forward(self, block: Block, seats: Ints) -> tuple[Ints, Floats]:
        """Each facet's best papers that may be picked, with their scores; -inf where it has no more."""
        heard = np.flatnonzero((block.relevance >= self._floor) & block.open[block.owner])
        facets, papers = np.divmod(heard, block.relevance.shape[1])
        weight = self._ranking.trend_weight
        scores = (1 - weight) * block.relevance.ravel()[heard] + weight * self._trend[papers]
        # By facet, then by score, both in one number; equal ones stay in pool order.
        best = np.argsort(2.0 * facets - scores, kind="stable")
        counts = np.bincount(facets, minlength=len(block.owner))
        place = ranges(np.zeros_like(counts), counts)
        kept = place < PUT_FORWARD * seats[block.owner[facets[best]]]
        best, place = best[kept], place[kept]
        shape = (len(block.owner), int(place.max(initial=0)) + 1)
        lists, found = np.zeros(shape, dtype=np.intp), np.full(shape, -np.inf, dtype=np.float32)
        lists[facets[best], place], found[facets[best], place] = papers[best], scores[best]
        return lists, found

    def _picks(self, block: Block, seats: Seats, naming: Naming) -> list[list[Pick]]:
        """For each reader the picks with what spoke for them, the highest score first.

        A score is that of 1 - product of (1 - relevance) over the reader's facets: whatever speaks for a paper
        raises it.
        """
        counts = block.counts[seats.reader]
        facet = ranges(block.first[seats.reader], counts)
        heard = block.relevance[facet, np.repeat(seats.paper, counts)]
        found: list[list[Pick]] = [[] for _ in block.counts]
        if not len(counts):
            return found
        total = 1 - np.multiply.reduceat(1 - heard, np.cumsum(counts) - counts)
        weight = self._ranking.trend_weight
        scores = (1 - weight) * total + weight * self._trend[seats.paper]
        spoken, said = self._spoken(block, seats, facet, heard, naming)
        end = np.cumsum(said)
        columns = (seats.reader, seats.paper, np.round(scores.astype(float), 4), end - said, end)
        order = np.lexsort((-scores, seats.reader))
        told = zip(*(column[order].tolist() for column in columns), strict=True)
        for reader, row, score, start, stop in told:
            listed = self._edition.papers[row]
            reasons = (*spoken[start:stop], *listed.trend.reasons)[:MOST_REASONS]
            found[reader].append(Pick(paper=listed.paper.id, score=score, reasons=reasons))
        return found

    def _spoken(
        self, block: Block, seats: Seats, facet: Ints, heard: Floats, naming: Naming
    ) -> tuple[list[Reason], Ints]:
        """What spoke for each pick, the loudest first, pick after pick, and how many of each pick's there are.

        `heard` is what each of its reader's facets says.
        """
        pick = np.repeat(np.arange(len(seats.reader)), block.counts[seats.reader])
        loud = np.flatnonzero(heard >= self._floor)
        loud = loud[np.lexsort((-heard[loud], pick[loud]))]
        said = np.bincount(pick[loud], minlength=len(seats.reader))
        loud = loud[ranges(np.zeros_like(said), said) < MOST_REASONS - 1]
        voices = [block.voices[one] for one in facet[loud].tolist()]
        unnamed = [n for n, voice in enumerate(voices) if isinstance(voice, Taste)]
        named = iter(naming([v for v in voices if isinstance(v, Taste)], seats.paper[pick[loud[unnamed]]]))
        spoken = [voice if isinstance(voice, Reason) else next(named) for voice in voices]
        return spoken, np.minimum(said, MOST_REASONS - 1)

    def _stranger(self, row: int, kind: ReasonKind) -> Pick:
        """A paper that no interest speaks for; the same for everybody, so it is made once."""
        if (row, kind) not in self._strangers:
            listed = self._edition.papers[row]
            reasons = (Reason(kind=kind), *listed.trend.reasons)[:MOST_REASONS]
            score = round(float(self._trend[row]), 4)
            self._strangers[row, kind] = Pick(paper=listed.paper.id, score=score, reasons=reasons)
        return self._strangers[row, kind]
