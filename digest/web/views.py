"""What the pages' templates are given, and the words that they cannot find themselves."""

from __future__ import annotations

import datetime as dt
import importlib.resources
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from digest.errors import BadAddress, UsageError
from digest.languages import Language
from digest.model import (
    DAY_NAMES,
    Feedback,
    Opinion,
    Subject,
    SubscriberState,
    zone,
)
from digest.web.forms import Preferences, SignUp, Trial
from digest.web.papers import Row

#: Where zones begin, in the order in which they are shown.
REGIONS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
)
#: What CLDR calls those of them that are land (UN M.49, ISO 3166-1).
TERRITORIES = {
    "Africa": "002",
    "America": "019",
    "Antarctica": "AQ",
    "Asia": "142",
    "Australia": "AU",
    "Europe": "150",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """Who we are, on every page."""

    name: str
    #: The path that every link starts with; empty at the root of a host.
    base: str
    #: The paths of the style sheet and of the settings' script, with a fingerprint of their bytes.
    style: str
    script: str
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
class Example:
    """A paper that a reader gave as one they like."""

    id: str
    title: str
    #: Whether it stays one.
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPage:
    """A reader's settings page."""

    #: Masked: whoever was forwarded a digest need not learn more.
    address: str
    state: SubscriberState
    #: When the next digest is due, in words; empty for those who get none.
    next_due: str
    #: The date before which there are none, in words; empty for those who did not pause.
    paused_until: str
    form: Preferences
    #: Their example papers, those that the form drops among them.
    examples: tuple[Example, ...]
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
    text = language.raw(error.message)
    filled = text % error.values if error.values else text
    return language.gettext("%(sentence)s.", sentence=f"{filled[:1].upper()}{filled[1:]}")


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


def when(due_at: dt.datetime, timezone: str, now: dt.datetime, language: Language) -> str:
    """`tomorrow, Friday 10 April 2026, at 07:00 (Europe/Berlin)`; a digest that is due comes with the next turn."""
    if due_at <= now:
        return language.gettext("within the next minutes")
    local = due_at.astimezone(zone(timezone))
    ahead = (local.date() - now.astimezone(zone(timezone)).date()).days
    date, time, at = language.day(local.date()), f"{local:%H:%M}", timezone
    if ahead == 0:
        return language.gettext("today, %(day)s, at %(time)s (%(zone)s)", day=date, time=time, zone=at)
    if ahead == 1:
        return language.gettext("tomorrow, %(day)s, at %(time)s (%(zone)s)", day=date, time=time, zone=at)
    return language.gettext("on %(day)s at %(time)s (%(zone)s)", day=date, time=time, zone=at)


def regions(current: str, language: Language) -> tuple[Region, ...]:
    """The zones to choose from, by region; the current one is always among them."""
    known = _regions(language)
    if any(zone.name == current for region in known for zone in region.zones):
        return known
    return (Region(name=language.gettext("As it is now"), zones=(Zone(name=current, label=current),)), *known)


@lru_cache(maxsize=16)
def _regions(language: Language) -> tuple[Region, ...]:
    found: defaultdict[str, list[Zone]] = defaultdict(list)
    for name in _places():
        found[name.partition("/")[0]].append(Zone(name=name, label=language.place(name)))
    named = [
        Region(name=_region(code, language), zones=tuple(sorted(found[code], key=lambda one: one.label)))
        for code in REGIONS
        if found[code]
    ]
    return (Region(name=_region("UTC", language), zones=(Zone(name="UTC", label="UTC"),)), *named)


def _places() -> list[str]:
    """The zones that are no other one's former name, one a line of this table after two columns."""
    table = (importlib.resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    return [line.split("\t")[2] for line in table.splitlines() if line and not line.startswith("#")]


def _region(name: str, language: Language) -> str:
    """A region of the time zone database by its name in that language; oceans are nowhere in CLDR."""
    gettext = language.gettext
    ours = {
        "UTC": gettext("Universal time"),
        "Arctic": gettext("Arctic"),
        "Atlantic": gettext("Atlantic Ocean"),
        "Indian": gettext("Indian Ocean"),
        "Pacific": gettext("Pacific Ocean"),
    }
    return ours.get(name) or language.territory(TERRITORIES[name])
