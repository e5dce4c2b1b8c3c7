"""The jobs of a process do what is due, wait for the sources first, survive what fails, and stop when told to."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from apscheduler.schedulers.background import BackgroundScheduler

from digest import config, daily, subscriptions
from digest.model import DeliveryState
from digest.schedule import Every, Jobs
from digest.service import Service, open_service
from digest.subscriptions import Wish

NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
SECONDS = dt.timedelta(seconds=1)

CONFIGURATION = """
[site]
url = "https://digest.example.org"
[mail]
from = "Daily Digest <papers@example.org>"
{mail}
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "sample/huggingface/{{date}}.json"
"""


def furnished(folder: Path, mail: str = "", more: str = "") -> config.Settings:
    (folder / "digest.toml").write_text(CONFIGURATION.format(mail=mail) + more, encoding="utf-8")
    shutil.copytree(config.shipped("config", "sample"), folder / "sample", dirs_exist_ok=True)
    return config.load(folder / "digest.toml", {})


def smtp(port: int) -> str:
    return f'transport = "smtp"\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Service]:
    with open_service(furnished(tmp_path)) as opened:
        yield opened


def until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def states(day: Service) -> list[DeliveryState]:
    return [row.state for row in day.store.outbox.list()]


def test_at_the_start_everything_due_is_collected_prepared_and_delivered_once(day: Service) -> None:
    for name in ("vision", "robots"):
        subscriptions.add(day, f"{name}@example.org", Wish(interests=(name,)), NOW, confirmed=True)
    jobs = Jobs(day, lambda: NOW)
    assert not jobs.ready()
    jobs.start()
    until(lambda: states(day) == [DeliveryState.SENT] * 2)
    until(jobs.ready)
    assert jobs.stop(10 * SECONDS)
    assert len(list(day.settings.outbox_directory.rglob("*.eml"))) == 2


def test_an_old_edition_is_not_mailed_while_the_sources_wait_to_be_asked(day: Service) -> None:
    """Started after the hour, the digest holds today's papers, not what was known when the process went down."""
    subscriptions.add(day, "vision@example.org", Wish(), NOW, confirmed=True)
    yesterday = NOW - dt.timedelta(hours=20)
    list(daily.collect(day, day.settings.sources, yesterday))
    old = daily.publish(day, yesterday)
    assert old
    jobs = Jobs(day, lambda: NOW)
    jobs.start()
    until(lambda: states(day) == [DeliveryState.SENT])
    assert jobs.stop(10 * SECONDS)
    (row,) = day.store.outbox.list()
    assert row.plan.edition != old.id


def test_nothing_is_ready_before_the_sources_were_asked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the request and never answers
        port = silent.getsockname()[1]
        source = f'[[sources]]\nname = "slow"\nkind = "feed"\nurl = "http://127.0.0.1:{port}/"\n'
        settings = furnished(
            tmp_path, more=f'[fetch]\ntimeout = "3s"\nallow_private_networks = true\n{source}'
        )
        with open_service(settings) as day:
            jobs = Jobs(day, lambda: NOW)
            jobs.start()
            connection, _ = silent.accept()
            with connection:
                assert not jobs.ready()
                until(jobs.ready)
                assert jobs.stop(10 * SECONDS)


def test_two_processes_by_mistake_deliver_once(tmp_path: Path) -> None:
    settings = furnished(tmp_path)
    with open_service(settings) as one, open_service(settings) as other:
        for number in range(12):
            subscriptions.add(one, f"reader{number}@example.org", Wish(), NOW, confirmed=True)
        both = Jobs(one, lambda: NOW), Jobs(other, lambda: NOW)
        for jobs in both:
            jobs.start()
        until(lambda: states(one) == [DeliveryState.SENT] * 12, 60)
        for jobs in both:
            assert jobs.stop(20 * SECONDS)
    assert len(list(settings.outbox_directory.rglob("*.eml"))) == 12


def test_a_job_that_fails_says_so_and_the_others_go_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with open_service(furnished(tmp_path, smtp(port))) as day:
        subscriptions.add(day, "vision@example.org", Wish(), NOW, confirmed=True)
        jobs = Jobs(day, lambda: NOW)
        jobs.start()
        until(lambda: states(day) == [DeliveryState.PLANNED])
        until(lambda: "job failed" in capfd.readouterr().out)
        until(jobs.ready)
        assert jobs.stop(10 * SECONDS)


class Slow:
    """A relay that thinks before it answers."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.messages = 0

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        self.messages += 1
        self.asked.set()
        await asyncio.sleep(0.5)
        return "250 kept"


def test_told_to_stop_it_stops_between_two_messages(tmp_path: Path) -> None:
    relay = Slow()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with open_service(furnished(tmp_path, smtp(port))) as day:
            for number in range(20):
                subscriptions.add(day, f"reader{number}@example.org", Wish(), NOW, confirmed=True)
            jobs = Jobs(day, lambda: NOW)
            jobs.start()
            assert relay.asked.wait(60)
            assert jobs.stop(10 * SECONDS)
            counts = day.store.outbox.counts()
    finally:
        controller.stop()
    assert counts[DeliveryState.SENT] == relay.messages < 20
    assert counts[DeliveryState.PLANNED] == 20 - relay.messages


# --- nothing rests on the scheduler ---------------------------------------------------------------


def test_down_over_the_hour_the_digest_comes_when_it_is_up_again_and_once(tmp_path: Path) -> None:
    """A scheduler of timers would have dropped the run, or computed the next one from now."""
    settings = furnished(tmp_path)
    for clock in ("06:59", "07:20", "07:30", "23:00"):
        with open_service(settings) as day:
            now = dt.datetime.fromisoformat(f"2026-04-16T{clock}Z")
            if clock == "06:59":
                subscriptions.add(day, "vision@example.org", Wish(), now, confirmed=True)
            jobs = Jobs(day, lambda now=now: now)
            jobs.start()
            until(jobs.ready)
            if clock != "06:59":
                until(lambda day=day: states(day) == [DeliveryState.SENT])
            assert jobs.stop(10 * SECONDS)
            assert [row.plan.local_date for row in day.store.outbox.list()] == (
                [] if clock == "06:59" else [now.date()]
            )
    assert len(list(settings.outbox_directory.rglob("*.eml"))) == 1


def test_a_clock_that_is_put_forward_by_a_year_costs_one_turn() -> None:
    """An interval trigger would count up three million turns before it ran one of them."""
    scheduler, turns = BackgroundScheduler(timezone=dt.UTC), []
    last_year = dt.datetime.now(dt.UTC) - dt.timedelta(days=400)
    scheduler.add_job(turns.append, Every(dt.timedelta(minutes=1)), ["turn"], next_run_time=last_year, misfire_grace_time=None)  # fmt: skip
    scheduler.start()
    until(lambda: turns)
    (job,) = scheduler.get_jobs()
    assert job.next_run_time - dt.datetime.now(dt.UTC) <= dt.timedelta(minutes=1)
    scheduler.shutdown()
    assert turns == ["turn"]


def test_after_a_clock_is_set_every_job_has_its_turn_at_once(
    day: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def clock() -> dt.datetime:
        asked.append(time.monotonic())
        return NOW

    jobs = Jobs(day, clock)
    jobs.start()
    until(jobs.ready)
    until(lambda: len(asked) >= 6)  # each job, and `prepare` once more
    begun, before = time.monotonic(), len(asked)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    until(lambda: len(asked) >= before + 5)
    assert asked[before + 4] - begun < 6, "sooner than any of them would have come by itself"
    assert jobs.stop(10 * SECONDS)


class Unanswered:
    """A relay that is still thinking when the test is over."""

    def __init__(self) -> None:
        self.asked, self.over = threading.Event(), threading.Event()

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        self.asked.set()
        await asyncio.to_thread(self.over.wait)
        return "250 kept"


def delivering(folder: Path, relay: object, readers: int) -> tuple[bool, DeliveryState]:
    """Whether the jobs gave up while a relay was sent to, and the state of the last delivery."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    gave_up = threading.Event()
    try:
        with open_service(furnished(folder, smtp(port) + "connections = 1\n")) as day:
            for number in range(readers):
                subscriptions.add(day, f"reader{number}@example.org", Wish(), NOW, confirmed=True)
            jobs = Jobs(day, lambda: NOW, patience=lambda job: job.every + SECONDS, give_up=gave_up.set)
            jobs.start()
            assert relay.asked.wait(60)
            until(lambda: gave_up.is_set() or day.store.outbox.counts().get(DeliveryState.SENT) == readers)
            if isinstance(relay, Unanswered):
                relay.over.set()
            assert jobs.stop(20 * SECONDS)
            return gave_up.is_set(), day.store.outbox.list()[0].state
    finally:
        controller.stop()


@pytest.mark.slow
def test_a_job_that_hangs_ends_the_process(tmp_path: Path) -> None:
    assert delivering(tmp_path, Unanswered(), 1)[0]


@pytest.mark.slow
def test_a_long_delivery_that_gets_on_is_left_alone(tmp_path: Path) -> None:
    """Thirty messages of half a second each, where one turn may be silent for eleven."""
    assert delivering(tmp_path, Slow(), 30) == (False, DeliveryState.SENT)
