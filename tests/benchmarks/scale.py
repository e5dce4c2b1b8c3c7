"""What a number of subscribers asks of machines, as a table in Markdown, on paper: formulae, and what one message costs.

`python tests/benchmarks/scale.py --cpu SECONDS --wire OCTETS --row OCTETS --commits NUMBER`, each of one message, as
`tests/benchmarks/pipeline.py --json` prints them: `cpu_seconds / messages`, `bytes_per_message`,
`database_bytes / messages` (readers and papers count too, so it is an upper bound), and
`commits_per_second * seconds / messages`.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SIZES = (1_000, 100_000, 10_000_000, 300_000_000)
HOUR = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Of one message, from ranking to its row settled, on one core and loopback."""

    cpu_seconds: float
    wire_bytes: float
    #: What a delivery leaves in the database.
    row_bytes: float
    #: Commits, with rows settled in batches.
    commits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What was not measured here, each with where it is from."""

    #: Share of all readers whose digest is due in the busiest hour.
    busiest: float = 0.25
    #: Share of a core that may be busy before queues grow (Little).
    load: float = 0.7
    #: Seconds that a relay takes for one message: one on the next machine takes 0.02 to 0.1.
    relay_seconds: float = 0.05
    #: Messages a day that large receivers take from one address of good name (Amazon's plan for a new one).
    per_address: int = 50_000
    #: US dollars for a thousand messages, by Amazon's list.
    dollars: float = 0.10
    #: Days that deliveries are kept, as shipped.
    days: int = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What so many subscribers, with a digest a day each, ask for."""

    peak_messages: float
    cores: float
    connections: float
    commits: float
    bytes_a_day: float
    peak_bits: float
    kept_bytes: float
    addresses: float
    dollars_a_day: float


def demand(subscribers: int, costs: Costs, assumed: Assumed) -> Demand:
    """By the formulae of the README."""
    peak = assumed.busiest * subscribers / HOUR
    return Demand(
        peak_messages=peak,
        cores=peak * costs.cpu_seconds / assumed.load,
        connections=peak * assumed.relay_seconds,
        commits=peak * costs.commits,
        bytes_a_day=subscribers * costs.wire_bytes,
        peak_bits=peak * costs.wire_bytes * 8,
        kept_bytes=subscribers * costs.row_bytes * assumed.days,
        addresses=subscribers / assumed.per_address,
        dollars_a_day=subscribers / 1000 * assumed.dollars,
    )


def table(sizes: Sequence[int], costs: Costs, assumed: Assumed) -> Iterable[str]:
    """The table, line by line."""
    found = [demand(size, costs, assumed) for size in sizes]
    rows = (
        ("messages a second in the busiest hour", [two(one.peak_messages) for one in found]),
        ("cores in that hour", [two(one.cores) for one in found]),
        ("connections to the relay", [str(max(1, math.ceil(one.connections))) for one in found]),
        ("commits a second", [two(one.commits) for one in found]),
        ("mail a day", [scaled(one.bytes_a_day, "B") for one in found]),
        ("line in the busiest hour", [scaled(one.peak_bits, "bit/s") for one in found]),
        (f"kept in {assumed.days} days", [scaled(one.kept_bytes, "B") for one in found]),
        ("sending addresses", [str(max(1, math.ceil(one.addresses))) for one in found]),
        ("a mail service's price a day", [f"${two(one.dollars_a_day)}" for one in found]),
    )
    yield f"| | {' | '.join(f'{size:,}' for size in sizes)} |"
    yield f"| --- |{' --- |' * len(sizes)}"
    for name, values in rows:
        yield f"| {name} | {' | '.join(values)} |"


def two(value: float) -> str:
    """Two digits that count."""
    digits = max(0, 1 - math.floor(math.log10(value))) if value else 0
    rounded = round(value, 1 - math.floor(math.log10(value))) if value else 0.0
    return f"{rounded:,.{digits}f}"


def scaled(value: float, unit: str) -> str:
    """The same with a prefix, in powers of a thousand."""
    step = min(5, int(math.log10(value) // 3)) if value >= 1 else 0
    return f"{two(value / 1000**step)} {('', 'k', 'M', 'G', 'T', 'P')[step]}{unit}"


def main() -> None:
    """Print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("cpu", "wire", "row", "commits"):
        parser.add_argument(f"--{name}", type=float, required=True)
    parser.add_argument("--subscribers", type=int, nargs="+", default=SIZES)
    given = parser.parse_args()
    costs = Costs(cpu_seconds=given.cpu, wire_bytes=given.wire, row_bytes=given.row, commits=given.commits)
    sys.stdout.write("\n".join(table(given.subscribers, costs, Assumed())) + "\n")


if __name__ == "__main__":
    main()
