"""Texts as vectors: the shipped table, and how one is trained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.rank import training
from digest.rank.vectors import WordVectors, shipped, words

#: Small papers of three fields, written for this test.
FIELDS = {
    "protein": "fold structure residue sequence enzyme helix binding domain",
    "galaxy": "star redshift telescope spectrum halo dust cluster orbit",
    "parser": "grammar token syntax tree sentence corpus treebank label",
}


def corpus(papers: int = 60) -> list[training.Views]:
    random = np.random.default_rng(3)
    found = []
    for number in range(papers):
        subject, said = list(FIELDS.items())[number % len(FIELDS)]
        drawn = [" ".join(random.choice(said.split(), 6)) for _ in range(2)]
        found.append(
            training.views(f"On the {subject}", f"The {subject} {drawn[0]}. We study {subject} {drawn[1]}.")
        )
    return found


def test_texts_about_one_thing_are_nearer_than_texts_about_two() -> None:
    table = shipped()
    fold, sequence, galaxy = table.papers(
        [
            ("Folding proteins", "Structures of proteins from amino acid sequences."),
            ("Protein language models", "We predict the structure of enzymes from sequences."),
            ("Dust in spiral galaxies", "Telescope spectra of interstellar dust at high redshift."),
        ]
    )
    assert fold @ sequence > fold @ galaxy + 0.3


@settings(deadline=None)  # the first one reads the table
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_has_a_vector_no_longer_than_one(title: str, abstract: str) -> None:
    (row,) = shipped().papers([(title, abstract)])
    assert np.isfinite(row).all()
    assert np.linalg.norm(row) <= 1 + 1e-5


def test_a_text_that_is_half_understood_counts_by_half() -> None:
    whole, half, none = shipped().phrases(["protein", "protein xqzzyplk", "xqzzyplk"])
    assert np.linalg.norm(whole) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(half) == pytest.approx(0.5, abs=1e-5)
    assert not none.any()


def test_words_are_compared_without_case_accents_and_plural() -> None:
    assert words("Théories of NETWORKS, 2024") == ["theory", "of", "network"]


def test_a_trained_table_tells_fields_apart_and_survives_the_file(tmp_path: Path) -> None:
    plan = training.Plan(epochs=40, batch=20, wide=16, dimensions=8, rate=0.05, temperature=0.5)
    table = training.trained(corpus(), plan)
    again = training.trained(corpus(), plan)
    assert (table.table == again.table).all()

    table.write(tmp_path / "vectors.npz")
    rows = WordVectors.read(tmp_path / "vectors.npz").phrases(list(FIELDS.values()))
    likeness = rows @ rows.T
    assert likeness[~np.eye(3, dtype=bool)].max() < 0
    for field, said in enumerate(FIELDS.values()):
        near = table.phrases(said.split()) @ rows.T
        assert (near.argmax(axis=1) == field).mean() > 0.9


def test_training_reads_a_corpus_of_json_lines(tmp_path: Path) -> None:
    papers = [
        {"title": "Ants", "abstract": "Ants walk. Ants carry."},
        {"title": "Bees", "abstract": "Bees fly."},
    ]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, papers)), encoding="utf-8")
    first, second = training.read(tmp_path / "corpus.jsonl")
    assert first == (["ant"], ["ant", "walk"], ["ant", "carry"])
    assert second[0] == ["bee"]


def test_the_loss_falls_along_its_slope() -> None:
    random = np.random.default_rng(5)
    rows = {
        word: n for n, word in enumerate(sorted({w for paper in corpus() for view in paper for w in view}))
    }
    sets = [training.as_sets((paper[view] for paper in corpus()[:12]), rows) for view in range(2)]
    table = random.standard_normal((len(rows), 5))

    def loss(at: np.ndarray) -> float:
        one, other = (training.View.of(texts, at) for texts in sets)
        return training.contrast(one, other, 0.5)

    one, other = (training.View.of(texts, table) for texts in sets)
    training.contrast(one, other, 0.5)
    slope = one.on_the_table() + other.on_the_table()
    step = random.standard_normal(table.shape) * 1e-5
    assert loss(table + step) - loss(table - step) == pytest.approx(2 * float((slope * step).sum()), rel=1e-3)
