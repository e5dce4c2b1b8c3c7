"""The benchmarks run, and print what they promise; what they measure is not tested."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

HERE = Path(__file__).parent


def test_the_ranking_benchmark_prints_one_json_object() -> None:
    command = [sys.executable, HERE / "ranking.py", "--subscribers", "3", "--papers", "20", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert (result["subscribers"], result["papers"]) == (3, 20)
    assert result["picks"] > 0
    assert result["seconds"] > 0
    assert result["peak_rss_bytes"] > 10_000_000


def test_the_readmes_table_of_sizes_is_what_its_command_prints() -> None:
    readme = (HERE.parents[1] / "README.md").read_text(encoding="utf-8")
    (arguments,) = re.findall(r"^python tests/benchmarks/scale.py (.*)$", readme, re.MULTILINE)
    command = [sys.executable, HERE / "scale.py", *arguments.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"\n{done.stdout}" in readme
    assert done.stdout.count("\n") == 11


class Accepting:
    async def handle_DATA(self, _server: object, _session: object, _envelope: object) -> str:  # noqa: N802 (aiosmtpd's name)
        return "250 kept"


def test_the_pipeline_benchmark_prints_one_json_object() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    relay = Controller(Accepting(), hostname="127.0.0.1", port=port)
    relay.start()
    try:
        command = [sys.executable, HERE / "pipeline.py", "--subscribers", "3", "--papers", "40", "--json"]
        command += ["--smtp", f"127.0.0.1:{port}", "--usual", "2"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    finally:
        relay.stop()
    result = json.loads(done.stdout)
    assert (result["messages"], result["papers_per_digest"], result["connections"]) == (3, 15, 4)
    assert result["outcomes"] == {"sent": 3}
    assert result["durability"] == "sqlite, journal_mode wal, synchronous full"
    assert set(result["phases"]) == {"rank", "prepare", "deliver"}
    assert all(phase["messages_per_second"] > 0 for phase in result["phases"].values())
    assert result["usual_loop"]["messages_per_second"] > 0


@pytest.mark.slow  # ten processes
def test_the_web_benchmark_prints_one_json_object() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    relay = Controller(Accepting(), hostname="127.0.0.1", port=port)
    relay.start()
    try:
        command = [sys.executable, HERE / "web.py", "--rounds", "1", "--seconds", "0.2", "--posts", "20"]
        command += [
            "--rate",
            "10",
            "--subscribers",
            "3",
            "--papers",
            "40",
            "--smtp",
            f"127.0.0.1:{port}",
            "--json",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    finally:
        relay.stop()
    result = json.loads(done.stdout)
    assert set(result) == {"landing", "unsubscribe", "sending"}
    assert result["landing"]["ratio"] > 0
    assert [(one["posts"], one["per_second"]) for one in result["unsubscribe"]] == [(20, 10)]
    assert result["sending"]["busy_messages_per_second"] > 0


def test_the_quality_benchmark_prints_a_table_for_a_tiny_set(tmp_path: Path) -> None:
    papers = [
        {
            "id": f"p{n}",
            "title": f"{kind} number {n}",
            "abstract": f"About {kind} and more {kind}.",
            "pool": pool,
        }
        for n, (kind, pool) in enumerate(
            (kind, pool)
            for pool in ("history", "candidate")
            for kind in ("proteins", "galaxies", "parsers", "volcanoes", "markets")
            for _ in range(6)
        )
    ]
    users = [
        {
            "user": "u",
            "history": ["p0"],
            "cold3": ["p0", "p1", "p2"],
            "cold1": ["p0"],
            "keywords": ["protein"],
        }
    ]
    for name, rows in (("papers", papers), ("users", users)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("u\tp30\t1\nu\tp31\t1\n", encoding="utf-8")
    command = [sys.executable, HERE / "quality.py", tmp_path, "--mode", "cold3", "--ablation"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert lines[2].startswith("| **ours** | ")
    assert "| 1.000 [1.000, 1.000] |  |" in lines[2]  # the first paper is one of the two saved
    assert any(line.startswith("| SVM (arxiv-sanity) | ") for line in lines)
