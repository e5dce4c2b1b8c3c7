"""kill -9, defects, freezes and full disks in the middle of a pass: nothing lost, at most what was on its way twice.

In full: `python tests/benchmarks/chaos.py --messages 9000 --kills 200 [--reconcile]`, and with `--points`.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT

NOW = "2026-04-16T10:00:00Z"
READERS = 30
KILLS = 4

CONFIGURATION = f"""
[site]
url = "https://digest.example.org"
[mail]
transport = "smtp"
host = "127.0.0.1"
port = {{port}}
security = "none"
connections = 1
from = "Daily Papers <papers@example.org>"
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "{ROOT}/config/sample/huggingface/{{{{date}}}}.json"
"""


def test_a_pass_that_is_killed_again_and_again_loses_nobody_and_repeats_one_message_a_kill(
    tmp_path: Path, sink, digest
) -> None:
    kept, port = sink
    kept.seconds = 0.05
    readers = "".join(f'[[readers]]\naddress = "reader{n}@example.org"\n' for n in range(READERS))
    (tmp_path / "digest.toml").write_text(CONFIGURATION.format(port=port) + readers)
    command = [sys.executable, "-m", "digest", "--config", str(tmp_path / "digest.toml"), "run", "--now", NOW]
    for kill in range(1, KILLS + 1):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            until = time.monotonic() + 60
            while len(kept.raw) < kill * 5 and process.poll() is None and time.monotonic() < until:
                time.sleep(0.005)
            process.kill()
    last = digest("run", "--now", NOW)
    assert last.returncode == 0, last.stderr

    copies = Counter(str(message["Message-ID"]) for message in kept.messages)
    assert len(copies) == READERS
    assert {str(message["To"]) for message in kept.messages} == {
        f"reader{n}@example.org" for n in range(READERS)
    }
    assert sum(copies.values()) <= READERS + KILLS
    assert "sent" in digest("outbox", "list", "--state", "sent").stdout
    assert digest("outbox", "list", "--state", "planned").stdout.strip() == "nothing in the outbox"


CHAOS = [sys.executable, ROOT / "tests" / "benchmarks" / "chaos.py", "--json"]


@pytest.mark.slow
@pytest.mark.parametrize("reconcile", [False, True])
def test_random_kills_lose_nobody_and_repeat_nothing_where_the_relays_log_is_asked(reconcile: bool) -> None:
    options = ["--messages", "200", "--kills", "6", *(["--reconcile"] if reconcile else [])]
    done = subprocess.run([*CHAOS, *options], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)

    assert found["kills"] >= 4
    assert (found["lost"], found["sent_and_not_taken"]) == (0, 0)
    assert found["repeated" if reconcile else "repeated_without_cause"] == 0
    assert found["most_on_their_way"] <= found["connections"]
    assert found["states"] == {"sent": 200}


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("postfix") or os.geteuid() != 0,
    reason="Postfix is not here, or would not start but as root",
)
def test_random_kills_before_a_real_postfix_lose_nobody_and_repeat_nothing() -> None:
    options = ["--messages", "300", "--kills", "6", "--postfix", "--reconcile"]
    done = subprocess.run([*CHAOS, *options], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)

    assert found["kills"] >= 4
    assert (found["lost"], found["sent_and_not_taken"], found["repeated"]) == (0, 0, 0)
    assert found["states"] == {"sent": 300}


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may have hosts of its own")
def test_a_cluster_whose_hosts_queue_and_database_fail_loses_nobody_and_repeats_nothing() -> None:
    options = ["--workers", "2", "--messages", "400", "--kills", "6", "--freezes", "3", "--wipes", "2"]
    options += ["--restarts", "1", "--reconcile"]
    done = subprocess.run([*CHAOS, *options], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)

    assert (found["lost"], found["sent_and_not_taken"], found["repeated"]) == (0, 0, 0)
    assert found["states"] == {"sent": 400}


@pytest.mark.slow
def test_whatever_ends_a_pass_and_wherever_nobody_is_lost_and_nothing_is_repeated() -> None:
    options = ["--points", "--times", "2", "--messages", "12", "--connections", "2", "--reconcile"]
    done = subprocess.run([*CHAOS, *options], capture_output=True, text=True, check=False)

    assert json.loads(done.stdout) == {"points": 10, "tried": 30, "reconciled": True, "broken": []}


@pytest.mark.slow
@pytest.mark.parametrize("octets", [300_000, 1_000_000, 1_060_000, 1_200_000])
def test_a_disk_that_is_full_at_any_moment_lets_nobody_out_and_repeats_nothing(
    tmp_path: Path, sink, digest, octets: int
) -> None:
    kept, port = sink
    readers = "".join(f'[[readers]]\naddress = "reader{n}@example.org"\n' for n in range(READERS))
    (tmp_path / "digest.toml").write_text(CONFIGURATION.format(port=port) + readers)
    command = [sys.executable, "-m", "digest", "--config", str(tmp_path / "digest.toml"), "run", "--now", NOW]

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))

    subprocess.run(command, preexec_fn=full, capture_output=True, check=False)
    last = digest("run", "--now", NOW)

    assert last.returncode == 0, last.stderr
    copies = Counter(str(message["Message-ID"]) for message in kept.messages)
    assert len(copies) == READERS
    assert set(copies.values()) == {1}
