"""How fast readers are ranked: `python tests/benchmarks/ranking.py --subscribers N --papers M --json`.

Every subscriber has 20 liked papers of 2,000 (or `--liked`) and 3 interests of 600; papers are made of words of the
shipped table. Texts are read ("embedded") before the clock starts for the ranking, and that time is told beside it;
if there are more liked papers than are kept, they are read block by block, while the clock runs. The ratio is to
the dense float32 matrix product subscribers x 160 by 160 x papers, in processor seconds, measured beside each block:
the machine may have other work.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from factories import NOON, a_listed, a_subscriber

from digest.config import DigestDefaults, Ranking
from digest.model import Edition, Interest, InterestKind, Paper, Subscriber
from digest.rank import KEPT, Ranker, vectors

LIKED = 20
ASKED, OF_PHRASES = 3, 600
#: Subscribers ranked at once, as the store hands them out.
BLOCK = 500


class World:
    """Made-up papers and readers: topics are bags of neighbouring words, readers care for a few topics."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        single = [word for word in vectors.shipped().rows if " " not in word and word.isalpha()]
        self.common, self.rare = single[:2000], single[2000:22_000]
        self.topics = [self.random.choice(self.rare, 60) for _ in range(200)]

    def text(self) -> tuple[str, str]:
        """A title of 9 words and an abstract of 160, half of them about one topic."""
        topic = self.topics[self.random.integers(len(self.topics))]
        title = self.random.choice(topic, 9)
        words = np.concatenate([self.random.choice(topic, 60), self.random.choice(self.common, 100)])
        return " ".join(title), " ".join(self.random.permutation(words))

    def edition(self, papers: int) -> Edition:
        """A pool."""
        scores = self.random.random(papers)
        texts = [self.text() for _ in range(papers)]
        listed = [
            a_listed(n, score=float(s), title=t, abstract=a)
            for n, (s, (t, a)) in enumerate(zip(scores, texts, strict=True))
        ]
        return Edition(id=1, published_at=NOON, papers=tuple(listed))

    def examples(self, liked: int) -> dict[str, Paper]:
        """What readers like."""
        papers = [
            a_listed(100_000 + n, title=t, abstract=a).paper
            for n, (t, a) in ((n, self.text()) for n in range(liked))
        ]
        return {paper.id: paper for paper in papers}

    def blocks(self, subscribers: int, examples: dict[str, Paper]) -> Iterator[list[Subscriber]]:
        """Readers, made when they are asked for."""
        ids = list(examples)
        phrases = [
            " ".join(self.random.choice(self.topics[n % len(self.topics)], 2)) for n in range(OF_PHRASES)
        ]
        for start in range(0, subscribers, BLOCK):
            yield [self.reader(n, ids, phrases) for n in range(start, min(start + BLOCK, subscribers))]

    def reader(self, number: int, ids: list[str], phrases: list[str]) -> Subscriber:
        """One reader."""
        liked = self.random.choice(len(ids), LIKED, replace=False)
        asked = self.random.choice(len(phrases), ASKED, replace=False)
        interests = [Interest(kind=InterestKind.LIKE, value=ids[n]) for n in liked]
        interests += [Interest(kind=InterestKind.PHRASE, value=phrases[n]) for n in asked]
        return a_subscriber(f"r{number}", interests=tuple(interests))


def as_shipped() -> None:
    """The collector looks as rarely for garbage as the command line has it."""
    gc.freeze()
    gc.set_threshold(100_000)


def measured(subscribers: int, papers: int, liked: int) -> dict[str, float]:
    """Seconds and bytes of ranking one edition for everybody."""
    world = World()
    edition, examples = world.edition(papers), world.examples(liked)
    as_shipped()
    start = time.perf_counter()
    ranker = Ranker(edition, DigestDefaults(), Ranking())
    if liked * papers <= KEPT:
        ranker.read(examples)
    reading = time.perf_counter() - start
    seconds, busy, product, picks = 0.0, 0.0, 0.0, 0
    for block in world.blocks(subscribers, examples):
        start, worked = time.perf_counter(), time.process_time()
        picks += sum(len(digest.picks) for digest in ranker.digests(block, {}, examples))
        seconds += time.perf_counter() - start
        busy += time.process_time() - worked
        product += dense(len(block), papers)
    return {
        "subscribers": subscribers,
        "papers": papers,
        "liked": liked,
        "reading_seconds": round(reading, 3),
        "seconds": round(seconds, 3),
        "cpu_seconds": round(busy, 3),
        "subscribers_per_second": round(subscribers / seconds, 1),
        "ratio_to_dense_product": round(busy / product, 1),
        "picks": picks,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def dense(readers: int, papers: int) -> float:
    """Processor seconds of the plain product of that size; the best of three."""
    random = np.random.default_rng(0)
    left, right = (random.random(shape, dtype=np.float32) for shape in ((readers, 160), (160, papers)))
    times = []
    for _ in range(3):
        worked = time.process_time()
        left @ right
        times.append(time.process_time() - worked)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--papers", type=int, default=1000)
    parser.add_argument("--liked", type=int, default=2000, help="distinct papers that readers like")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = measured(given.subscribers, given.papers, given.liked)
    text = (
        json.dumps(result) if given.json else "\n".join(f"{name}: {value}" for name, value in result.items())
    )
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
