"""Whatever readers change, and however time goes: no date twice, none within twelve hours, and nobody is left out."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

from factories import a_listed, a_subscriber
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from digest import config, daily, subscriptions
from digest.deliver.files import Files
from digest.due import due_digests, look
from digest.model import Delivery, DeliveryState, Resolved, SubscriberState, zone
from digest.service import open_service
from digest.subscriptions import Wish

START = dt.datetime(2026, 3, 6, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "Pacific/Kiritimati",
]


class Changing(RuleBasedStateMachine):
    """A reader who cannot make up their mind, with passes that come often, late or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="digest-changes-"))
        text = '[site]\nurl = "https://digest.example.org"\n[mail]\ndirectory = "mails"\n'
        (self.folder / "digest.toml").write_text(text, encoding="utf-8")
        self.opened = open_service(config.load(self.folder / "digest.toml", {}))
        self.day = self.opened.__enter__()
        self.now, self.papers = START, 0
        self.reader = a_subscriber()
        self.day.store.subscribers.add(self.reader)
        self.passes()

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    def passes(self) -> None:
        """What `digest run` does, with something new in it."""
        self.papers += 1
        listed = a_listed(self.papers, first_seen=self.now)
        self.day.store.papers.save(
            Resolved(papers=(listed.paper,), mentions=listed.mentions, joined={}), self.now
        )
        asked = look(self.day, self.day.store.subscribers.list(SubscriberState.CONFIRMED), self.now)
        found = [one for block in due_digests(self.day, self.now) for one in block]
        assert found == [(one.subscriber, one.due) for one in asked if one.is_due(self.now)]
        daily.prepare_due(self.day, self.now)
        daily.deliver_due(self.day, Files(self.folder / "mails"), self.now)

    def wishes(self, **wish: str) -> None:
        subscriptions.update(self.day, self.reader.id, Wish(**wish), confirmed=False, now=self.now)

    @rule(hour=st.integers(0, 23))
    def another_hour(self, hour: int) -> None:
        self.wishes(send_at=f"{hour:02}:30")

    @rule(name=st.sampled_from(ZONES))
    def another_zone(self, name: str) -> None:
        self.wishes(timezone=name)

    @rule(days=st.sampled_from(["daily", "weekdays", "mon,thu", "weekly:fri"]))
    def other_days(self, days: str) -> None:
        self.wishes(days=days)

    @rule(days=st.integers(-2, 5))
    def a_pause(self, days: int) -> None:
        self.wishes(paused_until=str(self.now.date() + days * DAY))

    @rule()
    def back_from_the_pause(self) -> None:
        self.wishes(paused_until="")

    @rule(minutes=st.sampled_from([10, 60, 150]), times=st.integers(1, 8))
    def time_goes_by(self, minutes: int, times: int) -> None:
        for _ in range(times):
            self.now += dt.timedelta(minutes=minutes)
            self.passes()

    @rule(hours=st.integers(1, 80))
    def the_process_is_down(self, hours: int) -> None:
        self.now += hours * HOUR
        self.passes()

    @rule()
    def calm_days(self) -> None:
        """Once settings rest, every date of theirs has its digest, at its hour."""
        self.wishes(paused_until="")
        kept = self.day.store.subscribers.get(self.reader.id)
        self.time_goes_by(180, 24)
        begun = self.now
        self.time_goes_by(180, 48)
        rows = {row.plan.local_date: row for row in self.day.store.outbox.list()}
        last = self.now.astimezone(zone(kept.schedule.timezone)).date() - DAY
        for date in (one for n in range(6) if (one := last - n * DAY) in kept.schedule):
            if kept.schedule.due_at(date) > begun:
                assert rows[date].sent_at - kept.schedule.due_at(date) < 3 * HOUR

    @invariant()
    def never_two_on_one_date_nor_within_twelve_hours(self) -> None:
        rows = sorted(self.day.store.outbox.list(), key=lambda row: row.id)
        dates = [row.plan.local_date for row in rows]
        assert dates == sorted(set(dates))
        for sooner, later in pairwise(rows):
            # Under settings that rest, a digest that came late does not delay the next one.
            rested = hour(sooner) == hour(later)
            assert rested or later.sent_at - sooner.sent_at >= 12 * HOUR
            assert later.plan.due_at - sooner.plan.due_at >= 12 * HOUR

    @invariant()
    def everything_prepared_was_delivered(self) -> None:
        assert set(self.day.store.outbox.counts()) <= {DeliveryState.SENT}


def hour(row: Delivery) -> tuple[str, dt.time]:
    schedule = row.plan.reader.schedule
    return schedule.timezone, schedule.send_at


Changing.TestCase.settings = settings(
    max_examples=6, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_whatever_a_reader_changes = Changing.TestCase
