"""What papers look like in general: the shipped background and what is blended in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from digest.rank import background
from digest.rank.background import Moments
from digest.rank.features import Texts
from digest.rank.vectors import shipped


def test_moments_of_two_halves_are_the_moments_of_the_whole() -> None:
    rows = np.random.default_rng(1).standard_normal((30, 4))
    both = Moments.of(rows[:7]).with_(Moments.of(rows[7:]))
    assert both.papers == 30
    np.testing.assert_allclose(both.mean, rows.mean(axis=0))
    np.testing.assert_allclose(both.covariance, np.cov(rows.T, bias=True))


def test_papers_at_hand_outweigh_the_shipped_background_as_they_grow() -> None:
    texts = Texts.of([("Zymurgy of ale", "Brewing ale with wild yeast.")] * 400, shipped())
    before, after = background.shipped(), background.shipped().with_texts(texts)
    assert after.papers == before.papers + 400
    assert after.frequency["yeast"] == before.frequency.get("yeast", 0) + 400
    assert "yeast" not in before.frequency or before.frequency["yeast"] < 20


def test_the_background_is_made_from_a_corpus(tmp_path: Path) -> None:
    papers = [{"title": f"Neural networks {n}", "abstract": "We train networks."} for n in range(4)]
    background.make(map(json.dumps, papers), shipped(), tmp_path / "background.npz")
    with np.load(tmp_path / "background.npz") as made:
        terms = made["terms"].tobytes().decode().split("\n")
        assert dict(zip(terms, made["frequency"].tolist(), strict=True))["network"] == 4
        assert float(made["papers"]) == pytest.approx(4)


def test_the_shipped_background_knows_common_words_from_rare_ones() -> None:
    known = background.shipped()
    assert known.frequency["model"] > 20 * known.frequency["protein"]
    assert np.linalg.eigvalsh(known.moments.covariance).min() > -1e-6
