"""What is written to whom: each kind of message as a plan, and a plan as the message it stands for.

Rule 1. A plan holds or names everything that its message is made from; so the message can be made again.
Rule 2. What anybody typed into a form is in no message but the reader's own digest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache

from digest import address as addresses
from digest import deliver
from digest.errors import RenderError
from digest.links import CONFIRM_LIFETIME, FRESH_LIFETIME, Claim, Purpose
from digest.model import (
    Content,
    DeliveryKind,
    Digest,
    Due,
    Edition,
    Matter,
    Message,
    Plan,
    ReaderLinks,
    Schedule,
    Subscriber,
)
from digest.service import Service

#: How long a mail that somebody asked for on a page is tried; after that they will have asked again.
ASKED_LIFETIME = dt.timedelta(hours=24)


#: More than one of a kind may be asked for on one day.
OFTEN = frozenset({Matter.MINE, Matter.ADDRESS})


def digest_plan(day: Service, digest: Digest, due: Due, now: dt.datetime) -> Plan:
    """A digest with everything that its message will be made from, now or after a crash.

    Its time is over when the next one's has come: of two that wait, only the later one would be news.
    """
    reader, mail = digest.subscriber.reader, day.settings.mail
    return Plan(
        kind=DeliveryKind.DIGEST,
        reader=reader,
        local_date=due.date,
        edition=digest.edition,
        picks=digest.picks,
        also_trending=digest.also_trending,
        skipped=not (digest.picks or digest.also_trending or day.settings.digest.send_empty),
        message_id=deliver.message_id(
            day.links, DeliveryKind.DIGEST, reader.id, due.date, day.letterhead.sender.domain
        ),
        template=day.composer.fingerprint,
        due_at=due.at,
        expires_at=min(due.at + mail.expire_after, _next_at(digest.subscriber.schedule, due.at)),
        prepared_at=now,
    )


@lru_cache(maxsize=4096)  # many readers have an hour, days and a zone in common
def _next_at(schedule: Schedule, after: dt.datetime) -> dt.datetime:
    """When the first digest after that one is due."""
    return schedule.due_at(schedule.next_date(after))


def asked_plan(
    day: Service,
    kind: DeliveryKind,
    subscriber: Subscriber,
    now: dt.datetime,
    matter: Matter = Matter.SUBSCRIPTION,
) -> Plan:
    """A mail that answers what somebody did on a page just now: any kind but a digest; due at once.

    Its date is UTC's: two that are asked for a day apart are never of the same one, whatever a zone's clocks do.
    What is asked for often enough to need it has the second of that day as its number.
    """
    date = now.date()
    number = 1 + (now.hour * 60 + now.minute) * 60 + now.second if matter in OFTEN else 0
    domain = day.letterhead.sender.domain
    return Plan(
        kind=kind,
        matter=matter,
        number=number,
        reader=subscriber.reader,
        local_date=date,
        message_id=deliver.message_id(day.links, kind, subscriber.id, date, domain, number),
        template=day.composer.fingerprint,
        due_at=now,
        expires_at=now + (FRESH_LIFETIME if matter is Matter.MINE else ASKED_LIFETIME),
        prepared_at=now,
    )


def compose(day: Service, plan: Plan, edition_of: Callable[[int], Edition | None] | None = None) -> Message:
    """The message of a plan: the same bytes every time, while templates and secret are the same."""
    letterhead = day.letterhead
    links = day.links.of_reader(plan.reader, asked=plan.kind is DeliveryKind.DIGEST)
    if plan.kind is not DeliveryKind.DIGEST:
        if links is None:
            raise RenderError(f"a mail that leads to a page needs site.url: {plan.message_id!r}")
        return deliver.pack(_answer(day, plan, links), plan, letterhead, None, None)
    edition = (edition_of or day.store.editions.get)(plan.edition) if plan.edition else None
    if edition is None:
        raise RenderError(f"a delivery without its edition cannot be made: {plan.message_id!r}")
    content = day.composer.digest(plan, edition, links)
    return deliver.pack(content, plan, letterhead, links, edition.published_at)


def _answer(day: Service, plan: Plan, links: ReaderLinks) -> Content:
    composer, reader = day.composer, plan.reader
    match plan.kind, plan.matter:
        case DeliveryKind.CONFIRM, Matter.ADDRESS:
            return composer.new_address(reader, address_url(day, plan))
        case DeliveryKind.CONFIRM, _:
            return composer.confirmation(reader, confirm_url(day, plan))
        case DeliveryKind.WELCOME, _:
            return composer.welcome(reader, links)
        case DeliveryKind.NOTICE, Matter.ADDRESS:
            return composer.moved(reader)
        case DeliveryKind.NOTICE, _:
            return composer.goodbye(reader, f"{day.links.base}/")
        case _, Matter.SETTINGS:
            return composer.settings(reader, links)
        case _, Matter.MINE:
            return composer.mine(reader, mine_url(day, plan))
        case _:
            return composer.link(reader, links)


def confirm_url(day: Service, plan: Plan) -> str:
    """Where a subscription is confirmed, for 48 hours from when the mail was asked for."""
    return _url(day, plan, Purpose.CONFIRM, CONFIRM_LIFETIME)


def mine_url(day: Service, plan: Plan) -> str:
    """Where a reader finds what is theirs, for 30 minutes from when they asked for it."""
    return _url(day, plan, Purpose.MINE, FRESH_LIFETIME)


def address_url(day: Service, plan: Plan) -> str:
    """Where the address that the plan is for is taken for the reader's, for 48 hours from when it was given."""
    return _url(day, plan, Purpose.ADDRESS, CONFIRM_LIFETIME, address_hash(day, plan.reader.address))


def _url(day: Service, plan: Plan, purpose: Purpose, lifetime: dt.timedelta, about: str | None = None) -> str:
    claim = Claim(
        purpose=purpose,
        subscriber=plan.reader.id,
        generation=plan.reader.generation,
        expires_at=plan.prepared_at + lifetime,
        about=about,
    )
    return day.links.url(claim)


def address_hash(day: Service, address: str) -> str:
    """What stands for an address where it must not be read: the same for all who compare equal."""
    return day.links.fingerprint("address", addresses.key(address))
