"""What is known of people here, told: to everybody what is kept, to a reader what their digests rest on.

Rule 1. What these pages say is read from the settings and the code that act, so that it stays true.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import FastAPI, Response

from digest import address, languages, subscriptions
from digest.config import Settings
from digest.languages import Language
from digest.links import Purpose
from digest.listening import is_loopback
from digest.model import Consent, Subscriber, SubscriberState, zone
from digest.render import words
from digest.web.desk import READ, Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The privacy page."""

    #: Who can be written to.
    contact: str
    #: Days after which somebody is forgotten who does not confirm, a form's network, and a count.
    pending_days: int
    network_days: int
    count_days: int
    #: Days for which it is kept what was sent.
    delivery_days: int
    #: Whether mails leave at all; and the host that carries them, if it is another.
    sent: bool
    relay: str
    #: The host of the logo in mails, and of the model that writes summaries; empty if there is none.
    logo: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """A consent in words."""

    wording: str
    #: Where the form was sent to; empty if the operator vouched for it.
    url: str
    asked: str
    mailed: str
    confirmed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a reader gets digests."""

    #: Masked.
    address: str
    #: Schedule and day of the consent, in a sentence; empty if they get none.
    reason: str
    #: The newest first.
    agreed: tuple[Agreed, ...]
    preferences_path: str
    unsubscribe_path: str


def add(pages: FastAPI, desk: Desk) -> None:
    """Both pages."""

    @pages.api_route("/privacy", methods=READ)
    def privacy() -> Response:
        return desk.look.page("privacy.html", kept=kept(desk.day.settings))

    @pages.api_route("/preferences/{token}/why", methods=READ)
    def why(token: str) -> Response:
        reader = subscriptions.bearer(desk.day, Purpose.PREFERENCES, token, desk.clock())
        consents = desk.day.store.consents.of(reader.id)
        language = languages.of(reader.language)
        return desk.look.page("why.html", language=language, why=_why(desk, reader, consents, language))


def kept(settings: Settings) -> Kept:
    """What these settings mean for people."""
    mail, model = settings.mail, settings.summary.url if settings.digest.summary == "model" else ""
    remote = mail.transport != "files" and not is_loopback(mail.host)
    return Kept(
        contact=settings.site.contact or address.mailbox(mail.sender).addr_spec,
        pending_days=subscriptions.PENDING_LIFETIME.days,
        network_days=subscriptions.NETWORK_LIFETIME.days,
        count_days=subscriptions.COUNT_LIFETIME.days,
        delivery_days=settings.retention.deliveries.days,
        sent=mail.transport != "files",
        relay=mail.host if remote else "",
        logo=urlsplit(settings.brand.logo).hostname or "",
        model=urlsplit(model).hostname or "",
    )


def _why(desk: Desk, reader: Subscriber, consents: list[Consent], language: Language) -> Why:
    links = desk.day.links.of_reader(reader.reader)
    assert links  # pages are served with a site.url only
    site, active = desk.day.settings.site.name, reader.state is SubscriberState.CONFIRMED
    return Why(
        address=address.masked(reader.address),
        reason=words.why(language, reader.reader, site, personal=False) if active else "",
        agreed=tuple(_agreed(one, reader, language) for one in reversed(consents) if one.confirmed_at),
        preferences_path=links.preferences,
        unsubscribe_path=links.unsubscribe,
    )


def _agreed(consent: Consent, reader: Subscriber, language: Language) -> Agreed:
    def said(at: dt.datetime | None) -> str:
        if at is None:
            return ""
        there = at.astimezone(zone(reader.schedule.timezone))
        return f"{language.date(there.date())}, {there:%H:%M}"

    return Agreed(
        wording=consent.wording,
        url=consent.url,
        asked=said(consent.at) if consent.url else "",
        mailed=said(consent.mailed_at),
        confirmed=said(consent.confirmed_at),
    )
