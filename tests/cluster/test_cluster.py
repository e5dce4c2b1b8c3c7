"""Shards in the queue, and workers that take them."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from cluster.house import House, until
from procrastinate import App, PsycopgConnector

from digest import cluster, store
from digest.daily import Step
from digest.errors import StoreError
from digest.model import DeliveryState, Shard, shards

T = TypeVar("T")

SENT = {DeliveryState.SENT: 8}
HALVES = [Shard(end="8000"), Shard(first="8000")]


@pytest.fixture
def due(house: House) -> House:
    """With eight readers whose digest is due, in shards of two."""
    house.published()
    house.readers(8)
    return house


def files(house: House) -> set[Path]:
    return set(house.day.settings.outbox_directory.glob("*.eml"))


# --- handing over ---


def test_a_pass_hands_over_shards_and_does_none_of_the_work(due: House) -> None:
    due.passes()

    assert due.jobs() == [("prepare", "todo", f"prepare {one}") for one in shards(8, 2)]
    assert due.states() == {}


def test_a_shard_waits_once_however_many_passes_find_it_due(due: House) -> None:
    due.passes()
    before = due.jobs()
    due.passes()
    due.queue(Step.PREPARE, shards(8, 2)[:1])

    assert due.jobs() == before
    due.queue(Step.DELIVER, shards(8, 2))
    assert len(due.jobs()) == 2 * len(before)


def test_nothing_is_handed_over_where_nothing_is_due(house: House) -> None:
    house.passes()

    assert house.jobs() == []


def test_passes_at_once_leave_each_shard_waiting_once(house: House) -> None:
    threads = [threading.Thread(target=house.queue, args=(Step.DELIVER, shards(100, 10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(lock for _, _, lock in house.jobs()) == sorted(f"deliver {one}" for one in shards(100, 10))


def test_a_queue_that_is_not_there_is_an_error_in_words(due: House) -> None:
    due.said("DROP SCHEMA digest_queue CASCADE")

    with pytest.raises(StoreError, match="cannot use the queue"):
        due.passes()


# --- working ---


def test_workers_prepare_and_deliver_what_a_pass_found_due(due: House) -> None:
    with due.working(2):
        due.passes()
        until(lambda: due.states() == SENT)
        until(lambda: due.jobs() == [])

    assert len(files(due)) == 8


def test_what_is_sent_already_costs_a_job_and_sends_nothing(due: House) -> None:
    with due.working():
        due.passes()
        until(lambda: due.states() == SENT)
        written = {path: path.stat().st_mtime_ns for path in files(due)}
        due.queue(Step.PREPARE, shards(8, 2))
        due.queue(Step.DELIVER, shards(8, 2))
        until(lambda: due.jobs() == [])

    assert due.states() == SENT
    assert {path: path.stat().st_mtime_ns for path in files(due)} == written


def test_a_queue_that_is_wiped_is_filled_again_by_the_next_pass(due: House) -> None:
    due.passes()
    due.said("TRUNCATE digest_queue.procrastinate_jobs CASCADE")
    with due.working():
        due.passes()
        until(lambda: due.states().keys() == {DeliveryState.SENT})
        due.said("TRUNCATE digest_queue.procrastinate_jobs CASCADE")
        due.passes()
        until(lambda: due.states() == SENT)


def test_a_queue_that_is_dropped_and_made_anew_is_worked_on_by_the_same_workers(due: House) -> None:
    with due.working(2):
        due.passes()
        until(lambda: due.jobs() == [] and due.states() == SENT)
        due.said("DROP SCHEMA digest_queue CASCADE")
        cluster.furnish(due.url)
        due.now += dt.timedelta(days=1)
        due.published()
        due.passes()
        until(lambda: due.states() == {DeliveryState.SENT: 16})


def test_a_shard_that_cannot_be_sent_is_left_to_the_next_pass(due: House) -> None:
    directory = due.day.settings.outbox_directory
    directory.write_text("in the way")
    with due.working():
        due.passes()
        until(lambda: due.states() == {DeliveryState.PLANNED: 8} and due.jobs() == [])
        directory.unlink()

        def sent() -> bool:
            due.passes()
            return due.states() == SENT

        until(sent)
        until(lambda: due.jobs() == [])


def test_a_stale_edition_prepares_nothing(due: House) -> None:
    due.passes()
    due.now += dt.timedelta(hours=37)
    with due.working():
        until(lambda: due.jobs() == [])

    assert due.states() == {}


# --- workers that are no more ---


def abandoned(house: House, seconds: int = 40) -> None:
    """Let a worker take the first job and show no sign of life for so long."""

    async def take(app: App) -> None:
        async with app.open_async():
            worker = await app.job_manager.register_worker()
            assert await app.job_manager.fetch_job(["digest"], worker)

    to_the_end(take(an_app(house)))
    house.said(
        f"UPDATE digest_queue.procrastinate_workers SET last_heartbeat = now() - interval '{seconds} seconds'"
    )


def to_the_end(work: Coroutine[None, None, T]) -> T:
    """Its result, from a thread of its own: in this one a browser's loop may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def an_app(house: House) -> App:
    where = {"options": f"-c search_path={cluster.NAMESPACE}"}
    return App(connector=PsycopgConnector(conninfo=store.conninfo(house.url), kwargs=where))


def swept(house: House) -> int:
    async def sweep(app: App) -> int:
        async with app.open_async():
            return await cluster.sweep(app)

    return to_the_end(sweep(an_app(house)))


def test_a_shard_of_a_dead_worker_waits_again(house: House) -> None:
    house.queue(Step.DELIVER, HALVES)
    abandoned(house)
    assert [status for _, status, _ in house.jobs()] == ["doing", "todo"]

    assert swept(house) == 1
    assert [status for _, status, _ in house.jobs()] == ["todo", "todo"]
    assert swept(house) == 0


def test_a_dead_worker_keeps_nobody_from_its_shard(house: House) -> None:
    house.queue(Step.DELIVER, HALVES)
    abandoned(house)
    house.queue(Step.DELIVER, HALVES)
    assert [status for _, status, _ in house.jobs()] == ["doing", "todo", "todo"]

    assert swept(house) == 1
    assert [status for _, status, _ in house.jobs()] == ["todo", "todo"]


def test_a_worker_that_lives_is_not_swept(house: House) -> None:
    house.queue(Step.DELIVER, HALVES)
    abandoned(house, seconds=5)

    assert swept(house) == 0


def test_a_dead_workers_shard_is_found_after_the_worker_is_forgotten(house: House) -> None:
    house.queue(Step.DELIVER, HALVES)
    abandoned(house)
    house.said("DELETE FROM digest_queue.procrastinate_workers")

    assert swept(house) == 1


# --- the queue's tables ---


def test_a_queue_of_another_version_is_refused_and_made_anew_by_an_upgrade(house: House) -> None:
    house.queue(Step.DELIVER, HALVES)
    cluster.furnish(house.url)
    assert len(house.jobs()) == 2
    house.said("COMMENT ON SCHEMA digest_queue IS 'procrastinate 2.0'")

    with pytest.raises(StoreError, match=r"procrastinate 2\.0.*digest db upgrade"), cluster.queue(house.url):
        pass
    cluster.furnish(house.url, anew=True)

    assert house.jobs() == []
    with cluster.queue(house.url) as queue:
        queue(Step.DELIVER, HALVES)
    assert len(house.jobs()) == 2
