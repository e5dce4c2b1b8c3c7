"""Messages to the world, once: what they are made of, how they leave, and what becomes of them."""

from __future__ import annotations

from digest.deliver.journal import Facts, JournalFiles, Journals
from digest.deliver.message import Letterhead, message_id, pack
from digest.deliver.owner import alive, owning
from digest.deliver.relay_log import taken
from digest.deliver.states import MOVES, can_move, recover, resolve, settle
from digest.deliver.transport import Transport, hand_over, transport

__all__ = [
    "MOVES",
    "Facts",
    "JournalFiles",
    "Journals",
    "Letterhead",
    "Transport",
    "alive",
    "can_move",
    "hand_over",
    "message_id",
    "owning",
    "pack",
    "recover",
    "resolve",
    "settle",
    "taken",
    "transport",
]
