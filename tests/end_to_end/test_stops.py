"""SIGTERM in the middle of a pass: it ends by itself, soon, and each message arrives exactly once.

In full: `python tests/benchmarks/stops.py --stops 100`.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.slow
def test_a_pass_that_is_stopped_at_random_loses_and_repeats_nothing() -> None:
    stops = 8
    command = [sys.executable, ROOT / "tests" / "benchmarks" / "stops.py", "--json"]
    options = ["--readers", str(20 * stops), "--stops", str(stops)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert found["stops"] >= stops - 1
    assert (found["lost"], found["repeated"]) == (0, 0)
    assert set(found["exit_codes"]) == {"0"}
    assert found["longest_seconds_to_stop"] < 10
