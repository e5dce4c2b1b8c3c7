"""Who is put off is never somebody who is due: the looks find whom the rule finds that asks everybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from factories import a_plan, a_subscriber
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from digest import config
from digest.due import due_digests, look
from digest.model import Days, Schedule, Subscriber, SubscriberState
from digest.service import Service, open_service
from digest.store.schema import subscribers

START = dt.datetime(2026, 3, 27, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
LIFETIME = 18 * HOUR
READERS = ("ada", "bo", "cy")

schedules = st.builds(
    Schedule,
    timezone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Africa/Cairo"]
    ),
    send_at=st.times().map(lambda time: time.replace(second=0, microsecond=0)),
    days=st.sampled_from([Days(text) for text in ("daily", "weekdays", "mon,thu", "weekly:fri", "sun")]),
    paused_until=st.none() | st.dates(START.date(), START.date() + dt.timedelta(days=6)),
)
readers = st.sampled_from(READERS)
hours = st.floats(0.01, 60)
changes = st.one_of(
    st.tuples(st.just("schedule"), readers, schedules),
    st.tuples(st.just("state"), readers, st.sampled_from(SubscriberState)),
    st.tuples(st.just("starts"), readers, st.none() | st.floats(-48, 48)),
    st.tuples(st.just("time"), st.just(""), hours),
    st.tuples(st.just("prepare"), readers, st.none()),
    st.tuples(st.just("expire"), st.just(""), st.none()),
)
backwards = st.tuples(st.just("time"), st.just(""), st.floats(-60, -0.01))


class House:
    """Some readers, a clock, and passes that prepare for one of them or nobody."""

    def __init__(self, day: Service) -> None:
        self.day, self.now = day, START
        for name in READERS:
            day.store.subscribers.add(a_subscriber(name))

    def does(self, what: str, name: str, value: object) -> None:
        match what, value:
            case "schedule", Schedule():
                self._change(name, schedule=value)
            case "state", SubscriberState():
                self._change(name, state=value)
            case "starts", _:
                self._change(name, starts_at=None if value is None else self.now + float(value) * HOUR)
            case "time", float():
                self.now += value * HOUR
            case "prepare", _:
                for block in due_digests(self.day, self.now, f"s-{name}"):
                    self.day.store.outbox.enqueue(
                        [
                            replace(
                                a_plan(reader),
                                edition=None,
                                local_date=due.date,
                                due_at=due.at,
                                expires_at=due.at + LIFETIME,
                                prepared_at=self.now,
                            )
                            for reader, due in block
                        ]
                    )
            case "expire", _:
                self.day.store.outbox.expire(self.now)

    def _change(self, name: str, **change: object) -> None:
        self.day.store.subscribers.change(f"s-{name}", lambda one: replace(one, **change), self.now)

    def found(self) -> set[tuple[str, dt.date]]:
        return {(reader.id, due.date) for block in due_digests(self.day, self.now) for reader, due in block}

    def asked_everybody(self) -> dict[tuple[str, dt.date], dt.datetime]:
        """The plain way: everybody is looked at."""
        everybody: list[Subscriber] = self.day.store.subscribers.list(SubscriberState.CONFIRMED)
        looks = look(self.day, everybody, self.now)
        return {(one.subscriber.id, one.due.date): one.due.at for one in looks if one.is_due(self.now)}


@contextmanager
def a_house(more: str = "") -> Iterator[House]:
    with TemporaryDirectory(prefix="digest-looks-") as folder:
        path = Path(folder) / "digest.toml"
        path.write_text(f'[site]\nurl = "https://digest.example.org"\n{more}', encoding="utf-8")
        with open_service(config.load(path, {})) as day:
            assert day.settings.mail.expire_after == LIFETIME
            yield House(day)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(changes, min_size=5, max_size=25))
def test_whatever_is_changed_a_look_finds_whom_asking_everybody_finds(
    steps: list[tuple[str, str, object]],
) -> None:
    with a_house() as house:
        for step in steps:
            house.does(*step)
            assert house.found() == set(house.asked_everybody())


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(changes | backwards, min_size=5, max_size=25))
def test_however_the_clock_is_set_nobody_is_hidden_but_of_what_is_about_to_expire(
    steps: list[tuple[str, str, object]],
) -> None:
    with a_house() as house:
        for step in steps:
            house.does(*step)
            asked = house.asked_everybody()
            hidden = set(asked) - house.found()
            assert all(asked[one] <= house.now - LIFETIME / 2 for one in hidden)


@settings(max_examples=40, deadline=None)
@given(wrong=st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2090, 1, 1)), schedule=schedules)  # noqa: DTZ001 (made aware below)
@example(wrong=dt.datetime(2026, 3, 28, 6), schedule=a_subscriber().schedule)  # noqa: DTZ001 (made aware below)
def test_what_is_kept_may_be_wrong_and_nothing_is_lost(wrong: dt.datetime, schedule: Schedule) -> None:
    """As after other zone data: at worst a digest is late by half its lifetime."""
    with a_house() as house:
        house.does("schedule", "ada", schedule)
        with house.day.store._database.writing() as connection:
            connection.execute(update(subscribers).values(look_at=wrong.replace(tzinfo=dt.UTC)))
        due_since: dict[tuple[str, dt.date], dt.datetime] = {}
        for _ in range(12):
            asked, found = house.asked_everybody(), house.found()
            for one in set(asked) - found:
                assert house.now - due_since.setdefault(one, house.now) < LIFETIME / 2
            house.now += 3 * HOUR


def test_hours_that_are_spread_otherwise_come_late_at_worst(tmp_path: Path) -> None:
    with a_house('[schedule]\nspread = "1h"\n') as house:
        house.now = dt.datetime(2026, 3, 28, 6, 59, tzinfo=dt.UTC)
        assert house.found() == set()
        plain = replace(house.day, settings=config.load(config.shipped("config", "digest.toml"), {}))
        house.day = replace(house.day, settings=house.day.settings.model_copy(update={"schedule": plain.settings.schedule}))  # fmt: skip
        house.now += HOUR + dt.timedelta(minutes=1)
        assert house.found() == set(house.asked_everybody())
        assert len(house.found()) == len(READERS)
