"""From relevance to digests: shares per interest, diversity, a floor, one discovery, never a paper shown before. Pure.

A block of readers is chosen for together, seat by seat: the arrays are facets x papers or readers x papers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from digest.config import DigestDefaults, Ranking
from digest.model import Edition, Pick, Reason, ReasonKind
from digest.rank.features import Bools, Ints
from digest.rank.profile import Block
from digest.rank.score import Taste, ranges
from digest.rank.vectors import Floats

#: Reasons of one pick: what the reader asked for, then what the world says.
MOST_REASONS = 3
#: How many papers an interest puts forward for each seat of the digest: enough when others take as many of them.
PUT_FORWARD = 2
#: Papers looked at together, from the most trending on, for those that no interest speaks for.
STRIDE = 64

#: For tastes, numbers of some of them and as many papers (rows of the pool), what of each taste speaks for the paper.
Naming = Callable[[Sequence[Taste], Ints, Ints], Sequence[Reason]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What one reader is shown."""

    picks: tuple[Pick, ...]
    also_trending: tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class Seats:
    """Papers and whom they are shown to."""

    reader: Ints
    #: Rows of the pool.
    paper: Ints


class Selector:
    """Chooses from one edition."""

    def __init__(self, edition: Edition, similarity: Floats, rules: DigestDefaults, ranking: Ranking) -> None:
        self._rules, self._ranking = rules, ranking
        self._floor = max(rules.min_score, 1e-6)
        self._listed = [(one.paper.id, one.trend.reasons) for one in edition.papers]
        self.trend: Floats = np.array([listed.trend.score for listed in edition.papers], dtype=np.float32)
        self._by_trend = np.argsort(-self.trend, kind="stable")
        #: papers x papers, what a score loses when the other paper is picked; never the same one twice
        self._loss = np.asarray(ranking.diversity * similarity, dtype=np.float32)
        np.fill_diagonal(self._loss, np.inf)

    def choose(self, block: Block, shown: Bools, papers: Sequence[int], naming: Naming) -> list[Chosen]:
        """At most so many picks each (the discovery among them), and "also trending" lines beside them.

        The floor is on relevance: the trend alone never makes a pick of a paper that no interest speaks for, it makes
        an "also trending" line of it.
        """
        most, left = np.array(papers), ~(shown | block.excluded)
        # What the world is reading that the reader's interests would never show; never half of a digest.
        wanted = np.where(block.unasked, 0, np.minimum(self._rules.discovery, most // 3))
        strange = self._first_by_trend(lambda some: self._unheard(block, left, some), wanted)
        left[strange.reader, strange.paper] = False
        found = self._share_out(block, left, most - np.bincount(strange.reader, minlength=len(most)))
        left[found.reader, found.paper] = False
        also = np.full(len(most), self._rules.also_trending)
        lines = self._first_by_trend(lambda some: left[:, some], also)
        picks = self._picks(block, found, naming)
        self._add(picks, strange, ReasonKind.DISCOVERY)
        trending: list[list[Pick]] = [[] for _ in picks]
        self._add(trending, lines, ReasonKind.TRENDING)
        return [Chosen(tuple(some), tuple(more)) for some, more in zip(picks, trending, strict=True)]

    def _unheard(self, block: Block, open_: Bools, papers: Ints) -> Bools:
        """Readers x these papers: those that may be shown and of which no interest speaks."""
        silence = np.multiply.reduceat((1 - block.relevance[:, papers])[block.row], block.first, axis=0)
        return open_[:, papers] & (1 - silence < self._floor)

    def _first_by_trend(self, allowed: Callable[[Ints], Bools], counts: Ints) -> Seats:
        """For each reader the most trending of the papers allowed to them; equal ones in pool order."""
        found = [Seats(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))]
        left = counts.copy()
        for start in range(0, len(self._by_trend), STRIDE):
            if not left.any():
                break
            rows = self._by_trend[start : start + STRIDE]
            among = allowed(rows)
            among &= np.cumsum(among, axis=1, dtype=np.int32) <= left[:, None]
            left -= among.sum(axis=1)
            reader, place = np.nonzero(among)
            found.append(Seats(reader, rows[place]))
        return Seats(
            np.concatenate([one.reader for one in found]), np.concatenate([one.paper for one in found])
        )

    def _share_out(self, block: Block, open_: Bools, seats: Ints) -> Seats:
        """Seats by Sainte-Laguë (weight / (2 * taken + 1)), each filled by the best open paper of its interest.

        When an interest has none left, its seats go to the others. Diversity is maximal marginal relevance
        (Carbonell and Goldstein 1998): likeness to what is already picked is subtracted.
        """
        lists, scores = self._put_forward(block, open_, seats)
        marginal, facets = scores.copy(), np.arange(len(scores))
        where = lists * len(self.trend)
        taken = np.zeros(len(facets), dtype=np.float32)
        picked = np.full((len(seats), int(seats.max(initial=0))), -1)
        for seat in range(picked.shape[1]):
            best = marginal.argmax(axis=1)
            able = np.isfinite(marginal[facets, best]) & (seats[block.owner] > seat)
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
            # Whoever was given none now is given none later: what they lose does not matter.
            beside = np.maximum(picked[:, seat], 0)[block.owner]
            np.minimum(marginal, scores - self._loss.take(where + beside[:, None]), out=marginal)
        reader, seat_of = np.nonzero(picked >= 0)
        return Seats(reader, picked[reader, seat_of])

    def _put_forward(self, block: Block, open_: Bools, seats: Ints) -> tuple[Ints, Floats]:
        """Each facet's best papers that may be picked, with their scores; -inf where it has no more."""
        heard = np.flatnonzero((block.relevance >= self._floor)[block.row] & open_[block.owner])
        facets, papers = np.divmod(heard, len(self.trend))
        weight = self._ranking.trend_weight
        scores = (1 - weight) * block.relevance[block.row[facets], papers] + weight * self.trend[papers]
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
        """For each reader the picks with what spoke for them, the highest score first; their seats stand together.

        A score is that of 1 - product of (1 - relevance) over the reader's facets: whatever speaks for a paper
        raises it.
        """
        counts = block.counts[seats.reader]
        facet = ranges(block.first[seats.reader], counts)
        heard = block.relevance[block.row[facet], np.repeat(seats.paper, counts)]
        found: list[list[Pick]] = [[] for _ in block.counts]
        if not len(counts):
            return found
        total = 1 - np.multiply.reduceat(1 - heard, np.cumsum(counts) - counts)
        weight = self._ranking.trend_weight
        scores = (1 - weight) * total + weight * self.trend[seats.paper]
        spoken, said = self._spoken(block, seats, facet, heard, naming)
        end = np.cumsum(said)
        columns = (seats.reader, seats.paper, np.round(scores.astype(float), 4), end - said, end)
        order = np.lexsort((-scores, seats.reader))
        told = zip(*(column[order].tolist() for column in columns), strict=True)
        for reader, row, score, start, stop in told:
            paper, trending = self._listed[row]
            reasons = (*spoken[start:stop], *trending)[:MOST_REASONS]
            found[reader].append(Pick(paper=paper, score=score, reasons=reasons))
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
        unnamed = np.flatnonzero(np.array([isinstance(voice, Taste) for voice in voices], dtype=bool))
        asked, which = np.unique(facet[loud[unnamed]], return_inverse=True)
        tastes = [voice for one in asked.tolist() if isinstance(voice := block.voices[one], Taste)]
        named = iter(naming(tastes, which, seats.paper[pick[loud[unnamed]]]))
        spoken = [voice if isinstance(voice, Reason) else next(named) for voice in voices]
        return spoken, np.minimum(said, MOST_REASONS - 1)

    def _add(self, picks: list[list[Pick]], seats: Seats, kind: ReasonKind) -> None:
        """Papers that no interest speaks for; each is the same pick for everybody, so it is made once."""
        of = {row: self._stranger(row, kind) for row in np.unique(seats.paper).tolist()}
        for reader, row in zip(seats.reader.tolist(), seats.paper.tolist(), strict=True):
            picks[reader].append(of[row])

    def _stranger(self, row: int, kind: ReasonKind) -> Pick:
        paper, trending = self._listed[row]
        reasons = (Reason(kind=kind), *trending)[:MOST_REASONS]
        return Pick(paper=paper, score=round(float(self.trend[row]), 4), reasons=reasons)
