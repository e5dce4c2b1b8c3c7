"""A block of readers is chosen for as each would be alone, in the plainest words."""

from __future__ import annotations

import numpy as np
from factories import NOON, a_listed
from hypothesis import given
from hypothesis import strategies as st

from digest.config import DigestDefaults, Ranking
from digest.model import Edition, Reason, ReasonKind
from digest.rank.features import Bools
from digest.rank.profile import Block
from digest.rank.select import PUT_FORWARD, Selector
from digest.rank.vectors import Floats

PAPERS = 40


def a_block(random: np.random.Generator, readers: int) -> Block:
    counts = random.integers(1, 5, readers)
    facets = int(counts.sum())
    rows = max(1, facets // 2)  # some ask for the same
    return Block(
        owner=np.repeat(np.arange(readers), counts),
        first=np.cumsum(counts) - counts,
        counts=counts,
        weight=random.choice(np.array([0.5, 1, 2], dtype=np.float32), facets),
        voices=[Reason(kind=ReasonKind.PHRASE, subject=str(n)) for n in range(facets)],
        relevance=random.random((rows, PAPERS), dtype=np.float32) ** 3,
        row=random.integers(0, rows, facets),
        excluded=random.random((readers, PAPERS)) < 0.2,
        unasked=random.random(readers) < 0.2,
    )


class Plainly:
    """One reader, one seat, one paper at a time."""

    def __init__(
        self, rules: DigestDefaults, ranking: Ranking, trend: list[float], similarity: Floats
    ) -> None:
        self.rules, self.ranking, self.trend, self.similarity = rules, ranking, trend, similarity

    def by_trend(self, papers: list[int], most: int) -> list[int]:
        return sorted(papers, key=lambda paper: -self.trend[paper])[:most]

    def chosen(
        self, block: Block, shown: Bools, reader: int, papers: int
    ) -> tuple[set[int], list[int], list[int]]:
        """What is picked, what is discovered, and what is also trending."""
        open_ = [p for p in range(PAPERS) if not shown[reader, p] and not block.excluded[reader, p]]
        facets = [n for n in range(len(block.owner)) if block.owner[n] == reader]
        unheard = [p for p in open_ if self.together(block, facets, p) < self.rules.min_score]
        wanted = 0 if block.unasked[reader] else min(self.rules.discovery, papers // 3)
        strange = self.by_trend(unheard, wanted)
        picked = self.shared_out(block, facets, open_, papers - len(strange))
        left = [p for p in open_ if p not in picked and p not in strange]
        return set(picked), strange, self.by_trend(left, self.rules.also_trending)

    def together(self, block: Block, facets: list[int], paper: int) -> float:
        return 1 - float(np.prod([1 - block.relevance[block.row[n], paper] for n in facets]))

    def score(self, block: Block, facet: int, paper: int) -> float:
        weight = self.ranking.trend_weight
        return float((1 - weight) * block.relevance[block.row[facet], paper] + weight * self.trend[paper])

    def shared_out(self, block: Block, facets: list[int], open_: list[int], seats: int) -> list[int]:
        forward = {}
        for n in facets:
            heard = [p for p in open_ if block.relevance[block.row[n], p] >= self.rules.min_score]
            heard.sort(key=lambda paper, n=n: -self.score(block, n, paper))  # type: ignore[misc]
            forward[n] = heard[: PUT_FORWARD * seats]
        picked: list[int] = []
        taken = dict.fromkeys(facets, 0)
        while len(picked) < seats:
            able = [n for n in facets if set(forward[n]) - set(picked)]
            if not able:
                break
            winner = max(able, key=lambda n: block.weight[n] / (2 * taken[n] + 1))
            best = max(
                (p for p in forward[winner] if p not in picked),
                key=lambda paper: self.marginal(self.score(block, winner, paper), paper, picked),
            )
            taken[winner] += 1
            picked.append(best)
        return picked

    def marginal(self, score: float, paper: int, picked: list[int]) -> float:
        near = max((float(self.similarity[paper, other]) for other in picked), default=0.0)
        return score - self.ranking.diversity * max(near, 0.0)


@given(seed=st.integers(0, 2**32 - 1), papers=st.integers(1, 12), diversity=st.sampled_from([0.0, 0.3, 1.0]))
def test_a_block_is_chosen_for_as_each_reader_would_be_in_the_plainest_words(
    seed: int, papers: int, diversity: float
) -> None:
    random = np.random.default_rng(seed)
    trend = random.random(PAPERS, dtype=np.float32).tolist()
    edition = Edition(
        id=1, published_at=NOON, papers=tuple(a_listed(n, score=score) for n, score in enumerate(trend))
    )
    half = random.random((PAPERS, PAPERS), dtype=np.float32) - 0.2
    similarity, rules, ranking = (half + half.T) / 2, DigestDefaults(), Ranking(diversity=diversity)
    block, shown = a_block(random, 6), random.random((6, PAPERS)) < 0.1
    plain = Plainly(rules, ranking, trend, similarity)
    number = {listed.paper.id: n for n, listed in enumerate(edition.papers)}
    found = Selector(edition, similarity, rules, ranking).choose(
        block, shown, [papers] * 6, lambda _t, _w, _r: []
    )
    for reader, chosen in enumerate(found):
        picked, strange, lines = plain.chosen(block, shown, reader, papers)
        matched = [p for p in chosen.picks if p.reasons[0].kind is not ReasonKind.DISCOVERY]
        assert {number[pick.paper] for pick in matched} == picked
        assert [number[pick.paper] for pick in chosen.picks[len(matched) :]] == strange
        assert [number[pick.paper] for pick in chosen.also_trending] == lines
        assert [pick.score for pick in matched] == sorted((pick.score for pick in matched), reverse=True)
