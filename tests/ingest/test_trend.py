"""The laws of the trend."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from factories import NOON, a_mention, a_paper
from hypothesis import given
from hypothesis import strategies as st

from digest.ingest.growth import PRIOR_HALF, Curve, curves, moving
from digest.ingest.trend import CAP, trends
from digest.model import Listed, Mention, Paper, ReasonKind, Signals, Snapshot

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


def test_one_source_alone_brings_a_paper_only_so_far_whatever_its_votes() -> None:
    """A gamed source does not get past what two honest ones agree on."""
    gamed, agreed = a_paper(1), a_paper(2)
    others = [(p, [a_mention(p, 5), a_mention(p, 5, source="other")]) for p in map(a_paper, range(3, 9))]
    both = [a_mention(agreed, 60), a_mention(agreed, 60, source="other")]
    listed = trends([(gamed, [a_mention(gamed, 10**6, weight=10)]), (agreed, both), *others], NOON)

    assert of(gamed, listed).trend.score <= CAP
    assert listed[0].paper.id == agreed.id


# --- growth ---------------------------------------------------------------------------------------


def growing(paper: Paper, *votes: tuple[int, int], listed: int = 14 * 24) -> list[Snapshot]:
    """Snapshots of (hours after it was listed, votes); listed so many hours before noon."""
    listed_at = NOON - dt.timedelta(hours=listed)
    return [
        Snapshot(
            paper=paper.id,
            source="hf",
            listed_at=listed_at,
            as_of=listed_at + dt.timedelta(hours=age),
            votes=n,
        )
        for age, n in votes
    ]


def test_without_snapshots_the_prior_stands() -> None:
    assert curves([]) == {}
    assert curves(growing(a_paper(1), (10, 40))) == {"hf": Curve()}
    assert Curve().share(PRIOR_HALF) == 0.5


@given(st.sampled_from([2, 4, 16, 48]), st.integers(200, 400))
def test_many_snapshots_tell_how_fast_votes_grow(half: int, papers: int) -> None:
    curve = Curve(dt.timedelta(hours=half))
    told = [
        one
        for n in range(papers)
        for one in growing(
            a_paper(n), *((age, round(1000 * curve.share(dt.timedelta(hours=age)))) for age in (10, 60))
        )
    ]
    assert 0.7 < curves(told)["hf"].half / curve.half < 1.5


def test_a_few_viral_papers_do_not_bend_the_curve() -> None:
    honest = [one for n in range(100) for one in growing(a_paper(n), (10, 56), (60, 88))]
    viral = [one for n in range(200, 210) for one in growing(a_paper(n), (10, 5), (60, 5000))]
    assert curves(honest + viral) == curves(honest)


def test_a_young_list_is_measured_by_what_it_will_come_to() -> None:
    """40 votes after ten hours are more than 45 after four days."""
    young, old = a_paper(1), a_paper(2)
    pool = [
        (young, [a_mention(young, 40, listed_at=NOON - dt.timedelta(hours=10))]),
        (old, [a_mention(old, 45, listed_at=NOON - dt.timedelta(days=4))]),
        *((p, [a_mention(p, 3)]) for p in map(a_paper, range(3, 13))),
    ]
    rising = {
        reason.value
        for one in trends(pool, NOON)
        for reason in one.trend.reasons
        if one.paper.id == young.id and reason.kind is ReasonKind.RISING
    }
    assert rising == {round((11 + 1) / (11 + 2), 4)}


def test_what_catches_fire_late_comes_back() -> None:
    late, steady = a_paper(1), a_paper(2)
    five_days = NOON - dt.timedelta(days=5)
    pool = [
        (late, [a_mention(late, 60, listed_at=five_days)]),
        (steady, [a_mention(steady, 60, listed_at=five_days)]),
        *((p, [a_mention(p, 10, listed_at=five_days)]) for p in map(a_paper, range(3, 13))),
    ]
    snapshots = [
        *growing(late, (10, 4), (60, 6), listed=120),
        *growing(steady, (10, 40), (60, 58), listed=120),
    ]

    listed = trends(pool, NOON, snapshots)

    assert listed[0].paper.id == late.id
    assert listed[0].trend.score > 1.5 * of(steady, listed).trend.score
    told = {reason.kind: reason for reason in listed[0].trend.reasons}
    assert (told[ReasonKind.LATE].value, told[ReasonKind.LATE].days) == (54, 2)
    assert ReasonKind.LATE not in {reason.kind for reason in of(steady, listed).trend.reasons}


def test_days_whose_votes_still_move_are_worth_asking_for_again() -> None:
    day = dt.timedelta(days=1)
    moved = growing(a_paper(1), (10, 5), (24 * 4, 9), listed=24 * 5)
    settled = growing(a_paper(2), (10, 5), (24 * 2, 9), listed=24 * 6)
    ancient = growing(a_paper(3), (10, 5), (24 * 14 + 12, 9), listed=24 * 15)

    assert moving(moved + settled + ancient, NOON) == {"hf": {(NOON - 5 * day).date()}}
