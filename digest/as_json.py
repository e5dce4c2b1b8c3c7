"""The nouns as the contract's JSON, on the command line, in the API and for the webhook alike.

Times are ISO 8601 with Z, lists are arrays, reports are objects.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field, WithJsonSchema, with_config
from typing_extensions import TypedDict  # Python 3.11's own cannot be read by pydantic

from digest.daily import Report
from digest.languages import ENGLISH
from digest.model import (
    ApiKey,
    Attempt,
    BounceClass,
    Collected,
    Consent,
    ConsentMethod,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Edition,
    Event,
    EventKind,
    Feedback,
    Interest,
    InterestKind,
    JournalLine,
    Listed,
    Opinion,
    Record,
    Scope,
    Source,
    SourceState,
    SourceStatus,
    Subject,
    Subscriber,
    SubscriberState,
)
from digest.render.words import in_words

#: What JSON is made of.
Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]

Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
SubscriberId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Date = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]


class MentionJson(TypedDict):
    """Where a paper was listed, when, and how loudly."""

    source: str
    at: Instant
    votes: int | None


class PaperJson(TypedDict):
    """A paper with its mentions and trend."""

    id: str
    aliases: list[str]
    title: str
    authors: list[str]
    abstract: str
    categories: list[str]
    published: Instant | None
    mentions: list[MentionJson]
    trend: float
    reasons: list[str]


class InterestJson(TypedDict):
    """One thing that a subscriber asked for."""

    kind: InterestKind
    value: str
    weight: float


class SubscriberJson(TypedDict):
    """A subscriber with what they asked for."""

    id: SubscriberId
    address: str
    name: str
    state: SubscriberState
    timezone: str
    send_at: str
    days: str
    papers: int
    language: str
    plain_text: bool
    paused_until: Date | None
    interests: list[InterestJson]


class FeedbackJson(TypedDict):
    """What a subscriber said of a paper, an author or a topic; how often, and when last."""

    subject: Subject
    value: str
    opinion: Opinion
    count: int
    at: Instant


class BounceJson(TypedDict):
    """What came back, without anybody's words."""

    #: What the same thing read twice has in common.
    key: str
    at: Instant
    meaning: BounceClass
    status: str


class ConsentJson(TypedDict):
    """What a subscriber agreed to or was asked to; how, and in which words."""

    at: Instant
    method: ConsentMethod
    wording: str
    sha256: str
    url: str
    network: str
    confirmed_at: Instant | None


class MailedConsentJson(ConsentJson):
    """The same, with when the mail went out that asked to confirm it."""

    mailed_at: Instant | None


class SuppressionJson(TypedDict):
    """Why an address must not be mailed, since when."""

    reason: str
    at: Instant


@with_config(extra="forbid")
class RecordJson(SubscriberJson):
    """A subscriber with everything that is kept of them, but for what was sent."""

    generation: Annotated[int, Field(ge=0, le=2**31 - 1)]
    created_at: Instant
    confirmed_at: Instant | None
    starts_at: Instant | None
    feedback: list[FeedbackJson]
    came_back: list[BounceJson]
    consents: list[ConsentJson]
    suppression: SuppressionJson | None


class PickJson(TypedDict):
    """A paper that was chosen, and why."""

    paper: str
    score: float
    reasons: list[str]


class JournalLineJson(TypedDict):
    """What happened to a delivery, and what the other side said."""

    at: Instant
    event: str
    reply: str


class DeliveryJson(TypedDict):
    """An outbox row."""

    id: int
    kind: DeliveryKind
    subscriber: str
    local_date: Date
    edition: int | None
    state: DeliveryState
    attempts: int
    due_at: Instant
    sent_at: Instant | None
    message_id: str
    papers: list[str]
    last_reply: str


class DeliveryInFullJson(DeliveryJson):
    """An outbox row with its picks and its journal."""

    picks: list[PickJson]
    journal: list[JournalLineJson]


class EditionInShortJson(TypedDict):
    """An edition with its papers' ids."""

    id: int
    published_at: Instant
    papers: list[str]


class EditionJson(TypedDict):
    """An edition with its papers."""

    id: int
    published_at: Instant
    papers: list[PaperJson]


class EventJson(TypedDict):
    """Something that happened to a subscription."""

    id: int
    at: Instant
    kind: EventKind
    subscriber: str


class ApiKeyJson(TypedDict):
    """A key of the API, without the key."""

    name: str
    scope: Scope
    created_at: Instant


def instant(at: dt.datetime) -> str:
    """`2026-04-10T10:00:00Z`."""
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def instant_or_none(at: dt.datetime | None) -> str | None:
    """The instant, if there is one."""
    return None if at is None else instant(at)


def paper(listed: Listed) -> PaperJson:
    """A paper with its mentions and trend."""
    one = listed.paper
    return {
        "id": one.id,
        "aliases": [alias for alias in one.aliases if alias != one.id],
        "title": one.title,
        "authors": list(one.authors),
        "abstract": one.abstract,
        "categories": list(one.categories),
        "published": instant_or_none(one.published),
        "mentions": [
            {"source": m.source, "at": instant(m.listed_at), "votes": m.signals.votes}
            for m in listed.mentions
        ],
        "trend": round(listed.trend.score, 6),
        "reasons": [in_words(ENGLISH, reason) for reason in listed.trend.reasons],
    }


def subscriber(one: Subscriber) -> SubscriberJson:
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
        "interests": [interest(i) for i in one.interests],
    }


def interest(one: Interest) -> InterestJson:
    """One thing that a subscriber asked for."""
    return {"kind": one.kind, "value": one.value, "weight": one.weight}


def feedback(one: Feedback) -> FeedbackJson:
    """What a subscriber said of something."""
    return {
        "subject": one.subject,
        "value": one.value,
        "opinion": one.opinion,
        "count": one.count,
        "at": instant(one.at),
    }


def record(one: Record) -> RecordJson:
    """A subscriber with everything that is kept of them, but for what was sent."""
    reader, stopped = one.subscriber, one.suppression
    return {
        **subscriber(reader),
        "generation": reader.generation,
        "created_at": instant(reader.created_at),
        "confirmed_at": instant_or_none(reader.confirmed_at),
        "starts_at": instant_or_none(reader.starts_at),
        "feedback": [feedback(each) for each in one.said],
        "came_back": [
            {"key": each.key, "at": instant(each.at), "meaning": each.meaning, "status": each.status}
            for each in one.back
        ],
        "consents": [consent(each) for each in one.consents],
        "suppression": {"reason": stopped.reason, "at": instant(stopped.at)} if stopped else None,
    }


def consent(one: Consent) -> ConsentJson:
    """What a subscriber agreed to or was asked to."""
    return {
        "at": instant(one.at),
        "method": one.method,
        "wording": one.wording,
        "sha256": one.sha256,
        "url": one.url,
        "network": one.network,
        "confirmed_at": instant_or_none(one.confirmed_at),
    }


def mailed_consent(one: Consent) -> MailedConsentJson:
    """The same, with when it was mailed."""
    return {**consent(one), "mailed_at": instant_or_none(one.mailed_at)}


def event(one: Event) -> EventJson:
    """Something that happened to a subscription."""
    return {"id": one.id, "at": instant(one.at), "kind": one.kind, "subscriber": one.subscriber}


def api_key(one: ApiKey) -> ApiKeyJson:
    """A key of the API, without the key."""
    return {"name": one.name, "scope": one.scope, "created_at": instant(one.created_at)}


def delivery(one: Delivery) -> DeliveryJson:
    """An outbox row."""
    plan = one.plan
    return {
        "id": one.id,
        "kind": plan.kind,
        "subscriber": plan.reader.id,
        "local_date": plan.local_date.isoformat(),
        "edition": plan.edition,
        "state": one.state,
        "attempts": one.attempts,
        "due_at": instant(plan.due_at),
        "sent_at": instant_or_none(one.sent_at),
        "message_id": plan.message_id,
        "papers": [pick.paper for pick in (*plan.picks, *plan.also_trending)],
        "last_reply": one.last_reply,
    }


def delivery_in_full(one: Delivery, journal: Sequence[JournalLine]) -> DeliveryInFullJson:
    """An outbox row with its picks and its journal."""
    return {
        **delivery(one),
        "picks": [
            {"paper": p.paper, "score": p.score, "reasons": [in_words(ENGLISH, r) for r in p.reasons]}
            for p in one.plan.picks
        ],
        "journal": [{"at": instant(j.at), "event": j.event, "reply": j.reply} for j in journal],
    }


def source(
    configured: Source, status: SourceStatus | None, attempts: Sequence[Attempt] = ()
) -> dict[str, Json]:
    """A configured source and how it has been doing."""
    return {
        "name": configured.name,
        "kind": configured.kind,
        "state": status.state if status else "late",
        "reason": status.reason if status else "never asked",
        "last_success": instant_or_none(status.last_success) if status else None,
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


def edition(one: Edition) -> EditionJson:
    """An edition with its papers."""
    return {
        "id": one.id,
        "published_at": instant(one.published_at),
        "papers": [paper(listed) for listed in one.papers],
    }


def edition_in_short(one: Edition) -> EditionInShortJson:
    """An edition with its papers' ids."""
    return {
        "id": one.id,
        "published_at": instant(one.published_at),
        "papers": [listed.paper.id for listed in one.papers],
    }


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
