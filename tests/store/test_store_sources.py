from __future__ import annotations

import datetime as dt

from factories import NOON

from digest.model import Collected, Source, SourceKind, SourceState, SourceStatus, Validators
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
