"""The settings' form holds what is stored, and gives it back unchanged."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from factories import a_subscriber
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.config import Settings
from digest.errors import UsageError
from digest.model import DAY_NAMES, Days, Interest, InterestKind, Schedule
from digest.subscriptions import tuned
from digest.web.forms import Preferences, SignUp, lines

WORDS = st.text("abcd=12.", min_size=1, max_size=8)
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
INTERESTS = st.builds(
    lambda kind, value, weight: Interest(kind=kind, value=value, weight=weight),
    st.sampled_from([InterestKind.PHRASE, InterestKind.EXCLUDE, InterestKind.AUTHOR, InterestKind.CATEGORY]),
    PHRASES,
    st.sampled_from([0.5, 1.0, 2.0, 2.25]),
)
SOME_DAYS = st.sets(st.sampled_from(DAY_NAMES), min_size=1).map(
    lambda chosen: ",".join(name for name in DAY_NAMES if name in chosen)
)
DAYS = st.one_of(
    st.just("daily"),
    st.just("weekdays"),
    SOME_DAYS.filter(lambda text: text not in {",".join(DAY_NAMES), ",".join(DAY_NAMES[:5])}),
    st.sampled_from(DAY_NAMES).map(lambda name: f"weekly:{name}"),
)
SCHEDULES = st.builds(
    lambda zone, at, days: Schedule(timezone=zone, send_at=at, days=Days(days)),
    st.sampled_from(["UTC", "Europe/Berlin", "US/Eastern"]),
    st.times().map(lambda at: dt.time(at.hour, at.minute)),
    DAYS,
)


TEXTS = PHRASES.map(lambda text: [Interest(kind=InterestKind.TEXT, value=text)])
LIKES = st.sampled_from(["arxiv:2604.00001", "doi:10.1000/x", "title:0123456789abcdef"]).map(
    lambda paper: Interest(kind=InterestKind.LIKE, value=paper)
)
PAUSES = st.one_of(st.none(), st.dates(dt.date(2026, 1, 2), dt.date(2999, 12, 31)))


@settings(deadline=None)
@given(
    st.lists(INTERESTS, max_size=6, unique=True),
    st.one_of(st.just([]), TEXTS),
    SCHEDULES,
    st.lists(LIKES, unique=True),
    PAUSES,
    st.integers(1, 50),
    st.booleans(),
)
def test_saving_the_form_as_it_stands_changes_nothing(
    interests: list[Interest],
    written: list[Interest],
    schedule: Schedule,
    likes: list[Interest],
    pause: dt.date | None,
    papers: int,
    plain: bool,
) -> None:
    interests += [*written, *likes]
    schedule = replace(schedule, paused_until=pause)
    subscriber = a_subscriber(interests=tuple(interests), schedule=schedule, papers=papers, plain_text=plain)
    form = Preferences.of(subscriber, ["Loud Author"], dt.date(2026, 1, 1))
    saved = tuned(subscriber, form.read()[0], Settings())
    assert set(saved.interests) == set(interests)
    for kind in InterestKind:
        assert list(saved.asked(kind)) == list(subscriber.asked(kind))
    assert (saved.schedule, saved.papers, saved.plain_text) == (schedule, papers, plain)
    assert form.muting() == ("Loud Author",)


def test_blank_lists_mean_no_interests_and_leave_other_kinds_alone() -> None:
    author = Interest(kind=InterestKind.AUTHOR, value="Ada Author")
    phrase = Interest(kind=InterestKind.PHRASE, value="video")
    subscriber = a_subscriber(interests=(author, phrase))
    form = Preferences.of(subscriber).model_copy(update={"interests": " \r\n \r\n"})
    assert tuned(subscriber, form.read()[0], Settings()).interests == (author,)


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        (Preferences(rhythm="days"), "tick at least one day"),
        (Preferences(rhythm="weekly", papers="ten"), "a whole number: 'ten'"),
    ],
)
def test_what_cannot_be_read_is_said(form: Preferences, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        form.read()


def test_a_day_that_is_none_is_not_ticked() -> None:
    assert Preferences(rhythm="days", days=("mon", "someday")).read()[0].days == "mon"


def test_a_sign_up_without_interests_leaves_them_at_their_default() -> None:
    assert SignUp(email="a@example.org", interests="\n \n").wish().interests is None


@settings(deadline=None)
@given(st.lists(PHRASES))
def test_interests_are_one_a_line_whatever_ends_a_line(phrases: list[str]) -> None:
    assert lines("\r\n".join(phrases)) == lines("\n\n  ".join(phrases)) == tuple(phrases)
