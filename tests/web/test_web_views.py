"""When the next digest is due, in words; and the zones to choose from."""

from __future__ import annotations

import datetime as dt

import pytest

from digest.errors import BadAddress, UsageError
from digest.languages import ENGLISH
from digest.model import DAY_NAMES, Days, Schedule
from digest.web.views import regions, said, when

#: A Friday, 14:00 in Berlin.
NOW = dt.datetime(2026, 4, 10, 12, tzinfo=dt.UTC)


def due(hour: int, days: str, zone: str = "Europe/Berlin") -> str:
    schedule = Schedule(timezone=zone, send_at=dt.time(hour), days=Days(days))
    return when(schedule.due_at(schedule.next_date(NOW)), zone, NOW, ENGLISH)


@pytest.mark.parametrize(
    ("hour", "days", "words"),
    [
        (15, "daily", "today, Friday 10 April 2026, at 15:00 (Europe/Berlin)"),
        (7, "daily", "tomorrow, Saturday 11 April 2026, at 07:00 (Europe/Berlin)"),
        (14, "weekdays", "on Monday 13 April 2026 at 14:00 (Europe/Berlin)"),
        (15, "weekly:fri", "today, Friday 10 April 2026, at 15:00 (Europe/Berlin)"),
        (13, "weekly:fri", "on Friday 17 April 2026 at 13:00 (Europe/Berlin)"),
        (13, "tue,thu", "on Tuesday 14 April 2026 at 13:00 (Europe/Berlin)"),
    ],
)
def test_the_next_digest_is_the_first_that_is_still_ahead(hour: int, days: str, words: str) -> None:
    assert due(hour, days) == words


def test_the_next_digest_is_told_in_the_readers_own_zone() -> None:
    assert due(7, "daily", "Pacific/Auckland") == "today, Saturday 11 April 2026, at 07:00 (Pacific/Auckland)"


@pytest.mark.parametrize("day", DAY_NAMES)
def test_a_weekly_digest_is_at_most_a_week_away(day: str) -> None:
    assert any(f"{number} April" in due(13, f"weekly:{day}") for number in range(11, 18))


@pytest.mark.parametrize("current", ["Europe/Berlin", "UTC", "US/Eastern", "Etc/GMT+3"])
def test_every_zone_stands_once_and_the_current_one_is_among_them(current: str) -> None:
    names = [zone.name for region in regions(current, ENGLISH) for zone in region.zones]
    assert names.count(current) == 1
    assert len(names) == len(set(names)) > 300


def test_an_error_is_said_as_a_sentence_and_an_address_is_not_repeated() -> None:
    assert said(UsageError("a digest has 1 to 50 papers: 99"), ENGLISH) == "A digest has 1 to 50 papers: 99."
    assert "nobody@" not in said(BadAddress("not an e-mail address: 'nobody@'"), ENGLISH)
