"""The captured days, through the real command, a real HTTP server and a real SMTP server."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SOURCES = """
[site]
url = "https://digest.example.org"
[mail]
transport = "smtp"
host = "127.0.0.1"
port = {port}
security = "none"
from = "Daily Papers <papers@example.org>"
[fetch]
allow_private_networks = true
[[sources]]
name = "Hugging Face"
kind = "huggingface"
url = "{base}/hf?date={{date}}"
[[sources]]
name = "arXiv"
kind = "arxiv"
url = "{base}/arxiv/cs.CL?date={{date}}"
[[readers]]
address = "vision@example.org"
interest = ["diffusion models", "3D reconstruction"]
[[readers]]
address = "language@example.org"
interest = ["reinforcement learning for reasoning"]
exclude = ["video"]
category = ["cs.CL"]
[[readers]]
address = "agents@example.org"
interest = ["LLM agents=2", "speech recognition"]
like = ["2604.08377"]
papers = 15
[[readers]]
address = "trends@example.org"
"""
READERS = {f"{name}@example.org" for name in ("vision", "language", "agents", "trends")}


@pytest.fixture
def replay(shared: Path) -> Iterator[str]:
    """The base URL of a server that lives through the captured days."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(shared / "tools" / "replay_server.py"), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture(scope="module")
def linter(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_eml", shared / "emailcheck" / "check_eml.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_eml"] = module
    spec.loader.exec_module(module)
    return module


def lived_through(days: list[dt.date], sink, digest, linter: ModuleType) -> None:
    """Each day: one message a reader, none the second time; never a paper twice; every message clean."""
    kept, _ = sink
    seen = {address: Counter[str]() for address in READERS}
    for day in days:
        now = f"{day}T10:00:00Z"
        before = len(kept.raw)
        first = digest("run", "--now", now, "--json")
        assert first.returncode == 0, first.stderr
        stale = day.weekday() == 6  # Sunday's newest edition is Friday's, more than 36 hours old
        assert Counter(m["To"] for m in kept.messages[before:]) == Counter(() if stale else READERS), now
        for message in kept.messages[before:]:
            body = message.get_body(("html",))
            assert body
            seen[str(message["To"])].update(re.findall(r'data-paper="([^"]+)"', body.get_content()))
    again = digest("run", "--now", f"{days[-1]}T10:00:00Z", "--json")
    assert json.loads(again.stdout)["sent"] == 0
    assert all(count == 1 for papers in seen.values() for count in papers.values())
    assert all(papers for papers in seen.values())
    for number, raw in enumerate(kept.raw):
        found = linter.check_message(raw, f"message {number}", linter.parser_args(["--strict"]))
        assert (found.failures, found.warnings) == ([], [])


@pytest.fixture
def configured(tmp_path: Path, sink, replay: str) -> None:
    (tmp_path / "digest.toml").write_text(SOURCES.format(port=sink[1], base=replay))


def test_three_days_bring_each_reader_one_digest_a_day_and_no_paper_twice(
    configured, sink, digest, linter
) -> None:
    lived_through([dt.date(2026, 4, day) for day in (10, 13, 14)], sink, digest, linter)
    delivery = json.loads(digest("outbox", "show", "1", "--json").stdout)
    assert delivery["picks"]
    assert all(pick["reasons"] for pick in delivery["picks"])


@pytest.mark.slow
def test_five_weeks_bring_each_reader_one_digest_a_day_and_no_paper_twice(
    configured, sink, digest, linter
) -> None:
    first = dt.date(2026, 4, 10)
    lived_through([first + dt.timedelta(days=n) for n in range(36)], sink, digest, linter)


def test_the_seed_page_alone_gives_a_digest(shared: Path, tmp_path: Path, digest) -> None:
    page = shared / "seed" / "papers-page.txt"
    (tmp_path / "digest.toml").write_text(
        f'[[sources]]\nname = "Seed"\nkind = "listing"\npath = "{page}"\n'
        '[[readers]]\naddress = "small@example.org"\ninterest = ["small language models"]\n'
    )
    assert digest("run", "--now", "2026-04-10T10:00:00Z").returncode == 0
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1
