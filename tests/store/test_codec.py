from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from factories import NOON, a_mention, a_paper, a_plan, a_subscriber
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.model import Days, Link, Mention, Pick, Reader, Reason, ReasonKind, Schedule, Signals
from digest.store import codec, open_store

instants = st.datetimes(timezones=st.just(dt.UTC))
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.none() | st.integers(0, 2**31)
reasons = st.builds(
    Reason, kind=st.sampled_from(ReasonKind), subject=st.text(), value=st.none() | numbers | st.integers()
)
picks = st.builds(Pick, paper=st.text(), score=numbers, reasons=st.lists(reasons, max_size=3).map(tuple))
signals = st.builds(Signals, votes=counts, comments=counts, stars=counts)
mentions = st.builds(
    Mention,
    paper=st.text(),
    source=st.text(),
    weight=numbers,
    listed_at=instants,
    url=st.text(),
    signals=signals,
    as_of=instants,
)
schedules = st.builds(
    Schedule,
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland"]),
    send_at=st.times(),
    days=st.sampled_from(["daily", "weekdays", "mon,thu", "weekly:fri"]).map(Days),
)
readers = st.builds(
    Reader,
    id=st.text(),
    address=st.text(),
    name=st.text(),
    schedule=schedules,
    language=st.text(),
    generation=st.integers(1),
    confirmed_at=st.none() | instants,
)
links = st.builds(Link, rel=st.sampled_from(["abstract", "pdf", "code"]), url=st.text())


@given(st.lists(picks).map(tuple))
def test_picks_come_back_as_they_were(value: tuple[Pick, ...]):
    text = codec.encode_picks(value)

    assert codec.decode_picks(text) == value
    assert codec.decode_papers(text) == tuple(pick.paper for pick in value)


@given(st.lists(reasons).map(tuple))
def test_reasons_come_back_as_they_were(value: tuple[Reason, ...]):
    assert codec.decode_reasons(codec.encode_reasons(value)) == value


@given(st.lists(mentions).map(tuple))
def test_mentions_come_back_as_they_were(value: tuple[Mention, ...]):
    assert codec.decode_mentions(codec.encode_mentions(value)) == value


@given(readers)
def test_a_reader_comes_back_as_they_were(value: Reader):
    assert codec.decode_reader(codec.encode_reader(value)) == value


@given(st.lists(links).map(tuple), st.lists(st.text()).map(tuple))
def test_links_and_names_come_back_as_they_were(some: tuple[Link, ...], texts: tuple[str, ...]):
    assert codec.decode_links(codec.encode_links(some)) == some
    assert codec.decode_texts(codec.encode_texts(texts)) == texts


def test_picks_take_little_room():
    asked, new = Reason(kind=ReasonKind.PHRASE, subject="llm"), Reason(kind=ReasonKind.NEW, value=1)
    both = (asked, new)
    some = [
        Pick(paper="arxiv:2604.00001", score=0.5, reasons=both),
        Pick(paper="arxiv:2604.00002", score=0.5, reasons=both),
        Pick(paper="arxiv:2604.00003", score=0.5, reasons=(new,)),
    ]

    assert codec.encode_picks(some) == (
        '{"papers":["arxiv:2604.00001","arxiv:2604.00002","arxiv:2604.00003"],"scores":[0.5,0.5,0.5],'
        '"told":[0,0,1],"given":[[0,1],[1]],"reasons":[["phrase","llm",null],["new","",1]]}'
    )


OLDER_PICKS = [
    '[["arxiv:2604.00001",0.5,[["phrase","llm",null],["new","",1]]],["arxiv:2604.00002",0.4,[["new","",1]]]]',
    """{"papers":["arxiv:2604.00001","arxiv:2604.00002"],"scores":[0.5,0.4],"told":[0,1],
    "reasons":[[["phrase","llm",null],["new","",1]],[["new","",1]]]}""",
]


@pytest.mark.parametrize("text", OLDER_PICKS)
def test_picks_of_older_rows_are_read_as_they_were(text: str):
    asked, new = Reason(kind=ReasonKind.PHRASE, subject="llm"), Reason(kind=ReasonKind.NEW, value=1)

    assert codec.decode_picks(text) == (
        Pick(paper="arxiv:2604.00001", score=0.5, reasons=(asked, new)),
        Pick(paper="arxiv:2604.00002", score=0.4, reasons=(new,)),
    )


def test_what_is_stored_is_ascii_so_that_any_string_survives():
    text = codec.encode_texts(["Zoë", "\x00", "\ud800"])

    assert text.isascii()
    assert codec.decode_texts(text) == ("Zoë", "\x00", "\ud800")


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        codec.encode_picks([Pick(paper="a", score=float("nan"), reasons=())])


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="needs a time zone"):
        codec.encode_mentions([a_mention(a_paper(), as_of=NOON.replace(tzinfo=None))])


@settings(deadline=None, max_examples=40)
@given(
    readers,
    st.lists(picks),
    st.lists(picks),
    st.dates(),
    st.text(st.characters(codec="ascii")),
    st.booleans(),
)
def test_any_plan_comes_back_as_it_was(
    reader: Reader, chosen: list[Pick], trending: list[Pick], day: dt.date, template: str, skipped: bool
):
    with open_store("sqlite://") as store:
        edition = store.editions.publish(NOON, [], 0)
        store.subscribers.add(a_subscriber("any", id=reader.id))
        made = replace(
            a_plan(edition=edition, picks=tuple(chosen), also_trending=tuple(trending), local_date=day),
            reader=reader,
            template=template,
            skipped=skipped,
        )
        store.outbox.enqueue([made])

        assert [delivery.plan for delivery in store.outbox.list()] == [made]
