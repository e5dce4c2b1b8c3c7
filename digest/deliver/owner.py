"""Who is sending: names a process and its claim, so that a later one can tell whether it still runs."""

from __future__ import annotations

import datetime as dt
import os
import socket
import time
from pathlib import Path


def owner() -> str:
    """This process, now, as `host:pid:start:claimed`: seconds since 1970 at the end.

    The start time tells it from a later process of the same pid. The clock is the real one: a lease is a
    time-out, not a decision about days.
    """
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid) or 0}:{int(time.time())}"


def alive(owner: str, lease: dt.timedelta) -> bool:
    """Whether that owner may still be sending: on this host if its process runs, elsewhere within its lease."""
    host, pid, start, claimed = [*owner.rsplit(":", 3), "", "", ""][:4]
    if not (pid.isdecimal() and start.isdecimal() and claimed.isdecimal()):
        return False
    if host != socket.gethostname():
        return time.time() < int(claimed) + lease.total_seconds()
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
