"""Stop a sending pass, again and again: `python tests/benchmarks/stops.py --readers 1500 --stops 100 --json`.

`digest run` sends to a relay on loopback and is told to stop (SIGTERM) when that has taken a random number more of
messages; then passes run to the end. Each message must have arrived exactly once, and each pass ended by itself, with
exit code 0.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos import a_sink, copies

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
        command = [
            sys.executable,
            "-m",
            "digest",
            "--config",
            str(folder / "digest.toml"),
            "run",
            "--now",
            NOW,
        ]
        done = 0
        while done < stops and sum(copies(relay.log).values()) < readers:
            more = chance.randint(1, max(2, readers // stops))
            full = relay.log.stat().st_size + more * 300
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
                while relay.log.stat().st_size < full and one.poll() is None:
                    time.sleep(0.001)
                time.sleep(chance.random() * 0.01)
                if one.poll() is None and sum(copies(relay.log).values()) < readers:
                    one.send_signal(signal.SIGTERM)
                    began = time.monotonic()
                    one.communicate()
                    waits.append(time.monotonic() - began)
                    done += 1
            codes[one.returncode] += 1
        last = subprocess.run(command, capture_output=True, text=True, check=False)
        taken = copies(relay.log)
    return {
        "readers": readers,
        "stops": done,
        "exit_codes": {str(code): count for code, count in sorted(codes.items())},
        "last": last.returncode,
        "lost": readers - len(taken),
        "repeated": sum(count - 1 for count in taken.values()),
        "longest_seconds_to_stop": round(max(waits), 2),
    }


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
