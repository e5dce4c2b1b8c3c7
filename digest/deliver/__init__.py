"""Messages to the world, once: what they are made of, how they leave, and what becomes of them."""

from __future__ import annotations

from digest.deliver.message import Letterhead, message_id, pack
from digest.deliver.owner import alive, owner
from digest.deliver.states import MOVES, can_move, settle
from digest.deliver.transport import Transport, transport

__all__ = [
    "MOVES",
    "Letterhead",
    "Transport",
    "alive",
    "can_move",
    "message_id",
    "owner",
    "pack",
    "settle",
    "transport",
]
