"""A model beside the table: read once, kept as it was read, and never mixed up with another text or model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from factories import a_paper
from hypothesis import given
from hypothesis import strategies as st

from digest.model import Embedding
from digest.rank import Beside
from digest.rank.beside import fingerprint
from digest.rank.vectors import Floats, shipped, unit


class Letters:
    """A model that knows texts by their letters, and notes what it reads."""

    name, dimensions = "letters", 26

    def __init__(self) -> None:
        self.read: list[str] = []

    def documents(self, texts: Sequence[str]) -> Floats:
        self.read += texts
        return self.queries(texts)

    def queries(self, texts: Sequence[str]) -> Floats:
        counts = [[text.casefold().count(chr(97 + n)) for n in range(26)] for text in texts]
        return unit(np.array(counts, dtype=np.float32))


PAPERS = [a_paper(n, title=title) for n, title in enumerate(("Proteins that fold", "A galaxy", "Parsers"))]
TEXTS = [(paper.title, paper.abstract) for paper in PAPERS]


def learned(embedder: Beside, papers: Sequence, kept: Sequence[Embedding] = ()) -> list[Embedding]:
    return [one for some in embedder.learn(papers, kept) for one in some]


def test_both_halves_count_alike():
    model, table = Letters(), shipped()
    embedder = Beside(table, model)
    rows = embedder.papers(TEXTS)
    cosines = (table.papers(TEXTS) @ table.papers(TEXTS).T + rows[:, 160:] @ rows[:, 160:].T * 2) / 2
    np.testing.assert_allclose(rows @ rows.T, cosines, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(rows[:, 160:], axis=1), np.sqrt(0.5), atol=1e-3)
    assert embedder.phrases(["protein folding"]).shape == (1, 160 + 26)
    assert embedder.phrases([]).shape == embedder.papers([]).shape == (0, 160 + 26)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_where_a_model_gives_no_number_the_table_ranks_alone(number: float):
    class Broken(Letters):
        def queries(self, texts: Sequence[str]) -> Floats:
            return np.where([["gal" in text] for text in texts], number, super().queries(texts))

    whole, broken = Beside(shipped(), Letters()), Beside(shipped(), Broken())
    for ask in (lambda one: one.papers(TEXTS), lambda one: one.phrases([title for title, _ in TEXTS])):
        wanted = ask(whole)
        wanted[1, 160:] = 0
        np.testing.assert_array_equal(ask(broken), wanted)


def test_the_model_reads_each_text_once_and_kept_ones_never():
    first = Letters()
    embedder = Beside(shipped(), first)
    made = learned(embedder, PAPERS)
    assert [one.paper for one in made] == [paper.id for paper in PAPERS]
    assert learned(embedder, PAPERS) == []
    rows = embedder.papers(TEXTS)
    assert len(first.read) == 3

    second = Letters()
    tomorrow = Beside(shipped(), second)
    assert learned(tomorrow, PAPERS, made) == []
    np.testing.assert_array_equal(tomorrow.papers(TEXTS), rows)  # a digest is the same before and after
    assert second.read == []


def test_a_changed_abstract_is_read_anew():
    made = learned(Beside(shipped(), Letters()), PAPERS)
    changed = replace(PAPERS[1], abstract="Something else entirely.")
    model = Letters()
    (new,) = learned(Beside(shipped(), model), [PAPERS[0], changed, PAPERS[2]], made)
    assert new.paper == changed.id
    assert new.text != made[1].text
    assert model.read == ["A galaxy. Something else entirely."]


def test_an_embedding_of_another_size_is_not_believed():
    made = learned(Beside(shipped(), Letters()), PAPERS[:1])
    short = [replace(made[0], vector=made[0].vector[:-2])]
    assert learned(Beside(shipped(), Letters()), PAPERS[:1], short) == made


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_texts_that_differ_have_different_fingerprints(one: tuple[str, str], other: tuple[str, str]):
    assert (fingerprint(one) == fingerprint(other)) == (one == other)
