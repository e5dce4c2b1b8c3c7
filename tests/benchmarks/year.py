"""A year of readers, day by day with a moved clock: `python tests/benchmarks/year.py --readers 1000 --days 365 --json`.

Each day a source lists new papers, and one pass does what `digest run` does: it collects, publishes, prepares, delivers
(to nobody: the relay is a transport that takes everything) and keeps tidy. Memory and the database are looked at every
30 days. The database grows by `editions + readers x row` a day, from the first day to the last: the growth of the second
half is compared with that of the first, and the memory at the end with that after the first 30 days.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

sys.path.insert(0, str(Path(__file__).parents[1]))

import structlog
from factories import a_subscriber

from digest import config, daily, upkeep
from digest.deliver.journal import Journal
from digest.model import Message, Outcome, Verdict
from digest.service import open_service

START = dt.datetime(2026, 1, 1, 7, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SUBJECTS = ("video", "robots", "proteins", "reasoning", "speech", "graphs", "weather", "vision")
CONFIGURATION = """
[site]
url = "https://digest.example.org"
[[sources]]
name = "list"
kind = "huggingface"
path = "{date}.json"
"""


class Taking:
    """Takes every message at once."""

    def __init__(self) -> None:
        self.taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def deliver(self, messages: Iterable[Message], _journal: Journal) -> Iterator[tuple[Message, Outcome]]:
        """Each is accepted."""
        for message in messages:
            self.taken += 1
            yield message, Outcome(verdict=Verdict.ACCEPTED, reply="250 taken")


def listing(day: dt.date, papers: int) -> str:
    """A day's list of made-up papers."""
    number = (day - START.date()).days
    entries = [
        {
            "paper": {
                "id": f"{day:%y%m}.{day.day * 200 + one:05}",
                "title": f"On {SUBJECTS[one % len(SUBJECTS)]}, part {number} of {one}",
                "summary": f"We study {SUBJECTS[one % len(SUBJECTS)]} anew. It is better by {one} per cent than part {number}.",
                "upvotes": one * 7 % 50,
            },
            "publishedAt": f"{day}T00:00:00.000Z",
        }
        for one in range(papers)
    ]
    return json.dumps(entries)


def lived(folder: Path, readers: int, days: int, papers: int) -> dict[str, object]:
    """So many days, and what they left."""
    (folder / "digest.toml").write_text(CONFIGURATION)
    relay, looks, began = Taking(), [], time.monotonic()
    with open_service(config.load(folder / "digest.toml", {})) as day:
        for number in range(readers):
            day.store.subscribers.add(a_subscriber(f"reader{number}"))
        for number in range(days + 1):
            now = START + number * DAY
            (folder / f"{now.date()}.json").write_text(listing(now.date(), papers))
            daily.run(day, relay, now)
            upkeep.keep_tidy(day, now)
            if number % 30 == 0 or number == days:
                looks.append((number, (folder / "digest.db").stat().st_size, resident()))
    first, last = looks[1], looks[-1]
    half = min(looks[2:-1], key=lambda look: abs(look[0] - (first[0] + days) / 2))
    return {
        "readers": readers,
        "days": days,
        "papers_a_day": papers,
        "messages": relay.taken,
        "database_bytes": last[1],
        "bytes_a_day_first_half": round((half[1] - first[1]) / (half[0] - first[0])),
        "bytes_a_day_second_half": round((last[1] - half[1]) / (last[0] - half[0])),
        "resident_after_30_days": first[2],
        "resident_at_the_end": last[2],
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "seconds": round(time.monotonic() - began, 1),
    }


def resident() -> int:
    """The memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    """Live it, and say what it left."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--papers", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.days < 120:
        parser.error("halves are compared from the thirtieth day on: give 120 days or more")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory(prefix="digest-year-") as folder:
        found = lived(Path(folder), given.readers, given.days, given.papers)
    lines = (f"{name}: {value}" for name, value in found.items())
    sys.stdout.write((json.dumps(found) if given.json else "\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()
