"""The operator's pages, in English: what stands where, who got what and why not, and the few acts that mend it.

Rule 1. Without a password there are none: the same 404 as anywhere else (`door`).
Rule 2. Each page asks one story, which a command asks too; nothing is decided here.
Rule 3. Lists show masked addresses; a subscriber's own page shows theirs.
"""

from __future__ import annotations

from fastapi import FastAPI

from digest.web.admin import deliveries, door, overview, subscribers
from digest.web.admin.office import Office
from digest.web.desk import Desk

__all__ = ["add"]


def add(web: FastAPI, desk: Desk) -> None:
    """All of them, behind their door."""
    office = Office(desk)
    door.add(web, desk, office)
    overview.add(web, office)
    deliveries.add(web, office)
    subscribers.add(web, office)
