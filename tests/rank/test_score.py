"""Strength: trust is earned, texts without known words do no harm, dislikes take away."""

from __future__ import annotations

import numpy as np
import pytest

from digest.rank import background
from digest.rank.features import Texts
from digest.rank.pool import Pool, smoothed
from digest.rank.score import Examples, Taste, of_phrases, of_tastes, relevance
from digest.rank.vectors import Floats, WordVectors, shipped

#: Thirty small papers of three fields, written for this test.
WORDS = {
    "folding": "protein fold sequence residue structure enzyme binding helix amino acid",
    "galaxies": "galaxy star redshift telescope spectrum halo dust cluster orbit luminosity",
    "grammar": "parser grammar syntax sentence treebank token dependency tree corpus annotation",
}


def papers(each: int = 10) -> list[tuple[str, str]]:
    random = np.random.default_rng(7)
    return [
        (f"{' '.join(random.choice(said.split(), 2))}", " ".join(random.choice(said.split(), 12)))
        for said in WORDS.values()
        for _ in range(each)
    ]


def scores(
    taste: Taste, table: WordVectors | None = None, texts: list[tuple[str, str]] | None = None
) -> Floats:
    table = table or shipped()
    read = Texts.of(texts or papers(), table)
    pool = Pool.of(read, background.shipped().with_texts(read))
    (row,) = of_tastes(pool, Examples.of(read, pool), [taste])
    return row


def test_papers_of_the_liked_field_come_first() -> None:
    row = scores(Taste({0: 1.0, 1: 1.0, 2: 1.0}))
    assert row[3:10].min() > row[10:].max()


def test_a_disliked_paper_takes_away_from_its_like() -> None:
    both = {0: 1.0, 1: 1.0, 10: 1.0, 11: 1.0}
    fond, cooled = scores(Taste(both)), scores(Taste(both, {12: 1.0, 13: 1.0}))
    assert cooled[14:20].mean() < fond[14:20].mean() - 0.2
    assert cooled[3:10].mean() > cooled[14:20].mean()


def test_vectors_that_know_nothing_give_way_to_the_terms() -> None:
    table = shipped()
    noise = WordVectors(
        table.rows, np.random.default_rng(0).permutation(table.table)
    )  # every word has another one's row
    taste = Taste(dict.fromkeys(range(6), 1.0))
    right, wrong = scores(taste), scores(taste, noise)
    assert right[6:10].min() > right[10:].max()
    assert wrong[6:10].mean() > np.sort(wrong[10:])[-3]


def test_papers_in_an_unknown_script_neither_fail_nor_lead() -> None:
    texts = [*papers(), ("Ταξινόμηση κειμένων", "Μέθοδοι για ελληνικά κείμενα."), ("", "")]
    row = scores(Taste({0: 1.0, 1: 1.0}), texts=texts)
    assert np.isfinite(row).all()
    assert row[30:].max() < row[2:10].min()
    alone = scores(Taste({30: 1.0}), texts=texts)
    assert np.isfinite(alone).all()


def test_a_phrase_finds_papers_that_say_it_and_papers_that_mean_it() -> None:
    table = shipped()
    texts = [
        ("Gaussian splatting of rooms", "We render scenes from novel views with radiance fields."),
        ("3D scene reconstruction", "From photographs."),
        *papers(),
    ]
    read = Texts.of(texts, table)
    pool = Pool.of(read, background.shipped().with_texts(read))
    phrases = ["3D scene reconstruction"]
    (row,), (share,) = of_phrases(pool, phrases, table.phrases(phrases))
    assert list(np.argsort(-row)[:2]) == [1, 0]
    assert share[0] < share[1]


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_borrowing_from_neighbours_keeps_lengths(count: int) -> None:
    rows = np.random.default_rng(2).standard_normal((count, 5)).astype(np.float32)
    np.testing.assert_allclose(
        np.linalg.norm(smoothed(rows), axis=1), np.linalg.norm(rows, axis=1), rtol=1e-5
    )


def test_relevance_grows_with_strength_and_stays_between_nought_and_one() -> None:
    found = relevance(np.array([-1000.0, 2.0, 3.0, 4.0, 1000.0]))
    assert (np.diff(found) > 0).all()
    assert found[2] == pytest.approx(0.5)
    assert found[0] >= 0
    assert found[-1] <= 1
