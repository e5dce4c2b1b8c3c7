"""Papers as terms: stemmed words and word pairs of title (twice) and abstract."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt
import Stemmer
from scipy import sparse

from digest.rank.vectors import DATA, Embedder, Floats, Text

WORD = re.compile(r"[^\W_]+(?:[.-][^\W_]+)*")
#: What a pair counts beside a word, when papers are compared as wholes.
PAIR_WEIGHT = 0.7
#: BM25 (Robertson and Zaragoza 2009), with its usual numbers.
SATURATION, LENGTH = 1.2, 0.75

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

#: As scikit-learn's, whose import would take longer than ranking a thousand readers.
STOP_WORDS = frozenset((DATA / "stopwords.txt").read_text(encoding="ascii").split())

_stem = Stemmer.Stemmer("english").stemWords


def words(text: str) -> list[str]:
    """Stems of the text in order, without stop words; `GPT-4.1` gives gpt-4.1, gpt and 4.1."""
    return [stem for word in WORD.findall(text.casefold()) for stem in stems(word)]


@lru_cache(maxsize=200_000)
def stems(word: str) -> tuple[str, ...]:
    """Of one word in lower case; several if it is joined of several, none if it is a stop word."""
    parts = re.split(r"[.-]", word)
    forms = [word, *parts] if len(parts) > 1 else [word]
    return tuple(_stem([form for form in forms if form not in STOP_WORDS]))


def terms(text: str) -> list[str]:
    """Words, and pairs of neighbours."""
    single = words(text)
    return single + [f"{left} {right}" for left, right in pairwise(single)]


def document(title: str, abstract: str) -> list[str]:
    """A paper's terms: the title counts twice; no pair spans title and abstract."""
    head = terms(title)
    return head + head + terms(abstract)


@dataclass(frozen=True, slots=True)
class Texts:
    """Papers that were read: once, however often they are compared."""

    terms: tuple[Sequence[str], ...]
    #: papers x dimensions, as the embedder gave them
    vectors: Floats

    @classmethod
    def of(cls, texts: Sequence[Text], embedder: Embedder) -> Texts:
        """Read them."""
        return cls(tuple(document(title, abstract) for title, abstract in texts), embedder.papers(texts))

    def __len__(self) -> int:
        return len(self.terms)

    def take(self, rows: Sequence[int]) -> Texts:
        """Some of them, in that order."""
        chosen = list(rows)
        return Texts(tuple(self.terms[row] for row in chosen), self.vectors[chosen])


def dense(rows: sparse.csr_matrix, columns: sparse.csr_matrix) -> Floats:
    """`rows @ columns.T` as a full matrix."""
    return np.asarray((rows @ columns.T).toarray(), dtype=np.float32)


def unit_rows(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows of length 1; empty ones stay empty."""
    lengths = np.sqrt(np.asarray(rows.power(2).sum(axis=1)).ravel())
    data = rows.data / np.repeat(np.where(lengths > 0, lengths, 1), np.diff(rows.indptr))
    return sparse.csr_matrix((data.astype(np.float32), rows.indices, rows.indptr), shape=rows.shape)


@dataclass(frozen=True)
class Corpus:
    """The papers of a pool as matrices: rows are papers, columns the terms that any of them has."""

    vocabulary: Mapping[str, int]
    #: papers x terms, how often
    counts: sparse.csr_matrix
    #: ln((1 + papers) / (1 + papers with the term)) per term, over the background
    idf: Floats
    #: idf of a term that no paper has
    idf_unseen: float
    #: idf, less for pairs and nothing for terms of one paper: the weight of a term when papers are compared
    weight: Floats

    @classmethod
    def of(cls, documents: Sequence[Sequence[str]], papers: float, frequency: Mapping[str, float]) -> Corpus:
        """Count. `papers` and `frequency` are the background's, which holds these documents."""
        number: defaultdict[str, int] = defaultdict()
        number.default_factory = number.__len__
        columns = [[number[term] for term in one] for one in documents]
        # An empty pool, or one without a single word, has no vocabulary: one column that nobody asks for.
        vocabulary = dict(number) or {"": 0}
        counts = _counted(columns, len(vocabulary))
        known = np.array([frequency.get(term, 0.0) for term in vocabulary], dtype=np.float32)
        pair = np.array([" " in term for term in vocabulary])
        unseen = float(np.log(1 + papers))
        idf = np.maximum(unseen - np.log(1 + known), 0).astype(np.float32)
        weight = idf * np.where(pair, PAIR_WEIGHT, 1) * (known > 1)
        return cls(vocabulary, counts, idf, unseen, weight.astype(np.float32))

    @cached_property
    def words(self) -> Ints:
        """The columns that are words, not pairs."""
        return np.array(
            [column for term, column in self.vocabulary.items() if " " not in term], dtype=np.intp
        )

    @cached_property
    def tfidf(self) -> sparse.csr_matrix:
        """Papers x terms that have a weight, (1 + ln tf) idf, rows of length 1."""
        return self._weighted(self.counts)

    def weights(self, paper: int) -> dict[str, float]:
        """The terms of a paper that count when papers are compared, with their weights."""
        row = self.tfidf[paper]
        return {self._terms[column]: weight for column, weight in zip(row.indices, row.data, strict=True)}

    @cached_property
    def _terms(self) -> list[str]:
        """The terms of the columns of `tfidf`."""
        terms = sorted(self.vocabulary, key=self.vocabulary.__getitem__)
        return [terms[column] for column in np.flatnonzero(self.weight).tolist()]

    def _weighted(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        # Terms without weight, most of them of one paper, are left out.
        heavy = self.weight > 0
        kept = heavy[counts.indices]
        columns = counts.indices[kept]
        values = (1 + np.log(counts.data[kept])) * self.weight[columns]
        starts = np.concatenate([[0], np.cumsum(kept)])[counts.indptr]
        shape = (counts.shape[0], int(heavy.sum()))
        return unit_rows(sparse.csr_matrix((values, (np.cumsum(heavy) - 1)[columns], starts), shape))

    @cached_property
    def presence(self) -> sparse.csr_matrix:
        """Papers x terms, tf / (tf + K) with K growing with the paper's length: BM25 without the idf, below 1."""
        lengths = np.asarray(self.counts.sum(axis=1)).ravel()
        relative = lengths / max(float(lengths.mean()), 1.0) if len(lengths) else lengths
        saturation = SATURATION * (1 - LENGTH + LENGTH * relative)
        found = self.counts.copy()
        found.data = found.data / (found.data + np.repeat(saturation, np.diff(found.indptr)))
        return found.astype(np.float32)

    def shares(self, phrases: Sequence[str]) -> Floats:
        """Phrases x papers: the share (0..1, by idf) of the phrase that the paper has."""
        return dense(self._rows([self._phrase(phrase) for phrase in phrases]), self.presence)

    def _phrase(self, phrase: str) -> dict[int, float]:
        wanted = sorted(set(terms(phrase)))
        idf = {term: self._idf(term) for term in wanted}
        total = sum(idf.values()) or 1.0
        return {self.vocabulary[t]: w / total for t, w in idf.items() if t in self.vocabulary}

    def _idf(self, term: str) -> float:
        column = self.vocabulary.get(term)
        return self.idf_unseen if column is None else float(self.idf[column])

    def others(self, documents: Sequence[Sequence[str]]) -> sparse.csr_matrix:
        """Any papers in this corpus's terms, as `tfidf`."""
        column = self.vocabulary.get
        found = [[c for term in one if (c := column(term)) is not None] for one in documents]
        return self._weighted(_counted(found, len(self.idf)))

    def _rows(self, rows: Sequence[Mapping[int, float]]) -> sparse.csr_matrix:
        starts = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        columns = [column for row in rows for column in row]
        values = [value for row in rows for value in row.values()]
        shape = (len(rows), len(self.idf))
        return sparse.csr_matrix(
            (np.array(values, dtype=np.float32), np.array(columns, dtype=np.int32), starts), shape
        )

    def contains(self, phrase: str) -> Bools:
        """Which papers say the phrase: all its words, next to each other."""
        single = words(phrase)
        pairs = [f"{left} {right}" for left, right in pairwise(single)]
        found = np.full(self.counts.shape[0], bool(single))
        for term in pairs or single:
            column = self.vocabulary.get(term)
            if column is None:
                return np.zeros(len(found), dtype=bool)
            found &= self._has(column)
        return found

    @cached_property
    def _by_term(self) -> sparse.csc_matrix:
        return self.counts.tocsc()

    def _has(self, column: int) -> Bools:
        rows = self._by_term.indices[self._by_term.indptr[column] : self._by_term.indptr[column + 1]]
        found = np.zeros(self.counts.shape[0], dtype=bool)
        found[rows] = True
        return found


def _counted(documents: Sequence[Sequence[int]], columns: int) -> sparse.csr_matrix:
    """Documents x columns, how often each has it."""
    starts = np.cumsum([0, *map(len, documents)], dtype=np.int32)
    said = np.fromiter(chain.from_iterable(documents), np.int32, count=starts[-1])
    counts = sparse.csr_matrix(
        (np.ones(len(said), dtype=np.float32), said, starts), shape=(len(documents), columns)
    )
    counts.sum_duplicates()
    return counts
