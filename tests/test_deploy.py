"""What ships to run it with names nothing that is not there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
import yaml
from conftest import ROOT
from test_docs import COMMANDS, variables

from digest import cli
from digest.config import Settings
from digest.operating.metrics import families
from digest.operating.vitals import Disk, Vitals

FOLDER = ROOT / "config" / "deploy"
FILES = sorted(path for path in FOLDER.iterdir() if path.is_file())


def names(value: object) -> Iterator[str]:
    """Every text in a parsed document."""
    if isinstance(value, dict):
        for each in value.values():
            yield from names(each)
    elif isinstance(value, list):
        for each in value:
            yield from names(each)
    elif isinstance(value, str):
        yield value


def exposed() -> set[str]:
    from datetime import UTC, datetime

    from digest.store import EditionHeader

    now = datetime(2026, 4, 16, tzinfo=UTC)
    found = Vitals(
        at=now, replies={}, bounces={}, events={}, subscribers={},
        edition=EditionHeader(id=1, published_at=now, papers=1),
        disks=(Disk(holds="the database", free=1, total=2),),
    )  # fmt: skip
    return {family.name for family in families(found, {"prepare": 1.0})}


def asked_for(document: object) -> set[str]:
    """The metrics of ours in a document's expressions."""
    return {name for text in names(document) for name in re.findall(r"\bdigest_[a-z_]+", text)}


def test_the_readme_lists_every_file_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`config/deploy/([\w.-]+)`", readme))
    assert listed == {path.name for path in FILES}


@pytest.mark.parametrize("name", ["alerts.yaml", "grafana.json"])
def test_dashboard_and_alerts_ask_for_metrics_that_are_there(name: str) -> None:
    document = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    wanted = asked_for(document)
    assert len(wanted) > 2
    assert wanted <= exposed()


def test_every_metric_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert exposed() <= set(re.findall(r"`(digest_[a-z_]+)`", readme))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_commands_and_settings_that_are_named_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    groups = {command.partition(" ")[2].partition(" ")[0] for command in COMMANDS}
    for found in re.findall(r"`digest ([a-z-]+)|/bin/digest (?:--\S+ \S+ )*([a-z]+)", text):
        assert "".join(found) in groups
    keys = {
        f"{section}.{key}"
        for section, table in Settings()
        for key in getattr(type(table), "model_fields", ())
    }
    assert set(re.findall(r"\b(?:web|operating|retention|database|mail)\.[a-z_]+\b", text)) <= keys
    assert set(re.findall(r"DIGEST_[A-Z_]+", text)) <= variables()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_fetched_from_a_named_registry_or_a_moving_tag(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    images = re.findall(r"^FROM (\S+)|^\s+image: (\S+)", text, re.MULTILINE)
    for image in filter(None, ("".join(pair) for pair in images)):
        assert "/" not in image
        assert image == "daily-digest" or re.search(r":\d", image), image


def test_the_image_runs_a_command_that_is_there_and_not_as_root() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    last = text.rpartition("\nFROM ")[2]
    entry, arguments = (
        json.loads(re.findall(rf"^{word} (\[.*\])", last, re.MULTILINE)[-1]) for word in ("ENTRYPOINT", "CMD")
    )
    assert re.search(r"^USER digest$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    command = typer.main.get_command(cli.app)
    with command.make_context("digest", [*entry[1:], "--help"], resilient_parsing=True) as context:
        assert context.params["log"] == "json"
    assert f"digest {arguments[0]}" in COMMANDS


def test_compose_has_pages_and_a_cluster_with_two_workers() -> None:
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert set(services) == {"digest", "pages", "worker", "postgres"}
    alone = {name for name, service in services.items() if "profiles" not in service}
    assert alone == {"digest"}
    assert services["worker"]["deploy"]["replicas"] == 2
    assert all(port.startswith("127.0.0.1:") for one in services.values() for port in one.get("ports", ()))


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix == ".service"], ids=lambda path: path.name
)
def test_systemd_understands_every_line_of_a_unit(path: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed")
    unit = re.sub(
        r"^ExecStart=\S+", "ExecStart=/bin/true", path.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    copy = tmp_path / path.name
    copy.write_text(unit, encoding="utf-8")
    done = subprocess.run(
        [program, "verify", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [
        line for line in done.stderr.splitlines() if path.name in line and "user" not in line.lower()
    ]
    assert complaints == []


def test_nginx_understands_its_example(tmp_path: Path) -> None:
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is not installed")
    server = re.sub(r"^\s*ssl_certificate.*\n", "", (FOLDER / "nginx.conf").read_text(), flags=re.MULTILINE)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ {server.replace(' ssl http2;', ';')} }}"
    )
    done = subprocess.run(
        [program, "-t", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
