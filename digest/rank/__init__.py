"""Papers x subscribers becomes picks with reasons. Pure: no I/O, no clock, equal input gives equal digests.

features   papers as term vectors          profile   readers as facets over the pool
select     facets and trend into a digest
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from digest.config import DigestDefaults, Ranking
from digest.model import Digest, Edition, InterestKind, Paper, Subscriber
from digest.rank.features import Bools, Corpus
from digest.rank.profile import profiles
from digest.rank.select import Pool, select

__all__ = ["Ranker"]


class Ranker:
    """One edition, made ready to be ranked for any number of subscribers."""

    def __init__(self, edition: Edition, rules: DigestDefaults, ranking: Ranking) -> None:
        self._edition, self._rules, self._ranking = edition, rules, ranking
        self._corpus = Corpus.of([listed.paper for listed in edition.papers])
        trend = np.array([listed.trend.score for listed in edition.papers], dtype=np.float32)
        self._pool = Pool(edition, trend, self._corpus.similarity)
        self._row = {
            alias: row
            for row, listed in enumerate(edition.papers)
            for alias in (listed.paper.id, *listed.paper.aliases)
        }

    def digests(
        self,
        subscribers: Sequence[Subscriber],
        shown: Mapping[str, frozenset[str]],
        examples: Mapping[str, Paper],
    ) -> Iterator[Digest]:
        """One digest each, in their order, perhaps an empty one.

        `shown` holds what each was shown before, by subscriber id; `examples` the papers behind their LIKE
        interests, by id. Memory is subscribers x papers x 4 bytes x interests: call it in blocks.
        """
        if not self._edition.papers:
            yield from (Digest(subscriber=s, edition=self._edition.id, picks=()) for s in subscribers)
            return
        for subscriber, profile in zip(
            subscribers, profiles(subscribers, examples, self._corpus), strict=True
        ):
            # What they gave as an example they know already.
            known = frozenset(i.value for i in subscriber.asked(InterestKind.LIKE))
            seen = self._rows_of(shown.get(subscriber.id, frozenset()) | known)
            chosen = select(self._pool, profile, seen, subscriber.papers, self._rules, self._ranking)
            yield Digest(
                subscriber=subscriber,
                edition=self._edition.id,
                picks=chosen.picks,
                also_trending=chosen.also_trending,
            )

    def _rows_of(self, papers: frozenset[str]) -> Bools:
        rows = np.zeros(len(self._edition.papers), dtype=bool)
        rows[[self._row[paper] for paper in papers if paper in self._row]] = True
        return rows
