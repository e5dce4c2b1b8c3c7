"""Where: shards of the day's work, for any number of workers on any number of machines. The one door for procrastinate.

Rule 1. The database is the truth and the queue a hint: it may be wiped at any instant, since every pass that finds
        something due fills it again.
Rule 2. A job is a shard of readers, never one. A shard waits once (`queueing_lock`) and may be worked on twice: rows
        are claimed by one, and written once. With procrastinate's `lock`, a worker that was killed would block it.
Rule 3. procrastinate's tables stand in a PostgreSQL schema of their own. As what is in it may be lost, it is not
        migrated but made anew for another version.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial

import structlog
from procrastinate import App, BaseConnector, PsycopgConnector, SyncPsycopgConnector, __version__
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.schema import SchemaManager
from psycopg_pool import PoolTimeout

from digest import daily, deliver, ranking, sending, store
from digest.daily import Orders, Step
from digest.errors import DigestError, StoreError
from digest.model import Shard
from digest.rank import Ranker
from digest.service import Service

log = structlog.get_logger()

Clock = Callable[[], dt.datetime]

#: PostgreSQL's schema that procrastinate's tables stand in, and the queue there.
NAMESPACE = "digest_queue"
QUEUE = "digest"
#: Which waits in front: what is prepared leaves before more is.
PRIORITIES = {Step.PREPARE: 0, Step.DELIVER: 1}
#: How often a worker looks after what others left behind, in seconds.
TIDY_EVERY = 60.0
#: Seconds until a relay or a database that is away is asked again.
REST = 10.0
#: What procrastinate and its pool raise when the database goes away.
LOST = (ProcrastinateException, PoolTimeout)


def furnish(url: str, *, anew: bool = False) -> None:
    """See that the queue's tables are there; `anew`, also instead of those of another version, which go."""
    script = SchemaManager.get_schema()
    store.furnish(url, NAMESPACE, f"procrastinate {__version__}", script, anew=anew)


def _app(connector: Callable[..., BaseConnector], url: str) -> App:
    # What they complain of is said in a line of ours, or is as it should be: a queue may be wiped.
    for name in ("procrastinate", "psycopg", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # A prepared statement would hold on to tables that are dropped and made anew.
    how = {"options": f"-c search_path={NAMESPACE}", "prepare_threshold": None}
    return App(connector=connector(conninfo=store.conninfo(url), kwargs=how, min_size=1, max_size=4))


# --- handing over ---------------------------------------------------------------------------------


class Queue:
    """Hands shards to the workers: a `daily.HandOver`."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, step: Step, shards: Sequence[Shard]) -> None:
        """Let each of these be worked on, but for those that wait for it already."""
        jobs = self._app.job_manager
        try:
            waiting = {job.queueing_lock for job in jobs.list_jobs(task=step, status=Status.TODO.value)}
            if new := [job for job in _jobs(step, shards) if job.queueing_lock not in waiting]:
                jobs.batch_defer_jobs(new)
        except AlreadyEnqueued:
            log.info("shards enqueued by another pass", step=step)
        except LOST as error:
            raise StoreError(f"cannot use the queue ({_said(error)})") from error


@contextlib.contextmanager
def queue(url: str) -> Iterator[Queue]:
    """The queue of that database; StoreError if it cannot be used."""
    furnish(url)
    app = _app(SyncPsycopgConnector, url)
    try:
        opened = app.open()
    except LOST as error:
        raise StoreError(f"cannot use the queue ({_said(error)})") from error
    with opened:
        yield Queue(app)


def _jobs(step: Step, shards: Sequence[Shard]) -> Iterator[Job]:
    for one in shards:
        yield Job(
            queue=QUEUE,
            task_name=step,
            priority=PRIORITIES[step],
            lock=None,
            queueing_lock=f"{step} {one}",
            task_kwargs={"first": one.first, "end": one.end},
        )


def _said(error: BaseException) -> str:
    """The innermost reason, in one line."""
    cause = error.__cause__ or error
    return str(cause).strip().partition("\n")[0] or type(cause).__name__


# --- working --------------------------------------------------------------------------------------


class Worker:
    """One process that works on shards, one after the other, until `stop`.

    It rests for so many seconds when a step failed, or the database is away.
    """

    def __init__(self, day: Service, queue: Queue, clock: Clock, rest: float = REST) -> None:
        self._day = day
        self._queue = queue
        self._clock = clock
        self._rest = rest
        self._stopping = threading.Event()
        self._resting = dict.fromkeys(Step, 0.0)
        self._edition = lru_cache(maxsize=1)(day.store.editions.get)
        self._ranker = lru_cache(maxsize=1)(self._make_ranker)
        self._end: Callable[[], object] = lambda: None

    def run(self) -> None:
        """Work. A database that goes away is waited for."""
        while not self._stopping.is_set():
            try:
                asyncio.run(self._work())
            except LOST as error:
                log.error("queue lost", reason=_said(error))  # noqa: TRY400 (one line says it all)
                self._stopping.wait(self._rest)
            except asyncio.CancelledError:
                return

    def stop(self) -> None:
        """Stop between two messages. From any thread, and from a signal's handler."""
        self._stopping.set()
        self._end()

    async def _work(self) -> None:
        """Take jobs until the end, or until the queue is lost."""
        app = _app(PsycopgConnector, self._day.settings.database_url)
        for step, work in ((Step.PREPARE, self.prepare), (Step.DELIVER, self.deliver)):
            app.task(name=step, queue=QUEUE)(partial(self._guarded, step, work))
        async with app.open_async():
            working = asyncio.ensure_future(
                app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=1,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                )
            )
            self._end = partial(asyncio.get_running_loop().call_soon_threadsafe, working.cancel)
            tidying = asyncio.ensure_future(self._tidy(app))
            try:
                if not self._stopping.is_set():
                    await working
            finally:
                self._end = lambda: None
                tidying.cancel()

    def _guarded(self, step: Step, work: Callable[[Shard], None], *, first: str, end: str) -> None:
        """Do a job. One that fails is not kept: what it left is found due by the next pass."""
        if self._stopping.is_set() or time.monotonic() < self._resting[step]:
            return
        shard = Shard(first=first, end=end)
        try:
            work(shard)
        except DigestError as error:
            log.error("shard not done", step=step, shard=str(shard), reason=str(error))  # noqa: TRY400 (one line says it all)
        except Exception:
            log.exception("shard not done", step=step, shard=str(shard))
        else:
            return
        self._resting[step] = time.monotonic() + self._rest

    # --- the steps ---

    def prepare(self, shard: Shard) -> None:
        """Prepare what is due there, and let it be delivered."""
        now, newest = self._clock(), self._day.store.editions.newest()
        edition = self._edition(newest.id) if newest else None
        if edition is None or not daily.is_news(edition, now):
            return
        ranker = partial(self._ranker, edition.id)
        if daily.prepare(self._day, edition, now, self._orders(shard), ranker).prepared:
            self._queue(Step.DELIVER, [shard])

    def deliver(self, shard: Shard) -> None:
        """Send what is due there."""
        settings = self._day.settings
        transport = deliver.transport(settings.mail, settings.outbox_directory)
        daily.send(self._day, transport, self._clock(), self._orders(shard))

    def _orders(self, shard: Shard) -> Orders:
        return Orders(only=shard, stopping=self._stopping.is_set)

    def _make_ranker(self, edition: int) -> Ranker:
        """For all shards of an edition, as reading its papers takes longer than ranking a shard."""
        found = self._edition(edition)
        assert found
        return ranking.ranker_of(self._day, found, keep=True)

    # --- what others left behind ---

    async def _tidy(self, app: App) -> None:
        """Again and again: jobs of workers that are no more wait again, and what they were sending is settled."""
        while True:
            try:
                await sweep(app)
                await asyncio.to_thread(sending.recover_dead, self._day, self._clock())
            except (*LOST, DigestError) as error:
                log.error("not tidied", reason=_said(error))  # noqa: TRY400 (one line says it all)
            await asyncio.sleep(TIDY_EVERY)


async def sweep(app: App) -> int:
    """Let jobs wait again that are with workers whose heart does not beat; how many there were."""
    jobs = app.job_manager
    stalled = list(await jobs.get_stalled_jobs(queue=QUEUE))
    for job in stalled:
        try:
            await jobs.retry_job(job)
        except UniqueViolation:  # its shard waits already
            await jobs.finish_job(job, Status.FAILED, delete_job=True)
    return len(stalled)
