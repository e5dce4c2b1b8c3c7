"""A subscription's life: ask -> confirm -> tune -> pause -> leave.

Rule 1. One address, one subscriber, compared without case.
Rule 2. Every way in (command line, configuration, import, web) goes through `Wish`, so all are checked alike.
Rule 3. A stranger changes nothing that is kept of a reader: only a signed link from their own mailbox does.
"""

from __future__ import annotations

from digest.subscriptions.asking import ask, ask_again, forget
from digest.subscriptions.bearing import bearer
from digest.subscriptions.keeping import (
    MOST_IMPORTED,
    add,
    find,
    keep,
    pause,
    resume,
    sync_readers,
    update,
    with_references,
)
from digest.subscriptions.owning import confirm, leaver, left, prefer, unsubscribe
from digest.subscriptions.reading import liking, read_list
from digest.subscriptions.wishes import (
    LONGEST_TEXT,
    Wish,
    asking,
    interest,
    newcomer,
    spelled,
    tuned,
    wish_of,
)

__all__ = [
    "LONGEST_TEXT",
    "MOST_IMPORTED",
    "Wish",
    "add",
    "ask",
    "ask_again",
    "asking",
    "bearer",
    "confirm",
    "find",
    "forget",
    "interest",
    "keep",
    "leaver",
    "left",
    "liking",
    "newcomer",
    "pause",
    "prefer",
    "read_list",
    "resume",
    "spelled",
    "sync_readers",
    "tuned",
    "unsubscribe",
    "update",
    "wish_of",
    "with_references",
]
