"""The papers that can be picked, made ready to be compared with any number of readers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from digest.rank.background import Background, Moments
from digest.rank.features import Corpus, Ints, Texts, dense
from digest.rank.vectors import Floats, unit

#: A paper is also known by its nearest papers: this many, and so much of their mean is added to its vector.
NEIGHBOURS, BORROWED = 5, 0.6
#: Shrinkage of the covariance, in units of its mean eigenvalue.
SHRINKAGE = 3.0
#: How many papers' worth is assumed of what is usual, for pools that are too small to show it.
ASSUMED_PAPERS = 50
#: Rows compared at once with the whole pool.
STRIPE = 1024
#: Vectors are asked for the papers that share most terms with one, this many; they know the field if they put them
#: so much higher, in standard deviations, than random rows of a table do.
SHARING, KNOWING = 3, 0.4
#: Deviation of the logarithm of the random rows' lengths; a trained table's are as uneven.
UNEVEN = 0.8
#: Numbers of a random row, as of the shipped table's.
WIDTH = 160


@dataclass(frozen=True)
class Pool:
    """Papers as terms and as vectors, and what is usual among papers."""

    corpus: Corpus
    #: papers x dimensions, with what each borrowed from its neighbours
    vectors: Floats
    #: None if there is no vector at all
    moments: Moments | None

    @classmethod
    def of(cls, texts: Texts, background: Background) -> Pool:
        """Make papers ready; the background holds them, beside all others that are known."""
        corpus = Corpus.of(texts.terms, background.papers, background.frequency)
        return cls(corpus, smoothed(texts.vectors), background.moments)

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def likeness(self) -> Floats:
        """Papers x papers, the cosine of the terms."""
        return dense(self.corpus.tfidf, self.corpus.tfidf)

    @cached_property
    def similarity(self) -> Floats:
        """Papers x papers, the mean of both cosines; what diversity is measured by."""
        return (self.likeness + self.vectors @ self.vectors.T) / 2

    @cached_property
    def knowledge(self) -> float:
        """0..1: what the vectors know of this pool beyond the words that two papers share.

        Random rows also put papers near each other that say the same words. Vectors that do no better know nothing
        of the field, whatever they know elsewhere. A few papers cannot show it: vectors are believed beforehand.
        """
        count = min(SHARING, len(self) - 1)
        if count < 1:
            return 1.0
        likeness = self.likeness[:STRIPE].copy()
        np.fill_diagonal(likeness, -1)
        sharing = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        random = np.random.default_rng(0)
        said = (self.corpus.counts[:, self.corpus.words] > 0).astype(np.float32)
        # No wider than the shipped table: many random numbers a word say ever more exactly which words are shared.
        shape = (said.shape[1], min(self.vectors.shape[1], WIDTH))
        lengths = np.exp(UNEVEN * random.standard_normal((shape[0], 1), dtype=np.float32))
        table = lengths * random.standard_normal(shape, dtype=np.float32)
        edge = _insight(self.vectors, sharing) - _insight(unit(said @ table), sharing)
        shown = min(max(edge / KNOWING, 0.0), 1.0)
        return (len(self) * shown + ASSUMED_PAPERS) / (len(self) + ASSUMED_PAPERS)

    @cached_property
    def usual(self) -> Moments:
        """Where the pool's vectors lie, with some of the background blended in; needs a background with vectors."""
        assert self.moments is not None
        return Moments.of(self.vectors).with_(replace(self.moments, papers=ASSUMED_PAPERS))

    @cached_property
    def precision(self) -> Floats:
        """The inverse of the shrunk covariance."""
        if self.moments is None:
            return np.zeros((self.vectors.shape[1], self.vectors.shape[1]), dtype=np.float32)
        covariance = self.moments.covariance
        ridge = SHRINKAGE * max(float(np.trace(covariance)) / len(covariance), 1e-6)
        return np.asarray(np.linalg.inv(covariance + ridge * np.eye(len(covariance))), dtype=np.float32)

    def apart(self, vectors: Floats) -> Floats:
        """Vectors (rows) as directions of Fisher's discriminant between them and papers in general."""
        centre = 0 if self.moments is None else self.moments.mean
        return np.asarray((vectors - centre) @ self.precision, dtype=np.float32)


def _insight(vectors: Floats, wanted: Ints) -> float:
    """How far above the others each of the first rows puts the wanted ones, in standard deviations; their mean."""
    near = vectors[: len(wanted)] @ vectors.T
    found = np.take_along_axis(near, wanted, axis=1) - near.mean(axis=1, keepdims=True)
    return float((found / np.maximum(near.std(axis=1, keepdims=True), 1e-6)).mean())


def smoothed(vectors: Floats) -> Floats:
    """Each row moved towards its nearest rows, its length kept.

    Papers that are found together are wanted together (the cluster hypothesis, van Rijsbergen 1979), and the words
    of one abstract are few.
    """
    count = min(NEIGHBOURS, len(vectors) - 1)
    if count < 1:
        return vectors
    means = np.empty_like(vectors)
    for start in range(0, len(vectors), STRIPE):
        near = vectors[start : start + STRIPE] @ vectors.T
        near[np.arange(len(near)), np.arange(start, start + len(near))] = -np.inf
        chosen = np.argpartition(-near, count - 1, axis=1)[:, :count]
        means[start : start + len(near)] = vectors[chosen].mean(axis=1)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    moved = vectors + BORROWED * _with_lengths(means, lengths)
    return _with_lengths(moved, lengths)


def _with_lengths(rows: Floats, lengths: Floats) -> Floats:
    return np.asarray(rows * (lengths / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)))
