"""An installation whose work is handed to workers, and what an operator sees of it."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from factories import NOON, a_mention, a_paper, a_subscriber
from sqlalchemy import NullPool, create_engine, text

from digest import daily, deliver
from digest.cluster import Queue, Worker
from digest.model import Days, DeliveryState, Resolved, Schedule
from digest.service import Service


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@dataclass
class House:
    """The installation, its queue and its clock."""

    day: Service
    queue: Queue
    url: str
    now: dt.datetime = NOON

    def readers(self, number: int) -> None:
        """Readers whose digest is due by now, with ids as in life: hexadecimal, and all over their range."""
        hour = (self.now - dt.timedelta(minutes=1)).time().replace(second=0, microsecond=0)
        schedule = Schedule(timezone="UTC", send_at=hour, days=Days("daily"))
        for one in range(number):
            person = a_subscriber(f"reader{one}", id=f"{(one << 64) // number:016x}", schedule=schedule)
            self.day.store.subscribers.add(person)

    def published(self) -> None:
        """Papers that digests can be made of."""
        seen = self.now - dt.timedelta(hours=1)
        papers = tuple(a_paper(number, first_seen=seen, published=seen) for number in range(1, 17))
        mentions = tuple(a_mention(paper, listed_at=seen, as_of=seen) for paper in papers)
        self.day.store.papers.save(Resolved(papers=papers, mentions=mentions, joined={}), self.now)

    def passes(self) -> None:
        """What `digest serve` does again and again."""
        transport = deliver.transport(self.day.settings.mail, self.day.settings.outbox_directory)
        daily.run(self.day, transport, self.now, daily.Orders(hand_over=self.queue))

    def states(self) -> Mapping[DeliveryState, int]:
        return self.day.store.outbox.counts()

    def jobs(self) -> list[tuple[str, str, str | None]]:
        """Step, status and shard of every job, in the order of their making."""
        chosen = (
            "SELECT task_name, status::text, queueing_lock FROM digest_queue.procrastinate_jobs ORDER BY id"
        )
        return [tuple(row) for row in self.said(chosen)]

    def said(self, statement: str) -> list[tuple[object, ...]]:
        """What the database says to an operator's SQL."""
        with create_engine(self.url, poolclass=NullPool).begin() as connection:
            done = connection.execute(text(statement))
            return [tuple(row) for row in done] if done.returns_rows else []

    @contextlib.contextmanager
    def working(self, number: int = 1) -> Iterator[list[Worker]]:
        """So many workers, each in a thread."""
        made = [Worker(self.day, self.queue, lambda: self.now, rest=0.1) for _ in range(number)]
        threads = [threading.Thread(target=one.run) for one in made]
        for thread in threads:
            thread.start()
        try:
            yield made
        finally:
            for one in made:
                one.stop()
            for thread in threads:
                thread.join(30)
            assert not any(thread.is_alive() for thread in threads)
