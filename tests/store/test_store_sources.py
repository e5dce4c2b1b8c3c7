from __future__ import annotations

import datetime as dt
from dataclasses import replace

from factories import NOON, a_mention, a_paper

from digest.model import (
    Collected,
    Resolved,
    Signals,
    Source,
    SourceKind,
    SourceState,
    SourceStatus,
    Validators,
)
from digest.store import Store

SOURCE = Source(
    name="blog", kind=SourceKind.FEED, location="https://example.org/feed", every=dt.timedelta(hours=1)
)


def collected(
    state: SourceState, at: dt.datetime = NOON, reason: str = "", **validators: Validators
) -> Collected:
    return Collected(
        source=SOURCE, at=at, state=state, reason=reason, validators=validators, refused=("bad",)
    )


def test_a_source_that_was_read_has_a_success(store: Store):
    store.sources.record(collected(SourceState.FRESH))

    status = SourceStatus(
        name="blog",
        location="https://example.org/feed",
        state=SourceState.FRESH,
        reason="",
        last_attempt=NOON,
        last_success=NOON,
        entries=0,
    )
    assert store.sources.statuses() == {"blog": status}


def test_a_source_that_fails_keeps_its_last_success(store: Store):
    later = NOON + dt.timedelta(hours=1)
    store.sources.record(collected(SourceState.QUIET))
    store.sources.record(collected(SourceState.FAILING, later, "503"))

    status = store.sources.statuses()["blog"]

    assert (status.state, status.reason) == (SourceState.FAILING, "503")
    assert (status.last_attempt, status.last_success) == (later, NOON)


def test_a_source_that_never_answered_has_no_success(store: Store):
    store.sources.record(collected(SourceState.FAILING))

    assert store.sources.statuses()["blog"].last_success is None


def test_validators_are_kept_by_url_and_the_newest_count(store: Store):
    store.sources.record(collected(SourceState.FRESH, a=Validators(etag='"1"'), b=Validators(etag='"2"')))
    store.sources.record(
        collected(SourceState.FRESH, a=Validators(last_modified="Fri, 10 Apr 2026 12:00:00 GMT"))
    )

    assert store.sources.validators() == {
        "a": Validators(last_modified="Fri, 10 Apr 2026 12:00:00 GMT"),
        "b": Validators(etag='"2"'),
    }


def test_every_attempt_is_history(store: Store):
    later = NOON + dt.timedelta(hours=1)
    store.sources.record(collected(SourceState.FRESH))
    store.sources.record(collected(SourceState.FAILING, later, "503"))

    told = store.sources.history(NOON)["blog"]

    assert [(one.at, one.state, one.reason) for one in told] == [
        (NOON, SourceState.FRESH, ""),
        (later, SourceState.FAILING, "503"),
    ]
    assert len(store.sources.history(later)["blog"]) == 1


def test_what_a_source_listed_is_told_by_day(store: Store):
    papers = [a_paper(n) for n in (1, 2, 3)]
    days = [NOON - dt.timedelta(days=n) for n in (0, 1, 9)]
    told = tuple(a_mention(p, listed_at=day) for p, day in zip(papers, days, strict=True))
    store.papers.save(Resolved(papers=tuple(papers), mentions=told, joined={}), NOON)

    lists = store.sources.lists((NOON - dt.timedelta(days=5)).date())

    assert lists == {"hf": {day.date(): {p.id} for p, day in zip(papers[:2], days, strict=False)}}


def test_snapshots_of_votes_are_read_with_their_listing(store: Store):
    paper, later = a_paper(1), NOON + dt.timedelta(hours=9)
    first = a_mention(paper, 5)
    for mention in (first, replace(first, signals=Signals(votes=9), as_of=later)):
        store.papers.save(Resolved(papers=(paper,), mentions=(mention,), joined={}), mention.as_of)

    told = store.papers.snapshots(NOON)

    assert [(one.votes, one.as_of) for one in told] == [(5, NOON), (9, later)]
    assert {one.listed_at for one in told} == {first.listed_at}
    assert len(store.papers.snapshots(later)) == 1
