"""Mentions: one per paper, source and listing day, and a snapshot whenever its counts changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from sqlalchemy import Connection, RowMapping, delete, literal, select

from digest.model import Mention, Signals
from digest.store.aliases import homes
from digest.store.database import chunks, insert
from digest.store.schema import mentions, snapshots

#: Paper, source and listing day: a mention's key.
_Key: TypeAlias = tuple[str, str, dt.date]


def mentions_of(connection: Connection, ids: Collection[str]) -> list[Mention]:
    """Everything that sources said of those papers, the earliest listing first."""
    found = []
    for some in chunks(ids):
        chosen = select(mentions).where(mentions.c.paper.in_(some))
        found += [_mention(row) for row in connection.execute(chosen).mappings()]
    return sorted(found, key=lambda mention: (mention.listed_at, mention.source))


def save_mentions(connection: Connection, saved: Sequence[Mention], now: dt.datetime) -> bool:
    """Write the mentions that say something new. Counts read in the future of `now` count as read now."""
    home = homes(connection, {mention.paper for mention in saved})
    before = {_key(mention): mention for mention in mentions_of(connection, set(home.values()))}
    after = dict(before)
    for mention in saved:
        told = replace(mention, paper=home.get(mention.paper, mention.paper), as_of=min(mention.as_of, now))
        held = after.get(_key(told))
        after[_key(told)] = _updated(held, told) if held else told
    touched = {key: mention for key, mention in after.items() if mention != before.get(key)}
    _write_mentions(connection, touched)
    louder = {
        key: mention
        for key, mention in touched.items()
        if key not in before or before[key].signals != mention.signals
    }
    _write_snapshots(connection, louder)
    # To have read the same again is no change.
    return any(key not in before or replace(before[key], as_of=m.as_of) != m for key, m in touched.items())


def _write_mentions(connection: Connection, written: Mapping[_Key, Mention]) -> None:
    if not written:
        return
    row = insert(connection, mentions)
    key = [mentions.c.paper, mentions.c.source, mentions.c.listed_on]
    values = {column.name: row.excluded[column.name] for column in mentions.c if not column.primary_key}
    rows = [
        {
            **_counted(day, mention),
            "listed_at": mention.listed_at,
            "weight": mention.weight,
            "url": mention.url,
        }
        for (_, _, day), mention in written.items()
    ]
    connection.execute(row.on_conflict_do_update(index_elements=key, set_=values), rows)


def _write_snapshots(connection: Connection, written: Mapping[_Key, Mention]) -> None:
    rows = [_counted(day, mention) for (_, _, day), mention in written.items()]
    if rows:
        connection.execute(insert(connection, snapshots).on_conflict_do_nothing(), rows)


def _counted(day: dt.date, mention: Mention) -> dict[str, object]:
    signals = mention.signals
    return {
        "paper": mention.paper,
        "source": mention.source,
        "listed_on": day,
        "as_of": mention.as_of,
        "votes": signals.votes,
        "comments": signals.comments,
        "stars": signals.stars,
    }


def move_mentions(connection: Connection, old: str, new: str) -> None:
    """Give what was said of one paper to another; where a source spoke of both on one day, the larger counts."""
    merged: dict[_Key, Mention] = {}
    for mention in mentions_of(connection, {old, new}):
        moved = replace(mention, paper=new)
        held = merged.get(_key(moved))
        merged[_key(moved)] = _joined(held, moved) if held else moved
    _write_mentions(connection, merged)
    # What each source counted and when stays on record; where both have a row for one instant, one stays.
    columns = [literal(new) if column.name == "paper" else column for column in snapshots.c]
    moved_snapshots = select(*columns).where(snapshots.c.paper == old)
    connection.execute(
        insert(connection, snapshots)
        .from_select([column.name for column in snapshots.c], moved_snapshots)
        .on_conflict_do_nothing()
    )
    connection.execute(delete(snapshots).where(snapshots.c.paper == old))
    connection.execute(delete(mentions).where(mentions.c.paper == old))


def _mention(row: RowMapping) -> Mention:
    return Mention(
        paper=row["paper"],
        source=row["source"],
        weight=row["weight"],
        listed_at=row["listed_at"],
        url=row["url"],
        signals=Signals(votes=row["votes"], comments=row["comments"], stars=row["stars"]),
        as_of=row["as_of"],
    )


def _key(mention: Mention) -> _Key:
    return mention.paper, mention.source, mention.listed_at.astimezone(dt.UTC).date()


def _updated(held: Mention, told: Mention) -> Mention:
    """The mention after the same source spoke again; what it does not say any more stays as it was."""
    older, newer = (held, told) if told.as_of >= held.as_of else (told, held)
    signals = Signals(
        votes=older.signals.votes if newer.signals.votes is None else newer.signals.votes,
        comments=older.signals.comments if newer.signals.comments is None else newer.signals.comments,
        stars=older.signals.stars if newer.signals.stars is None else newer.signals.stars,
    )
    return replace(newer, listed_at=min(held.listed_at, told.listed_at), signals=signals)


def _joined(one: Mention, other: Mention) -> Mention:
    """One mention of two that turned out to speak of the same paper: the larger counts."""
    newer = max(one, other, key=lambda mention: mention.as_of)
    a, b = one.signals, other.signals
    signals = Signals(
        votes=_larger(a.votes, b.votes),
        comments=_larger(a.comments, b.comments),
        stars=_larger(a.stars, b.stars),
    )
    return replace(newer, listed_at=min(one.listed_at, other.listed_at), signals=signals)


def _larger(one: int | None, other: int | None) -> int | None:
    return max((count for count in (one, other) if count is not None), default=None)
