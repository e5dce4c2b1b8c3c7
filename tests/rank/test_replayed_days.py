"""Ranking on real days: the captured arXiv listings, where they are."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import NOON, a_paper, a_subscriber

from digest.config import DigestDefaults, Ranking
from digest.model import Edition, Feedback, Interest, InterestKind, Listed, Opinion, Paper, Subject, Trend
from digest.rank import Ranker, background, vectors
from digest.rank.features import Texts
from digest.rank.pool import Pool

TOPIC = "reinforcement learning"


def day(shared: Path, date: str) -> Edition:
    lines = (
        (shared / "feeds" / "arxiv-daily-jsonl" / f"{date}.jsonl").read_text(encoding="utf-8").splitlines()
    )
    said = {one["id"]: one for one in map(json.loads, lines)}
    papers = [
        replace(
            a_paper(),
            id=f"arxiv:{number}",
            aliases=(f"arxiv:{number}",),
            title=one["title"],
            abstract=one["summary"],
            categories=tuple(one["categories"]),
        )
        for number, one in said.items()
    ]
    # The same trend for all: nothing but the reader decides.
    listed = tuple(Listed(paper=paper, mentions=(), trend=Trend(score=0.5)) for paper in papers)
    return Edition(id=1, published_at=NOON, papers=listed)


def about(edition: Edition) -> list[Paper]:
    return [one.paper for one in edition.papers if TOPIC in f"{one.paper.title} {one.paper.abstract}".lower()]


@pytest.fixture(scope="module")
def days(shared: Path) -> tuple[Edition, Edition]:
    return day(shared, "2026-04-13"), day(shared, "2026-04-14")


def test_ten_likes_visibly_change_tomorrows_digest(days: tuple[Edition, Edition]) -> None:
    today, tomorrow = days
    liked = about(today)[:10]
    assert len(liked) == 10
    reader = a_subscriber(interests=(Interest(kind=InterestKind.PHRASE, value="image segmentation"),))
    said = tuple(
        Feedback(opinion=Opinion.MORE, subject=Subject.PAPER, value=paper.id, at=NOON - dt.timedelta(days=1))
        for paper in liked
    )
    ranker = Ranker(tomorrow, DigestDefaults(discovery=0), Ranking())
    (before,) = ranker.digests([reader], {}, {})
    (after,) = ranker.digests([reader], {}, {paper.id: paper for paper in liked}, {reader.id: said})
    wanted = {paper.id for paper in about(tomorrow)}
    assert sum(pick.paper in wanted for pick in before.picks) <= 1
    assert sum(pick.paper in wanted for pick in after.picks) >= 3
    # The phrase keeps its half.
    assert len({p.paper for p in before.picks} & {p.paper for p in after.picks}) >= 3


def test_an_interest_that_nobody_writes_about_makes_a_quiet_day(days: tuple[Edition, Edition]) -> None:
    reader = a_subscriber(interests=(Interest(kind=InterestKind.PHRASE, value="medieval poetry"),))
    (digest,) = Ranker(days[1], DigestDefaults(discovery=0), Ranking()).digests([reader], {}, {})
    assert digest.picks == ()
    assert len(digest.also_trending) == 5


@pytest.mark.parametrize("knows", [True, False])
def test_what_vectors_know_of_a_day_is_seen_without_a_reader(
    days: tuple[Edition, Edition], *, knows: bool
) -> None:
    table = vectors.shipped()
    if not knows:  # every word has another one's row
        table = replace(table, table=np.random.default_rng(0).permutation(table.table))
    read = Texts.of([(one.paper.title, one.paper.abstract) for one in days[0].papers], table)
    pool = Pool.of(read, background.shipped().with_texts(read))
    assert (pool.knowledge > 0.9) == knows
    assert (pool.knowledge < 0.6) != knows
