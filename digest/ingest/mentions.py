"""From the entries that speak of a paper to its mentions: one for each source and listing day. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace

from digest.model import Entry, Mention, Paper, Signals


def mentions_of(
    paper: Paper, entries: Iterable[Entry], weights: Mapping[str, float], now: dt.datetime
) -> list[Mention]:
    """One mention for each source and listing day (UTC); undated entries count as listed when first seen."""
    found: dict[tuple[str, dt.date], Mention] = {}
    for entry in sorted(entries, key=repr):
        listed_at = min(entry.listed_at or paper.first_seen, now)
        mention = Mention(
            paper=paper.id,
            source=entry.source,
            weight=weights.get(entry.source, 1.0),
            listed_at=listed_at,
            url=_url(entry, paper),
            signals=entry.signals,
            as_of=now,
        )
        key = (entry.source, listed_at.date())
        found[key] = _both(found[key], mention) if key in found else mention
    return list(found.values())


def _url(entry: Entry, paper: Paper) -> str:
    """Where the source speaks of it: the discussion if it counts votes, else the abstract."""
    own = {link.rel: link.url for link in reversed(entry.links)}
    rels = ("discussion", "abstract") if entry.signals.votes is not None else ("abstract", "discussion")
    return next((own[r] for r in rels if r in own), None) or paper.link("abstract") or ""


def _both(one: Mention, other: Mention) -> Mention:
    ours, theirs = one.signals, other.signals
    signals = Signals(
        votes=_louder(ours.votes, theirs.votes),
        comments=_louder(ours.comments, theirs.comments),
        stars=_louder(ours.stars, theirs.stars),
    )
    return replace(one, listed_at=min(one.listed_at, other.listed_at), signals=signals)


def _louder(one: int | None, other: int | None) -> int | None:
    """The larger count; "not known" is less than 0."""
    return max((n for n in (one, other) if n is not None), default=None)
