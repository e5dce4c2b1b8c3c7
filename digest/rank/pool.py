"""The papers that can be picked, made ready to be compared with any number of readers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from digest.rank.background import Background, Moments
from digest.rank.features import Corpus, Texts, dense
from digest.rank.vectors import Floats

#: A paper is also known by its nearest papers: this many, and so much of their mean is added to its vector.
NEIGHBOURS, BORROWED = 5, 0.6
#: Shrinkage of the covariance, in units of its mean eigenvalue.
SHRINKAGE = 3.0
#: How many papers' worth is assumed of what is usual, for pools that are too small to show it.
ASSUMED_PAPERS = 50
#: Rows compared at once with the whole pool.
STRIPE = 1024


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
    def similarity(self) -> Floats:
        """Papers x papers, the mean of both cosines; what diversity is measured by."""
        return (dense(self.corpus.tfidf, self.corpus.tfidf) + self.vectors @ self.vectors.T) / 2

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
