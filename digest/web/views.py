"""What the pages' templates are given, and the words that they cannot find themselves."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import available_timezones

from digest.errors import BadAddress, UsageError
from digest.model import DAY_NAMES, InterestKind, Schedule, Subscriber, SubscriberState, zone
from digest.render import words
from digest.web.forms import Preferences, SignUp

#: Where people live; other names are aliases that nobody should choose anew.
REGIONS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
)

BESIDES = (
    (InterestKind.AUTHOR, "author", "authors"),
    (InterestKind.CATEGORY, "category", "categories"),
    (InterestKind.LIKE, "example paper", "example papers"),
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
    preferences_path: str
    unsubscribe_path: str
    #: `confirmed` or `saved`, if that has just been done.
    done: str = ""
    #: What was wrong with the form.
    problem: str = ""
    weekdays: tuple[tuple[str, str], ...] = tuple(zip(DAY_NAMES, words.WEEKDAYS, strict=True))


def said(error: UsageError) -> str:
    """An error as a sentence for whoever filled in the form."""
    if isinstance(error, BadAddress):
        return "That is not an e-mail address we can write to. One looks like reader@example.org."
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def besides(subscriber: Subscriber) -> str:
    """`2 authors and 1 category`: the kinds of interest that the form does not show."""
    counts = ((sum(1 for _ in subscriber.asked(kind)), one, many) for kind, one, many in BESIDES)
    return words.listing([f"{count} {one if count == 1 else many}" for count, one, many in counts if count])


def when(schedule: Schedule, day: dt.date, now: dt.datetime) -> str:
    """`tomorrow, Friday 10 April 2026, at 07:00 (Europe/Berlin)`; a digest that is due comes with the next turn."""
    if schedule.due_at(day) <= now:
        return "within the next minutes"
    ahead = (day - now.astimezone(zone(schedule.timezone)).date()).days
    near = {0: "today, ", 1: "tomorrow, "}.get(ahead, "on ")
    return f"{near}{words.day(day)}{',' if ahead in {0, 1} else ''} at {schedule.send_at:%H:%M} ({schedule.timezone})"


def regions(current: str) -> tuple[Region, ...]:
    """The zones to choose from, by region; the current one is always among them."""
    known = _regions()
    if any(zone.name == current for region in known for zone in region.zones):
        return known
    return (Region(name="As it is now", zones=(Zone(name=current, label=current),)), *known)


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
