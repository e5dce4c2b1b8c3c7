"""A subscription's life: ask -> confirm -> tune -> pause -> leave.

Rule 1. One address, one subscriber, compared without case.
Rule 2. Every way in (command line, configuration, import, web) goes through `Wish`, so all are checked alike.
Rule 3. A stranger changes nothing that is kept of a reader: only a signed link from their own mailbox does.
"""

from __future__ import annotations

from digest.subscriptions.asking import COUNT_LIFETIME, PENDING_LIFETIME, ask, ask_again, forget
from digest.subscriptions.bearing import bearer
from digest.subscriptions.consenting import NETWORK_LIFETIME, vouched, wording
from digest.subscriptions.deleting import delete, deletion, erase, welcome_back
from digest.subscriptions.keeping import (
    MOST_IMPORTED,
    add,
    find,
    keep,
    mail_link,
    pause,
    resume,
    sync_readers,
    update,
    with_references,
)
from digest.subscriptions.leaving import (
    UNDO_LIFETIME,
    farewell,
    leaver,
    less_often,
    may_be_rarer,
    may_undo,
    undo,
    unsubscribe,
)
from digest.subscriptions.mine import Move, ask_fresh, ask_move, everything, move, mover, remind
from digest.subscriptions.owning import confirm, prefer
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
    "COUNT_LIFETIME",
    "LONGEST_TEXT",
    "MOST_IMPORTED",
    "NETWORK_LIFETIME",
    "PENDING_LIFETIME",
    "UNDO_LIFETIME",
    "Move",
    "Wish",
    "add",
    "ask",
    "ask_again",
    "ask_fresh",
    "ask_move",
    "asking",
    "bearer",
    "confirm",
    "delete",
    "deletion",
    "erase",
    "everything",
    "farewell",
    "find",
    "forget",
    "interest",
    "keep",
    "leaver",
    "less_often",
    "liking",
    "mail_link",
    "may_be_rarer",
    "may_undo",
    "move",
    "mover",
    "newcomer",
    "pause",
    "prefer",
    "read_list",
    "remind",
    "resume",
    "spelled",
    "sync_readers",
    "tuned",
    "undo",
    "unsubscribe",
    "update",
    "vouched",
    "welcome_back",
    "wish_of",
    "with_references",
    "wording",
]
