"""What became of a message that the relay may have taken: Postfix's log knows.

A message was taken iff one queue id has both cleanup's `message-id=`, written while the body comes in, and qmgr's
`from=`, written when the message stands in the queue, after the final dot. It was not if the connection that it came
by, which smtpd's `client=` tells, or any that was still open, is over without that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from digest.errors import DeliveryError

CLEANUP = re.compile(r"/cleanup\[\d+\]: (\w+): message-id=(<[^>]*>)")
QUEUED = re.compile(r"/qmgr\[\d+\]: (\w+): from=<")
CLIENT = re.compile(r"smtpd\[(\d+)\]: (\w+): client=")
CONNECT = re.compile(r"smtpd\[(\d+)\]: (connect|disconnect) from ")


def taken(path: Path, messages: Collection[str]) -> Mapping[str, bool]:
    """Of these Message-IDs, which the relay took and which it never will; those it may still take are left out.

    Raises DeliveryError if the log cannot be read.
    """
    wanted, queue_ids, queued = frozenset(messages), dict[str, str](), set[str]()
    session_of, open_sessions = dict[str, str](), set[str]()
    for line in _lines(path):
        if found := CLEANUP.search(line):
            if found[2] in wanted:
                queue_ids[found[1]] = found[2]
        elif found := QUEUED.search(line):
            queued.add(found[1])
        elif found := CLIENT.search(line):
            session_of[found[2]] = found[1]
        elif found := CONNECT.search(line):
            (open_sessions.add if found[2] == "connect" else open_sessions.discard)(found[1])
    known = {message: True for queue_id, message in queue_ids.items() if queue_id in queued}
    coming = {m for queue_id, m in queue_ids.items() if session_of.get(queue_id) in open_sessions}
    over = set(queue_ids.values()) if open_sessions else wanted
    return {**dict.fromkeys(over - coming, False), **known}


def _lines(path: Path) -> Iterator[str]:
    """The lines of the log and, before them, of the one that was rotated away last, if that is plain text."""
    rotated = path.with_name(f"{path.name}.1")
    try:
        for part in (rotated, path):
            if part is rotated and not part.is_file():
                continue
            with part.open(encoding="utf-8", errors="replace") as lines:
                yield from lines
    except OSError as error:
        raise DeliveryError(f"cannot read mail.relay_log ({error.strerror}): {str(path)!r}") from None
