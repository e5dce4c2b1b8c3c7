"""What else could speak for a paper: `python tests/benchmarks/signals.py DIR`.

DIR is an evaluation set (papers.jsonl, users.jsonl, qrels.tsv). Each signal, standardised over the candidates, is added
to the standardised scores of ours at two weights; what is printed is the mean difference in nDCG@10, paired by user,
with 95 % bootstrap intervals. A signal is worth building in if it brings something in every mode and data set.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from quality import MODES, interval, ours, qrels, quality

from digest.rank import background, vectors
from digest.rank.evaluate import Evaluation, User
from digest.rank.features import dense
from digest.rank.pool import Pool

WEIGHTS = (0.15, 0.3)


def standard(rows: np.ndarray) -> np.ndarray:
    """Each row in standard deviations from its mean."""
    spread = np.maximum(rows.std(axis=1, keepdims=True), 1e-9)
    return np.asarray((rows - rows.mean(axis=1, keepdims=True)) / spread)


def highest(rows: np.ndarray, count: int) -> np.ndarray:
    """Rows that sum to 1, of the highest numbers of each row as far as they are above nought."""
    found, best = np.zeros_like(rows), np.argpartition(-rows, count - 1, axis=1)[:, :count]
    np.put_along_axis(found, best, np.maximum(np.take_along_axis(rows, best, axis=1), 0), axis=1)
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-9))


@dataclass(frozen=True, slots=True)
class Asked:
    """Users of one mode, and what ours makes of their candidates."""

    users: Sequence[User]
    #: users x candidates, standardised
    scores: np.ndarray
    #: candidates x candidates, without themselves
    similarity: np.ndarray
    #: papers x candidates: cosines of terms, of vectors, and of the vectors of titles
    terms: np.ndarray
    vectors: np.ndarray
    titles: np.ndarray

    def of_likes(self, row: Callable[[list[int]], np.ndarray]) -> np.ndarray:
        """Users x candidates, from each user's liked papers, the oldest like first."""
        return np.stack([row(list(user.liked)) for user in self.users])


def newest_first(count: int) -> np.ndarray:
    """Weights that grow with the square root of how late a like came."""
    weights = np.sqrt(np.arange(1, count + 1))
    return np.asarray(weights / weights.sum())


OF_SCORES: dict[str, Callable[[Asked], np.ndarray]] = {
    "like its best 3": lambda a: highest(a.scores, 3) @ a.similarity,
    "like its best 10": lambda a: highest(a.scores, 10) @ a.similarity,
    "5 neighbours' scores": lambda a: a.scores @ highest(a.similarity, 5).T,
    "20 neighbours' scores": lambda a: a.scores @ highest(a.similarity, 20).T,
}
OF_LIKES: dict[str, Callable[[Asked], np.ndarray]] = {
    "nearest like, terms": lambda a: a.of_likes(lambda liked: a.terms[liked].max(axis=0)),
    "nearest like, vectors": lambda a: a.of_likes(lambda liked: a.vectors[liked].max(axis=0)),
    "titles alone": lambda a: a.of_likes(lambda liked: a.titles[liked].mean(axis=0)),
    "newest likes first": lambda a: a.of_likes(lambda liked: newest_first(len(liked)) @ a.vectors[liked]),
}


def measured(folder: Path) -> Iterator[str]:
    """The lines of the table."""
    saved, table = qrels(folder / "qrels.tsv"), vectors.shipped()
    yield "| | mode | " + " | ".join(map(str, WEIGHTS)) + " |"
    yield "| --- " * (2 + len(WEIGHTS)) + "|"
    for mode in MODES:
        evaluation = Evaluation.read(folder, mode, table)
        users = [user for user in evaluation.users if user.id in saved]
        ids, known = np.array(evaluation.ids), evaluation.background(background.usual(table))
        candidates = list(users[0].candidates)
        pool, found = Pool.of(evaluation.texts.take(candidates), known), ours(evaluation, known, table)
        heads = table.papers([(title, "") for title in titles(folder)])
        asked = Asked(
            users=users,
            scores=standard(np.stack([found[user.id] for user in users]).astype(float)),
            similarity=pool.similarity - np.diag(np.diag(pool.similarity)),
            terms=dense(pool.corpus.others(evaluation.texts.terms), pool.corpus.tfidf),
            vectors=evaluation.texts.vectors @ pool.vectors.T,
            titles=heads @ heads[candidates].T,
        )
        before = gained(asked, asked.scores, ids, saved)
        for name, signal in (OF_SCORES if mode == "kw" else OF_SCORES | OF_LIKES).items():
            more = standard(signal(asked))
            cells = [
                told(gained(asked, asked.scores + weight * more, ids, saved) - before) for weight in WEIGHTS
            ]
            yield f"| {name} | {mode} | {' | '.join(cells)} |"


def gained(asked: Asked, scores: np.ndarray, ids: np.ndarray, saved: Mapping[str, set[str]]) -> np.ndarray:
    """nDCG@10 of each user."""
    one_each = zip(asked.users, scores, strict=True)
    return np.array([quality(row, ids[list(u.candidates)], saved[u.id])[0] for u, row in one_each])


def titles(folder: Path) -> list[str]:
    """Of all papers."""
    written = (folder / "papers.jsonl").read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)["title"]) for line in written]


def told(differences: np.ndarray) -> str:
    """Mean and interval."""
    mean, low, high = (one[0] for one in interval(differences[:, None]))
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    for line in measured(parser.parse_args().folder):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
