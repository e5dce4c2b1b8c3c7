"""kill -9 in the middle of a pass: nothing lost, at most the message in flight twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

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
