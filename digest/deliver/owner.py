"""Who is sending: names this process so that a later one can tell whether it still runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def owner() -> str:
    """This process as `host:pid:start`; the start time tells it from a later process of the same pid."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid) or 0}"


def alive(owner: str) -> bool | None:
    """Whether that owner still runs; None if it lives on another host, where we cannot know."""
    host, _, rest = owner.partition(":")
    pid, _, start = rest.partition(":")
    if host != socket.gethostname() or not pid.isdecimal() or not start.isdecimal():
        return None
    started = _started(int(pid))
    if started is None:
        return _exists(int(pid))
    return started == int(start)


def _started(pid: int) -> int | None:
    """Clock ticks from boot to the process's start, -1 for a zombie; None where /proc does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # proc(5): the second field is the command in parentheses and may itself hold spaces and parentheses.
    state, *fields = stat.rpartition(")")[2].split()
    return -1 if state in {"Z", "X"} else int(fields[18])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
