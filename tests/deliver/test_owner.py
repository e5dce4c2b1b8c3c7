"""Whether the one who was sending still is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from digest.deliver import alive, owner

PRINT_AND_WAIT = "from digest.deliver import owner; print(owner(), flush=True); input()"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PRINT_AND_WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_a_process_is_alive_until_it_is_killed(child: subprocess.Popen[str]) -> None:
    assert child.stdout
    name = child.stdout.readline().strip()

    assert alive(name) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and a zombie until it is waited for
    assert alive(name) is False
    child.wait()
    assert alive(name) is False


def test_we_are_alive_and_our_name_is_stable() -> None:
    assert owner() == owner()
    assert alive(owner()) is True


def test_a_later_process_with_the_same_pid_is_another() -> None:
    host, pid, start = owner().split(":")

    assert alive(f"{host}:{pid}:{int(start) - 1}") is False


@pytest.mark.parametrize("name", ["elsewhere.example.org:1:1", "", "x", "x:y:z"])
def test_of_other_hosts_we_cannot_know(name: str) -> None:
    assert alive(name) is None
