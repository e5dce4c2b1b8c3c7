"""Builders of nouns with sensible defaults, for tests."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from digest.address import key
from digest.model import (
    Days,
    DeliveryKind,
    Edition,
    Interest,
    InterestKind,
    Link,
    Listed,
    Mention,
    Paper,
    Pick,
    Plan,
    Reason,
    ReasonKind,
    Rights,
    Schedule,
    Signals,
    Subscriber,
    SubscriberState,
    Trend,
)
from digest.store import Hashes

NOON = dt.datetime(2026, 4, 10, 12, tzinfo=dt.UTC)


def a_paper(number: int = 1, **changes: object) -> Paper:
    arxiv = f"2604.{number:05}"
    paper = Paper(
        id=f"arxiv:{arxiv}",
        aliases=(f"arxiv:{arxiv}",),
        title_key=f"apaperaboutthing{number:05}",
        title=f"A paper about thing {number}",
        abstract=f"We study thing {number}. It works better than thing {number + 1}, by a margin that matters.",
        authors=("Ada Author", f"Bo Writer {number}"),
        categories=("cs.CL",),
        published=NOON - dt.timedelta(days=1),
        version=1,
        links=(
            Link(rel="abstract", url=f"https://arxiv.org/abs/{arxiv}"),
            Link(rel="pdf", url=f"https://arxiv.org/pdf/{arxiv}"),
        ),
        rights=Rights.OPEN,
        first_seen=NOON - dt.timedelta(hours=4),
    )
    return replace(paper, **changes)  # type: ignore[arg-type]


def a_mention(paper: Paper, votes: int | None = 12, source: str = "hf", **changes: object) -> Mention:
    mention = Mention(
        paper=paper.id,
        source=source,
        weight=1.0,
        listed_at=NOON - dt.timedelta(hours=6),
        url=f"https://huggingface.co/papers/{paper.id.partition(':')[2]}",
        signals=Signals(votes=votes),
        as_of=NOON,
    )
    return replace(mention, **changes)  # type: ignore[arg-type]


def a_listed(number: int = 1, votes: int | None = 12, score: float = 0.5, **changes: object) -> Listed:
    paper = a_paper(number, **changes)
    reasons = (Reason(kind=ReasonKind.VOTES, subject="hf", value=votes),) if votes is not None else ()
    return Listed(paper=paper, mentions=(a_mention(paper, votes),), trend=Trend(score=score, reasons=reasons))


def an_edition(papers: int = 12) -> Edition:
    return Edition(id=1, published_at=NOON, papers=tuple(a_listed(n) for n in range(1, papers + 1)))


def a_subscriber(name: str = "vision", **changes: object) -> Subscriber:
    subscriber = Subscriber(
        id=f"s-{name}",
        address=f"{name}@example.org",
        state=SubscriberState.CONFIRMED,
        schedule=Schedule(timezone="UTC", send_at=dt.time(7), days=Days("daily")),
        papers=10,
        created_at=NOON - dt.timedelta(days=30),
        confirmed_at=NOON - dt.timedelta(days=30),
        interests=(Interest(kind=InterestKind.PHRASE, value="diffusion models"),),
    )
    return replace(subscriber, **changes)  # type: ignore[arg-type]


#: Of addresses in tests, where nobody has to be kept from reading them back.
PLAIN = Hashes(
    counted=lambda address: (f"counted {key(address)}",), deleted=lambda address: (f"deleted {key(address)}",)
)


def a_pick(paper: Paper | Listed, phrase: str = "diffusion models") -> Pick:
    number = paper.paper.id if isinstance(paper, Listed) else paper.id
    return Pick(paper=number, score=0.7, reasons=(Reason(kind=ReasonKind.PHRASE, subject=phrase),))


def a_plan(subscriber: Subscriber | None = None, edition: Edition | None = None, **changes: object) -> Plan:
    subscriber = subscriber or a_subscriber()
    edition = edition or an_edition()
    plan = Plan(
        kind=DeliveryKind.DIGEST,
        reader=subscriber.reader,
        local_date=dt.date(2026, 4, 10),
        edition=edition.id,
        picks=tuple(a_pick(listed) for listed in edition.papers[:5]),
        also_trending=tuple(a_pick(listed) for listed in edition.papers[5:8]),
        message_id="<20260410.abcdefghijklmnopqrstuvwxyz@example.org>",
        template="t",
        due_at=NOON.replace(hour=7),
        expires_at=NOON.replace(hour=7) + dt.timedelta(hours=18),
        prepared_at=NOON,
    )
    return replace(plan, **changes)  # type: ignore[arg-type]
