"""Trains the table of word vectors: `python -m digest.rank.training CORPUS.jsonl vectors.npz`. NumPy and SciPy, on a CPU.

Every line of the corpus is {"title", "abstract"}. A paper has three views: its title and the two halves of its
abstract. A view is the set of its known words and word pairs, of which half are dropped at random in every step;
its vector is the sum of their rows, made length 1. InfoNCE (van den Oord et al. 2018), in both directions, pulls the
views of a paper together and pushes those of other papers away. Rows start at random. At the end the space is cut to
its strongest directions, which are mildly evened out (eigenvalue ** -0.15).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from pathlib import Path

import numpy as np
import structlog
from scipy import sparse

from digest.rank.vectors import Floats, WordVectors, pairs, unit, words

logger = structlog.get_logger()

#: Pairs with one of these are no terms.
COMMON = frozenset(
    "a an and are as at be been both but by can do for from has have how in into is it its may more most not of on or"  # noqa: SIM905 (as a list it would be fifty lines)
    " our such than that the their then there these they this to using was we were when where which while with".split()
)
#: Of an abstract, the characters that are read.
READ = 1500

Views = tuple[list[str], list[str], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a table is trained; the shipped one was made with these numbers and 24 epochs."""

    epochs: int = 20
    batch: int = 4096
    #: Dimensions while training, and in the file.
    wide: int = 256
    dimensions: int = 160
    words: int = 40_000
    pairs: int = 14_000
    rate: float = 4e-3
    temperature: float = 0.12
    dropped: float = 0.5
    seed: int = 0


def views(title: str, abstract: str) -> Views:
    """The title, and the abstract cut at the end of a sentence near its middle."""
    abstract = abstract[:READ]
    middle = len(abstract) // 2
    end = abstract.find(". ", max(0, middle - 120), middle + 120)
    cut = end + 1 if end >= 0 else max(0, abstract.rfind(" ", 0, middle))
    return words(title), words(abstract[:cut]), words(abstract[cut:])


def read(file: Path) -> Iterator[Views]:
    """The papers of a corpus."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            paper = json.loads(line)
            yield views(paper["title"], paper["abstract"])


def vocabulary(papers: Sequence[Views], plan: Plan) -> list[str]:
    """The commonest words, then the pairs that are said together far more often than by chance (PMI above 2)."""
    in_papers = Counter(word for paper in papers for word in {w for view in paper for w in view})
    single = [word for word, count in in_papers.most_common(plan.words) if count >= 8]
    said = Counter(word for paper in papers for view in paper for word in view)
    together = Counter(pair for paper in papers for view in paper for pair in pairwise(view))
    total, known, enough = sum(said.values()), set(single), max(8, len(papers) // 4600)
    strength = {
        pair: count * pmi
        for pair, count in together.items()
        if count >= enough and known.issuperset(pair) and not COMMON.intersection(pair)
        if (pmi := log(count * total / (said[pair[0]] * said[pair[1]]))) > 2
    }
    best = sorted(strength, key=lambda pair: (-strength[pair], pair))[: plan.pairs]
    return single + [f"{left} {right}" for left, right in best]


def as_sets(texts: Iterable[Sequence[str]], rows: dict[str, int]) -> sparse.csr_matrix:
    """Texts x rows of the table: 1 where the text has the word or pair."""
    found = [sorted(rows[word] for word in {*text, *pairs(text)} if word in rows) for text in texts]
    starts = np.cumsum([0, *map(len, found)])
    columns = np.fromiter((row for one in found for row in one), dtype=np.int32, count=int(starts[-1]))
    ones = np.ones(len(columns), dtype=np.float32)
    return sparse.csr_matrix((ones, columns, starts), shape=(len(found), len(rows)))


@dataclass(slots=True)
class View:
    """One view of a batch: its words, its vectors, their lengths before they were made 1, and the loss's slope."""

    sets: sparse.csr_matrix
    vectors: Floats
    lengths: Floats
    slope: Floats

    @classmethod
    def of(cls, sets: sparse.csr_matrix, table: Floats) -> View:
        """Sum the rows of each text's words."""
        summed = sets @ table
        lengths = np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-6)
        return cls(sets, summed / lengths, lengths, np.zeros_like(summed))

    def on_the_table(self) -> Floats:
        """The slope with respect to the table, through the sum and the division by the length."""
        along = (self.vectors * self.slope).sum(axis=1, keepdims=True)
        return np.asarray(self.sets.T @ ((self.slope - self.vectors * along) / self.lengths))


def softmax(scores: Floats) -> Floats:
    """Shares by row."""
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def contrast(one: View, other: View, temperature: float) -> float:
    """InfoNCE of two views of the same papers, both directions; adds its slopes to the views and returns the loss."""
    scores = one.vectors @ other.vectors.T / temperature
    there, back = softmax(scores), softmax(scores.T).T
    slope = there + back
    slope[np.diag_indices_from(slope)] -= 2
    slope /= 2 * len(slope) * temperature
    one.slope += slope @ other.vectors
    other.slope += slope.T @ one.vectors
    return float(-np.log(np.maximum(np.diag(there) * np.diag(back), 1e-24)).mean() / 2)


def train(sets: Sequence[sparse.csr_matrix], plan: Plan, random: np.random.Generator) -> Floats:
    """The table, by Adam with a short rise and a linear fall of the rate."""
    papers, size = sets[0].shape
    table = random.standard_normal((size, plan.wide)).astype(np.float32) / plan.wide**0.5
    mean, square = np.zeros_like(table), np.zeros_like(table)
    batch = min(plan.batch, papers)
    steps, step = plan.epochs * (papers // batch), 0
    for epoch in range(plan.epochs):
        order, loss = random.permutation(papers), 0.0
        for start in range(0, papers - batch + 1, batch):
            batch_views = []
            for one in sets:
                some = one[order[start : start + batch]]
                some.data *= random.random(some.nnz, dtype=np.float32) >= plan.dropped
                batch_views.append(View.of(some, table))
            title, first, second = batch_views
            for pair in ((title, first), (title, second), (first, second)):
                loss += contrast(*pair, plan.temperature) / 3
            slope = sum(view.on_the_table() for view in batch_views) / 3
            step += 1
            rate = plan.rate * min(1, step / 50) * max(0.01, 1 - step / steps)
            mean += 0.1 * (slope - mean)
            square += 0.01 * (slope * slope - square)
            table -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        logger.info("epoch trained", epoch=epoch + 1, loss=round(loss / max(1, papers // batch), 4))
    return np.asarray(table)


def narrowed(table: Floats, sample: sparse.csr_matrix, dimensions: int) -> Floats:
    """The table in the strongest directions of a sample of texts, mildly evened out."""
    vectors = unit(sample @ table)
    strengths, directions = np.linalg.eigh(vectors.T @ vectors / len(vectors))
    strongest = np.argsort(-strengths)[:dimensions]
    even = (strengths[strongest] / strengths.max() + 1e-3) ** -0.15
    return np.asarray(table @ (directions[:, strongest] * even), dtype=np.float32)


def trained(papers: Sequence[Views], plan: Plan) -> WordVectors:
    """A table from papers; equal papers and plan give an equal table."""
    random = np.random.default_rng(plan.seed)
    names = vocabulary(papers, plan)
    rows = {name: row for row, name in enumerate(names)}
    logger.info("vocabulary counted", papers=len(papers), rows=len(rows))
    sets = [as_sets((paper[view] for paper in papers), rows) for view in range(3)]
    table = train(sets, plan, random)
    some = random.choice(len(papers), min(len(papers), 12_000), replace=False)
    whole = sum(one[some] for one in sets)
    whole.data = np.ones_like(whole.data)
    return WordVectors(rows, narrowed(table, whole, plan.dimensions))


def main() -> None:
    """Train from the command line."""
    charter, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="python -m digest.rank.training", description=charter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    usual = Plan()
    parser.add_argument("--epochs", type=int, default=usual.epochs)
    parser.add_argument("--dimensions", type=int, default=usual.dimensions)
    parser.add_argument("--batch", type=int, default=usual.batch)
    given = parser.parse_args()
    plan = Plan(epochs=given.epochs, dimensions=given.dimensions, batch=given.batch)
    trained(list(read(given.corpus)), plan).write(given.out)


if __name__ == "__main__":
    main()
