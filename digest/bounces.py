"""What comes back is counted, and acted upon: bounce and complaint -> suppress; a wish to leave -> left.

Rule 1. Nothing is believed that does not lead back to us: a keyed token, or our operator's signature.
Rule 2. The same thing told twice counts once.
Rule 3. What nobody understands is left for a person, and stops nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from digest.deliver import judging, returned
from digest.deliver.returned import Kind, Returned
from digest.errors import LinkError
from digest.links import Purpose
from digest.model import (
    Bounce,
    BounceClass,
    Decision,
    Delivery,
    DeliveryState,
    Origin,
    Refusal,
    Settlement,
)
from digest.service import Service

log = structlog.get_logger()

#: Sending is held when so many of a day complained, …
COMPLAINTS = 5
#: … and they are more than this share of what was sent in it.
SHARE = 0.001
DAY = dt.timedelta(days=1)
#: How far a message's own Date may be from when its delivery was made, and still be believed.
SLACK = dt.timedelta(days=1)


NOTHING = Decision()


class Fate(StrEnum):
    """What became of something that came back."""

    COUNTED = "counted"
    KNOWN = "known"  #: counted before, or its reader is gone
    FORGED = "forged"  #: it does not lead back to us
    IDLE = "idle"  #: an automatic reply, or a report that nothing failed
    UNKNOWN = "unknown"  #: not understood; for a person to look at


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """One thing that came back, and what followed."""

    fate: Fate
    #: What a COUNTED one means.
    meaning: BounceClass | None = None
    decision: Decision = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a mail service told of one delivery, in its operator's words (README, "A hook for mail services")."""

    #: Told by the mail service; the same twice for one reader counts once.
    id: str
    meaning: BounceClass
    status: str = ""
    #: One of these says whose it is: the envelope's sender of our message, the reader's address.
    sender: str = ""
    recipient: str = ""
    at: dt.datetime | None = None


def read(day: Service, raw: bytes, now: dt.datetime) -> Handled:
    """Act upon a message from the bounce mailbox, whatever it is; raises StoreError only."""
    found = returned.read(raw)
    if found.kind is Kind.UNKNOWN:
        return Handled(fate=Fate.UNKNOWN)
    if found.kind is Kind.IDLE:
        return Handled(fate=Fate.IDLE)
    origin = _origin(day, found.senders)
    subscriber = origin.subscriber if origin else None
    if found.kind is not Kind.BOUNCE:
        subscriber = _bearer(day, found.tokens) or subscriber
    if subscriber is None:
        log.info("bounce not ours", kind=found.kind)
        # Who asks to leave in their own words, or complains through somebody who hides them, is heard by a person.
        unclear = found.kind is not Kind.BOUNCE and not found.tokens
        return Handled(fate=Fate.UNKNOWN if unclear else Fate.FORGED)
    origin = origin if origin and origin.subscriber == subscriber else None
    refusal = _refusal(day, found, origin)
    if refusal is None:
        return Handled(fate=Fate.KNOWN)
    key = _key("message", subscriber, found.key)
    return _count(day, key, subscriber, origin, refusal, found.at, now)


def hear(day: Service, event: Event, now: dt.datetime) -> Handled:
    """Act upon what a mail service told; whoever calls has made sure that it is our operator who speaks."""
    origin = _origin(day, [event.sender])
    subscriber = origin.subscriber if origin else _reader(day, event.recipient)
    if subscriber is None:
        return Handled(fate=Fate.FORGED)
    refusal = Refusal(meaning=event.meaning, status=event.status)
    return _count(day, _key("event", subscriber, event.id), subscriber, origin, refusal, event.at, now)


def answered(day: Service, delivery: Delivery, settlement: Settlement, now: dt.datetime) -> None:
    """Count what the relay's own words say of the reader's mailbox when a delivery ends; once for each attempt."""
    ended = settlement.state in {DeliveryState.FAILED, DeliveryState.EXPIRED}
    if not (ended and settlement.counts and (refusal := judging.lasting(settlement.reply))):
        return
    plan, reader = delivery.plan, delivery.plan.reader.id
    origin = Origin(subscriber=reader, kind=plan.kind, local_date=plan.local_date, number=plan.number)
    key = _key("reply", reader, str(delivery.id), str(delivery.attempts))
    _count(day, key, reader, origin, refusal, None, now)


def heed_complaints(day: Service, handled: Iterable[Handled], now: dt.datetime) -> int | None:
    """Hold everything that waits if, with these, too many of a day complained; how many were held, None if not.

    What was told before holds nothing again, so that an operator's `release` lasts.
    """
    if not any(one.fate is Fate.COUNTED and one.meaning is BounceClass.COMPLAINT for one in handled):
        return None
    complaints = day.store.bounces.complaints(now - DAY)
    sent = day.store.outbox.sent(now - DAY)
    if complaints < COMPLAINTS or complaints <= SHARE * sent:
        return None
    held = day.store.outbox.hold(now)
    log.error("sending held", reason="too many complaints", complaints=complaints, sent=sent, held=held)
    return held


def _key(*parts: str) -> str:
    """What two tellings of the same thing about one subscriber have in common."""
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:32]


def _origin(day: Service, senders: Iterable[str]) -> Origin | None:
    """The delivery that one of these envelope senders stands for, if one is ours."""
    verp = day.letterhead.verp
    origins = (verp.origin(sender) for sender in senders) if verp else ()
    return next((origin for origin in origins if origin), None)


def _reader(day: Service, address: str) -> str | None:
    found = day.store.subscribers.by_address(address)
    return found.id if found else None


def _bearer(day: Service, tokens: Iterable[str]) -> str | None:
    """Whose unsubscribe token is among these; one that was revoked is nobody's."""
    for token in tokens:
        try:
            claim = day.links.claim(Purpose.UNSUBSCRIBE, token)
        except LinkError:
            continue
        reader = day.store.subscribers.get(claim.subscriber)
        if reader is None or reader.generation == claim.generation:
            return claim.subscriber
    return None


def _believed(told: dt.datetime | None, origin: Origin | None, now: dt.datetime) -> dt.datetime:
    """When it happened: what was told, if that can be, else now.

    A mailbox may be read late; but a clock that is wrong, or a lie, must not move what is counted over weeks.
    """
    day = dt.datetime.combine(origin.local_date, dt.time(), dt.UTC) if origin else now
    return told if told and day - SLACK <= told <= now else now


def _refusal(day: Service, found: Returned, origin: Origin | None) -> Refusal | None:
    """What a message comes to; None for a bounce whose reader is gone."""
    if found.kind is Kind.COMPLAINT:
        return Refusal(meaning=BounceClass.COMPLAINT)
    if found.kind is Kind.LEAVE:
        return Refusal(meaning=BounceClass.LEAVE)
    address = day.store.bounces.address(origin) if origin else None
    return judging.counted(found.refusals, address) if address else None


def _count(
    day: Service,
    key: str,
    subscriber: str,
    origin: Origin | None,
    refusal: Refusal,
    told: dt.datetime | None,
    now: dt.datetime,
) -> Handled:
    """Write down what came back, however we heard of it, and do what follows; once for each key."""
    bounce = Bounce(
        key=key,
        subscriber=subscriber,
        origin=origin,
        at=_believed(told, origin, now),
        meaning=refusal.meaning,
        status=refusal.status,
    )
    decision = day.store.bounces.settle(bounce, lambda past: judging.decide(past, bounce, now), now)
    if decision is None:
        return Handled(fate=Fate.KNOWN)
    log.info(
        "bounce counted",
        subscriber=bounce.subscriber,
        meaning=bounce.meaning,
        status=bounce.status,
        suppressed=bool(decision.suppress),
    )
    return Handled(fate=Fate.COUNTED, meaning=bounce.meaning, decision=decision)
