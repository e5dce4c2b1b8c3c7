"""What the pages' templates are given, and the words that they cannot find themselves."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import available_timezones

from digest.errors import BadAddress, UsageError
from digest.languages import Language
from digest.model import (
    DAY_NAMES,
    Feedback,
    InterestKind,
    Opinion,
    Schedule,
    Subject,
    Subscriber,
    SubscriberState,
    zone,
)
from digest.web.forms import Preferences, SignUp, Trial
from digest.web.papers import Row

#: Where people live; other names are aliases that nobody should choose anew.
REGIONS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """Who we are, on every page."""

    name: str
    #: The path that every link starts with; empty at the root of a host.
    base: str
    #: The style sheet's path, with a fingerprint of its bytes.
    style: str
    contact: str
    postal_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """The landing page."""

    papers: int
    also_trending: int
    schedule: str
    #: The date of the sample digest, in words; empty if there is none yet.
    sample: str
    #: Whether the sample leaves out texts that a mail holds.
    withheld: bool
    #: What whoever sends the form agrees to.
    wording: str
    typed: SignUp
    bad_address: str = ""
    bad_interests: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A time zone to choose."""

    name: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Time zones that stand together."""

    name: str
    zones: tuple[Zone, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPage:
    """Try it: the form, and what came of it."""

    typed: Trial
    #: What is carried into the form to subscribe; None before anything was tried.
    wishes: SignUp | None = None
    #: The digest, for a frame; empty if there is nothing to show.
    digest: str = ""
    #: How many of the papers nobody here knows.
    unknown: int = 0
    #: What whoever subscribes agrees to.
    wording: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A thing that a reader can speak of, with what they said of it."""

    subject: Subject
    value: str
    label: str
    #: Empty if they said nothing.
    opinion: str
    #: The opinion in words.
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackPage:
    """The page behind a card's link."""

    path: str
    title: str
    authors: str
    things: tuple[Spoken, ...]
    #: Each opinion and its word.
    opinions: tuple[tuple[str, str], ...]
    #: What has just been spoken of.
    changed: Spoken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePage:
    """The days that there are, or what was found."""

    query: str
    found: tuple[Row, ...]
    #: Whether more may have been found than is shown.
    full: bool
    #: ISO date and its name.
    days: tuple[tuple[str, str], ...]
    #: The date before which there are more; empty if there are none.
    older: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPage:
    """A part of the last edition of a day."""

    date: str
    heading: str
    #: How many the edition holds.
    papers: int
    rows: tuple[Row, ...]
    #: The place of the first one shown.
    start: int
    #: The numbers of the pages before and after; 0 where there is none.
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPage:
    """A reader's settings page."""

    #: Masked: whoever was forwarded a digest need not learn more.
    address: str
    state: SubscriberState
    #: When the next digest is due, in words; empty for those who get none.
    next_due: str
    form: Preferences
    #: What else they asked for and the form does not show, in words; may be empty.
    besides: str
    regions: tuple[Region, ...]
    #: What they said of papers, authors and topics.
    said: tuple[Spoken, ...]
    feed_path: str
    preferences_path: str
    unsubscribe_path: str
    #: `confirmed`, `saved` or `previewed`, if that has just been done.
    done: str = ""
    #: The next digest under the settings in the form, for a frame; empty: under those that are saved.
    digest: str = ""
    #: What was wrong with the form.
    problem: str = ""
    weekdays: tuple[tuple[str, str], ...]
    #: Code and name of each language that there is.
    languages: tuple[tuple[str, str], ...]


def said(error: UsageError, language: Language) -> str:
    """An error as a sentence for whoever filled in the form."""
    if isinstance(error, BadAddress):
        return language.gettext(
            "That is not an e-mail address we can write to. One looks like reader@example.org."
        )
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def besides(subscriber: Subscriber, language: Language) -> str:
    """`2 authors and 1 category`: the kinds of interest that the form does not show."""

    def count(kind: InterestKind) -> int:
        return sum(1 for _ in subscriber.asked(kind))

    told, ngettext = [], language.ngettext
    if authors := count(InterestKind.AUTHOR):
        told.append(ngettext("%(number)s author", "%(number)s authors", authors))
    if categories := count(InterestKind.CATEGORY):
        told.append(ngettext("%(number)s category", "%(number)s categories", categories))
    if examples := count(InterestKind.LIKE):
        told.append(ngettext("%(number)s example paper", "%(number)s example papers", examples))
    return language.listing(told)


def opinions(language: Language) -> tuple[tuple[str, str], ...]:
    """Each opinion and its word, as on a button."""
    gettext = language.gettext
    return (
        (Opinion.MORE, gettext("More")),
        (Opinion.LESS, gettext("Less")),
        (Opinion.MUTE, gettext("Never again")),
    )


def spoken(said: Iterable[Feedback], titles: Mapping[str, str], language: Language) -> tuple[Spoken, ...]:
    """What a reader said, the newest first; papers by their titles."""
    told = dict(opinions(language))
    return tuple(
        Spoken(
            subject=one.subject,
            value=one.value,
            label=titles.get(one.value, one.value) if one.subject is Subject.PAPER else one.value,
            opinion=one.opinion,
            told=told[one.opinion],
        )
        for one in reversed(tuple(said))
    )


def weekdays(language: Language) -> tuple[tuple[str, str], ...]:
    """The names of the days of the week, as settings have them and as a form shows them."""
    return tuple((name, language.weekday(number)) for number, name in enumerate(DAY_NAMES))


def when(schedule: Schedule, day: dt.date, now: dt.datetime, language: Language) -> str:
    """`tomorrow, Friday 10 April 2026, at 07:00 (Europe/Berlin)`; a digest that is due comes with the next turn."""
    if schedule.due_at(day) <= now:
        return language.gettext("within the next minutes")
    ahead = (day - now.astimezone(zone(schedule.timezone)).date()).days
    date, time, at = language.day(day), f"{schedule.send_at:%H:%M}", schedule.timezone
    if ahead == 0:
        return language.gettext("today, %(day)s, at %(time)s (%(zone)s)", day=date, time=time, zone=at)
    if ahead == 1:
        return language.gettext("tomorrow, %(day)s, at %(time)s (%(zone)s)", day=date, time=time, zone=at)
    return language.gettext("on %(day)s at %(time)s (%(zone)s)", day=date, time=time, zone=at)


def regions(current: str, language: Language) -> tuple[Region, ...]:
    """The zones to choose from, by region; the current one is always among them."""
    known = _regions()
    if any(zone.name == current for region in known for zone in region.zones):
        return known
    return (Region(name=language.gettext("As it is now"), zones=(Zone(name=current, label=current),)), *known)


@lru_cache(maxsize=1)
def _regions() -> tuple[Region, ...]:
    found: defaultdict[str, list[Zone]] = defaultdict(list)
    for name in sorted(available_timezones()):
        region, divided, place = name.partition("/")
        if divided and region in REGIONS:
            label = place.replace("_", " ").replace("/", ", ")
            found[region].append(Zone(name=name, label=label))
    universal = Region(name="Universal", zones=(Zone(name="UTC", label="UTC"),))
    return (universal, *(Region(name=name, zones=tuple(found[name])) for name in REGIONS if found[name]))
