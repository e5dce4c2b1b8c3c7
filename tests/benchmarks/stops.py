"""Stop a sending pass, again and again: `python tests/benchmarks/stops.py --readers 1500 --stops 100 --json`.

`digest run` sends to a relay on loopback and is told to stop (SIGTERM) when that has taken a random number more of
messages; then passes run to the end. Each message must have arrived exactly once, and each pass ended by itself, with
exit code 0. Each is a process of its own, forked from one that has imported everything: that is most of a start.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos import a_sink, copies

from digest import cli

ROOT = Path(__file__).parents[2]
NOW = "2026-04-16T10:00:00Z"
CONFIGURATION = """
[site]
url = "https://digest.example.org"
[mail]
transport = "smtp"
host = "127.0.0.1"
port = {port}
security = "none"
from = "Daily Papers <papers@example.org>"
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "{root}/config/sample/huggingface/{{date}}.json"
"""


def stopped(folder: Path, readers: int, stops: int, seed: int) -> dict[str, object]:
    """What came of so many stops."""
    chance, codes, waits = random.Random(seed), Counter[int](), [0.0]
    with a_sink(folder / "mail.log", refused=0) as relay:
        people = "".join(f'[[readers]]\naddress = "reader{n}@example.org"\n' for n in range(readers))
        configuration = CONFIGURATION.format(port=relay.port, root=ROOT)
        (folder / "digest.toml").write_text(configuration + people)
        done = 0
        while done < stops and sum(copies(relay.log).values()) < readers:
            more = chance.randint(1, max(2, readers // stops))
            full = relay.log.stat().st_size + more * 300
            one = a_pass(folder / "digest.toml")
            while relay.log.stat().st_size < full and one.is_alive():
                time.sleep(0.001)
            time.sleep(chance.random() * 0.01)
            if one.is_alive() and sum(copies(relay.log).values()) < readers:
                one.terminate()
                began = time.monotonic()
                one.join()
                waits.append(time.monotonic() - began)
                done += 1
            one.join()
            codes[one.exitcode or 0] += 1
        last = a_pass(folder / "digest.toml")
        last.join()
        taken = copies(relay.log)
    return {
        "readers": readers,
        "stops": done,
        "exit_codes": {str(code): count for code, count in sorted(codes.items())},
        "last": last.exitcode,
        "lost": readers - len(taken),
        "repeated": sum(count - 1 for count in taken.values()),
        "longest_seconds_to_stop": round(max(waits), 2),
    }


def a_pass(configuration: Path) -> ForkProcess:
    """`digest run`, begun."""
    arguments = ["digest", "--config", str(configuration), "run", "--now", NOW]
    begun = get_context("fork").Process(target=run, args=(arguments,))
    begun.start()
    return begun


def run(arguments: list[str]) -> None:
    """What the command does, from its first line to its exit code; what it prints is left out."""
    sys.argv = arguments
    with Path(os.devnull).open("w") as nowhere:
        sys.stdout = nowhere
        cli.main()


def main() -> None:
    """Do it, and say what came of it; exit code 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--readers", type=int, default=1500)
    parser.add_argument("--stops", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="digest-stops-") as folder:
        found = stopped(Path(folder), given.readers, given.stops, given.seed)
    sys.stdout.write(
        (json.dumps(found) if given.json else "\n".join(f"{k}: {v}" for k, v in found.items())) + "\n"
    )
    raise SystemExit(bool(found["lost"] or found["repeated"] or set(found["exit_codes"]) != {"0"}))


if __name__ == "__main__":
    main()
