"""When: a handful of interval jobs that call the same "do what is due now" as `digest run`. The one door for APScheduler.

Rule 1. A job nudges; what is due is a question to the database. So a job may be late, doubled or lost: the next one
        finds what is still to be done.
Rule 2. Interval jobs in UTC only. A cron trigger skips days around a change of clocks, and the scheduler's default
        grace of a second drops whatever starts late.
Rule 3. A job that fails says so and is tried again; it never takes the others with it.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from digest import daily, deliver, subscriptions, webhook
from digest.errors import DigestError
from digest.service import Service

log = structlog.get_logger()

Clock = Callable[[], dt.datetime]

#: How long a job rests that failed, so that a relay that is away is not asked every few seconds.
REST = dt.timedelta(minutes=1)
#: How long ago digests may have been prepared last before an operator should look.
PATIENCE = dt.timedelta(seconds=90)


def real_time() -> dt.datetime:
    """The clock of everything that is served."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do again and again."""

    name: str
    every: dt.timedelta
    work: Callable[[dt.datetime], object]


class Jobs:
    """The jobs of one process, in threads of their own from `start` to `stop`."""

    def __init__(
        self, day: Service, clock: Clock = real_time, hand_over: daily.HandOver | None = None
    ) -> None:
        self._day = day
        self._clock = clock
        #: To whom preparing and delivering is left, if it is.
        self._hand_over = hand_over
        self._stopping = threading.Event()
        #: Set once every source that was due at the start was asked: until then, nothing is prepared.
        self._collected = threading.Event()
        self._ended: dict[str, float] = {}
        self._resting: dict[str, float] = {}
        self._scheduler = BackgroundScheduler(timezone=dt.UTC)

    def start(self) -> None:
        """Run every job now, and then at its interval."""
        # It warns of every turn that is left out because the last one is still under way: that is as it should be.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        jobs = (
            Job(name="ingest", every=dt.timedelta(minutes=1), work=self._ingest),
            Job(name="prepare", every=dt.timedelta(seconds=20), work=self._prepare),
            Job(name="deliver", every=dt.timedelta(seconds=10), work=self._deliver),
            Job(name="tell", every=dt.timedelta(seconds=10), work=self._tell),
            Job(name="maintain", every=dt.timedelta(hours=1), work=self._maintain),
        )
        for job in jobs:
            self._scheduler.add_job(
                self._guarded,
                "interval",
                args=(job,),
                id=job.name,
                seconds=job.every.total_seconds(),
                next_run_time=real_time(),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        self._scheduler.start()

    def stop(self, within: dt.timedelta) -> bool:
        """Begin nothing new and wait for what is under way; whether all of it ended in time."""
        self._stopping.set()
        if not self._scheduler.running:
            return True
        ending = threading.Thread(target=self._scheduler.shutdown, daemon=True)
        ending.start()
        ending.join(within.total_seconds())
        return not ending.is_alive()

    def ready(self) -> bool:
        """Whether digests are being prepared: the sources were asked, and that job ended within its last few turns."""
        return (
            self._collected.is_set()
            and time.monotonic() - self._ended.get("prepare", -math.inf) < PATIENCE.total_seconds()
        )

    def _guarded(self, job: Job) -> None:
        if self._stopping.is_set() or time.monotonic() < self._resting.get(job.name, 0):
            return
        try:
            job.work(self._clock())
        except DigestError as error:
            log.error("job failed", job=job.name, reason=str(error))  # noqa: TRY400 (one line says it all)
        except Exception:
            log.exception("job failed", job=job.name)
        else:
            self._ended[job.name] = time.monotonic()
            return
        self._resting[job.name] = time.monotonic() + REST.total_seconds()

    def _nudge(self, name: str) -> None:
        """Let a job have its next turn now instead of at its interval."""
        if not self._stopping.is_set():
            self._scheduler.modify_job(name, next_run_time=real_time())

    def _ingest(self, now: dt.datetime) -> None:
        try:
            due = daily.due_sources(self._day, now)
            for _ in daily.collect(self._day, due, now):
                if self._stopping.is_set():
                    return
        finally:
            if not self._collected.is_set():
                self._collected.set()
                self._nudge("prepare")

    def _prepare(self, now: dt.datetime) -> None:
        if not self._collected.is_set():
            return
        if daily.prepare_due(self._day, now, hand_over=self._hand_over).prepared:
            self._nudge("deliver")

    def _deliver(self, now: dt.datetime) -> None:
        settings = self._day.settings
        transport = deliver.transport(settings.mail, settings.outbox_directory)
        daily.deliver_due(
            self._day, transport, now, stopping=self._stopping.is_set, hand_over=self._hand_over
        )

    def _tell(self, now: dt.datetime) -> None:
        webhook.tell(self._day, now, self._stopping.is_set)

    def _maintain(self, now: dt.datetime) -> None:
        if forgotten := subscriptions.forget(self._day, now):
            log.info("subscriptions forgotten", count=forgotten)
        self._day.store.tallies.take(now.date())
        if forgotten := webhook.forget(self._day, now):
            log.info("events forgotten", count=forgotten)
