"""Whether the time of a sign-up tells if its address is known here.

    python tests/benchmarks/signup.py [--tries N] [--database URL] [--json]

Asks the served pages on loopback, on a scratch database with the shipped durability: addresses that are unknown,
confirmed, suppressed, or were mailed within the day, in turns and each from a network of its own. Unknown ones are
asked twice as often, in two groups: by so much do medians differ where there is nothing to tell.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import json
import random
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

import structlog
import uvicorn

from digest import config, subscriptions, web
from digest.service import Service, open_service
from digest.subscriptions import Wish
from digest.web.server import configured

START = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
#: Between two sign-ups, so that mails do not pause for everybody.
APART = dt.timedelta(minutes=2)
KINDS = ("unknown", "confirmed", "suppressed", "mailed today", "unknown again")


class Clock:
    """Tells the time it was set to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now


@contextmanager
def served(folder: Path, database: str, clock: Clock) -> Iterator[tuple[Service, int]]:
    """The pages and their port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        given = {"DIGEST_SITE__URL": f"http://127.0.0.1:{port}"} | (
            {"DIGEST_DATABASE__URL": database} if database else {}
        )
        (folder / "digest.toml").write_text("")
        with open_service(config.load(folder / "digest.toml", given)) as day:
            server = uvicorn.Server(configured(web.app(day, clock, lambda: True)))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            while not server.started:
                time.sleep(0.01)
            try:
                yield day, port
            finally:
                server.should_exit = True
                thread.join()


def prepare(day: Service, tries: int) -> None:
    """Make known who has to be."""
    for number in range(tries):
        subscriptions.add(day, f"confirmed{number}@example.org", Wish(), START, confirmed=True)
        day.store.suppressions.add(f"suppressed{number}@example.org", "550 5.1.1", START)


def milliseconds(port: int, address: str, network: str) -> float:
    """How long the answer to one sign-up takes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    body = urlencode({"email": address})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": network}
    began = time.perf_counter()
    connection.request("POST", "/subscribe", body, headers)
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - began
    connection.close()
    assert answer.status == 200, answer.status
    return took * 1000


def measure(day: Service, port: int, clock: Clock, tries: int) -> dict[str, list[float]]:
    """The times of each kind, asked in an order of chance."""
    chance, times = random.Random(1), {kind: [] for kind in KINDS}
    network = 0
    for number in range(-10, tries):  # the first ten warm up
        for kind in chance.sample(KINDS, len(KINDS)):
            network += 1
            clock.now += APART
            address = (
                f"{kind.replace(' ', '.')}{max(number, 0) if kind in KINDS[1:3] else number + 10}@example.org"
            )
            if kind == "mailed today":
                subscriptions.ask(day, address, Wish(), f"prepared {network}", clock.now)
            took = milliseconds(port, address, f"10.{network >> 16}.{network >> 8 & 255}.{network & 255}")
            if number >= 0:
                times[kind].append(took)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tries", type=int, default=500)
    parser.add_argument("--database", default="", help="a scratch PostgreSQL database; else SQLite")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    clock = Clock()
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), given.database, clock) as (day, port),
    ):
        prepare(day, given.tries)
        times = measure(day, port, clock, given.tries)
    base = median(times["unknown"])
    found = {}
    for kind, those in times.items():
        low, _, high = quantiles(those, n=4)
        found[kind] = {
            "median_ms": round(median(those), 2),
            "quartiles_ms": [round(low, 2), round(high, 2)],
            "from_unknown_ms": round(median(those) - base, 2),
        }
    if given.json:
        print(json.dumps({"tries": given.tries} | found))  # noqa: T201 (a report)
        return
    lines = [f"{given.tries} sign-ups of each kind, in ms"]
    for kind, told in found.items():
        quartiles, apart = told["quartiles_ms"], told["from_unknown_ms"]
        lines.append(f"{kind:15} median {told['median_ms']:6}  quartiles {quartiles}  from unknown {apart:+}")
    print("\n".join(lines))  # noqa: T201 (a report)


if __name__ == "__main__":
    main()
