"""How fast papers are embedded on one core: `python tests/benchmarks/embedding.py PAPERS.jsonl [--model MODEL]`.

PAPERS.jsonl holds lines of {"title", "abstract"}; the first so many are read. Prints papers a second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

from digest import rank


def main() -> None:
    """Measure and print; the first texts are read once before, so that nothing is loaded while it counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("papers", type=Path)
    parser.add_argument("--model", default="", help="stands beside the table of word vectors")
    parser.add_argument("--count", type=int, default=256)
    given = parser.parse_args()
    with given.papers.open(encoding="utf-8") as lines:
        papers = [json.loads(line) for line in itertools.islice(lines, given.count)]
    texts = [(paper["title"], paper["abstract"]) for paper in papers]
    embedder = rank.embedder(given.model)
    embedder.papers([("warm", "up")])
    wall, processor = time.perf_counter(), time.process_time()
    embedder.papers(texts)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    sys.stdout.write(
        f"{len(texts)} papers: {len(texts) / wall:.0f} a second, {len(texts) / processor:.0f} a second of the processor\n"
    )


if __name__ == "__main__":
    main()
