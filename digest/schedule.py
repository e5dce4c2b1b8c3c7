"""When: a handful of interval jobs that call the same "do what is due now" as `digest run`. The one door for APScheduler.

Rule 1. A job nudges; what is due is a question to the database. So a job may be late, doubled or lost: the next one
        finds what is still to be done.
Rule 2. Interval jobs in UTC only. A cron trigger skips days around a change of clocks, and the scheduler's default
        grace of a second drops whatever starts late.
Rule 3. A job that fails says so and is tried again; it never takes the others with it.
Rule 4. A job that hangs ends the process, so that its supervisor starts it anew: the database is made for that.
"""

from __future__ import annotations

import datetime as dt
import faulthandler
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from digest import collecting, daily, deliver, operating, upkeep, webhook
from digest.errors import DigestError
from digest.service import Service

log = structlog.get_logger()

Clock = Callable[[], dt.datetime]

#: How long a job rests that failed, so that a relay that is away is not asked every few seconds.
REST = dt.timedelta(minutes=1)
#: How long ago digests may have been prepared last before an operator should look.
PATIENCE = dt.timedelta(seconds=90)
#: A job that gives no sign of life for so many of its turns, and at least so long, hangs. The longest that any of
#: them waits for one thing are the ten minutes that a relay has for its last answer (RFC 5321 4.5.3.2).
SILENT_TURNS, SILENCE = 10, dt.timedelta(minutes=20)
#: How often hanging jobs and clocks that were set are looked for, and from how far on a clock was set.
WATCH, STEP = dt.timedelta(seconds=1), dt.timedelta(seconds=5)


def real_time() -> dt.datetime:
    """The clock of everything that is served."""
    return dt.datetime.now(dt.UTC)


def give_up() -> None:
    """End the process as failed, and say where each thread is."""
    faulthandler.dump_traceback()
    os._exit(1)


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """So long after the last turn. An interval trigger counts up every turn that a clock put forward has skipped."""

    def __init__(self, interval: dt.timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, _previous: dt.datetime | None, now: dt.datetime) -> dt.datetime:
        """The next turn, as APScheduler asks for it."""
        return now + self._interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do again and again; it calls its second argument whenever it gets on."""

    name: str
    every: dt.timedelta
    work: Callable[[dt.datetime, Callable[[], None]], object]


def patience(job: Job) -> dt.timedelta:
    """How long a job may give no sign of life."""
    return max(SILENT_TURNS * job.every, SILENCE)


class Jobs:
    """The jobs of one process, in threads of their own from `start` to `stop`.

    `hand_over` is to whom preparing and delivering is left, if it is; `give_up` is called when a job has given no sign
    of life for longer than `patience` has with it.
    """

    def __init__(
        self,
        day: Service,
        clock: Clock = real_time,
        hand_over: daily.HandOver | None = None,
        patience: Callable[[Job], dt.timedelta] = patience,
        give_up: Callable[[], None] = give_up,
    ) -> None:
        self._day = day
        self._clock = clock
        self._hand_over = hand_over
        self._patience, self._give_up = patience, give_up
        self._stopping = threading.Event()
        #: Set once every source that was due at the start was asked: until then, nothing is prepared.
        self._collected = threading.Event()
        #: When each job began or got on last, failing or not; and when it got on.
        self._alive: dict[str, float] = {}
        self._well: dict[str, float] = {}
        self._resting: dict[str, float] = {}
        self._scheduler = BackgroundScheduler(timezone=dt.UTC)
        self._jobs = (
            Job(name="ingest", every=dt.timedelta(minutes=1), work=self._ingest),
            Job(name="prepare", every=dt.timedelta(seconds=20), work=self._prepare),
            Job(name="deliver", every=dt.timedelta(seconds=10), work=self._deliver),
            Job(name="tell", every=dt.timedelta(seconds=10), work=self._tell),
            Job(name="attend", every=dt.timedelta(minutes=5), work=self._attend),
            Job(name="maintain", every=dt.timedelta(hours=1), work=self._maintain),
        )

    def start(self) -> None:
        """Run every job now, and then at its interval."""
        # It warns of every turn that is left out because the last one is still under way: that is as it should be.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        for job in self._jobs:
            self._alive[job.name] = time.monotonic()
            self._scheduler.add_job(
                self._guarded,
                Every(job.every),
                args=(job,),
                id=job.name,
                next_run_time=real_time(),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        self._scheduler.start()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

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
        """Whether digests are being prepared: the sources were asked, and that job got on within its last few turns."""
        got_on = self._well.get("prepare", -math.inf)
        return self._collected.is_set() and time.monotonic() - got_on < PATIENCE.total_seconds()

    def silent(self) -> Mapping[str, dt.timedelta]:
        """Since when each job gave no sign of life, by its name."""
        now = time.monotonic()
        return {job: dt.timedelta(seconds=now - at) for job, at in self._alive.copy().items()}

    def _watch(self) -> None:
        """Look for jobs that hang; a clock that is set delays nobody's turn, and a frozen process is no hanging job."""
        ahead, woke = time.time() - time.monotonic(), time.monotonic()
        while not self._stopping.wait(WATCH.total_seconds()):
            step, slept = time.time() - time.monotonic() - ahead, time.monotonic() - woke
            ahead, woke = ahead + step, woke + slept
            if max(abs(step), slept) > STEP.total_seconds():
                log.warning("clock was set, or the process was frozen", set=round(step), frozen=round(slept))
                for job in self._jobs:
                    self._alive[job.name] = time.monotonic()
                    self._nudge(job.name)
            silent = self.silent()
            hanging = [job.name for job in self._jobs if silent[job.name] > self._patience(job)]
            if hanging and not self._stopping.is_set():
                log.critical("job hangs", jobs=hanging, consequence="the process ends, to be started anew")
                self._give_up()
                return

    def ages(self) -> dict[str, float]:
        """How many seconds ago each job got on last; one that never did is not there."""
        now = time.monotonic()
        return {name: now - at for name, at in self._well.copy().items()}

    def _guarded(self, job: Job) -> None:
        self._alive[job.name] = time.monotonic()
        if self._stopping.is_set() or time.monotonic() < self._resting.get(job.name, 0):
            return

        def gets_on() -> None:
            self._alive[job.name] = self._well[job.name] = time.monotonic()

        try:
            job.work(self._clock(), gets_on)
        except DigestError as error:
            log.error("job failed", job=job.name, reason=str(error))  # noqa: TRY400 (one line says it all)
        except Exception:
            log.exception("job failed", job=job.name)
        else:
            gets_on()
            return
        self._resting[job.name] = time.monotonic() + REST.total_seconds()

    def _nudge(self, name: str) -> None:
        """Let a job have its next turn now instead of at its interval."""
        if not self._stopping.is_set():
            self._scheduler.modify_job(name, next_run_time=real_time())

    def _orders(self, gets_on: Callable[[], None]) -> daily.Orders:
        return daily.Orders(
            progress=lambda *_: gets_on(), stopping=self._stopping.is_set, hand_over=self._hand_over
        )

    def _ingest(self, now: dt.datetime, gets_on: Callable[[], None]) -> None:
        try:
            due = collecting.due_sources(self._day, now)
            for _ in daily.collect(self._day, due, now, self._orders(gets_on)):
                gets_on()
        finally:
            if not self._collected.is_set():
                self._collected.set()
                self._nudge("prepare")

    def _prepare(self, now: dt.datetime, gets_on: Callable[[], None]) -> None:
        if not self._collected.is_set():
            return
        if daily.prepare_due(self._day, now, self._orders(gets_on)).prepared:
            self._nudge("deliver")

    def _deliver(self, now: dt.datetime, gets_on: Callable[[], None]) -> None:
        settings = self._day.settings
        transport = deliver.transport(settings.mail, settings.outbox_directory)
        daily.deliver_due(self._day, transport, now, self._orders(gets_on))

    def _tell(self, now: dt.datetime, gets_on: Callable[[], None]) -> None:
        def stopping() -> bool:
            gets_on()
            return self._stopping.is_set()

        webhook.tell(self._day, now, stopping)

    def _attend(self, now: dt.datetime, _gets_on: Callable[[], None]) -> None:
        operating.conclude(self._day, operating.attend(self._day, now))

    def _maintain(self, now: dt.datetime, _gets_on: Callable[[], None]) -> None:
        upkeep.keep_tidy(self._day, now)
