"""When digests are due: one instant a local date, whatever the clocks, the zone and the reader do."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.due import following, turn
from digest.model import Days, DeliveryState, Former, Schedule, occurs

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
LIFETIME = 18 * HOUR
FIRST, DATES = dt.date(2026, 1, 1), 730
#: Clocks that are put forward and back by an hour or half of it, at night, at midnight and not at all.
SAMPLE = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "America/Nuuk",
    "America/Santiago",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
)


def schedule(zone: str = "UTC", send_at: str = "07:00", days: str = "daily", **more: object) -> Schedule:
    return Schedule(timezone=zone, send_at=dt.time.fromisoformat(send_at), days=Days(days), **more)  # type: ignore[arg-type]


def holds(zone: str, send_at: dt.time) -> None:
    """Each date of two years is due once, and the next one 20 to 28 hours later."""
    daily = Schedule(timezone=zone, send_at=send_at, days=Days("daily"))
    before = daily.due_at(FIRST - DAY)
    for number in range(DATES):
        date = FIRST + number * DAY
        due = daily.due_at(date)
        assert 20 * HOUR <= due - before <= 28 * HOUR, (zone, send_at, date)
        if due - before != DAY or number % 30 == 0:  # where clocks were changed, and now and then
            assert daily.due_date(due, LIFETIME) == date
            assert daily.due_date(due - dt.timedelta(seconds=1), LIFETIME) in {None, date - DAY}
            assert daily.next_date(before) == date
        before = due


@pytest.mark.parametrize("zone", SAMPLE)
@pytest.mark.parametrize("hour", [0, 2, 7, 23])
def test_every_date_is_due_at_exactly_one_instant(zone: str, hour: int) -> None:
    holds(zone, dt.time(hour, 30))


@pytest.mark.slow
def test_every_date_is_due_at_exactly_one_instant_in_every_zone_at_every_hour() -> None:
    for zone in sorted(available_timezones()):
        for hour in range(24):
            holds(zone, dt.time(hour))


@pytest.mark.parametrize(
    ("zone", "send_at", "date", "due"),
    [
        ("Europe/Berlin", "02:30", "2026-03-29", "2026-03-29T01:30Z"),  # does not exist: 03:30 there
        ("Europe/Berlin", "02:30", "2026-10-25", "2026-10-25T00:30Z"),  # exists twice: the first
        ("America/New_York", "02:30", "2026-03-08", "2026-03-08T07:30Z"),
        ("America/New_York", "01:30", "2026-11-01", "2026-11-01T05:30Z"),
        ("Africa/Cairo", "00:30", "2026-04-24", "2026-04-23T22:30Z"),
        ("Africa/Cairo", "23:30", "2026-10-29", "2026-10-29T20:30Z"),
        ("Australia/Lord_Howe", "02:15", "2026-10-04", "2026-10-03T15:45Z"),  # by half an hour
        ("Australia/Lord_Howe", "01:45", "2026-04-05", "2026-04-04T14:45Z"),
        ("Pacific/Apia", "07:00", "2011-12-31", "2011-12-30T17:00Z"),
    ],
)
def test_a_gap_is_shifted_over_and_a_repetition_is_taken_once(
    zone: str, send_at: str, date: str, due: str
) -> None:
    assert schedule(zone, send_at).due_at(dt.date.fromisoformat(date)) == dt.datetime.fromisoformat(due)


def test_a_date_that_the_calendar_leaves_out_has_no_digest() -> None:
    left_out = dt.date(2011, 12, 30)  # a Friday
    assert not occurs(left_out, "Pacific/Apia")
    assert occurs(left_out, "Pacific/Auckland")
    daily, fridays = schedule("Pacific/Apia"), schedule("Pacific/Apia", days="weekly:fri")
    thursday = daily.due_at(left_out - DAY)
    assert daily.next_date(thursday) == left_out + DAY
    assert fridays.next_date(thursday) == left_out + 7 * DAY
    hours = [thursday + n * HOUR for n in range(72)]
    assert {daily.due_date(now, LIFETIME) for now in hours} == {
        None,
        *(left_out + n * DAY for n in (-1, 1, 2)),
    }
    assert {fridays.due_date(now, LIFETIME) for now in hours} == {None}


@given(st.integers(1, 90), st.integers(0, 200))
def test_of_missed_digests_only_the_latest_is_due_and_only_in_its_lifetime(lifetime: int, late: int) -> None:
    friday = dt.date(2026, 4, 17)
    weekly, now = schedule(days="weekly:fri"), dt.datetime(2026, 4, 17, 7, tzinfo=dt.UTC) + late * HOUR
    in_time = late % (7 * 24) < lifetime
    assert weekly.due_date(now, lifetime * HOUR) == (friday + late // 168 * 7 * DAY if in_time else None)
    daily = schedule().due_date(now, lifetime * HOUR)
    assert daily == (friday + late // 24 * DAY if late % 24 < lifetime else None)


@pytest.mark.parametrize(
    ("days", "date", "number"),
    [("daily", 13, 1), ("weekdays", 13, 3), ("weekdays", 14, 1), ("mon,thu", 16, 3), ("mon,thu", 13, 4), ("weekly:fri", 17, 7)],
)  # fmt: skip
def test_a_digest_is_of_the_days_since_the_one_before(days: str, date: int, number: int) -> None:
    assert schedule(days=days).days_of(dt.date(2026, 4, date)) == number  # the 13th is a Monday


# --- turns ----------------------------------------------------------------------------------------


def test_readers_are_spread_evenly_each_always_at_the_same_minute() -> None:
    turns = [turn(f"reader{n}", 30 * dt.timedelta(minutes=1)) for n in range(3000)]
    assert turns == [turn(f"reader{n}", 30 * dt.timedelta(minutes=1)) for n in range(3000)]
    per_minute = [0] * 30
    for one in turns:
        assert one.microseconds == 0
        per_minute[one // dt.timedelta(minutes=1)] += 1
    assert 60 < min(per_minute) <= max(per_minute) < 150
    assert turn("anybody", dt.timedelta()) == dt.timedelta()


@given(st.integers(0, 23), st.integers(0, 3599), st.sampled_from(SAMPLE), st.integers(0, 400))
def test_a_turn_moves_the_instant_and_never_the_date(hour: int, seconds: int, zone: str, day: int) -> None:
    plain, date = schedule(zone, f"{hour:02}:45"), FIRST + day * DAY
    later = replace(plain, turn=dt.timedelta(seconds=seconds))
    assert later.due_at(date) - plain.due_at(date) == later.turn
    assert later.due_date(later.due_at(date), LIFETIME) == date
    assert later.next_date(later.due_at(date - DAY)) == date


# --- after changes --------------------------------------------------------------------------------


def former(of: Schedule, date: dt.date, state: DeliveryState = DeliveryState.SENT, late: int = 0) -> Former:
    due_at = of.due_at(date)
    return Former(
        date=date,
        due_at=due_at,
        expires_at=due_at + LIFETIME,
        prepared_at=due_at + late * HOUR,
        state=state,
        sent_at=due_at + late * HOUR if state is DeliveryState.SENT else None,
    )


MONDAY = dt.date(2026, 4, 13)


def test_without_a_change_a_late_digest_delays_nothing() -> None:
    due = following(schedule(), MONDAY + DAY, [former(schedule(), MONDAY, late=16)])
    assert due
    assert due.at == schedule().due_at(MONDAY + DAY)


def test_after_a_change_of_hour_the_next_waits_until_twelve_hours_are_over() -> None:
    evening, morning = schedule(send_at="22:00"), schedule(send_at="07:00")
    due = following(morning, MONDAY + DAY, [former(evening, MONDAY)])
    assert due
    assert due.at == evening.due_at(MONDAY) + 12 * HOUR


def test_after_a_change_of_zone_no_date_comes_again_and_none_before_it() -> None:
    auckland, honolulu = schedule("Pacific/Auckland"), schedule("Pacific/Honolulu")
    past = [former(auckland, MONDAY)]
    assert following(honolulu, MONDAY - DAY, past) is None
    assert following(honolulu, MONDAY, past) is None
    assert following(honolulu, MONDAY + DAY, past)


def test_after_a_change_what_may_still_be_sent_is_waited_for_and_what_was_not_is_not() -> None:
    evening, morning = schedule(send_at="22:00"), schedule(send_at="07:00")
    waiting = former(evening, MONDAY, DeliveryState.RETRY)
    due = following(morning, MONDAY + DAY, [waiting])
    assert due
    assert due.at == waiting.expires_at
    due = following(morning, MONDAY + DAY, [former(evening, MONDAY, DeliveryState.EXPIRED)])
    assert due
    assert due.at == morning.due_at(MONDAY + DAY)


def test_missed_days_are_in_the_next_digest() -> None:
    past = [former(schedule(), MONDAY, DeliveryState.EXPIRED), former(schedule(), MONDAY - DAY)]
    after_one, after_none = following(schedule(), MONDAY + DAY, past), following(schedule(), MONDAY, [])
    assert after_one
    assert after_none
    assert (after_one.days, after_none.days) == (2, 1)
