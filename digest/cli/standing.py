"""How everything stands, as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from digest.as_json import Json, instant
from digest.model import Tally
from digest.operating import Glance


def glance(one: Glance) -> dict[str, Json]:
    """How everything stands."""
    edition, due = one.edition, one.due
    return {
        "at": instant(one.at),
        "edition": {"id": edition.id, "published_at": instant(edition.published_at), "papers": edition.papers}
        if edition
        else None,
        "days": [{"date": each.date.isoformat()} | counts(each.counts.items()) for each in one.days],
        "subscribers": counts(one.subscribers.items()),
        "next_due": {"at": instant(due.at), "readers": due.readers} if due else None,
        "held_since": instant(one.held_since) if one.held_since else None,
        "needs": [need.text for need in one.needs],
    }


def counts(of: Iterable[tuple[str, int]]) -> dict[str, Json]:
    """How many are in each state."""
    return {str(state): number for state, number in of}


def tally(one: Tally) -> dict[str, Json]:
    """A day in numbers."""
    return {
        "date": one.day.isoformat(),
        "subscribers": one.subscribers,
        "sent": one.sent,
        "failed": one.failed,
        "bounced": one.bounced,
        "complained": one.complained,
    }
