"""What is written to whom: each kind of message as a plan, and a plan as the message it stands for.

Rule 1. A plan holds or names everything that its message is made from; so the message can be made again.
Rule 2. What anybody typed into a form is in no message but the reader's own digest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from digest import deliver
from digest.errors import RenderError
from digest.links import CONFIRM_LIFETIME, Claim, Purpose
from digest.model import Content, DeliveryKind, Digest, Edition, Message, Plan, ReaderLinks, Subscriber
from digest.service import Service

#: How long a mail that somebody asked for on a page is tried; after that they will have asked again.
ASKED_LIFETIME = dt.timedelta(hours=24)

#: The kinds that somebody asks for on a page, or that answer what they did there.
ASKED = frozenset({DeliveryKind.CONFIRM, DeliveryKind.LINK, DeliveryKind.WELCOME})


def digest_plan(day: Service, digest: Digest, date: dt.date, now: dt.datetime) -> Plan:
    """A digest with everything that its message will be made from, now or after a crash."""
    reader, mail = digest.subscriber.reader, day.settings.mail
    due_at = reader.schedule.due_at(date)
    return Plan(
        kind=DeliveryKind.DIGEST,
        reader=reader,
        local_date=date,
        edition=digest.edition,
        picks=digest.picks,
        also_trending=digest.also_trending,
        skipped=not (digest.picks or digest.also_trending or day.settings.digest.send_empty),
        message_id=deliver.message_id(
            day.links, DeliveryKind.DIGEST, reader.id, date, day.letterhead.sender.domain
        ),
        template=day.composer.fingerprint,
        due_at=due_at,
        expires_at=due_at + mail.expire_after,
        prepared_at=now,
    )


def asked_plan(day: Service, kind: DeliveryKind, subscriber: Subscriber, now: dt.datetime) -> Plan:
    """A mail that answers what somebody did on a page just now: one of ASKED; due at once.

    Its date is UTC's: two that are asked for a day apart are never of the same one, whatever a zone's clocks do.
    """
    date = now.date()
    return Plan(
        kind=kind,
        reader=subscriber.reader,
        local_date=date,
        message_id=deliver.message_id(day.links, kind, subscriber.id, date, day.letterhead.sender.domain),
        template=day.composer.fingerprint,
        due_at=now,
        expires_at=now + ASKED_LIFETIME,
        prepared_at=now,
    )


def compose(day: Service, plan: Plan, edition_of: Callable[[int], Edition | None] | None = None) -> Message:
    """The message of a plan: the same bytes every time, while templates and secret are the same."""
    letterhead = day.letterhead
    links = day.links.of_reader(plan.reader, asked=plan.kind is DeliveryKind.DIGEST)
    if plan.kind in ASKED:
        if links is None:
            raise RenderError(f"a mail that leads to a page needs site.url: {plan.message_id!r}")
        return deliver.pack(_answer(day, plan, links), plan, letterhead, None, None)
    edition = (edition_of or day.store.editions.get)(plan.edition) if plan.edition else None
    if edition is None:
        raise RenderError(f"a delivery without its edition cannot be made: {plan.message_id!r}")
    content = day.composer.digest(plan, edition, links)
    return deliver.pack(content, plan, letterhead, links, edition.published_at)


def _answer(day: Service, plan: Plan, links: ReaderLinks) -> Content:
    match plan.kind:
        case DeliveryKind.CONFIRM:
            return day.composer.confirmation(plan.reader, confirm_url(day, plan))
        case DeliveryKind.WELCOME:
            return day.composer.welcome(plan.reader, links)
        case _:
            return day.composer.link(plan.reader, links)


def confirm_url(day: Service, plan: Plan) -> str:
    """Where a subscription is confirmed, for 48 hours from when the mail was asked for."""
    claim = Claim(
        purpose=Purpose.CONFIRM,
        subscriber=plan.reader.id,
        generation=plan.reader.generation,
        expires_at=plan.prepared_at + CONFIRM_LIFETIME,
    )
    return day.links.url(claim)
