"""Words that readers see in an inbox: short enough, true, and never a torn formula."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from factories import a_subscriber
from hypothesis import given
from hypothesis import strategies as st

from digest.languages import ENGLISH
from digest.model import Days, Edition, Notice, Reason, ReasonKind, Schedule, SourceState
from digest.render import words
from digest.render.excerpt import clean

DAILY, DAY = Days("daily"), dt.date(2026, 4, 10)
TITLES = st.lists(st.text(max_size=200).map(clean).filter(bool), max_size=12)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason(kind=ReasonKind.PHRASE, subject="diffusion models"), "matches “diffusion models”"),
        (Reason(kind=ReasonKind.CATEGORY, subject="cs.CL"), "in cs.CL, which you follow"),
        (Reason(kind=ReasonKind.AUTHOR, subject="Ada Author"), "by Ada Author, whom you follow"),
        (Reason(kind=ReasonKind.LIKED, subject="How cups fall"), "close to “How cups fall”, which you liked"),
        (Reason(kind=ReasonKind.LIKED), "close to a paper you liked"),
        (Reason(kind=ReasonKind.TEXT, subject="touch"), "“touch”, as you wrote of your work"),
        (Reason(kind=ReasonKind.TEXT), "close to what you wrote of your work"),
        (Reason(kind=ReasonKind.VOTES, subject="hf", value=38), "38 upvotes on hf"),
        (Reason(kind=ReasonKind.VOTES, value=1), "1 upvote"),
        (Reason(kind=ReasonKind.VOTES, subject="hf", value=38, days=2), "38 upvotes on hf in 2 days"),
        (Reason(kind=ReasonKind.VOTES, subject="hf", value=38, days=0), "38 upvotes on hf"),
        (Reason(kind=ReasonKind.RISING, subject="hf", value=0.999), "top 1% of the week"),
        (Reason(kind=ReasonKind.RISING, value=0.96), "top 4% of the week"),
        (Reason(kind=ReasonKind.LATE, value=30, days=2), "caught fire late: 30 upvotes in the last 2 days"),
        (Reason(kind=ReasonKind.SOURCES, value=2), "in 2 sources"),
        (Reason(kind=ReasonKind.SOURCES, value=1), ""),
        (Reason(kind=ReasonKind.NEW, value=0.4), "new today"),
        (Reason(kind=ReasonKind.NEW, value=1), "new yesterday"),
        (Reason(kind=ReasonKind.NEW, value=3.2), "3 days old"),
        (Reason(kind=ReasonKind.TRENDING), "trending overall"),
        (Reason(kind=ReasonKind.DISCOVERY), "outside your topics, on purpose"),
        (Reason(kind=ReasonKind.PHRASE), ""),
    ],
)
def test_reasons_are_said_in_words(reason, said):
    assert words.in_words(ENGLISH, reason) == said


def test_votes_are_not_said_twice():
    given_ = (
        Reason(kind=ReasonKind.VOTES, value=9),
        Reason(kind=ReasonKind.TRENDING),
        Reason(kind=ReasonKind.NEW, value=0),
    )

    assert words.reasons(ENGLISH, given_, votes_shown=True) == ("trending overall", "new today")
    assert words.reasons(ENGLISH, given_, votes_shown=False) == ("9 upvotes", "trending overall")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (0, ""),
        (1, "A0"),
        (3, "A0, A1, A2"),
        (4, "A0, A1, A2, A3"),
        (5, "A0, A1, A2 and 2 more"),
        (3000, "A0, A1, A2 and 2,997 more"),
    ],
)
def test_no_author_alone_is_hidden(names, said):
    assert words.authors(ENGLISH, (f"A{n}" for n in range(names))) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0"), (999, "999"), (1000, "1K"), (1260, "1.2K"), (34_567, "34K"), (1_100_000, "1.1M")],
)
def test_big_numbers_are_short(number, said):
    assert ENGLISH.compact(number) == said


@given(TITLES, st.integers(1, 9))
def test_a_subject_fits_an_inbox_and_does_not_look_like_an_answer(titles, trending):
    subject = words.subject(ENGLISH, titles, trending, DAY, DAILY)

    assert 1 <= len(subject) <= 60
    assert not subject.lower().startswith(("re:", "fwd:"))


@given(TITLES, TITLES)
def test_a_preheader_fits_an_inbox_and_is_not_the_subject(titles, trending):
    found = words.preheader(ENGLISH, titles, trending, "about 12 minutes", Days("weekly:fri"))

    assert 35 <= len(found) <= 120
    assert found != words.subject(ENGLISH, titles, len(trending) or 1, DAY, DAILY)


def test_subjects_name_the_top_paper_and_count_the_rest():
    assert words.subject(ENGLISH, ["Cups fall."], 0, DAY, DAILY) == "Cups fall"
    assert words.subject(ENGLISH, ["Cups fall", "b"], 0, DAY, DAILY) == "Cups fall, and 1 more paper"
    assert (
        words.subject(ENGLISH, ["Do cups fall?", "b", "c"], 0, DAY, DAILY)
        == "Do cups fall? and 2 more papers"
    )
    assert words.subject(ENGLISH, ["Re: cups", "b"], 0, DAY, DAILY) == "cups, and 1 more paper"
    assert words.subject(ENGLISH, ["x" * 200, "b"], 0, DAY, DAILY) == "2 papers for Friday 10 April 2026"


def test_a_day_without_picks_says_so():
    assert words.subject(ENGLISH, [], 1, DAY, DAILY) == "Nothing close to your interests today; 1 is trending"


def asking(papers: int, days: str = "daily"):
    return a_subscriber(papers=papers, schedule=replace(MORNING, days=Days(days))).reader


def test_a_day_is_quiet_only_if_it_holds_less_than_was_asked_for():
    assert words.lede(ENGLISH, 0, 3, asking(10, "weekly:mon")).startswith(
        "Nothing close to your interests this week."
    )
    assert words.lede(ENGLISH, 2, 3, asking(10)) == "Quiet day: 2 papers."
    assert words.lede(ENGLISH, 1, 3, asking(10, "weekly:mon")) == "Quiet week: 1 paper."
    assert words.lede(ENGLISH, 4, 3, asking(10)) == ""
    assert words.lede(ENGLISH, 3, 3, asking(3)) == ""
    assert words.lede(ENGLISH, 2, 3, asking(3)) == "Quiet day: 2 papers."
    assert words.lede(ENGLISH, 1, 3, asking(1)) == ""


@pytest.mark.parametrize(
    ("days", "said"),
    [("daily", "every day"), ("weekdays", "on weekdays"), ("mon,wed,fri", "on Mondays, Wednesdays and Fridays"),
     ("weekly:fri", "once a week, on Fridays"), ("tue", "on Tuesdays")],
)  # fmt: skip
def test_schedules_are_said_in_words(days, said):
    of = Schedule(timezone="Europe/Berlin", send_at=dt.time(7), days=Days(days))

    assert words.schedule(ENGLISH, of) == f"{said} at 07:00 (Europe/Berlin)"


# --- bad days -------------------------------------------------------------------------------------

MORNING = Schedule(timezone="Europe/Berlin", send_at=dt.time(7), days=Days("daily"))
MONDAY = dt.date(2026, 4, 13)
AT_DAWN = dt.datetime(2026, 4, 13, 4, tzinfo=dt.UTC)


def an_edition_of(*notices: Notice, silent_since: dt.datetime | None = None) -> Edition:
    return Edition(id=1, published_at=AT_DAWN, papers=(), notices=notices, silent_since=silent_since)


def test_an_ordinary_day_needs_no_notice():
    assert words.notices(ENGLISH, an_edition_of(), MORNING, MONDAY) == ""


def test_what_a_source_owes_is_told_in_one_line():
    told = an_edition_of(Notice(source="Hugging Face", state=SourceState.PARTIAL))
    assert (
        words.notices(ENGLISH, told, MORNING, MONDAY)
        == "The list of Hugging Face is still filling; the rest will follow tomorrow."
    )
    owing = (SourceState.PARTIAL, SourceState.LATE, SourceState.STALE, SourceState.FAILING)
    every = an_edition_of(*(Notice(source="%(source)s", state=s) for s in owing))
    assert words.notices(ENGLISH, every, MORNING, MONDAY).count("%(source)s") == 4


def test_the_day_after_a_day_without_a_digest_says_so_to_those_who_would_have_had_one():
    friday = dt.datetime(2026, 4, 10, 4, tzinfo=dt.UTC)
    edition = an_edition_of(silent_since=friday)

    told = words.notices(ENGLISH, edition, MORNING, MONDAY)

    assert told == "There was no digest on Sunday: nothing new had come in since Friday."
    assert words.notices(ENGLISH, edition, MORNING, MONDAY + dt.timedelta(days=1)) == ""
    assert words.notices(ENGLISH, edition, replace(MORNING, days=Days("weekdays")), MONDAY) == ""
    assert words.notices(ENGLISH, edition, replace(MORNING, days=Days("mon")), MONDAY) == ""
