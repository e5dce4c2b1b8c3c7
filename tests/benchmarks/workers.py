"""Two workers against one: `python tests/benchmarks/workers.py --subscribers N --papers M --smtp HOST:PORT --json`.

A pass hands the same digests to one worker and to two, on a PostgreSQL of its own, round about. The clock runs from
handing over until the last row is settled, so ranking and what each worker reads for it count; the edition is published
before. The sink, the database and the workers share this machine: what each worker used of the processors is told too.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import statistics
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import structlog
from databases import postgres_server
from factories import NOON
from pipeline import fill
from sqlalchemy import NullPool, create_engine, make_url, text

from digest import cluster, daily, deliver
from digest.config import Settings
from digest.model import DeliveryState
from digest.service import open_service
from digest.store import upgrade


def settings(given: argparse.Namespace, url: str, folder: Path) -> Settings:
    """What ships, with workers."""
    host, _, port = given.smtp.rpartition(":")
    return Settings.model_validate(
        {
            "site": {"url": "https://digest.example.org", "secret": "benchmark"},
            "database": {"url": url},
            "mail": {"transport": "smtp", "host": host, "port": int(port), "security": "none"},
            "digest": {"min_score": 0.0},
            "cluster": {"enabled": True, "shard_size": given.shard},
            "directory": folder,
        }
    )


def a_worker(chosen: Settings) -> int:
    """A process that works; its id."""
    pid = os.fork()
    if not pid:
        with open_service(chosen) as day, cluster.queue(chosen.database_url) as queue:
            working = cluster.Worker(day, queue, lambda: NOON)
            signal.signal(signal.SIGTERM, lambda *_: working.stop())
            working.run()
        os._exit(0)
    return pid


def measured(chosen: Settings, workers: int, messages: int) -> dict[str, float]:
    """So many workers do it all; how fast, and what they used of the processors."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    pids = [a_worker(chosen) for _ in range(workers)]
    with open_service(chosen) as day, cluster.queue(chosen.database_url) as queue:
        transport = deliver.transport(chosen.mail, chosen.outbox_directory)
        time.sleep(3)  # until they wait for jobs
        began = time.perf_counter()
        daily.prepare_due(day, NOON, daily.Orders(hand_over=queue))
        handed = time.perf_counter()
        while day.store.outbox.counts().get(DeliveryState.SENT, 0) < messages:
            time.sleep(0.2)
            if time.perf_counter() - handed > 10:  # as `serve` does
                daily.deliver_due(day, transport, NOON, daily.Orders(hand_over=queue))
                handed = time.perf_counter()
        seconds = time.perf_counter() - began
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"messages_per_second": messages / seconds, "worker_cpu_seconds": used}


def compared(given: argparse.Namespace) -> dict[str, object]:
    """Medians of some rounds, and their ratio."""
    found: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    with postgres_server() as server, tempfile.TemporaryDirectory(prefix="digest-workers-") as folder:
        admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)

        def database(name: str, template: str = "template1") -> str:
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
            return make_url(server).set(database=name).render_as_string(hide_password=False)

        first = database("filled")
        upgrade(first)
        filling = get_context("spawn").Process(target=fill, args=(first, given.subscribers, given.papers))
        filling.start()
        filling.join()
        with open_service(settings(given, first, Path(folder))) as day:
            assert daily.publish(day, NOON)
            with day.store._database.own_connection() as connection:
                connection.execute("ANALYZE")
        for number in range(given.rounds):
            for workers, results in found.items():
                url = database(f"round{number}of{workers}", "filled")
                results.append(measured(settings(given, url, Path(folder)), workers, given.subscribers))
    rates = {
        workers: statistics.median(one["messages_per_second"] for one in results)
        for workers, results in found.items()
    }
    return {
        "messages": given.subscribers,
        "papers": given.papers,
        "rounds": given.rounds,
        **{
            f"{workers}_worker{'s' * (workers > 1)}": [
                {name: round(value, 1) for name, value in one.items()} for one in results
            ]
            for workers, results in found.items()
        },
        "ratio": round(rates[2] / rates[1], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--subscribers", type=int, default=6000)
    parser.add_argument("--papers", type=int, default=400)
    parser.add_argument("--shard", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--smtp", required=True, metavar="HOST:PORT")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    result = compared(given)
    lines = (f"{name}: {value}" for name, value in result.items())
    sys.stdout.write((json.dumps(result) if given.json else "\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()
