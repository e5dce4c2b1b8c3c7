"""Aliases: under which id a paper is kept today, and under which it was known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from digest.store.database import chunks
from digest.store.schema import aliases


def homes(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """The id under which each of those papers is kept today; an id that nobody knows has none."""
    found: dict[str, str] = {}
    for some in chunks(ids):
        rows = connection.execute(select(aliases.c.alias, aliases.c.paper).where(aliases.c.alias.in_(some)))
        found.update((row.alias, row.paper) for row in rows)
    return found


def aliases_of(connection: Connection, ids: Collection[str]) -> Mapping[str, list[str]]:
    """Every alias of each of those papers, its own id first, then by name."""
    found: dict[str, list[str]] = defaultdict(list)
    for some in chunks(ids):
        rows = connection.execute(select(aliases).where(aliases.c.paper.in_(some)))
        for row in rows:
            found[row.paper].append(row.alias)
    for paper, names in found.items():
        names.sort(key=lambda alias: (alias != paper, alias))
    return found
