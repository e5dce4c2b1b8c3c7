"""The nouns as the contract's JSON: times ISO 8601 with Z, lists are arrays, reports are objects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from digest.cli.console import Json
from digest.daily import Report
from digest.languages import ENGLISH
from digest.model import (
    Attempt,
    Collected,
    Consent,
    Delivery,
    DeliveryState,
    Edition,
    JournalLine,
    Listed,
    Source,
    SourceState,
    SourceStatus,
    Subscriber,
    Tally,
)
from digest.operating import Glance
from digest.render.words import in_words


def instant(at: dt.datetime | None) -> str | None:
    """`2026-04-10T10:00:00Z`."""
    return None if at is None else at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def paper(listed: Listed) -> dict[str, Json]:
    """A paper with its mentions and trend."""
    one = listed.paper
    return {
        "id": one.id,
        "aliases": [alias for alias in one.aliases if alias != one.id],
        "title": one.title,
        "authors": list(one.authors),
        "abstract": one.abstract,
        "categories": list(one.categories),
        "published": instant(one.published),
        "mentions": [
            {"source": m.source, "at": instant(m.listed_at), "votes": m.signals.votes}
            for m in listed.mentions
        ],
        "trend": round(listed.trend.score, 6),
        "reasons": [in_words(ENGLISH, reason) for reason in listed.trend.reasons],
    }


def subscriber(one: Subscriber) -> dict[str, Json]:
    """A subscriber with what they asked for."""
    return {
        "id": one.id,
        "address": one.address,
        "name": one.name,
        "state": one.state,
        "timezone": one.schedule.timezone,
        "send_at": f"{one.schedule.send_at:%H:%M}",
        "days": str(one.schedule.days),
        "papers": one.papers,
        "language": one.language,
        "plain_text": one.plain_text,
        "paused_until": str(one.schedule.paused_until) if one.schedule.paused_until else None,
        "interests": [{"kind": i.kind, "value": i.value, "weight": i.weight} for i in one.interests],
    }


def consents(known: Sequence[Consent]) -> dict[str, Json]:
    """What a subscriber agreed to or was asked to, the oldest first."""
    return {
        "consents": [
            {
                "at": instant(one.at),
                "method": one.method,
                "wording": one.wording,
                "sha256": one.sha256,
                "url": one.url,
                "network": one.network,
                "mailed_at": instant(one.mailed_at),
                "confirmed_at": instant(one.confirmed_at),
            }
            for one in known
        ]
    }


def delivery(one: Delivery, journal: Sequence[JournalLine] | None = None) -> dict[str, Json]:
    """An outbox row; with its journal where one is asked for."""
    plan = one.plan
    found: dict[str, Json] = {
        "id": one.id,
        "kind": plan.kind,
        "subscriber": plan.reader.id,
        "local_date": plan.local_date.isoformat(),
        "edition": plan.edition,
        "state": one.state,
        "attempts": one.attempts,
        "due_at": instant(plan.due_at),
        "sent_at": instant(one.sent_at),
        "message_id": plan.message_id,
        "papers": [pick.paper for pick in (*plan.picks, *plan.also_trending)],
        "last_reply": one.last_reply,
    }
    if journal is not None:
        found["picks"] = [
            {"paper": p.paper, "score": p.score, "reasons": [in_words(ENGLISH, r) for r in p.reasons]}
            for p in plan.picks
        ]
        found["journal"] = [{"at": instant(j.at), "event": j.event, "reply": j.reply} for j in journal]
    return found


def source(
    configured: Source, status: SourceStatus | None, attempts: Sequence[Attempt] = ()
) -> dict[str, Json]:
    """A configured source and how it has been doing."""
    return {
        "name": configured.name,
        "kind": configured.kind,
        "state": status.state if status else "late",
        "reason": status.reason if status else "never asked",
        "last_success": instant(status.last_success) if status else None,
        "entries": status.entries if status else 0,
        "history": [
            {"at": instant(one.at), "state": one.state, "reason": one.reason, "entries": one.entries}
            for one in attempts
        ],
    }


def collected(one: Collected) -> dict[str, Json]:
    """What a source gave in this pass."""
    return {
        "name": one.source.name,
        "kind": one.source.kind,
        "state": one.state,
        "reason": one.reason,
        "last_success": None if one.state is SourceState.FAILING else instant(one.at),
        "entries": len(one.entries),
        "refused": list(one.refused),
    }


def edition(one: Edition) -> dict[str, Json]:
    """An edition with its papers."""
    return {
        "id": one.id,
        "published_at": instant(one.published_at),
        "papers": [paper(listed) for listed in one.papers],
    }


def edition_in_short(one: Edition) -> dict[str, Json]:
    """An edition with its papers' ids."""
    return edition(one) | {"papers": [listed.paper.id for listed in one.papers]}


def report(one: Report) -> dict[str, Json]:
    """What a pass did."""
    return {
        "edition": one.edition,
        "sources": [collected(each) for each in one.sources],
        "prepared": one.prepared,
        "sent": one.outcomes[DeliveryState.SENT],
        "retry": one.outcomes[DeliveryState.RETRY],
        "failed": one.outcomes[DeliveryState.FAILED],
        "skipped": one.skipped,
        "in_doubt": one.outcomes[DeliveryState.IN_DOUBT],
    }


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
        "held_since": instant(one.held_since),
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
