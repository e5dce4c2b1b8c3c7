"""How strongly papers speak to one interest: the one scoring function, of `run` and of `evaluate`.

Three signals look at liked papers: terms (Rocchio 1971), nearness of vectors to their centroid, and a discriminant
between them and papers in general; two look at a phrase: its terms and its vector. Each is standardised over the
pool, and their mean is weighted by trust: a signal is trusted as far as it sees what it was not told. For likes that
is how high above the pool it puts each liked paper when asked with the others; for a phrase, how high the vectors put
the papers that say it. What is believed beforehand is less for vectors that know little of the pool as a whole.
So vectors that know little of a reader's field give way to the terms.

A strength is in standard deviations above the pool; 3 and more is rare by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from scipy import sparse

from digest.rank.features import Ints, Texts, dense
from digest.rank.pool import ASSUMED_PAPERS, Pool
from digest.rank.vectors import Floats

#: What each signal counts where all are trusted alike.
TERMS, CENTROID, DISCRIMINANT = 0.5, 1.0, 1.0
PHRASE_TERMS = 0.5
#: How many papers that say a phrase it takes to judge its vector by them.
PHRASE_PATIENCE = 5.0
#: Trust before anything is known of it, in standard deviations, and how many liked papers that is worth.
USUAL, PATIENCE = 2.0, 3.0
#: How much a disliked paper takes away.
DISLIKE = 0.5
#: Vectors with this cosine are about related things; a group of liked papers is an interest of its own from so many
#: and such a share of them on.
ALIKE, FEWEST, SMALLEST = 0.15, 2, 0.2
#: What is usual of term likeness, for pools that are too small to show it: mean and deviation of the cosine of
#: unrelated papers, and of the share of a phrase.
COSINE, SHARE = (0.012, 0.015), (0.02, 0.1)


@dataclass(frozen=True, slots=True)
class Taste:
    """Papers that speak for and against one interest: rows of the examples, with weights."""

    liked: Mapping[int, float]
    disliked: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examples:
    """Papers that readers liked or disliked, compared with a pool."""

    #: examples x terms of the pool
    terms: sparse.csr_matrix
    #: examples x dimensions, and the same along the discriminant
    vectors: Floats
    apart: Floats
    #: examples x signals: what each says of itself
    itself: Floats
    #: examples x papers of the pool, cosine of the terms
    likeness: Floats
    #: the same with the cosine of the vectors added: what an example is named by
    closeness: Floats

    @classmethod
    def of(cls, texts: Texts, pool: Pool) -> Examples:
        """Compare them, once, whoever liked them."""
        terms, vectors = pool.corpus.others(texts.terms), texts.vectors
        apart, likeness = pool.apart(vectors), dense(terms, pool.corpus.tfidf)
        itself = np.column_stack(
            [_sums_of_squares(terms), (vectors * vectors).sum(axis=1), (apart * vectors).sum(axis=1)]
        )
        return cls(terms, vectors, apart, itself, likeness, likeness + vectors @ pool.vectors.T)

    def with_(self, more: Examples) -> Examples:
        """Both, the new ones at the end."""
        if not len(more.vectors):
            return self
        terms = sparse.vstack([self.terms, more.terms], format="csr")
        dense_ones = (
            (self.vectors, more.vectors),
            (self.apart, more.apart),
            (self.itself, more.itself),
            (self.likeness, more.likeness),
            (self.closeness, more.closeness),
        )
        return Examples(terms, *(np.concatenate(both) for both in dense_ones))


@dataclass(frozen=True, slots=True)
class Signal:
    """How each taste's raw scores are to be read."""

    #: What the signal counts where all are trusted alike.
    usual: float
    #: The insight that it is believed to have before anything is known of it.
    believed: float
    #: Of the raw scores over the pool.
    mean: Floats
    spread: Floats
    #: How far above the pool it puts what it was not told, in standard deviations.
    insight: Floats
    #: Tastes x dimensions, whose products with the pool's vectors are the raw scores; None if they come from terms.
    directions: Floats | None = None

    def weight(self, others: Floats) -> Floats:
        """Trust: what it was seen to do for each taste's liked papers, as far as there were others to ask it with."""
        trust = (others * self.insight + PATIENCE * self.believed) / (others + PATIENCE)
        return self.usual * trust**2


def relevance(strength: Floats) -> Floats:
    """0..1: one half at 3 standard deviations above the pool, a tenth at 2."""
    found = np.asarray(2 * (3 - strength), dtype=np.float32)
    np.exp(np.clip(found, -30, 30, out=found), out=found)
    found += 1
    return np.reciprocal(found, out=found)


def of_tastes(pool: Pool, examples: Examples, tastes: Sequence[Taste]) -> Floats:
    """Strength of every paper for every taste: tastes x papers."""
    liked = _shares([taste.liked for taste in tastes], len(examples.vectors))
    disliked = _shares([taste.disliked for taste in tastes], len(examples.vectors))
    asked = liked - DISLIKE * disliked if disliked.nnz else liked
    raw = np.asarray(asked @ examples.likeness)
    own = liked @ examples.terms
    told = _sums_of_squares(own) if asked is liked else _row_sums((asked @ examples.terms).multiply(own))
    mean, spread = _usual(raw, *COSINE)
    insight = _insight(_left_out(told, examples.itself[:, 0], liked), mean, spread)
    signals = [Signal(TERMS, USUAL, mean, spread, insight)]
    if pool.moments is not None:
        centroids = liked @ examples.vectors
        for number, (usual, rows) in enumerate(
            ((CENTROID, examples.vectors), (DISCRIMINANT, examples.apart)), 1
        ):
            directions = asked @ rows
            mean, spread = _along(pool, directions)
            told = (directions * centroids).sum(axis=1)
            insight = _insight(_left_out(told, examples.itself[:, number], liked), mean, spread)
            signals.append(Signal(usual, USUAL * pool.knowledge, mean, spread, insight, directions))
    return _mixed(pool, raw, signals, 1 / _alone(liked) - 1)


def _mixed(pool: Pool, raw: Floats, signals: Sequence[Signal], others: Floats) -> Floats:
    """The mean of the signals in standard deviations, by trust.

    All that is linear in the pool's vectors is added up before it meets them: one product for all papers.
    """
    weights = [signal.weight(others) for signal in signals]
    total = np.sum(weights, axis=0)
    scales = [weight / (total * signal.spread) for signal, weight in zip(signals, weights, strict=True)]
    directions = [
        scale[:, None] * signal.directions
        for signal, scale in zip(signals, scales, strict=True)
        if signal.directions is not None
    ]
    raw *= scales[0][:, None]
    if directions:
        raw += np.sum(directions, axis=0, dtype=np.float32) @ pool.vectors.T
    means = [scale * signal.mean for signal, scale in zip(signals, scales, strict=True)]
    raw -= np.sum(means, axis=0)[:, None]
    return np.asarray(raw, dtype=np.float32)


def of_phrases(pool: Pool, phrases: Sequence[str], vectors: Floats) -> tuple[Floats, Floats]:
    """Strength of every paper for every phrase, and the share (0..1) of the phrase that it says: phrases x papers."""
    shares = pool.corpus.shares(phrases)
    terms = _standard(shares, *_usual(shares, *SHARE))
    if pool.moments is None:
        return terms, shares
    directions = pool.apart(vectors)
    near = _standard(directions @ pool.vectors.T, *_along(pool, directions))
    near[np.linalg.norm(vectors, axis=1) == 0] = 0
    said = shares.sum(axis=1)
    insight = np.maximum((shares * near).sum(axis=1) / np.maximum(said, 1e-9), 0)
    sayers = said**2 / np.maximum((shares * shares).sum(axis=1), 1e-9)
    insight = (sayers * insight + PHRASE_PATIENCE * pool.knowledge) / (sayers + PHRASE_PATIENCE)
    trust = insight**2 * np.linalg.norm(vectors, axis=1)
    mixed = (PHRASE_TERMS * terms + trust[:, None] * near) / (PHRASE_TERMS + trust)[:, None]
    return np.asarray(mixed, dtype=np.float32), shares


def apart(examples: Examples, tastes: Sequence[Taste]) -> list[list[Taste]]:
    """Each taste, or several where its liked papers are about unrelated things; dislikes stay with each.

    Around the paper that is alike to most, all that are alike to it are one group, and so on with the rest. What is
    left over, or too small to be an interest of its own, goes with the first.
    """
    found = [[taste] for taste in tastes]
    by_size: dict[int, list[int]] = {}
    for number, taste in enumerate(tastes):
        by_size.setdefault(len(taste.liked), []).append(number)
    for size, numbers in by_size.items():
        if size >= 2 * FEWEST:  # tastes of one size are looked at together
            liked = np.array([list(tastes[number].liked) for number in numbers])
            groups = _groups(examples.vectors[liked])
            several = np.flatnonzero(groups.any(axis=1))
            for at, theirs in zip(several.tolist(), groups[several].tolist(), strict=True):
                found[numbers[at]] = _parted(tastes[numbers[at]], theirs)
    return found


def _parted(taste: Taste, groups: Sequence[int]) -> list[Taste]:
    parts: list[dict[int, float]] = [{} for _ in range(max(groups) + 1)]
    for group, (paper, weight) in zip(groups, taste.liked.items(), strict=True):
        parts[group][paper] = weight
    return [Taste(part, taste.disliked) for part in parts]


def _groups(vectors: Floats) -> Ints:
    """For tastes x papers x dimensions, the number of each paper's group, 0 the first."""
    alike = vectors @ vectors.transpose(0, 2, 1) > ALIKE
    # As numbers, so that a product counts them: adding up truth values takes several times as long.
    counted = alike.astype(np.float32)
    tastes, papers = alike.shape[:2]
    needed = max(FEWEST, SMALLEST * papers)
    group, left = np.zeros((tastes, papers), dtype=np.intp), np.ones((tastes, papers), dtype=bool)
    for number in range(int(1 / SMALLEST)):
        sizes = np.matmul(counted, left[:, :, None].astype(np.float32))[:, :, 0]
        seed = sizes.argmax(axis=1)
        members = alike[np.arange(tastes), seed] & left
        members &= (sizes[np.arange(tastes), seed] >= needed)[:, None]
        if not members.any():
            break
        group[members] = number
        left &= ~members
    return group


def nearest(examples: Examples, tastes: Sequence[Taste], which: Ints, papers: Ints) -> Ints:
    """For some of the tastes and as many papers (rows of the pool) the liked one that is most like each.

    `which` is the number of the taste; what is found are rows of the examples.
    """
    if not len(which):
        return which
    sizes = np.array([len(taste.liked) for taste in tastes])
    liked = np.fromiter(chain.from_iterable(taste.liked for taste in tastes), np.intp, count=sizes.sum())
    counts = sizes[which]
    asked = liked[ranges((np.cumsum(sizes) - sizes)[which], counts)]
    closeness = examples.closeness[asked, np.repeat(papers, counts)]
    most = np.maximum.reduceat(closeness, np.cumsum(counts) - counts)
    found = np.flatnonzero(closeness == np.repeat(most, counts))
    _, first = np.unique(np.repeat(np.arange(len(counts)), counts)[found], return_index=True)
    return asked[found[first]]


def ranges(starts: Ints, counts: Ints) -> Ints:
    """`arange(start, start + count)` for each, one after the other."""
    return np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())


def _insight(left_out: Floats, mean: Floats, spread: Floats) -> Floats:
    return np.maximum((left_out - mean) / spread, 0)


def _left_out(told: Floats, itself: Floats, liked: sparse.csr_matrix) -> Floats:
    """The mean score of the liked papers, each asked for with the others only.

    `told` is that score with the paper among those it is asked with, `itself` what it then says of itself.
    """
    alone = _alone(liked)
    return np.asarray((told - _squares(liked) @ itself) / np.maximum(1 - alone, 1e-6) * (alone < 1 - 1e-6))


def _alone(liked: sparse.csr_matrix) -> Floats:
    """The sum of squared weights, one over the effective number of liked papers; 1 where there are none."""
    squares = _sums_of_squares(liked)
    return np.where(squares > 0, squares, 1)


def _squares(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix((rows.data * rows.data, rows.indices, rows.indptr), shape=rows.shape)


def _sums_of_squares(rows: sparse.csr_matrix) -> Floats:
    """Of each row; a fifth of the time of a matrix of squares, for rows as long as profiles are."""
    found, filled = np.zeros(rows.shape[0], dtype=np.float32), np.diff(rows.indptr) > 0
    if filled.any():
        found[filled] = np.add.reduceat(rows.data * rows.data, rows.indptr[:-1][filled])
    return found


def _row_sums(rows: sparse.csr_matrix) -> Floats:
    return np.asarray(rows.sum(axis=1), dtype=np.float32).ravel()


def _standard(raw: Floats, mean: Floats, deviation: Floats) -> Floats:
    return np.asarray((raw - mean[:, None]) / deviation[:, None], dtype=np.float32)


def _usual(raw: Floats, mean: float, deviation: float) -> tuple[Floats, Floats]:
    """Mean and deviation of each row; what is assumed of both is blended in."""
    papers = raw.shape[1] + ASSUMED_PAPERS
    blended = (raw.sum(axis=1) + ASSUMED_PAPERS * mean) / papers
    squares = np.einsum("ij,ij->i", raw, raw) + ASSUMED_PAPERS * (deviation**2 + mean**2)
    return blended, np.sqrt(np.maximum(squares / papers - blended**2, 1e-12))


def _along(pool: Pool, directions: Floats) -> tuple[Floats, Floats]:
    """The same for the pool's vectors along each direction; the background is what is assumed."""
    usual = pool.usual
    variance = ((directions @ usual.covariance) * directions).sum(axis=1)
    return directions @ usual.mean, np.sqrt(np.maximum(variance, 1e-12))


def _shares(weights: Sequence[Mapping[int, float]], examples: int) -> sparse.csr_matrix:
    """Rows that sum to 1, or are empty."""
    counts = [len(one) for one in weights]
    starts = np.cumsum([0, *counts], dtype=np.int32)
    columns = np.fromiter(chain.from_iterable(weights), np.int32, count=starts[-1])
    values = np.fromiter(chain.from_iterable(one.values() for one in weights), np.float32, count=starts[-1])
    values /= np.repeat([sum(one.values()) for one in weights], counts).astype(np.float32)
    return sparse.csr_matrix((values, columns, starts), shape=(len(weights), examples))
