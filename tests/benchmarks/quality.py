"""How well readers are ranked, beside other methods: `python tests/benchmarks/quality.py DIR [--ablation] [--model MODEL]`.

DIR is an evaluation set (papers.jsonl, users.jsonl, qrels.tsv); prints a table in Markdown. With --cross-validate it
prints what ours reaches for users on whom its numbers were not chosen: of the variants below, the one that is best
for four fifths of the users ranks the fifth. With --model it is about the default with that sentence-transformers
model beside it. The other methods are
written here from their published descriptions, for comparison only, and get the same texts: a linear SVM on TF-IDF
trained for each user on likes against everything else (arxiv-sanity), TF-IDF Rocchio, BM25 with the liked titles or
the keywords as the query, and the recency-weighted mean of cosines (zotero-arxiv-daily) with our vectors.
Intervals are 95 % bootstrap intervals over users; "less ours" is their mean difference to ours, paired by user.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from factories import NOON, a_listed, a_subscriber
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from digest import rank
from digest.config import DigestDefaults, Ranking
from digest.model import Edition, Interest, InterestKind
from digest.rank import Embedder, Ranker, background, evaluate, pool, score, vectors
from digest.rank.background import Background
from digest.rank.evaluate import Evaluation, User
from digest.rank.features import terms

MODES: tuple[evaluate.Mode, ...] = ("warm", "cold3", "cold1", "kw")
DISCOUNT = 1 / np.log2(np.arange(2, 12))

#: nDCG@10, Recall@15 (at most 15 can be found), reciprocal rank.
Measured = tuple[float, float, float]


def quality(found: np.ndarray, candidates: np.ndarray, wanted: set[str]) -> Measured:
    """Of one user; equal scores go by id."""
    order = candidates[np.lexsort((candidates, -found))]
    hits = np.array([paper in wanted for paper in order], dtype=float)
    ideal = DISCOUNT[: min(10, len(wanted))].sum()
    first = np.flatnonzero(hits)
    gained = (hits[:10] * DISCOUNT[: len(hits[:10])]).sum() / ideal
    return (
        float(gained),
        float(hits[:15].sum() / min(15, len(wanted))),
        float(1 / (first[0] + 1)) if len(first) else 0.0,
    )


def qrels(file: Path) -> dict[str, set[str]]:
    """What each user later saved."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in file.read_text(encoding="utf-8").splitlines():
        user, paper, gain = line.split("\t")
        if float(gain) > 0:
            found[user].add(paper)
    return dict(found)


# --- the other methods ----------------------------------------------------------------------------

Method = Callable[[User], np.ndarray]


@dataclass(frozen=True, slots=True)
class Peers:
    """The other methods, over one evaluation set."""

    evaluation: Evaluation
    tfidf: sparse.csr_matrix
    #: BM25 of every term in every paper, k1 1.2 and b 0.75
    bm25: sparse.csr_matrix
    vocabulary: Mapping[str, int]
    titles: tuple[str, ...]

    @classmethod
    def of(cls, evaluation: Evaluation, folder: Path) -> Peers:
        """Count the papers."""
        papers = list(evaluate._lines(folder / "papers.jsonl"))  # the same reader as ours
        counter = TfidfVectorizer(
            analyzer=lambda one: one, sublinear_tf=True, min_df=2, max_df=0.3, max_features=50_000
        )
        tfidf = counter.fit_transform(evaluation.texts.terms)
        plain = TfidfVectorizer(analyzer=lambda one: one, use_idf=False, norm=None)
        counts = plain.fit_transform(evaluation.texts.terms)
        lengths = np.asarray(counts.sum(axis=1)).ravel()
        k = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())
        within = np.bincount(counts.indices, minlength=counts.shape[1])
        idf = np.log(1 + (len(papers) - within + 0.5) / (within + 0.5))
        counts.data = counts.data * 2.2 / (counts.data + np.repeat(k, np.diff(counts.indptr)))
        titles = tuple(str(paper["title"]) for paper in papers)
        return cls(evaluation, tfidf, counts.multiply(idf).tocsr(), plain.vocabulary_, titles)

    def svm(self, user: User) -> np.ndarray:
        """arxiv-sanity: every paper that was not liked is a negative; C = 0.01, balanced."""
        liked = np.zeros(self.tfidf.shape[0])
        liked[list(user.liked)] = 1
        model = LinearSVC(class_weight="balanced", C=0.01, max_iter=10_000, tol=1e-6, random_state=0)
        return model.fit(self.tfidf, liked).decision_function(self.tfidf[list(user.candidates)])

    def rocchio(self, user: User) -> np.ndarray:
        """The sum of the liked papers."""
        query = sparse.csr_matrix(self.tfidf[list(user.liked)].sum(axis=0))
        return (self.tfidf[list(user.candidates)] @ query.T).toarray().ravel()

    def keywords(self, user: User) -> np.ndarray:
        """BM25; liked titles are the query where there are no keywords."""
        texts = user.keywords or tuple(self.titles[paper] for paper in user.liked)
        columns = [self.vocabulary[t] for text in texts for t in terms(text) if t in self.vocabulary]
        query = sparse.csr_matrix(
            (np.ones(len(columns)), ([0] * len(columns), columns)), shape=(1, self.bm25.shape[1])
        )
        return (self.bm25[list(user.candidates)] @ query.T).toarray().ravel()

    def recency(self, user: User) -> np.ndarray:
        """zotero-arxiv-daily: cosines, the newest like weighs most, 1 / (1 + log10(age + 1))."""
        rows = normalize(self.evaluation.texts.vectors)
        weight = 1 / (1 + np.log10(np.arange(len(user.liked)) + 1))
        newest_first = list(reversed(user.liked))
        return rows[list(user.candidates)] @ (weight / weight.sum() @ rows[newest_first])


# --- ours, and ours without ... -------------------------------------------------------------------


@contextmanager
def changed(module: ModuleType, **values: float) -> Iterator[None]:
    """Some of the ranker's numbers, for a while."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


ABLATIONS: dict[str, tuple[ModuleType, dict[str, float]]] = {
    "without terms": (score, {"TERMS": 1e-9, "PHRASE_TERMS": 1e-9}),
    "without the centroid": (score, {"CENTROID": 1e-9}),
    "without the discriminant": (score, {"DISCRIMINANT": 1e-9}),
    "without neighbours": (pool, {"BORROWED": 0.0}),
    "without trust": (score, {"PATIENCE": 1e9}),
}


def ours(evaluation: Evaluation, known: Background, embedder: Embedder) -> dict[str, np.ndarray]:
    """Scores by user."""
    return {user.id: np.asarray(found) for user, found in evaluate.scores(evaluation, known, embedder)}


def written(
    folder: Path, mode: evaluate.Mode, embedder: Embedder, known: Background
) -> dict[str, np.ndarray]:
    """Scores by user if the likes were abstracts only, as what a reader writes about their work is."""
    papers = [
        paper | {"title": ""} if paper["pool"] == "history" else paper
        for paper in evaluate._lines(folder / "papers.jsonl")
    ]
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "papers.jsonl").write_text("\n".join(map(json.dumps, papers)), encoding="utf-8")
        (scratch / "users.jsonl").write_bytes((folder / "users.jsonl").read_bytes())
        return ours(Evaluation.read(scratch, mode, embedder), known, embedder)


def scrambled() -> vectors.WordVectors:
    """A table in which every word has another word's row: vectors that know nothing."""
    table = vectors.shipped()
    return replace(table, table=np.random.default_rng(0).permutation(table.table))


#: What was tried for each number, one at a time.
VARIANTS: tuple[tuple[ModuleType, dict[str, float]], ...] = (
    (score, {}),
    *((pool, {"SHRINKAGE": value}) for value in (1.0, 10.0)),
    *((pool, {"BORROWED": value}) for value in (0.0, 0.4, 0.9)),
    *((pool, {"NEIGHBOURS": value}) for value in (3, 8)),
    *((pool, {"KNOWING": value}) for value in (0.2, 1.0)),
    *((score, {"TERMS": value}) for value in (0.35, 0.7)),
    *((score, {"DISCRIMINANT": value}) for value in (0.7, 1.5)),
    *((score, {"PATIENCE": value}) for value in (2.0, 4.0)),
    *((score, {"PHRASE_TERMS": value}) for value in (0.2, 0.5)),
)
FOLDS = 5


def cross_validated(folder: Path, embedder: Embedder) -> Iterator[tuple[evaluate.Mode, float, float]]:
    """For each mode nDCG@10 as shipped, and with the variant chosen on the other folds of users."""
    saved = qrels(folder / "qrels.tsv")
    found = {mode: variants(folder, mode, saved, embedder) for mode in MODES}
    fold = {user: n % FOLDS for n, user in enumerate(sorted(saved))}
    for mode, (users, measured) in found.items():
        left_out = []
        for number in range(FOLDS):
            trained = [
                one[:, [fold[user] != number for user in names]].mean(axis=1) for names, one in found.values()
            ]
            best = int(np.mean(trained, axis=0).argmax())
            left_out.extend(measured[best, [fold[user] == number for user in users]])
        yield mode, float(measured[0].mean()), float(np.mean(left_out))


def variants(
    folder: Path, mode: evaluate.Mode, saved: Mapping[str, set[str]], embedder: Embedder
) -> tuple[list[str], np.ndarray]:
    """The users of a mode, and nDCG@10 of every variant for each."""
    evaluation = Evaluation.read(folder, mode, embedder)
    users = [user for user in evaluation.users if user.id in saved]
    ids, known = np.array(evaluation.ids), evaluation.background(background.usual(embedder))
    measured = []
    for module, values in VARIANTS:
        with changed(module, **values):
            scores = ours(evaluation, known, embedder)
        measured.append([quality(scores[u.id], ids[list(u.candidates)], saved[u.id])[0] for u in users])
    return [user.id for user in users], np.array(measured)


# --- diversity ------------------------------------------------------------------------------------

DIVERSITIES = (0.0, 0.3, 0.6)


def diversified(folder: Path, mode: evaluate.Mode) -> Iterator[tuple[float, float, float]]:
    """For each diversity: nDCG@10 of digests of ten papers, and how alike two papers of a digest are on average."""
    evaluation, saved = Evaluation.read(folder, mode, vectors.shipped()), qrels(folder / "qrels.tsv")
    users = [user for user in evaluation.users if user.id in saved]
    candidates = users[0].candidates
    lines = (folder / "papers.jsonl").read_text(encoding="utf-8").splitlines()
    papers = [
        a_listed(0, score=0.0, title=p["title"], abstract=p["abstract"]) for p in map(json.loads, lines)
    ]
    papers = [
        replace(one, paper=replace(one.paper, id=name, aliases=(name,)))
        for name, one in zip(evaluation.ids, papers, strict=True)
    ]
    edition = Edition(id=1, published_at=NOON, papers=tuple(papers[row] for row in candidates))
    row = {papers[paper].paper.id: n for n, paper in enumerate(candidates)}
    alike = pool.Pool.of(
        evaluation.texts.take(candidates), evaluation.background(background.shipped())
    ).similarity
    readers = [
        replace(a_subscriber(papers=10, interests=_interests(user, evaluation.ids)), id=user.id)
        for user in users
    ]
    examples = {evaluation.ids[paper]: papers[paper].paper for user in users for paper in user.liked}
    for diversity in DIVERSITIES:
        ranker = Ranker(
            edition, DigestDefaults(discovery=0, min_score=0), Ranking(trend_weight=0, diversity=diversity)
        )
        gained, likeness = [], []
        for digest in ranker.digests(readers, {}, examples):
            picks = [pick.paper for pick in digest.picks]
            order = np.arange(len(picks), 0, -1)
            gained.append(quality(order, np.array(picks), saved[digest.subscriber.id])[0])
            rows = [row[paper] for paper in picks]
            likeness.append(alike[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)].mean())
        yield diversity, float(np.mean(gained)), float(np.mean(likeness))


def _interests(user: User, ids: Sequence[str]) -> tuple[Interest, ...]:
    liked = (Interest(kind=InterestKind.LIKE, value=ids[paper]) for paper in user.liked)
    return (*liked, *(Interest(kind=InterestKind.PHRASE, value=phrase) for phrase in user.keywords))


# --- the table ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One method in one mode: users x measures."""

    method: str
    measured: np.ndarray

    def told(self, ours: Row) -> str:
        """As a line of the table."""
        cells = [
            f"{mean:.3f} [{low:.3f}, {high:.3f}]"
            for mean, low, high in zip(*interval(self.measured), strict=True)
        ]
        mean, low, high = (one[0] for one in interval(self.measured - ours.measured))
        less = "" if self is ours else f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
        return f"| {self.method} | {' | '.join(cells)} | {less} |"


def interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, and the 2.5th and 97.5th percentile of 1,000 draws of users."""
    random = np.random.default_rng(1)
    drawn = np.array([values[random.integers(0, len(values), len(values))].mean(axis=0) for _ in range(1000)])
    return values.mean(axis=0), np.percentile(drawn, 2.5, axis=0), np.percentile(drawn, 97.5, axis=0)


def rows(folder: Path, mode: evaluate.Mode, embedder: Embedder, ablation: bool) -> Iterator[Row]:
    """All methods in one mode, ours first."""
    evaluation, saved = Evaluation.read(folder, mode, embedder), qrels(folder / "qrels.tsv")
    users = [user for user in evaluation.users if user.id in saved]
    ids = np.array(evaluation.ids)

    def row(name: str, scores: Mapping[str, np.ndarray]) -> Row:
        return Row(
            name, np.array([quality(scores[u.id], ids[list(u.candidates)], saved[u.id]) for u in users])
        )

    blended = evaluation.background(background.usual(embedder))
    yield row("**ours**", ours(evaluation, blended, embedder))
    if embedder is vectors.shipped():
        yield row("ours, shipped background only", ours(evaluation, background.shipped(), embedder))
        today = background.shipped().with_texts(evaluation.texts.take(users[0].candidates))
        yield row("ours, without older papers", ours(evaluation, today, embedder))
    else:
        plain = Evaluation.read(folder, mode, vectors.shipped())
        yield row(
            "ours without the model", ours(plain, plain.background(background.shipped()), vectors.shipped())
        )
    if ablation:
        for name, (module, values) in ABLATIONS.items():
            with changed(module, **values):
                yield row(name, ours(evaluation, blended, embedder))
        blind = Evaluation.read(folder, mode, scrambled())
        if mode != "kw":
            yield row("without the titles of the likes", written(folder, mode, embedder, blended))
        found = evaluate.scores(
            blind, blind.background(replace(background.shipped(), moments=None)), scrambled()
        )
        yield row("with vectors that know nothing", {user.id: np.asarray(one) for user, one in found})
    peers = Peers.of(evaluation, folder)
    methods: dict[str, Method] = {"BM25": peers.keywords}
    if mode != "kw":
        methods = {
            "SVM (arxiv-sanity)": peers.svm,
            "TF-IDF Rocchio": peers.rocchio,
            "recency-weighted centroid (zotero-arxiv-daily), our vectors": peers.recency,
        } | methods
    for name, method in methods.items():
        yield row(name, {user.id: method(user) for user in users})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mode", choices=MODES, action="append")
    parser.add_argument("--ablation", action="store_true", help="also ours without each of its terms")
    parser.add_argument("--cross-validate", action="store_true", help="only that, for ours")
    parser.add_argument("--model", default="", help="stands beside the table of word vectors")
    parser.add_argument("--diversity", action="store_true", help="only what unlikeness within a digest costs")
    given = parser.parse_args()
    embedder = rank.embedder(given.model)
    if given.diversity:
        for mode in given.mode or MODES[:3]:  # a digest for keywords alone may hold too few papers to compare
            for diversity, gained, likeness in diversified(given.folder, mode):
                sys.stdout.write(
                    f"{mode}, diversity {diversity}: nDCG@10 {gained:.3f}, alike {likeness:.3f}\n"
                )
                sys.stdout.flush()
        return
    if given.cross_validate:
        for mode, shipped, left_out in cross_validated(given.folder, embedder):
            sys.stdout.write(f"{mode}: as shipped {shipped:.4f}, cross-validated {left_out:.4f}\n")
        return
    for mode in given.mode or MODES:
        first: Row | None = None
        for row in rows(given.folder, mode, embedder, given.ablation):
            if first is None:
                first = row
                sys.stdout.write(
                    f"\n{mode}, {len(row.measured)} users\n\n| method | nDCG@10 | Recall@15 | MRR | nDCG@10 less ours |\n"
                )
                sys.stdout.write("| --- | --- | --- | --- | --- |\n")
            sys.stdout.write(row.told(first) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
