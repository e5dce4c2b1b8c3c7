"""Papers x subscribers becomes picks with reasons. Pure: no clock, equal input gives equal digests.

vectors      texts as vectors; `training` makes the table        features    papers as terms
background   what papers look like in general                    pool        the papers that can be picked
score        how strongly papers speak to an interest            asked       interests and feedback as wishes
profile      wishes as facets over the pool                      select      facets and trend into a digest
evaluate     the same scores, for a data set
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from digest.config import DigestDefaults, Ranking
from digest.model import Digest, Edition, Feedback, Paper, Reason, ReasonKind, Subscriber
from digest.rank import background, vectors
from digest.rank.asked import asked_by
from digest.rank.features import Bools, Ints, Texts
from digest.rank.pool import Pool
from digest.rank.profile import Profiler
from digest.rank.score import Examples, Taste, nearest
from digest.rank.select import Selector

__all__ = ["Ranker"]

#: Examples x papers whose comparison is kept in memory, 8 bytes each.
KEPT = 16_000_000


class Ranker:
    """One edition, made ready to be ranked for any number of subscribers."""

    def __init__(self, edition: Edition, rules: DigestDefaults, ranking: Ranking) -> None:
        self._edition, self._embedder = edition, vectors.shipped()
        papers = [listed.paper for listed in edition.papers]
        texts = _read(papers, self._embedder)
        self._pool = Pool.of(texts, background.shipped().with_texts(texts))
        self._profiler = Profiler(papers, self._pool, self._embedder)
        self._selector = Selector(edition, self._pool.similarity, rules, ranking)
        self._examples: Examples | None = None
        self._row_of_example: dict[str, int] = {}
        self._named: list[Reason] = []
        self._row = {alias: row for row, paper in enumerate(papers) for alias in (paper.id, *paper.aliases)}

    def digests(
        self,
        subscribers: Sequence[Subscriber],
        shown: Mapping[str, frozenset[str]],
        examples: Mapping[str, Paper],
        said: Mapping[str, Sequence[Feedback]] | None = None,
    ) -> Iterator[Digest]:
        """One digest each, in their order, perhaps an empty one.

        `shown` holds what each was shown before, and `said` their feedback, by subscriber id; `examples` the papers
        that they liked or disliked, by id. Memory is subscribers x papers x 4 bytes x interests: call it in blocks.
        """
        if not self._edition.papers or not subscribers:
            yield from (Digest(subscriber=s, edition=self._edition.id, picks=()) for s in subscribers)
            return
        now, feedback = self._edition.published_at, said or {}
        asked = [asked_by(subscriber, feedback.get(subscriber.id, ()), now) for subscriber in subscribers]
        wanted = set[str]().union(*(one.examples for one in asked))
        compared, row, named = self.read({i: examples[i] for i in sorted(wanted & examples.keys())})
        profiles = self._profiler.profiles(asked, compared, row)

        def naming(tastes: Sequence[Taste], rows: Ints) -> Sequence[Reason]:
            return [named[example] for example in nearest(compared, tastes, rows)]

        closed = np.stack(
            [
                self._rows(one.known | shown.get(s.id, frozenset()))
                for s, one in zip(subscribers, asked, strict=True)
            ]
        )
        chosen = self._selector.choose(profiles, closed, [s.papers for s in subscribers], naming)
        for subscriber, one in zip(subscribers, chosen, strict=True):
            yield Digest(
                subscriber=subscriber,
                edition=self._edition.id,
                picks=one.picks,
                also_trending=one.also_trending,
            )

    def read(self, examples: Mapping[str, Paper]) -> tuple[Examples, dict[str, int], list[Reason]]:
        """These papers compared with the pool: with the row of each, and the reason that names it.

        What was read stays for the next block of readers, up to `KEPT` comparisons.
        """
        new = {i: paper for i, paper in examples.items() if i not in self._row_of_example}
        if (len(self._row_of_example) + len(new)) * len(self._pool) > KEPT:
            self._examples, self._row_of_example, self._named = None, {}, []
            new = dict(examples)
        texts = _read(list(new.values()), self._embedder)
        found = Examples.of(texts, self._pool)
        self._examples = self._examples.with_(found) if self._examples else found
        self._row_of_example |= {i: len(self._named) + n for n, i in enumerate(new)}
        self._named += [Reason(kind=ReasonKind.LIKED, subject=paper.title) for paper in new.values()]
        return self._examples, self._row_of_example, self._named

    def _rows(self, papers: Iterable[str]) -> Bools:
        rows = np.zeros(len(self._edition.papers), dtype=bool)
        rows[[self._row[paper] for paper in papers if paper in self._row]] = True
        return rows


def _read(papers: Sequence[Paper], embedder: vectors.Embedder) -> Texts:
    return Texts.of([(paper.title, paper.abstract) for paper in papers], embedder)
