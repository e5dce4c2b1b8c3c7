from __future__ import annotations

import datetime as dt
from dataclasses import replace

from factories import NOON, a_listed, a_mention, a_paper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.model import (
    Listed,
    Notice,
    Paper,
    Reason,
    ReasonKind,
    Resolved,
    Rights,
    Signals,
    SourceState,
    Trend,
)
from digest.store import EditionHeader, Store, open_store

HOUR = dt.timedelta(hours=1)


def save(store: Store, *papers: Paper, joined: dict[str, str] | None = None) -> None:
    store.papers.save(Resolved(papers=papers, mentions=(), joined=joined or {}), NOON)


def test_an_edition_comes_back_as_it_was_published(store: Store):
    listed = [a_listed(number, score=1 / number) for number in (3, 1, 2)]
    save(store, *(one.paper for one in listed))

    edition = store.editions.publish(NOON, listed, 4)

    assert store.editions.get(edition.id) == edition
    assert edition.papers == tuple(listed)
    assert store.editions.latest() == edition
    assert store.editions.changes_of_latest() == 4


def test_there_is_no_edition_before_the_first(store: Store):
    assert store.editions.latest() is None
    assert store.editions.get(1) is None
    assert store.editions.changes_of_latest() is None
    assert store.editions.headers() == []


def test_an_edition_may_be_empty(store: Store):
    edition = store.editions.publish(NOON, [], 0)

    assert store.editions.get(edition.id) == edition


def test_the_latest_edition_is_the_last_one_earlier_than_an_instant(store: Store):
    first = store.editions.publish(NOON, [], 0)
    second = store.editions.publish(NOON + HOUR, [a_listed()], 1)

    assert store.editions.latest() == second
    assert store.editions.latest(as_of=NOON) == first
    assert store.editions.latest(as_of=NOON - HOUR) is None
    assert store.editions.headers() == [
        EditionHeader(id=second.id, published_at=NOON + HOUR, papers=1),
        EditionHeader(id=first.id, published_at=NOON, papers=0),
    ]


def test_an_edition_keeps_text_and_votes_after_the_paper_changed(store: Store):
    listed = a_listed(1, votes=12, title="As it was")
    save(store, listed.paper)
    edition = store.editions.publish(NOON, [listed], 1)

    louder = a_mention(listed.paper, votes=99, as_of=NOON + HOUR)
    changed = a_paper(1, title="As it is", abstract="New.", first_seen=NOON - 9 * HOUR)
    store.papers.save(Resolved(papers=(changed,), mentions=(louder,), joined={}), NOON + HOUR)

    assert store.editions.get(edition.id) == edition
    later = store.editions.publish(NOON + HOUR, [replace(listed, paper=changed)], 2)
    assert store.editions.get(later.id) == later
    assert store.editions.get(edition.id) == edition


def test_a_pool_read_before_the_text_changed_is_published_as_it_was_read(store: Store):
    listed = a_listed(1, title="As it was read")
    save(store, listed.paper)
    save(store, a_paper(1, title="As it is"))

    edition = store.editions.publish(NOON, [listed], 1)

    assert store.editions.get(edition.id) == edition
    found = store.papers.get(listed.paper.id)
    assert found is not None
    assert found[0].title == "As it is"


def test_a_paper_is_found_in_an_old_edition_by_the_id_it_has_today(store: Store):
    weak = a_listed(7, id="title:0123456789abcdef", aliases=("title:0123456789abcdef",))
    save(store, weak.paper)
    edition = store.editions.publish(NOON, [weak], 1)

    strong = a_paper(7, aliases=("arxiv:2604.00007", weak.paper.id, "doi:10.1000/x"))
    save(store, strong, joined={weak.paper.id: strong.id})

    read = store.editions.get(edition.id)
    assert read is not None
    assert {alias: found.paper.id for alias, found in read.by_id().items()} == {
        weak.paper.id: weak.paper.id,
        strong.id: weak.paper.id,
        "doi:10.1000/x": weak.paper.id,
    }


def test_two_papers_of_an_edition_that_were_joined_later_stay_two_there(store: Store):
    one, two = a_listed(1), a_listed(2)
    save(store, one.paper, two.paper)
    edition = store.editions.publish(NOON, [one, two], 1)

    save(store, joined={one.paper.id: two.paper.id})

    assert store.editions.get(edition.id) == edition


papers = st.builds(
    a_paper,
    st.integers(1, 3),
    title=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    abstract=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    authors=st.lists(st.text()).map(tuple),
    categories=st.lists(st.text()).map(tuple),
    published=st.none() | st.datetimes(timezones=st.just(dt.UTC)),
    version=st.none() | st.integers(1, 99),
    rights=st.sampled_from(Rights),
    first_seen=st.datetimes(timezones=st.just(dt.UTC)),
)
trends = st.builds(
    Trend,
    score=st.floats(0, 1),
    reasons=st.lists(st.builds(Reason, kind=st.sampled_from(ReasonKind), subject=st.text())).map(tuple),
)
counts = st.none() | st.integers(0, 2**31)
signals = st.builds(Signals, votes=counts, comments=counts, stars=counts)
listings = st.builds(
    lambda paper, trend, said: Listed(
        paper=paper, trend=trend, mentions=tuple(a_mention(paper, signals=one) for one in said)
    ),
    papers,
    trends,
    st.lists(signals, max_size=3),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.lists(listings, unique_by=lambda listed: listed.paper.id))
def test_whatever_is_listed_comes_back_as_it_was(listed: list[Listed]):
    with open_store("sqlite://") as store:
        edition = store.editions.publish(NOON, listed, 0)

        assert store.editions.get(edition.id) == edition


def test_what_readers_should_know_is_kept_with_an_edition(store: Store):
    notices = (Notice(source="hf", state=SourceState.PARTIAL), Notice(source="x", state=SourceState.LATE))
    published = store.editions.publish(NOON, [], 1, notices, NOON - dt.timedelta(days=2))

    assert store.editions.get(published.id) == published
    assert published.notices == notices


def test_a_day_shows_its_last_edition_and_days_are_listed_once(store: Store):
    day = dt.timedelta(days=1)
    for at in (NOON, NOON - 12 * HOUR, NOON + 11 * HOUR, NOON - 3 * day):
        store.editions.publish(at, [], 0)
    last, date = store.editions.last_of(NOON.date()), NOON.date()

    assert last
    assert last.published_at == NOON + 11 * HOUR
    assert store.editions.last_of(date - day) is None
    assert store.editions.days(date + day, 9) == [date, date - 3 * day]
    assert store.editions.days(date + day, 1) == [date]
    assert store.editions.days(date, 9) == [date - 3 * day]
