"""Papers x subscribers becomes picks with reasons. Pure: no clock, equal input gives equal digests.

vectors      texts as vectors; `training` makes the table        features    papers as terms
neural       any sentence-transformers model                     beside      the table with a model beside it
background   what papers look like in general                    pool        the papers that can be picked
score        how strongly papers speak to an interest            asked       interests and feedback as wishes
profile      wishes as facets over the pool                      select      facets and trend into a digest
wording      reasons in the reader's words                       evaluate     the same scores, for a data set
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cache
from itertools import chain

import numpy as np

from digest.config import DigestDefaults, Ranking
from digest.model import (
    Digest,
    Edition,
    Feedback,
    Interest,
    Listed,
    Paper,
    Reason,
    ReasonKind,
    Subscriber,
)
from digest.rank import background, neural, vectors, wording
from digest.rank.asked import asked_by
from digest.rank.beside import Beside
from digest.rank.features import Bools, Ints, Texts
from digest.rank.pool import Pool
from digest.rank.profile import Profiler
from digest.rank.score import Examples, Taste, nearest
from digest.rank.select import Chosen, Selector
from digest.rank.vectors import Embedder

__all__ = ["OLDER", "Beside", "Embedder", "Ranker", "embedder"]

#: How many papers before an edition are blended into the background: twice what the shipped one counts for.
OLDER = 2000
NONE: frozenset[str] = frozenset()
#: Examples x papers whose comparison is kept in memory, 8 bytes each.
KEPT = 16_000_000


def embedder(model: str = "") -> Embedder:
    """The table that comes with the package, with a sentence-transformers model beside it if one is named.

    ConfigError if that model cannot be had.
    """
    return Beside(vectors.shipped(), neural.load(model)) if model else vectors.shipped()


class Ranker:
    """One edition, made ready to be ranked for any number of subscribers.

    `older` papers show what is usual where this installation reads, beside those of the edition. `of_days` is the
    edition's papers, in their order, as they stand in a digest of so many days; without it, as on any day.
    """

    def __init__(
        self,
        edition: Edition,
        rules: DigestDefaults,
        ranking: Ranking,
        embedder: Embedder | None = None,
        older: Iterable[Paper] = (),
        of_days: Callable[[int], tuple[Listed, ...]] | None = None,
    ) -> None:
        self._edition, self.embedder = edition, embedder or vectors.shipped()
        papers = [listed.paper for listed in edition.papers]
        texts = _read(papers, self.embedder)
        self._row = {alias: row for row, paper in enumerate(papers) for alias in (paper.id, *paper.aliases)}
        known = background.usual(self.embedder).with_texts(texts)
        before = {paper.id: paper for paper in older if paper.id not in self._row}
        self._pool = Pool.of(texts, known.with_texts(_read(list(before.values()), self.embedder)))
        self._profiler = Profiler(papers, self._pool, self.embedder)
        self._weights = cache(self._pool.corpus.weights)

        def selector(days: int) -> Selector:
            standing = replace(edition, papers=of_days(days)) if of_days and days > 1 else edition
            return Selector(standing, self._pool.similarity, rules, ranking)

        self._selector = cache(selector)
        self._examples: Examples | None = None
        self._row_of_example: dict[str | Interest, int] = {}
        self._named: list[Reason | Interest] = []

    def digests(
        self,
        subscribers: Sequence[Subscriber],
        shown: Mapping[str, frozenset[str]],
        examples: Mapping[str, Paper],
        said: Mapping[str, Sequence[Feedback]] | None = None,
        days: Mapping[str, int] | None = None,
    ) -> Iterator[Digest]:
        """One digest each, in their order, perhaps an empty one.

        `shown` holds what each was shown before, `said` their feedback, and `days` of how many days their digest is,
        one if it is not there, by subscriber id; `examples` the papers that they liked or disliked, by id. Memory is
        subscribers x papers x 4 bytes x interests: call it in blocks.
        """
        if not self._edition.papers or not subscribers:
            yield from (Digest(subscriber=s, edition=self._edition.id, picks=()) for s in subscribers)
            return
        now, feedback = self._edition.published_at, said or {}
        asked = [asked_by(subscriber, feedback.get(subscriber.id, ()), now) for subscriber in subscribers]
        wanted = set[str]().union(*chain.from_iterable((one.liked, one.disliked) for one in asked))
        texts = dict.fromkeys(text for one in asked for text in one.texts)
        given: dict[str | Interest, Paper | Interest] = {text: text for text in texts}
        given |= {i: examples[i] for i in sorted(wanted & examples.keys())}
        compared, row, named = self.read(given)

        def naming(tastes: Sequence[Taste], which: Ints, rows: Ints) -> Sequence[Reason]:
            told = zip(nearest(compared, tastes, which, rows).tolist(), rows.tolist(), strict=True)
            return [self._reason(named[example], row) for example, row in told]

        spans = [(days or {}).get(subscriber.id, 1) for subscriber in subscribers]
        chosen: dict[int, Chosen] = {}
        for span in sorted(set(spans)):
            group = [reader for reader, other in enumerate(spans) if other == span]
            selector, theirs = self._selector(span), [asked[reader] for reader in group]
            block = self._profiler.block(theirs, compared, row, selector.trend)
            known = [asked[reader].known | shown.get(subscribers[reader].id, NONE) for reader in group]
            wanting = [subscribers[reader].papers for reader in group]
            chosen |= zip(group, selector.choose(block, self._rows(known), wanting, naming), strict=True)
        for reader, subscriber in enumerate(subscribers):
            one = chosen[reader]
            yield Digest(
                subscriber=subscriber,
                edition=self._edition.id,
                picks=one.picks,
                also_trending=one.also_trending,
            )

    def alike(self, paper: Paper, most: int) -> list[str]:
        """The ids of the edition's papers that are most like this one, the closest first, without itself.

        The cosine of the vectors decides; a paper without any likeness is not among them.
        """
        row = self._row.get(paper.id)
        vectors = self._pool.vectors
        vector = _read([paper], self.embedder).vectors[0] if row is None else vectors[row]
        likeness = vectors @ vector
        if row is not None:
            likeness[row] = 0
        best = np.argsort(-likeness, kind="stable")[:most]
        return [self._edition.papers[one].paper.id for one in best.tolist() if likeness[one] > 0]

    def read(
        self, examples: Mapping[str | Interest, Paper | Interest]
    ) -> tuple[Examples, dict[str | Interest, int], list[Reason | Interest]]:
        """Papers and what readers wrote, compared with the pool: with the row of each, and what names it.

        What was read stays for the next block of readers, up to `KEPT` comparisons.
        """
        new = {i: one for i, one in examples.items() if i not in self._row_of_example}
        if self._examples and not new:
            return self._examples, self._row_of_example, self._named
        if (len(self._row_of_example) + len(new)) * len(self._pool) > KEPT:
            self._examples, self._row_of_example, self._named = None, {}, []
            new = dict(examples)
        texts = _read(list(new.values()), self.embedder)
        found = Examples.of(texts, self._pool)
        self._examples = self._examples.with_(found) if self._examples else found
        self._row_of_example |= {i: len(self._named) + n for n, i in enumerate(new)}
        self._named += [_name(one) for one in new.values()]
        return self._examples, self._row_of_example, self._named

    def _reason(self, named: Reason | Interest, row: int) -> Reason:
        if isinstance(named, Reason):
            return named
        return Reason(kind=ReasonKind.TEXT, subject=wording.phrase(named.value, self._weights(row)))

    def _rows(self, known: Sequence[AbstractSet[str]]) -> Bools:
        """Readers x papers: which of the edition's each knows."""
        rows = np.zeros((len(known), len(self._edition.papers)), dtype=bool)
        for reader, papers in enumerate(known):
            if there := self._row.keys() & papers:
                rows[reader, [self._row[paper] for paper in there]] = True
        return rows


def _name(example: Paper | Interest) -> Reason | Interest:
    return Reason(kind=ReasonKind.LIKED, subject=example.title) if isinstance(example, Paper) else example


def _read(papers: Sequence[Paper | Interest], embedder: Embedder) -> Texts:
    """What a reader wrote is read as an abstract."""
    texts = [(one.title, one.abstract) if isinstance(one, Paper) else ("", one.value) for one in papers]
    return Texts.of(texts, embedder)
