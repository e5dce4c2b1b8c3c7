"""Papers as term vectors: stemmed words and word pairs of title (twice) and abstract. The one door for scikit-learn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import Stemmer
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from sklearn.preprocessing import normalize

from digest.model import Paper

WORD = re.compile(r"[^\W_]+(?:[.-][^\W_]+)*")
#: Term frequency at which a term counts by half: tf / (tf + SATURATION), as in BM25 without the length term.
SATURATION = 0.5

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_stem = Stemmer.Stemmer("english").stemWords


def words(text: str) -> list[str]:
    """Stems of the text in order, without stop words; `GPT-4.1` gives gpt-4.1, gpt and 4.1."""
    found: list[str] = []
    for match in WORD.finditer(text.casefold()):
        word = match.group()
        parts = re.split(r"[.-]", word)
        found.extend(p for p in ([word, *parts] if len(parts) > 1 else [word]) if p not in ENGLISH_STOP_WORDS)
    return list(_stem(found))


def terms(text: str) -> list[str]:
    """Words, and pairs of neighbours."""
    single = words(text)
    return single + [f"{left} {right}" for left, right in pairwise(single)]


def document(paper: Paper) -> list[str]:
    """A paper's terms: the title counts twice; no pair spans title and abstract."""
    title = terms(paper.title)
    return title + title + terms(paper.abstract)


def dense(rows: sparse.csr_matrix, columns: sparse.csr_matrix) -> Floats:
    """`rows @ columns.T` as a full matrix."""
    return np.asarray((rows @ columns.T).toarray(), dtype=np.float32)


def unit_rows(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows of length 1; scikit-learn's `normalize` refuses a matrix without rows."""
    return normalize(rows) if rows.shape[0] else rows


@dataclass(frozen=True)
class Corpus:
    """The pool of an edition as matrices: rows are papers, columns terms."""

    papers: tuple[Paper, ...]
    vocabulary: dict[str, int]
    #: papers x terms, tf / (tf + SATURATION), 0..1
    presence: sparse.csr_matrix
    #: ln((1 + papers) / (1 + papers with the term)) per term
    idf: Floats
    #: idf of a term that no paper has
    idf_unseen: float

    @classmethod
    def of(cls, papers: Sequence[Paper]) -> Corpus:
        """Count, once per edition."""
        vectorizer = CountVectorizer(analyzer=document, dtype=np.float32)
        # An empty pool, or one without a single word, has no vocabulary: one column that nobody asks for.
        counts = vectorizer.fit_transform(papers) if any(document(p) for p in papers) else None
        if counts is None:
            counts, vocabulary = sparse.csr_matrix((len(papers), 1), dtype=np.float32), {"": 0}
        else:
            vocabulary = vectorizer.vocabulary_
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        counts.data = counts.data / (counts.data + SATURATION)
        unseen = float(np.log(1 + len(papers)))
        return cls(
            papers=tuple(papers),
            vocabulary=vocabulary,
            presence=counts,
            idf=(unseen - np.log(1 + frequency)).astype(np.float32),
            idf_unseen=unseen,
        )

    @cached_property
    def tfidf(self) -> sparse.csr_matrix:
        """Papers x terms, rows of length 1."""
        return unit_rows(self.presence.multiply(self.idf).tocsr())

    @cached_property
    def similarity(self) -> Floats:
        """Papers x papers, cosine of TF-IDF."""
        return dense(self.tfidf, self.tfidf)

    def phrase_rows(self, phrases: Sequence[str]) -> sparse.csr_matrix:
        """Phrases x terms such that `rows @ presence.T` is the share (0..1, by idf) of the phrase that a paper has."""
        return self._rows([self._phrase(phrase) for phrase in phrases])

    def _phrase(self, phrase: str) -> dict[int, float]:
        wanted = sorted(set(terms(phrase)))
        weight = {term: self._idf(term) for term in wanted}
        total = sum(weight.values()) or 1.0
        return {self.vocabulary[t]: w / total for t, w in weight.items() if t in self.vocabulary}

    def _idf(self, term: str) -> float:
        column = self.vocabulary.get(term)
        return self.idf_unseen if column is None else float(self.idf[column])

    def paper_rows(self, papers: Sequence[Paper]) -> sparse.csr_matrix:
        """Any papers in this corpus's terms, TF-IDF, rows of length 1."""
        rows = []
        for paper in papers:
            counts: dict[int, float] = {}
            for term in document(paper):
                if (column := self.vocabulary.get(term)) is not None:
                    counts[column] = counts.get(column, 0.0) + 1
            rows.append({c: n / (n + SATURATION) * float(self.idf[c]) for c, n in counts.items()})
        return unit_rows(self._rows(rows))

    def _rows(self, rows: Iterable[dict[int, float]]) -> sparse.csr_matrix:
        rows = list(rows)
        starts = np.cumsum([0, *map(len, rows)])
        columns = [column for row in rows for column in row]
        values = [value for row in rows for value in row.values()]
        shape = (len(rows), len(self.idf))
        return sparse.csr_matrix(
            (np.array(values, dtype=np.float32), np.array(columns, dtype=np.int64), starts), shape
        )

    def contains(self, phrase: str) -> Bools:
        """Which papers say the phrase: all its words, next to each other."""
        single = words(phrase)
        pairs = [f"{left} {right}" for left, right in pairwise(single)]
        found = np.full(len(self.papers), bool(single))
        for term in pairs or single:
            column = self.vocabulary.get(term)
            if column is None:
                return np.zeros(len(self.papers), dtype=bool)
            found &= self._has(column)
        return found

    @cached_property
    def _by_term(self) -> sparse.csc_matrix:
        return self.presence.tocsc()

    def _has(self, column: int) -> Bools:
        rows = self._by_term.indices[self._by_term.indptr[column] : self._by_term.indptr[column + 1]]
        found = np.zeros(len(self.papers), dtype=bool)
        found[rows] = True
        return found
