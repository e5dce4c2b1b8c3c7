"""Texts as vectors: the interface that every embedder has, and the default one, a table of word vectors of our own.

`training` makes the table. A row is a word or a pair of neighbouring words; its length is the learned weight of
the word, so neither a stop list nor document frequencies are needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
#: A title and an abstract.
Text = tuple[str, str]

DATA = Path(__file__).parent / "data"
_RUN = re.compile(r"[a-z0-9]{2,}")


class Embedder(Protocol):
    """Gives texts a place in a space where near means alike.

    Rows have length 1 at most. A shorter one says that only so much of the text was understood; zeros, none of it.
    """

    def papers(self, texts: Sequence[Text]) -> Floats:
        """One row a paper."""
        ...

    def phrases(self, phrases: Sequence[str]) -> Floats:
        """One row a phrase."""
        ...


@lru_cache(maxsize=200_000)
def singular(word: str) -> str:
    """A word without a plural s; empty if there is no letter in it."""
    if not any(c.isalpha() for c in word):
        return ""
    if len(word) < 4 or word[-1] != "s" or word[-2] in "sui":
        return word
    return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]


def words(text: str) -> list[str]:
    """The words of a text as the table knows them: lower case, no accents, singular, in order."""
    plain = text.lower()
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return [word for run in _RUN.findall(plain) if (word := singular(run))]


def pairs(single: Sequence[str]) -> list[str]:
    """Every two neighbours as one term."""
    return [f"{left} {right}" for left, right in pairwise(single)]


def unit(rows: Floats) -> Floats:
    """Rows of length 1; zeros stay zeros."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class WordVectors:
    """The default embedder: the sum of the rows of a text's distinct words and pairs."""

    rows: dict[str, int]
    table: Floats

    @classmethod
    def read(cls, file: Path) -> WordVectors:
        """What `write` wrote."""
        with np.load(file, allow_pickle=False) as archive:
            table = archive["q"] * archive["s"].astype(np.float32)[:, None]
            names = archive["vocab"].tobytes().decode().split("\n")
        return cls({name: row for row, name in enumerate(names)}, table)

    def write(self, file: Path) -> None:
        """Keep the table as bytes with one scale a row, a quarter of its size."""
        scale = (np.abs(self.table).max(axis=1) / 127 + 1e-7).astype(np.float16)
        small = np.clip(np.round(self.table / scale[:, None].astype(np.float32)), -127, 127).astype(np.int8)
        names = np.frombuffer("\n".join(self.rows).encode(), dtype=np.uint8)
        np.savez_compressed(file, q=small, s=scale, vocab=names)

    def papers(self, texts: Sequence[Text]) -> Floats:
        """A word of the title counts twice."""
        heads = [words(title) for title, _ in texts]
        whole = [head + words(abstract) for head, (_, abstract) in zip(heads, texts, strict=True)]
        return self._rows(list(zip(heads, whole, strict=True)))

    def phrases(self, phrases: Sequence[str]) -> Floats:
        """A phrase whose words are unknown is a row of zeros."""
        return self._rows([(words(phrase),) for phrase in phrases])

    def _rows(self, texts: Sequence[tuple[list[str], ...]]) -> Floats:
        """One for each text, of which the words of several parts are added up."""
        totals = np.zeros((len(texts), self.table.shape[1]), dtype=np.float32)
        understood = np.zeros((len(texts), 1), dtype=np.float32)
        row_of = self.rows.get
        for number, parts in enumerate(texts):
            known = said = 0
            for single in parts:
                distinct = set(single)
                rows = {row for word in distinct if (row := row_of(word)) is not None}
                known, said = known + len(rows), said + len(distinct)
                rows.update([row for pair in pairs(single) if (row := row_of(pair)) is not None])
                if rows:
                    totals[number] += np.add.reduce(self.table[sorted(rows)])
            understood[number] = known / max(1, said)
        return unit(totals) * understood


@cache
def shipped() -> WordVectors:
    """The table that comes with the package, read once a process."""
    return WordVectors.read(DATA / "vectors.npz")
