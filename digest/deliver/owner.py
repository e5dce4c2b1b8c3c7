"""Who is sending: names a process and its pass, so that a later one can tell whether it still runs.

Machines that share a database are told apart by their hostnames, and so are containers.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

#: The passes that this process is at. One that ended in an error is dead, though its process runs.
_at_work: set[str] = set()


@contextlib.contextmanager
def owning() -> Iterator[str]:
    """Be an owner, for one pass: `host:pid:start:begun`, nanoseconds since 1970 at the end.

    The start time tells it from a later process of the same pid, the last part from other passes of this one.
    """
    pid = os.getpid()
    name = f"{socket.gethostname()}:{pid}:{_started(pid) or 0}:{time.time_ns()}"
    _at_work.add(name)
    try:
        yield name
    finally:
        _at_work.discard(name)


def alive(owner: str) -> bool | None:
    """Whether that owner's pass goes on; None if it is on another host, where only its journal can tell."""
    host, pid, start, begun = [*owner.rsplit(":", 3), "", "", ""][:4]
    if not (pid.isdecimal() and start.isdecimal() and begun.isdecimal()):
        return False
    if host != socket.gethostname():
        return None
    started = _started(int(pid))
    if int(pid) == os.getpid() and started in {None, int(start)}:
        return owner in _at_work
    return _exists(int(pid)) if started is None else started == int(start)


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
