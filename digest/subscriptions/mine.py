"""What is the reader's own, by a fresh link from their mailbox: all that is kept of them, and who they are to us.

Rule 1. The links of digests are passed on with them; so whatever shows, moves or deletes takes a link of 30 minutes.
Rule 2. Another address takes the place of the reader's when it says so itself; the old one is told, and every link
        of before is void.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from digest import address as addresses
from digest.errors import LinkError, UsageError
from digest.links import Claim, Purpose
from digest.messages import asked_plan
from digest.model import DeliveryKind, Matter, Subscriber, SubscriberState
from digest.service import Service
from digest.store import Limit
from digest.subscriptions.asking import per_address, per_network
from digest.subscriptions.bearing import act, bearer
from digest.subscriptions.deleting import hashes, unmailable, welcome_back
from digest.subscriptions.wishes import newcomer

#: Fresh links of one reader, and addresses that they may try.
FRESH_LINKS = ((3, dt.timedelta(hours=1)), (10, dt.timedelta(days=1)))
NEW_ADDRESSES = ((5, dt.timedelta(days=1)),)


def remind(day: Service, address: str, network: str, now: dt.datetime) -> dt.timedelta | None:
    """Somebody typed an address to find its settings: mail its owner the link, or once more what they are to confirm.

    Returns, limits and hides as `ask` does; nobody is subscribed by it.
    """
    stranger = newcomer(address, day.settings, now)
    reader = day.store.subscribers.by_address(stranger.address) or stranger
    pending = reader.state is SubscriberState.PENDING
    kind = DeliveryKind.CONFIRM if pending else DeliveryKind.LINK
    plan = asked_plan(day, kind, reader, now, Matter.SUBSCRIPTION if pending else Matter.SETTINGS)
    asking = per_network(day, network)
    hashed = per_address(day, reader.address)
    return day.store.subscribers.mail(plan, asking, now, hashed)


def ask_fresh(day: Service, token: str, now: dt.datetime) -> tuple[Subscriber, dt.timedelta | None]:
    """Mail a fresh link to whose settings these are; them, and how long they have to wait if they asked too often.

    Raises as `bearer` does.
    """
    reader = bearer(day, Purpose.PREFERENCES, token, now)
    plan = asked_plan(day, DeliveryKind.LINK, reader, now, Matter.MINE)
    asking = Limit(key=day.links.fingerprint("mine", reader.id), rates=FRESH_LINKS)
    return reader, day.store.subscribers.mail(plan, asking, now)


def everything(day: Service, token: str, now: dt.datetime) -> Mapping[str, list[Mapping[str, object]]]:
    """All that is kept of the bearer of a fresh link: rows by table. Raises as `bearer` does."""
    return day.store.persons.everything(bearer(day, Purpose.MINE, token, now).id, hashes(day))


# --- another address ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A reader, and the address that is to be theirs, or is already."""

    reader: Subscriber
    address: str

    @property
    def done(self) -> bool:
        """Whether it is theirs."""
        return addresses.key(self.reader.address) == addresses.key(self.address)


def ask_move(day: Service, token: str, address: str, now: dt.datetime) -> dt.timedelta | None:
    """The bearer of a fresh link wants another address: ask that address, by mail.

    None, and always alike, whether the address is free, taken, suppressed or was written to too often: the
    difference goes by mail only. Otherwise how long to wait. Raises as `bearer` does; UsageError if the address
    cannot be read, or is theirs already.
    """
    reader = bearer(day, Purpose.MINE, token, now)
    wanted = addresses.normalised(address)
    if addresses.key(wanted) == addresses.key(reader.address):
        raise UsageError("that is your address already")
    taken = day.store.subscribers.by_address(wanted) is not None
    plan = asked_plan(day, DeliveryKind.CONFIRM, replace(reader, address=wanted), now, Matter.ADDRESS)
    if taken or unmailable(day, wanted, now):
        plan = replace(plan, reader=replace(plan.reader, id=""))  # nobody's: counted, and not mailed
    asking = Limit(key=day.links.fingerprint("move", reader.id), rates=NEW_ADDRESSES)
    hashed = per_address(day, wanted)
    return day.store.subscribers.mail(plan, asking, now, hashed)


def mover(day: Service, token: str, now: dt.datetime) -> Move:
    """Who would move where by that token; changes nothing. Raises as `bearer` does."""
    claim = day.links.read(Purpose.ADDRESS, token, now)
    reader = day.store.subscribers.get(claim.subscriber)
    if reader is None or not (wanted := _wanted(day, reader, claim)):
        raise LinkError("the link is for no address that was asked for")
    found = Move(reader=reader, address=wanted)
    # Moving raises the generation by one; then this link has done what it was for.
    if reader.generation != claim.generation + found.done:
        raise LinkError("the link is revoked")
    return found


def move(day: Service, token: str, now: dt.datetime) -> Move:
    """The address is the reader's from now on; the one before is told. A second time changes nothing.

    Raises as `bearer` does, also if the address is somebody else's by now or must not be mailed.
    """
    found = mover(day, token, now)
    if found.done:
        return found
    if unmailable(day, found.address, now):
        raise LinkError("the address must not be mailed")
    before = found.reader

    def decide(subscriber: Subscriber) -> Subscriber:
        return replace(subscriber, address=found.address, generation=subscriber.generation + 1)

    notice = asked_plan(day, DeliveryKind.NOTICE, before, now, Matter.ADDRESS)
    try:
        reader = act(day, before, decide, now, [notice])
    except UsageError:
        raise LinkError("the address is somebody else's by now") from None
    welcome_back(day, found.address)
    return replace(found, reader=reader)


def _wanted(day: Service, reader: Subscriber, claim: Claim) -> str | None:
    """The address that a claim speaks of; the mail to it is the only place where it stands."""
    plans = (row.plan for row in day.store.outbox.list(subscriber=reader.id))
    asked = (one.reader.address for one in plans if one.matter is Matter.ADDRESS)
    return next(
        (one for one in asked if day.links.vouches(claim.about or "", "address", addresses.key(one))), None
    )
