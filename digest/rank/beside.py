"""The table of word vectors with a model beside it: two halves of one vector, the model reading each paper once.

The model knows what words mean together, the table the words of a field; the sum of both cosines ranks better than
either. Only the model's half is worth keeping: the table's is made as fast as it would be loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from digest.model import Embedding, Paper
from digest.rank.vectors import Embedder, Floats, Text

#: The model's share of a vector's squared length.
SHARE = 0.5
#: Papers that are embedded before they are handed back: what a killed process loses.
AT_ONCE = 256
#: The numbers of an embedding that is kept.
STORED = np.dtype("<f2")


class Model(Protocol):
    """Texts as rows of length 1, or of zeros where there is no text."""

    @property
    def name(self) -> str:
        """What its embeddings are kept under."""
        ...

    @property
    def dimensions(self) -> int:
        """Numbers of a row."""
        ...

    def documents(self, texts: Sequence[str]) -> Floats:
        """Rows for titles with abstracts."""
        ...

    def queries(self, texts: Sequence[str]) -> Floats:
        """Rows for phrases, near the rows of documents about them."""
        ...


class Beside:
    """An embedder of two halves; remembers what its model made of each text."""

    def __init__(self, table: Embedder, model: Model) -> None:
        self._table, self._model = table, model
        self._documents: dict[str, Floats] = {}

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    def learn(self, papers: Iterable[Paper], kept: Iterable[Embedding]) -> Iterator[list[Embedding]]:
        """Take in what was kept of these papers, and make what is missing: handed back to be kept, some at a time.

        What was made of another text, or has not as many numbers as the model gives, is as good as missing.
        """
        length = self._model.dimensions * STORED.itemsize
        for one in kept:
            if len(one.vector) == length:
                self._documents[one.text] = np.frombuffer(one.vector, dtype=STORED)
        missing = [paper for paper in papers if fingerprint(_text(paper)) not in self._documents]
        for start in range(0, len(missing), AT_ONCE):
            some = missing[start : start + AT_ONCE]
            rows = self._read([_text(paper) for paper in some])
            yield [
                Embedding(paper=paper.id, text=fingerprint(_text(paper)), vector=row.tobytes())
                for paper, row in zip(some, rows, strict=True)
            ]

    def papers(self, texts: Sequence[Text]) -> Floats:
        """One row a paper."""
        return _joined(self._table.papers(texts), self._read(texts))

    def phrases(self, phrases: Sequence[str]) -> Floats:
        """One row a phrase."""
        return _joined(
            self._table.phrases(phrases), _rows(self._model.queries, phrases, self._model.dimensions)
        )

    def _read(self, texts: Sequence[Text]) -> Floats:
        """The model's rows, rounded as they are kept: a digest must not depend on when a paper was embedded."""
        wanted = [fingerprint(text) for text in texts]
        new = {key: text for key, text in zip(wanted, texts, strict=True) if key not in self._documents}
        if new:
            made = self._model.documents([_written(text) for text in new.values()]).astype(STORED)
            self._documents |= dict(zip(new, made, strict=True))
        if not wanted:
            return np.zeros((0, self._model.dimensions), dtype=STORED)
        return np.stack([self._documents[key] for key in wanted])


def fingerprint(text: Text) -> str:
    """Equal for equal texts only."""
    return hashlib.sha256("\0".join(text).encode()).hexdigest()[:32]


def _text(paper: Paper) -> Text:
    return paper.title, paper.abstract


def _written(text: Text) -> str:
    title, abstract = text
    return f"{title}. {abstract}" if title and abstract else title or abstract


def _rows(read: Callable[[Sequence[str]], Floats], texts: Sequence[str], dimensions: int) -> Floats:
    return read(texts) if texts else np.zeros((0, dimensions), dtype=np.float32)


def _joined(table: Floats, model: Floats) -> Floats:
    left, right = np.sqrt(1 - SHARE), np.sqrt(SHARE)
    # Of what a model cannot put into numbers it understood nothing; one NaN would otherwise silence all papers.
    understood = np.isfinite(model).all(axis=1, keepdims=True)
    return np.hstack([table * left, np.where(understood, model, 0) * right]).astype(np.float32)
