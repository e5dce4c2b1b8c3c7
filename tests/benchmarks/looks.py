"""What it costs to look who is due: `python tests/benchmarks/looks.py --readers 20000 --json`.

Readers whose hours are spread over the day, each digest of the last 24 hours prepared. Seconds of the processor: to look
at everybody, as the rule is said; the first time, when nothing is known of anybody; 20 seconds later, as `serve` does;
and an hour later, when a twenty-fourth of them is due.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from factories import NOON, a_subscriber

from digest import config
from digest.due import due_digests, look
from digest.model import SubscriberState
from digest.service import Service, open_service
from digest.store.subscribers import keep


def fill(day: Service, readers: int) -> None:
    """So many, who began at noon."""
    with day.store._database.writing() as connection:
        for number in range(readers):
            one = a_subscriber(f"{number:06x}", starts_at=NOON)
            hour = dt.time(number % 24, number // 24 % 60)
            keep(connection, replace(one, schedule=replace(one.schedule, send_at=hour)))


def measured(day: Service) -> dict[str, object]:
    """What each kind of look takes, and whom it finds."""

    def everybody(now: dt.datetime) -> int:
        people = day.store.subscribers.list(SubscriberState.CONFIRMED)
        return sum(one.is_due(now) for one in look(day, people, now))

    def looked(now: dt.datetime) -> int:
        return sum(len(block) for block in due_digests(day, now))

    def timed(ask: Callable[[dt.datetime], int], now: dt.datetime) -> dict[str, object]:
        began, found = time.process_time(), ask(now)
        return {"found": found, "cpu_seconds": round(time.process_time() - began, 4)}

    soon, later = NOON + dt.timedelta(seconds=20), NOON + dt.timedelta(hours=1)
    return {
        "everybody": timed(everybody, NOON),
        "first": timed(looked, NOON),
        "after_20_seconds": timed(looked, soon),
        "after_an_hour": timed(looked, later),
        "everybody_after_an_hour": timed(everybody, later),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--readers", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="digest-looks-") as folder:
        path = Path(folder) / "digest.toml"
        path.write_text('[site]\nurl = "https://digest.example.org"\n')
        with open_service(config.load(path, {})) as day:
            fill(day, given.readers)
            found = {"readers": given.readers, **measured(day)}
    lines = (f"{name}: {value}" for name, value in found.items())
    sys.stdout.write((json.dumps(found) if given.json else "\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()
