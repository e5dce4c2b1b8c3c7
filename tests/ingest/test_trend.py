"""The laws of the trend."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from factories import NOON, a_mention, a_paper
from hypothesis import given
from hypothesis import strategies as st

from digest.ingest.trend import trends
from digest.model import Listed, Mention, Paper, ReasonKind, Signals

VOTES = st.none() | st.integers(0, 3000)
AGES = st.integers(0, 14 * 24).map(lambda hours: dt.timedelta(hours=hours))


@st.composite
def pools(draw: st.DrawFn) -> list[tuple[Paper, list[Mention]]]:
    pool = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        paper = a_paper(number)
        mentions = [
            a_mention(
                paper,
                draw(VOTES),
                source=f"s{source}",
                listed_at=NOON - draw(AGES),
                weight=draw(st.sampled_from([0.5, 1, 3])),
            )
            for source in range(draw(st.integers(1, 3)))
        ]
        pool.append((paper, mentions))
    return pool


def of(paper: Paper, listed: list[Listed]) -> Listed:
    return next(one for one in listed if one.paper.id == paper.id)


@given(pools(), st.integers(1, 500))
def test_more_votes_never_lower_a_papers_trend(pool: list[tuple[Paper, list[Mention]]], more: int) -> None:
    paper, mentions = pool[0]
    raised = [
        replace(m, signals=Signals(votes=m.signals.votes + more)) if m.signals.votes is not None else m
        for m in mentions
    ]
    before, after = trends(pool, NOON), trends([(paper, raised), *pool[1:]], NOON)
    assert of(paper, after).trend.score >= of(paper, before).trend.score - 1e-12


@given(pools(), AGES)
def test_age_never_raises_a_trend(pool: list[tuple[Paper, list[Mention]]], later: dt.timedelta) -> None:
    now, then = trends(pool, NOON), trends(pool, NOON + later)
    for paper, _ in pool:
        assert of(paper, then).trend.score <= of(paper, now).trend.score + 1e-12


@given(pools(), VOTES)
def test_a_further_source_never_lowers_a_trend(
    pool: list[tuple[Paper, list[Mention]]], votes: int | None
) -> None:
    paper, mentions = pool[0]
    further = a_mention(paper, votes, source="another")
    more = trends([(paper, [*mentions, further]), *pool[1:]], NOON)
    assert of(paper, more).trend.score >= of(paper, trends(pool, NOON)).trend.score - 1e-12


@given(pools())
def test_trends_lie_between_0_and_1_and_do_not_depend_on_the_pools_order(
    pool: list[tuple[Paper, list[Mention]]],
) -> None:
    listed = trends(pool, NOON)
    assert all(0 <= one.trend.score <= 1 for one in listed)
    assert listed == trends(pool[::-1], NOON)
    assert [one.trend.score for one in listed] == sorted((one.trend.score for one in listed), reverse=True)


def test_votes_that_are_not_known_are_not_zero_votes() -> None:
    known, unknown = a_paper(1), a_paper(2)
    listed = trends([(known, [a_mention(known, 0)]), (unknown, [a_mention(unknown, None)])], NOON)
    assert of(unknown, listed).trend.score > of(known, listed).trend.score


def test_one_viral_paper_does_not_flatten_the_rest() -> None:
    papers = [a_paper(n) for n in range(1, 11)]
    votes = [2, 4, 6, 8, 10, 12, 14, 16, 18]
    calm = trends([(p, [a_mention(p, v)]) for p, v in zip(papers, [*votes, 20], strict=True)], NOON)
    viral = trends([(p, [a_mention(p, v)]) for p, v in zip(papers, [*votes, 2000], strict=True)], NOON)
    assert [of(p, calm).trend.score for p in papers[:9]] == [of(p, viral).trend.score for p in papers[:9]]


def test_the_freshest_day_is_compared_with_itself() -> None:
    yesterday, today = NOON - dt.timedelta(days=1), NOON
    grown = [
        (p, [a_mention(p, 100 + n, listed_at=yesterday)])
        for n, p in enumerate(a_paper(n) for n in range(1, 6))
    ]
    fresh = [
        (p, [a_mention(p, 5 + n, listed_at=today)]) for n, p in enumerate(a_paper(n) for n in range(11, 16))
    ]
    assert trends(grown + fresh, NOON)[0].paper.id == fresh[-1][0].id


def test_a_trend_says_why() -> None:
    paper, others = a_paper(1), [a_paper(n) for n in range(2, 12)]
    pool = [
        (paper, [a_mention(paper, 38), a_mention(paper, None, source="arXiv")]),
        *((p, [a_mention(p, 3)]) for p in others),
    ]
    kinds = [reason.kind for reason in of(paper, trends(pool, NOON)).trend.reasons]
    assert kinds == [ReasonKind.VOTES, ReasonKind.RISING, ReasonKind.SOURCES, ReasonKind.NEW]
