"""The short mails beside the digest, each with its subject and the line beneath it; their texts are templates."""

from __future__ import annotations

from dataclasses import dataclass

from digest.languages import Language
from digest.model import (
    BOUNCED,
    BounceClass,
    DayReport,
    DeliveryKind,
    DeliveryState,
    EventKind,
    Matter,
    Reader,
    ReaderLinks,
    SourceState,
)
from digest.render import words
from digest.render.excerpt import clean, shortened
from digest.render.views import NoteView, ReportView, TroubleView

#: Of these nobody needs to be told.
_WELL = frozenset({SourceState.FRESH, SourceState.QUIET})


@dataclass(frozen=True, slots=True)
class Note:
    """A mail that is not a digest: its template, without the ending, and what that is given."""

    template: str
    view: NoteView | ReportView


def subject(language: Language, kind: DeliveryKind, matter: Matter, site: str) -> str:
    """Of a mail of that kind about that; the site's name is left out where it makes the subject too long."""
    gettext = language.gettext
    match kind, matter:
        case DeliveryKind.CONFIRM, Matter.ADDRESS:
            named, otherwise = (
                gettext("Confirm your new address for %(site)s", site=site),
                gettext("Confirm your new address"),
            )
        case DeliveryKind.CONFIRM, _:
            named, otherwise = (
                gettext("Confirm your subscription to %(site)s", site=site),
                gettext("Confirm your subscription"),
            )
        case DeliveryKind.LINK, Matter.SETTINGS:
            named, otherwise = gettext("Your settings for %(site)s", site=site), gettext("Your settings")
        case DeliveryKind.LINK, Matter.MINE:
            named, otherwise = gettext("Your data at %(site)s", site=site), gettext("Your data")
        case DeliveryKind.LINK, _:
            named, otherwise = (
                gettext("Your subscription to %(site)s", site=site),
                gettext("Your subscription"),
            )
        case DeliveryKind.WELCOME, _:
            named, otherwise = gettext("Welcome to %(site)s", site=site), gettext("Welcome")
        case DeliveryKind.NOTICE, Matter.SUBSCRIPTION:
            named = otherwise = gettext("You are unsubscribed")
        case DeliveryKind.NOTICE, Matter.ADDRESS:
            named = otherwise = gettext("Your address was changed")
        case _:
            named, otherwise = gettext("A note from %(site)s", site=site), gettext("A note")
    return named if len(named) <= words.LONGEST_SUBJECT else otherwise


def confirmation(language: Language, site: str, reader: Reader, url: str) -> Note:
    """Asks whether a subscription was meant; holds nothing that anybody typed in a form."""
    gettext = language.gettext
    view = NoteView(
        subject=subject(language, DeliveryKind.CONFIRM, Matter.SUBSCRIPTION, site),
        preheader=gettext(
            "One click, within 48 hours, and it comes %(days)s. Otherwise nothing happens.",
            days=words.rhythm(language, reader.schedule.days),
        ),
        url=url,
        schedule=words.schedule(language, reader.schedule),
    )
    return Note("confirm", view)


def link(language: Language, site: str, reader: Reader, links: ReaderLinks) -> Note:
    """To somebody who asked to subscribe and is subscribed: where their settings are."""
    gettext = language.gettext
    view = NoteView(
        subject=subject(language, DeliveryKind.LINK, Matter.SUBSCRIPTION, site),
        preheader=gettext("You are subscribed already. Your topics and schedule are one click away."),
        url=links.preferences,
        schedule=words.schedule(language, reader.schedule),
    )
    return Note("link", view)


def welcome(language: Language, site: str, reader: Reader, links: ReaderLinks) -> Note:
    """To somebody who has just confirmed: what comes, when, and how to change or leave it."""
    gettext = language.gettext
    view = NoteView(
        subject=subject(language, DeliveryKind.WELCOME, Matter.SUBSCRIPTION, site),
        preheader=gettext("What comes, when it comes, and where to change it."),
        url=links.preferences,
        schedule=words.schedule(language, reader.schedule),
        papers=words.papers(language, reader.papers),
        unsubscribe=links.unsubscribe,
    )
    return Note("welcome", view)


def goodbye(language: Language, home: str) -> Note:
    """To somebody who left, if they asked for it as they did; `home` is where they could come back."""
    gettext = language.gettext
    view = NoteView(
        subject=subject(language, DeliveryKind.NOTICE, Matter.SUBSCRIPTION, ""),
        preheader=gettext("You are unsubscribed, and this is the last mail you get from us."),
        url=home,
    )
    return Note("goodbye", view)


def settings(language: Language, site: str, links: ReaderLinks) -> Note:
    """To somebody who entered their address to find their settings."""
    view = NoteView(
        subject=subject(language, DeliveryKind.LINK, Matter.SETTINGS, site),
        preheader=language.gettext("The link to all that you can change, pause or end."),
        url=links.preferences,
    )
    return Note("settings", view)


def mine(language: Language, site: str, url: str) -> Note:
    """The fresh link to what is the reader's own."""
    view = NoteView(
        subject=subject(language, DeliveryKind.LINK, Matter.MINE, site),
        preheader=language.gettext("For 30 minutes: see, move or delete what we keep of you."),
        url=url,
    )
    return Note("mine", view)


def new_address(language: Language, site: str, url: str) -> Note:
    """Asks an address whether it is to take the place of a reader's; holds nothing that anybody typed in a form."""
    view = NoteView(
        subject=subject(language, DeliveryKind.CONFIRM, Matter.ADDRESS, site),
        preheader=language.gettext(
            "One click, within 48 hours, and it comes here. Otherwise nothing happens."
        ),
        url=url,
    )
    return Note("address", view)


def moved(language: Language, site: str) -> Note:
    """To the address that was the reader's until another one took its place."""
    view = NoteView(
        subject=subject(language, DeliveryKind.NOTICE, Matter.ADDRESS, site),
        preheader=language.gettext(
            "It comes to another address now, and the links of earlier mails are void."
        ),
    )
    return Note("moved", view)


def report(language: Language, told: DayReport) -> Note:
    """To the operator: what became of a day's messages and readers, and what needs somebody to look."""
    gettext, outcomes = language.gettext, told.outcomes
    labels = {
        DeliveryState.SENT: gettext("Sent"),
        DeliveryState.RETRY: gettext("To be tried again"),
        DeliveryState.FAILED: gettext("Failed"),
        DeliveryState.IN_DOUBT: gettext("In doubt"),
        DeliveryState.EXPIRED: gettext("Expired"),
        DeliveryState.SKIPPED: gettext("Skipped"),
    }
    troubles = tuple(
        TroubleView(source=clean(one.name), state=one.state.value, reason=shortened(clean(one.reason), 200))
        for one in told.sources
        if one.state not in _WELL
    )
    sent = outcomes.get(DeliveryState.SENT, 0)
    failed = outcomes.get(DeliveryState.FAILED, 0) + outcomes.get(DeliveryState.IN_DOUBT, 0)
    view = ReportView(
        subject=gettext("%(day)s: %(sent)s sent, %(failed)s failed", day=language.date(told.date),
                    sent=language.number(sent), failed=language.number(failed)),
        preheader=_state_of_sources(language, len(told.sources), len(troubles)),
        counts=tuple((label, language.number(outcomes.get(state, 0))) for state, label in labels.items()),
        people=_people(language, told),
        troubles=troubles,
        needs=tuple((clean(text), clean(advice)) for text, advice in told.needs),
    )  # fmt: skip
    return Note("report", view)


def alert(language: Language, text: str, advice: str) -> Note:
    """To the operator: something is broken, and what to do."""
    gettext = language.gettext
    view = ReportView(
        subject=shortened(gettext("Broken: %(what)s", what=clean(text)), words.LONGEST_SUBJECT),
        preheader=gettext("This is told once a day, for as long as it lasts."),
        needs=((clean(text), clean(advice)),),
    )
    return Note("report", view)


def _people(language: Language, told: DayReport) -> tuple[tuple[str, str], ...]:
    gettext, events = language.gettext, told.events
    gone = (EventKind.UNSUBSCRIBED, EventKind.BOUNCED, EventKind.COMPLAINED)
    counts = {
        gettext("Get digests"): told.subscribers,
        gettext("Confirmed"): events.get(EventKind.CONFIRMED, 0),
        gettext("Left or given up"): sum(events.get(kind, 0) for kind in gone),
        gettext("Came back undelivered"): sum(told.bounces.get(kind, 0) for kind in BOUNCED),
        gettext("Complained"): told.bounces.get(BounceClass.COMPLAINT, 0),
    }
    return tuple((label, language.number(number)) for label, number in counts.items())


def _state_of_sources(language: Language, sources: int, troubled: int) -> str:
    if not troubled:
        return language.ngettext(
            "%(number)s source was asked, and it is doing well.",
            "%(number)s sources were asked, and all are doing well.",
            sources,
        )
    return language.ngettext(
        "%(number)s source needs somebody to look at it.",
        "%(number)s sources need somebody to look at them.",
        troubled,
    )
