"""Readers of a week, of some days, and of days on which nothing ran: one digest, with the best since the last one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import a_mention, a_paper

from digest import config, daily, operating, subscriptions
from digest.deliver.files import Files
from digest.due import next_due
from digest.model import Resolved
from digest.service import Service, open_service
from digest.subscriptions import Wish

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
FRIDAY = dt.datetime(2026, 4, 17, 7, tzinfo=dt.UTC)
#: The votes of the loudest paper of each day until Friday; it is one of five.
VOTES = (40, 300, 60, 200, 30, 50, 70)


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Service]:
    text = '[site]\nurl = "https://digest.example.org"\n[digest]\npapers = 3\nalso_trending = 0\n'
    (tmp_path / "digest.toml").write_text(text, encoding="utf-8")
    with open_service(config.load(tmp_path / "digest.toml", {})) as opened:
        yield opened


def listed(day: Service, now: dt.datetime, votes: int) -> None:
    """A source's list of that day: one paper that is loud, four that are not."""
    papers = [a_paper(now.day * 100 + n, first_seen=now) for n in range(5)]
    mentions = tuple(
        a_mention(paper, votes if n == 0 else 2, listed_at=now, as_of=now) for n, paper in enumerate(papers)
    )
    day.store.papers.save(Resolved(papers=tuple(papers), mentions=mentions, joined={}), now)


def loudest(now: dt.datetime) -> str:
    return f"arxiv:2604.{now.day * 100:05}"


def the_week(day: Service) -> None:
    """Seven days of lists, and the passes of their mornings, the Friday's last."""
    for back, votes in zip(range(6, -1, -1), VOTES, strict=True):
        now = FRIDAY - back * DAY
        listed(day, now - HOUR, votes)
        a_pass(day, now)


def a_pass(day: Service, now: dt.datetime) -> None:
    daily.prepare_due(day, now)
    daily.deliver_due(day, Files(day.settings.outbox_directory), now)


def reader(day: Service, days: str, since: dt.datetime = FRIDAY - 20 * DAY) -> str:
    wish = Wish(days=days, send_at="07:00")
    return subscriptions.add(day, f"{days[:2]}@example.org", wish, since, confirmed=True).id


def picks(day: Service, subscriber: str) -> dict[dt.date, list[str]]:
    rows = day.store.outbox.list(subscriber=subscriber)
    return {row.plan.local_date: [pick.paper for pick in row.plan.picks] for row in rows}


def test_a_weekly_digest_is_the_best_of_the_week_and_not_of_its_last_days(day: Service) -> None:
    weekly = reader(day, "weekly:fri")
    the_week(day)
    best = [loudest(FRIDAY - 5 * DAY), loudest(FRIDAY - 3 * DAY)]
    (digest,) = picks(day, weekly).values()
    assert digest[:2] == best


def test_a_daily_reader_has_each_days_own(day: Service) -> None:
    everyday = reader(day, "daily")
    the_week(day)
    assert [found[0] for found in reversed(picks(day, everyday).values())] == [
        loudest(FRIDAY - n * DAY) for n in range(6, -1, -1)
    ]


def test_on_monday_the_weekend_counts_like_monday(day: Service) -> None:
    working = reader(day, "weekdays")
    the_week(day)
    saturday = FRIDAY + DAY
    for ahead, votes in ((1, 90), (2, 30), (3, 60)):
        listed(day, FRIDAY + ahead * DAY - HOUR, votes)
        a_pass(day, FRIDAY + ahead * DAY)
    found = picks(day, working)
    assert max(found) == (FRIDAY + 3 * DAY).date()
    assert (FRIDAY + DAY).date() not in found
    assert found[max(found)][0] == loudest(saturday)


@pytest.mark.parametrize(
    ("down", "dates"), [(2 * HOUR, [0, 1]), (22 * HOUR, [0, 1]), (30 * HOUR, [0, 2]), (75 * HOUR, [0, 4])]
)
def test_after_being_down_only_the_latest_digest_is_sent_with_what_was_missed(
    day: Service, down: dt.timedelta, dates: list[int]
) -> None:
    """From the night after Friday: over the hour, most of the day, a digest's lifetime, and three days."""
    everyday = reader(day, "daily")
    the_week(day)
    lists = [(FRIDAY + ahead * DAY - HOUR, 100 - 10 * ahead) for ahead in range(1, 5)]
    for hours in range(48):
        now = FRIDAY + 18 * HOUR + down + hours * HOUR
        while lists and lists[0][0] <= now:
            listed(day, *lists.pop(0))
        a_pass(day, now)
        found = sorted(date for date in picks(day, everyday) if date >= FRIDAY.date())
        if len(found) == 2:
            break
    assert [(date - FRIDAY.date()).days for date in found] == dates
    after = picks(day, everyday)[found[-1]]
    missed = [loudest(FRIDAY + n * DAY) for n in range(1, dates[-1] + 1)]
    assert set(after) >= set(missed[:3])


def test_the_next_hour_knows_pauses_and_says_when_nothing_would_be_sent(day: Service) -> None:
    one = reader(day, "daily")
    the_week(day)
    now = FRIDAY + HOUR
    due = operating.next_due(day, now)
    assert due
    assert (due.at, due.readers, due.stale) == (FRIDAY + DAY, 1, False)
    later = operating.next_due(day, now + DAY)
    assert later
    assert (later.at, later.stale) == (FRIDAY + 2 * DAY, True)
    until = FRIDAY.date() + 5 * DAY
    paused = subscriptions.update(day, one, Wish(paused_until=str(until)), confirmed=False, now=now)
    due = operating.next_due(day, now)
    assert due
    assert due.at == FRIDAY + 5 * DAY
    assert next_due(day, paused, now).date == until
