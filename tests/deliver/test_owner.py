"""Whether the one who was sending still is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from digest.deliver import alive, owning

PRINT_AND_WAIT = """
from digest.deliver import owning
with owning() as me:
    print(me, flush=True)
    input()
"""


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


def test_we_are_alive_until_our_pass_ends_however_it_ends() -> None:
    with owning() as me, owning() as other:
        assert me != other
        assert alive(me) is True
    assert alive(me) is False

    with pytest.raises(OSError, match="full"), owning() as me:
        raise OSError("full")
    assert alive(me) is False


def test_another_process_is_alive_however_long_ago_it_began(child: subprocess.Popen[str]) -> None:
    assert child.stdout
    host, pid, start, _ = child.stdout.readline().strip().rsplit(":", 3)

    assert alive(f"{host}:{pid}:{start}:1") is True
    # a later process with the same pid is another
    assert alive(f"{host}:{pid}:{int(start) - 1}:1") is False


def test_of_another_hosts_pass_only_its_journal_can_tell() -> None:
    assert alive("elsewhere.example.org:1:1:1") is None


@pytest.mark.parametrize("name", ["", "x", "x:y:z", "elsewhere.example.org:1:1"])
def test_what_names_no_process_is_not_alive(name: str) -> None:
    assert alive(name) is False
