"""Live through the captured five weeks and say, day by day, what the sources came to.

    python tests/benchmarks/replay.py [--category cs.CL] [--skip 2026-04-22]...

A skipped day is one on which nothing was asked; the next one catches up. Needs the captured data (DIGEST_SHARED).
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from digest import collecting, config, daily
from digest.service import open_service

SOURCES = """
[fetch]
allow_private_networks = true
[[sources]]
name = "Hugging Face"
kind = "huggingface"
url = "{base}/hf?date={{date}}"
[[sources]]
name = "arXiv"
kind = "arxiv"
url = "{base}/arxiv/{category}?date={{date}}"
"""
FIRST, DAYS = dt.date(2026, 4, 10), 36
HOUR = dt.time(10, tzinfo=dt.UTC)


def lived(settings: config.Settings, skipped: set[dt.date]) -> Iterator[str]:
    """A line for each day."""
    yield f"{'day':14} {'HF':22} {'arXiv':22} {'caught up':>9} {'papers':>7} {'new':>5} {'both':>5} {'mentions':>8}"
    with open_service(settings) as day:
        before = 0
        for date in (FIRST + dt.timedelta(days=n) for n in range(DAYS)):
            now = dt.datetime.combine(date, HOUR)
            if date in skipped:
                yield f"{date:%a %Y-%m-%d} nothing was asked"
                continue
            lists = day.store.sources.lists((now - dt.timedelta(weeks=5)).date())
            lookback = {date - dt.timedelta(days=back) for back in range(3)}
            older = collecting.days_to_ask(day, settings.sources, lists, now)
            caught = sum(len(set(days) - lookback) for days in older.values())
            told = {one.source.name: one for one in daily.collect(day, settings.sources, now)}
            papers = day.store.papers.list(None)
            both = sum(len({m.source for m in mentions}) > 1 for _, mentions in papers)
            mentions = sum(len(mentions) for _, mentions in papers)
            states = [
                f"{told[name].state} ({len(told[name].entries)} entries)"
                for name in ("Hugging Face", "arXiv")
            ]
            yield (
                f"{date:%a %Y-%m-%d} {states[0]:22} {states[1]:22} {caught:9} {len(papers):7} {len(papers) - before:5}"
                f" {both:5} {mentions:8}"
            )
            before = len(papers)
        names = Counter(alias for paper, _ in day.store.papers.list(None) for alias in paper.aliases)
        titles = Counter(paper.title_key for paper, _ in day.store.papers.list(None))
        yield f"ids that two papers have: {sum(n > 1 for n in names.values())}; titles: {sum(n > 1 for n in titles.values())}"


def main() -> None:
    """Serve the captures, live through them, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--category", default="cs.CL")
    parser.add_argument("--skip", action="append", default=[], type=dt.date.fromisoformat)
    given = parser.parse_args()
    shared = Path(os.environ.get("DIGEST_SHARED") or Path(__file__).parents[3] / "shared")
    server = [sys.executable, str(shared / "tools" / "replay_server.py"), "--port", "8917"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(server, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process,
    ):
        assert process.stdout
        base = process.stdout.readline().strip()
        path = Path(folder) / "digest.toml"
        path.write_text(SOURCES.format(base=base, category=given.category), encoding="utf-8")
        for line in lived(config.load(path, {}), set(given.skip)):
            print(line, flush=True)  # noqa: T201 (a report)
        process.kill()


if __name__ == "__main__":
    main()
