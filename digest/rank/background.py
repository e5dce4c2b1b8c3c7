"""What papers look like in general: how many have a term, and where their vectors lie.

A background ships with the package, so that a fresh installation ranks well; the papers at hand are blended in.
`python -m digest.rank.background CORPUS.jsonl background.npz` makes the file from lines of {"title", "abstract"}.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from digest.rank.features import Texts, document
from digest.rank.vectors import DATA, Embedder, Floats, WordVectors
from digest.rank.vectors import shipped as shipped_vectors

#: What the shipped background counts for, in papers: a week of a busy source outweighs it.
SHIPPED_PAPERS = 1000
#: A term of fewer papers is not kept in the file.
RARE = 3


@dataclass(frozen=True, slots=True)
class Moments:
    """Where vectors lie: how many they were, their mean, and the mean of their outer products."""

    papers: float
    mean: Floats
    second: Floats

    @classmethod
    def of(cls, vectors: Floats) -> Moments:
        """Of one row or more."""
        return cls(len(vectors), vectors.mean(axis=0), vectors.T @ vectors / len(vectors))

    def with_(self, other: Moments) -> Moments:
        """Both together."""
        papers = self.papers + other.papers
        mine, theirs = self.papers / papers, other.papers / papers
        mean = mine * self.mean + theirs * other.mean
        return Moments(papers, mean, mine * self.second + theirs * other.second)

    @property
    def covariance(self) -> Floats:
        """Positive semi-definite."""
        return self.second - np.outer(self.mean, self.mean)


@dataclass(frozen=True, slots=True)
class Background:
    """Papers in general."""

    papers: float
    #: How many of them have a term.
    frequency: Mapping[str, float]
    #: None until there is a vector.
    moments: Moments | None

    def with_texts(self, texts: Texts) -> Background:
        """These papers blended in, each counting as one."""
        if not len(texts):
            return self
        frequency = dict(self.frequency)
        for term, count in in_papers(texts.terms).items():
            frequency[term] = frequency.get(term, 0.0) + count
        moments = Moments.of(texts.vectors)
        both = self.moments.with_(moments) if self.moments else moments
        return Background(self.papers + len(texts), frequency, both)


def in_papers(documents: Iterable[Iterable[str]]) -> Counter[str]:
    """In how many documents each term is."""
    found: Counter[str] = Counter()
    for one in documents:
        found.update(set(one))
    return found


@cache
def shipped() -> Background:
    """The background that comes with the package, with the vectors of the default embedder."""
    with np.load(DATA / "background.npz", allow_pickle=False) as archive:
        terms = archive["terms"].tobytes().decode().split("\n")
        share = SHIPPED_PAPERS / float(archive["papers"])
        frequency = dict(zip(terms, (archive["frequency"] * share).tolist(), strict=True))
        moments = Moments(SHIPPED_PAPERS, archive["mean"], archive["second"])
    return Background(SHIPPED_PAPERS, frequency, moments)


def usual(embedder: Embedder) -> Background:
    """The background that comes with the package; where other vectors lie, it does not know."""
    known = shipped()
    return known if embedder is shipped_vectors() else replace(known, moments=None)


def make(corpus: Iterable[str], vectors: WordVectors, out: Path) -> None:
    """Count a corpus of JSON lines and write the file."""
    pairs = [(paper["title"], paper["abstract"]) for paper in map(json.loads, corpus)]
    counts = in_papers(document(title, abstract) for title, abstract in pairs)
    kept = sorted(term for term, count in counts.items() if count >= RARE)
    moments = Moments.of(vectors.papers(pairs))
    np.savez_compressed(
        out,
        papers=len(pairs),
        terms=np.frombuffer("\n".join(kept).encode(), dtype=np.uint8),
        frequency=np.array([counts[term] for term in kept], dtype=np.uint32),
        mean=moments.mean,
        second=moments.second,
    )


def main() -> None:
    """Make the file from the command line."""
    parser = argparse.ArgumentParser(prog="python -m digest.rank.background")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    with given.corpus.open(encoding="utf-8") as lines:
        make(lines, shipped_vectors(), given.out)


if __name__ == "__main__":
    main()
