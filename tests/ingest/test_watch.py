"""What a source gave, judged by what it gave before."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import pytest
from factories import a_mention, a_paper

from digest.ingest.arxiv import catch_up
from digest.ingest.watch import Lists, lists_of, matters, missed, norm, submitted, watch
from digest.model import Collected, Mention, Resolved, Source, SourceKind, SourceState, Validators

DAY = dt.timedelta(days=1)
FRIDAY = dt.date(2026, 5, 15)
USUAL = 40


def a_list(day: dt.date, papers: int = USUAL) -> frozenset[str]:
    return frozenset(f"arxiv:{day:%y%m}.{day.day:02}{n:03}" for n in range(papers))


def weeks(until: dt.date = FRIDAY, count: int = 4, papers: int = USUAL) -> Lists:
    """Lists on weekdays, the last of them the day before `until`."""
    days = (until - n * DAY for n in range(1, 7 * count + 1))
    return {day: a_list(day, papers) for day in days if day.weekday() < 5}


def mentions(lists: Lists) -> tuple[Mention, ...]:
    return tuple(
        a_mention(a_paper(id=paper), listed_at=dt.datetime.combine(day, dt.time(5), dt.UTC), source="s")
        for day, papers in lists.items()
        for paper in sorted(papers)
    )


def watched(
    told: Lists,
    past: Lists,
    day: dt.date = FRIDAY,
    hour: int = 10,
    state: SourceState = SourceState.FRESH,
    kind: str = SourceKind.HUGGINGFACE,
) -> tuple[SourceState, str, int]:
    now = dt.datetime.combine(day, dt.time(hour), dt.UTC)
    source = Source(name="s", kind=kind, location="x", every=dt.timedelta(hours=1))
    collected = Collected(
        source=source, at=now, state=state, reason="", validators={"x": Validators(etag="1")}
    )
    resolved = Resolved(papers=(), mentions=mentions(told), joined={})
    found, believed = watch(collected, resolved, past, now)
    return found.state, found.reason, len(believed.mentions)


def test_a_usual_list_is_fresh_and_stays_so_when_it_is_read_again() -> None:
    today = {FRIDAY: a_list(FRIDAY)}
    assert watched(today, weeks()) == (SourceState.FRESH, "", USUAL)
    assert watched(today, weeks() | today) == (SourceState.FRESH, "", USUAL)
    assert watched({}, weeks() | today, state=SourceState.QUIET) == (SourceState.FRESH, "", 0)


def test_one_entry_in_place_of_forty_is_partial_until_the_rest_comes() -> None:
    one = {FRIDAY: a_list(FRIDAY, 1)}
    assert watched(one, weeks())[:2] == (SourceState.PARTIAL, "1 of about 40 papers so far, for a Friday")
    assert watched({FRIDAY: a_list(FRIDAY, 12)}, weeks() | one)[0] is SourceState.FRESH


def test_yesterdays_list_under_todays_date_is_stale_and_not_believed() -> None:
    past = weeks()
    yesterday = past[FRIDAY - DAY]
    state, reason, believed = watched({FRIDAY: yesterday | {"arxiv:2605.99999"}}, past)

    assert (state, reason) == (SourceState.STALE, "the list of 15 May repeats that of 14 May")
    assert believed == 1

    again = watched(
        {FRIDAY: yesterday | {"arxiv:2605.99999"}}, past | {FRIDAY: frozenset({"arxiv:2605.99999"})}
    )
    assert again == (state, reason, believed)


def test_a_copy_is_seen_also_where_both_lists_are_new() -> None:
    """After days without a pass, or on the first."""
    thursday = a_list(FRIDAY - DAY)
    state, _, believed = watched({FRIDAY - DAY: thursday, FRIDAY: thursday}, {})
    assert (state, believed) == (SourceState.STALE, USUAL)


def test_what_was_not_believed_is_asked_for_in_full_the_next_time() -> None:
    past, now = weeks(), dt.datetime.combine(FRIDAY, dt.time(10), dt.UTC)
    source = Source(name="s", kind="feed", location="x", every=dt.timedelta(hours=1))
    collected = Collected(
        source=source, at=now, state=SourceState.FRESH, reason="", validators={"x": Validators(etag="1")}
    )
    stale = Resolved(papers=(), mentions=mentions({FRIDAY: past[FRIDAY - DAY]}), joined={})

    assert watch(collected, stale, past, now)[0].validators == {}


def test_yesterdays_list_under_yesterdays_date_is_only_nothing_new() -> None:
    past = weeks()
    state, reason, believed = watched({FRIDAY - DAY: past[FRIDAY - DAY]}, past, hour=6)

    assert (state, reason, believed) == (SourceState.QUIET, "nothing new since 14 May", USUAL)


@pytest.mark.parametrize(("hour", "state"), [(6, SourceState.QUIET), (12, SourceState.LATE)])
def test_no_list_where_one_is_usual_is_late_from_noon_on(hour: int, state: SourceState) -> None:
    assert watched({}, weeks(), hour=hour, state=SourceState.QUIET)[0] is state


def test_weekends_and_announced_holidays_are_quiet() -> None:
    saturday, thanks = FRIDAY + DAY, dt.date(2026, 11, 27)
    past = weeks() | {FRIDAY: a_list(FRIDAY)}
    assert watched({}, past, saturday, 15, SourceState.QUIET)[:2] == (SourceState.QUIET, "weekend")
    assert watched({}, weeks(thanks), thanks, 15, SourceState.QUIET, SourceKind.ARXIV)[:2] == (
        SourceState.QUIET,
        "announced holiday",
    )


def test_a_blog_is_never_late_nor_partial() -> None:
    past = {FRIDAY - n * 7 * DAY: a_list(FRIDAY - n * 7 * DAY, 2) for n in range(1, 5)}
    assert watched({}, past, hour=20, state=SourceState.QUIET)[0] is SourceState.QUIET
    assert watched({FRIDAY: a_list(FRIDAY, 1)}, past, hour=20)[0] is SourceState.FRESH


def test_a_new_source_is_measured_against_nothing() -> None:
    assert watched({FRIDAY: a_list(FRIDAY, 1)}, {})[0] is SourceState.FRESH
    assert watched({}, {}, hour=20, state=SourceState.QUIET)[:2] == (SourceState.QUIET, "nothing listed")


@pytest.mark.parametrize("state", [SourceState.FAILING, SourceState.PARTIAL, SourceState.DISABLED])
def test_what_went_wrong_on_the_way_stays_so(state: SourceState) -> None:
    assert watched({FRIDAY: a_list(FRIDAY)}, weeks(), state=state)[0] is state


def test_the_norm_is_the_median_of_the_weekday_or_of_its_like() -> None:
    past = weeks(count=4) | {FRIDAY - 7 * DAY: a_list(FRIDAY - 7 * DAY, 4)}
    assert norm(past, FRIDAY) == USUAL
    assert norm(past, FRIDAY + DAY) == 0
    assert norm(weeks(count=1), FRIDAY) == USUAL
    assert norm({FRIDAY - DAY: a_list(FRIDAY - DAY)}, FRIDAY) == 0
    assert norm({FRIDAY - n * DAY: a_list(FRIDAY - n * DAY, 10) for n in range(1, 8)}, FRIDAY) == 10


def test_readers_are_told_only_of_what_they_miss() -> None:
    noon = dt.datetime.combine(FRIDAY, dt.time(12), dt.UTC)
    full, one = {FRIDAY: a_list(FRIDAY)}, {FRIDAY: a_list(FRIDAY, 1)}
    assert matters(SourceState.FAILING, weeks(), noon)
    assert not matters(SourceState.FAILING, weeks() | full, noon)
    assert matters(SourceState.PARTIAL, weeks() | one, noon)
    assert not matters(SourceState.PARTIAL, weeks() | full, noon)
    assert not matters(SourceState.LATE, {}, noon)
    assert not matters(SourceState.QUIET, weeks(), noon)


def test_mentions_are_lists_by_day() -> None:
    past = weeks(count=1)
    assert lists_of(mentions(past)) == past


# --- catching up ----------------------------------------------------------------------------------

RSS = "https://rss.arxiv.org/rss/cs.CL+stat"


def test_weekdays_without_a_list_of_arxivs_are_missed_and_no_others() -> None:
    source = Source(name="s", kind=SourceKind.ARXIV, location=RSS, every=dt.timedelta(hours=1))
    now = dt.datetime.combine(FRIDAY, dt.time(10), dt.UTC)
    week = FRIDAY - 7 * DAY
    known = [week, FRIDAY - 3 * DAY]

    assert missed(source, known, week, now) == (FRIDAY - 4 * DAY, FRIDAY - 2 * DAY, FRIDAY - DAY)
    assert missed(source, [], week, now) == ()
    blog = Source(name="s", kind="feed", location=RSS, every=dt.timedelta(hours=1))
    assert missed(blog, known, week, now) == ()


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("2026-05-15", "2026-05-13T18:00", "2026-05-14T18:00"),  # Friday: Wednesday to Thursday
        ("2026-05-12", "2026-05-08T18:00", "2026-05-11T18:00"),  # Tuesday: the weekend
        ("2026-05-11", "2026-05-07T18:00", "2026-05-08T18:00"),  # Monday: Thursday to Friday
        ("2026-01-14", "2026-01-12T19:00", "2026-01-13T19:00"),  # in winter
    ],
)
def test_a_list_holds_what_was_submitted_between_two_cut_offs(day: str, start: str, end: str) -> None:
    found = submitted(dt.date.fromisoformat(day))
    assert [f"{at:%Y-%m-%dT%H:%M}" for at in found] == [start, end]


def test_every_submission_belongs_to_one_list() -> None:
    days = [dt.date(2026, 4, 6) + n * DAY for n in range(60)]
    windows = [submitted(day) for day in days if day.weekday() < 5]
    assert [end for _, end in windows[:-1]] == [start for start, _ in windows[1:]]


def test_a_missed_list_is_asked_of_the_api() -> None:
    location = catch_up(RSS, FRIDAY)
    assert location
    parts = urlsplit(location)
    asked = parse_qs(parts.query)
    assert (parts.hostname, parts.path) == ("export.arxiv.org", "/api/query")
    assert asked["search_query"] == [
        "(cat:cs.CL OR cat:stat.*) AND submittedDate:[202605131800 TO 202605141800]"
    ]
    assert catch_up("https://example.org/rss/cs.CL", FRIDAY) is None
    assert catch_up(RSS + "?date={date}", FRIDAY) is None
