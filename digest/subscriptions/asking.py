"""A stranger asks: one mail to the owner of the address, and the same answer for all."""

from __future__ import annotations

import datetime as dt

import structlog

from digest import languages
from digest.links import Purpose
from digest.messages import address_hash, asked_plan
from digest.model import Consent, DeliveryKind, Subscriber, SubscriberState
from digest.service import Service
from digest.store import Breaker, Limit, Mail
from digest.subscriptions.bearing import owner
from digest.subscriptions.consenting import NETWORK_LIFETIME, by_form
from digest.subscriptions.deleting import unmailable
from digest.subscriptions.wishes import Wish, newcomer, tuned

log = structlog.get_logger()

#: Sign-ups of one network, and mails to one address that nobody but its owner may have wanted.
PER_NETWORK = ((5, dt.timedelta(hours=1)),)
PER_ADDRESS = ((1, dt.timedelta(hours=24)), (3, dt.timedelta(days=30)))
#: Mails to everybody who asks on a page, in an hour: any small service may be linked from somewhere and be asked a
#: hundred times, and ten times the usual is more than the busiest hour of a day makes of it (three or four times).
#: The median of two weeks does not move for an attack that lasts less than one.
LEAST, TIMES, DAYS = 100, 10, 14
#: What is counted is kept as long as a limit looks back.
COUNT_LIFETIME = max(per for _, per in (*PER_NETWORK, *PER_ADDRESS))
#: Who does not confirm within this is forgotten.
PENDING_LIFETIME = dt.timedelta(days=7)


def ask(day: Service, address: str, wish: Wish, network: str, now: dt.datetime) -> dt.timedelta | None:
    """Somebody typed an address into the form: mail its owner a confirmation, or the link to their settings.

    None, and always alike, whether the address is new, known, suppressed or was written to too often, or mails are
    paused for everybody: the difference goes by mail only. Otherwise how long this network has to wait. UsageError,
    and nothing is kept, if address or wish cannot be read.
    """
    subscriber = tuned(newcomer(address, day.settings, now), wish, day.settings)
    known = day.store.subscribers.by_address(subscriber.address)
    return _mail(day, known or subscriber, "subscribe", network, now)


def ask_again(day: Service, token: str, network: str, now: dt.datetime) -> dt.timedelta | None:
    """Mail a new confirmation to whom this link was mailed, expired or not; returns as `ask` does.

    LinkError if it is not ours, or its reader is gone.
    """
    return _mail(day, owner(day, day.links.claim(Purpose.CONFIRM, token)), "confirm", network, now)


def _mail(
    day: Service, subscriber: Subscriber, page: str, network: str, now: dt.datetime
) -> dt.timedelta | None:
    site = day.settings.site
    asking = per_network(day, network)
    mail = letter(day, subscriber, by_form(site, languages.of(site.language), page, network, now))
    silent = not mailable(day, subscriber, now)
    asked = day.store.subscribers.ask(subscriber, mail, asking, _breaker(day), now, silent=silent)
    if asked.alarm:
        log.error(
            "sign-up mails paused", reason="far more in an hour than is usual", least=LEAST, times=TIMES
        )
    return asked.wait


def per_network(day: Service, network: str) -> Limit:
    """How often one network may ask for a mail."""
    return Limit(key=day.links.fingerprint("network", network), rates=PER_NETWORK)


def per_address(day: Service, address: str) -> Limit:
    """How often one address is mailed because somebody typed it."""
    return Limit(key=address_hash(day, address), rates=PER_ADDRESS)


def _breaker(day: Service) -> Breaker:
    alarm = Limit(key=day.links.fingerprint("alarm"), rates=((1, dt.timedelta(hours=24)),))
    key = day.links.fingerprint("sign-up mails")
    return Breaker(key=key, least=LEAST, times=TIMES, days=DAYS, alarm=alarm)


def answer(day: Service, subscriber: Subscriber, consent: Consent) -> Mail | None:
    """What is mailed to somebody who asks and would consent to that; nothing if their address is suppressed."""
    return letter(day, subscriber, consent) if mailable(day, subscriber, consent.at) else None


def mailable(day: Service, subscriber: Subscriber, now: dt.datetime) -> bool:
    """Whether their address may be mailed."""
    suppressed = subscriber.state is SubscriberState.SUPPRESSED
    return not (unmailable(day, subscriber.address, now) or suppressed)


def letter(day: Service, subscriber: Subscriber, consent: Consent) -> Mail:
    """What they would be mailed: the link to their settings, or the one that confirms that consent."""
    known = subscriber.state in {SubscriberState.CONFIRMED, SubscriberState.PAUSED}
    kind = DeliveryKind.LINK if known else DeliveryKind.CONFIRM
    return Mail(
        plan=asked_plan(day, kind, subscriber, consent.at),
        limit=per_address(day, subscriber.address),
        consent=None if known else consent,
    )


def forget(day: Service, now: dt.datetime) -> int:
    """Forget those who were asked to confirm and did not for a week; how many.

    And where forms came from, and deletions of long ago.
    """
    day.store.persons.forget(now)
    day.store.consents.forget_networks(now - NETWORK_LIFETIME)
    return day.store.subscribers.forget(now - PENDING_LIFETIME, now - COUNT_LIFETIME)
