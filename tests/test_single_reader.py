"""What ships for the single reader, for systemd and GitHub Actions, does what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

DEPLOY = ROOT / "config" / "deploy"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_takes_the_single_readers_units(tmp_path: Path) -> None:
    for name in ("digest-run.service", "digest-run.timer"):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("%h/my-digest/venv/bin/digest", shutil.which("true") or ""))
    command = ["systemd-analyze", "verify", "--user", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    told = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (told.returncode, [line for line in told.stderr.splitlines() if "digest-run" in line]) == (0, [])


# --- GitHub Actions -------------------------------------------------------------------------------

WORKFLOW = yaml.safe_load((DEPLOY / "github-actions.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in WORKFLOW["jobs"]["run"]["steps"] if "name" in step}


def test_two_runs_of_the_workflow_are_never_under_way_at_once() -> None:
    assert WORKFLOW["concurrency"] == {"group": "digest", "cancel-in-progress": False}
    assert WORKFLOW["permissions"] == {"contents": "write"}
    assert STEPS["Keep the state"]["if"].startswith("always()")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with one commit."""
    origin, work = tmp_path / "origin.git", tmp_path / "work"
    git(tmp_path, "init", "--bare", "--initial-branch=main", str(origin))
    git(tmp_path, "clone", str(origin), str(work))
    (work / "digest.toml").write_text("")
    git(work, "add", ".")
    git(work, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--message=Begin")
    git(work, "push", "origin", "HEAD:main")
    return origin


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def step(name: str, folder: Path) -> int:
    """A step of the workflow, as GitHub runs it."""
    return subprocess.run(
        ["bash", "-e", "-c", STEPS[name]["run"]], cwd=folder, capture_output=True, check=False
    ).returncode


def a_run(origin: Path, folder: Path, text: str) -> str:
    """One run of the workflow in a new clone, which writes that; what it found before."""
    git(origin.parent, "clone", "--depth=1", origin.as_uri(), str(folder))
    assert step("Fetch the state", folder) == 0
    database = folder / "state" / "digest.db"
    before = database.read_text() if database.exists() else ""
    database.write_text(text)
    journal = folder / "state" / "digest.db.journal"
    journal.mkdir(exist_ok=True)
    (journal / f"{text}.journal").write_text(text)
    assert step("Keep the state", folder) == 0
    return before


def test_what_a_run_of_the_workflow_leaves_the_next_one_finds(origin: Path, tmp_path: Path) -> None:
    found = [a_run(origin, tmp_path / f"run{n}", f"day {n}") for n in range(3)]
    assert found == ["", "day 0", "day 1"]
    assert git(origin, "rev-list", "--count", "digest-state").strip() == "1", (
        "it does not grow with every run"
    )
    kept = git(origin, "ls-tree", "-r", "--name-only", "digest-state").splitlines()
    assert kept == ["digest.db", *(f"digest.db.journal/day {n}.journal" for n in range(3))]
    assert git(origin, "ls-tree", "--name-only", "main").split() == ["digest.toml"]


def test_a_run_that_cannot_fetch_the_state_stops_before_it_sends(origin: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    git(tmp_path, "clone", origin.as_uri(), str(folder))
    origin.rename(tmp_path / "away.git")
    assert step("Fetch the state", folder) != 0
