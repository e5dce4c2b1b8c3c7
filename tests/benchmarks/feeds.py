"""The time that a 2,000-entry day takes to read, beside feedparser's own in the same run.

    python tests/benchmarks/feeds.py [--entries N] [--rounds N]

The day is made here, in the form of rss.arxiv.org, of sentences that hold what abstracts hold. Times are of the
processor, the least of the rounds; the ratios are what counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import time
from collections.abc import Callable
from html import escape

import feedparser

from digest.ingest import feeds
from digest.ingest.reading import read
from digest.model import Source, SourceKind

NOW = dt.datetime(2026, 4, 10, 12, tzinfo=dt.UTC)
SENTENCES = (
    "We study how systems of many parts learn from few examples, and what it costs them.",
    "On 12 tasks it is better by 3.4 points & needs half of the memory of what was known.",
    "What is left is bounded where a<b holds, as we show for each of the parts in turn.",
)
#: About one abstract in ten of arXiv's holds TeX (sources.md 7).
WITH_TEX = (
    "Our method, \\textbf{Sample}, reaches $O(n^2)$ where $a<b$ holds, in 5\\% of the time;"
    " code is at \\url{https://example.org/sample}."
)


def an_item(number: int) -> str:
    plain = [SENTENCES[(number + n) % len(SENTENCES)] for n in range(12)]
    abstract = " ".join([*plain, WITH_TEX] if number % 10 == 0 else plain)
    arxiv = f"2604.{number % 100_000:05}"
    return (
        f"<item><title>A sample paper about many things: part {number}</title>"
        f"<link>https://arxiv.org/abs/{arxiv}</link>"
        f"<description>arXiv:{arxiv}v1 Announce Type: new \nAbstract: {escape(abstract)}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{arxiv}v1</guid><category>cs.CL</category><category>cs.LG</category>'
        "<pubDate>Fri, 10 Apr 2026 00:00:00 -0400</pubDate><arxiv:announce_type>new</arxiv:announce_type>"
        "<dc:creator>Ada Author, Bo Writer, Cy Third, Di Fourth, Ed Fifth</dc:creator></item>"
    )


def a_day(entries: int) -> bytes:
    items = "".join(map(an_item, range(1, entries + 1)))
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:arxiv="http://arxiv.org/schemas/atom"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel><title>cs.CL updates on arXiv.org</title>'
        f"{items}</channel></rss>"
    ).encode()


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The least processor time of the rounds."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    document = a_day(given.entries)
    source = Source(name="arXiv", kind=SourceKind.ARXIV, location="https://x/", every=dt.timedelta(hours=1))
    assert len(read(source, document, NOW).entries) == given.entries
    theirs = seconds(lambda: feedparser.parse(io.BytesIO(document)), given.rounds)
    feed = seconds(lambda: feeds.parse(document, None, NOW, "https://x/"), given.rounds)
    ours = seconds(lambda: read(source, document, NOW), given.rounds)
    print(f"{given.entries} entries, {len(document):,} bytes")  # noqa: T201 (a report)
    for what, took in (
        ("feedparser alone", theirs),
        ("our feed: feedparser and the XML itself", feed),
        ("our entries: TeX read, ids found", ours),
    ):
        print(f"{took:7.2f} s  {took / theirs:5.2f} x  {what}")  # noqa: T201 (a report)


if __name__ == "__main__":
    main()
