"""What the templates cannot say themselves: reasons, counts, dates, the subject and the line beneath it, in English."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from digest.model import DAY_NAMES, Days, Edition, Reader, Reason, ReasonKind, Schedule, SourceState, zone
from digest.render.excerpt import clean, shortened

#: Mail programs show less than this, and it fits the header line unfolded.
LONGEST_SUBJECT = 66
WORDS_A_MINUTE = 220
#: An edition older than this gives no digest (`daily.STALE`).
FRESH = dt.timedelta(hours=36)
#: More of them explain nothing.
MOST_REASONS = 2
#: With fewer picks than this it was a quiet day.
USUAL_PAPERS = 4

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_SHORT_DAYS = dict(zip(DAY_NAMES, WEEKDAYS, strict=True))


# --- counts and dates -----------------------------------------------------------------------------


def day(date: dt.date) -> str:
    """`Friday 10 April 2026`."""
    return f"{WEEKDAYS[date.weekday()]} {plain_date(date)}"


def plain_date(date: dt.date) -> str:
    """`10 April 2026`."""
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def counted(number: int, noun: str) -> str:
    """`1 paper`, `2 papers`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def compact(number: int) -> str:
    """`950`, `1.2k`, `34k`, `1.1M`; rounded down."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= 10 * size:
            return f"{number // size}{letter}"
        if number >= size:
            tenths = number * 10 // size
            return f"{tenths // 10}.{tenths % 10}{letter}" if tenths % 10 else f"{tenths // 10}{letter}"
    return str(number)


def minutes(words: int) -> str:
    """`about 3 minutes`, at least one."""
    return f"about {counted(max(1, round(words / WORDS_A_MINUTE)), 'minute')}"


def listing(names: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def authors(names: Iterable[str], shown: int = 3) -> str:
    """`A, B, C and 5 more`; a single name is never hidden behind "and 1 more"."""
    known = [name for name in map(clean, names) if name]
    hidden = len(known) - shown
    if hidden <= 1:
        return ", ".join(known)
    return f"{', '.join(known[:shown])} and {hidden:,} more"


def upvotes(votes: int | None) -> str:
    """`38 upvotes`; empty if nobody counted, or nobody voted yet."""
    return counted(votes, "upvote") if votes else ""


def code(stars: int | None) -> str:
    """`Code (★ 1.2k)`."""
    return f"Code (★ {compact(stars)})" if stars else "Code"


# --- reasons --------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)  # many readers share a few reasons, and a message is made in microseconds
def reasons(given: tuple[Reason, ...], *, votes_shown: bool) -> tuple[str, ...]:
    """The first reasons in words; votes only if the card does not show them already."""
    told = (in_words(r) for r in given if not (votes_shown and r.kind is ReasonKind.VOTES))
    return tuple(dict.fromkeys(filter(None, told)))[:MOST_REASONS]


def in_words(reason: Reason) -> str:
    """One reason in words; empty if it lacks what it would be said with."""
    subject = shortened(clean(reason.subject), 60)
    value = reason.value
    match reason.kind:
        case ReasonKind.TRENDING:
            return "trending overall"
        case ReasonKind.DISCOVERY:
            return "outside your topics, on purpose"
        case ReasonKind.LIKED:
            return f"close to “{subject}”, which you liked" if subject else "close to a paper you liked"
        case ReasonKind.PHRASE if subject:
            return f"matches “{subject}”"
        case ReasonKind.CATEGORY if subject:
            return f"in {subject}, which you follow"
        case ReasonKind.AUTHOR if subject:
            return f"by {subject}, whom you follow"
        case ReasonKind.VOTES if value:
            on = f" on {subject}" if subject else ""
            return (
                counted(int(value), "upvote")
                + on
                + (f" in {counted(reason.days, 'day')}" if reason.days else "")
            )
        case ReasonKind.RISING if value:
            return f"top {max(1, math.ceil(100 - value * 100))} % of the week"
        case ReasonKind.LATE if value and reason.days:
            return (
                f"caught fire late: {counted(int(value), 'upvote')} in the last {counted(reason.days, 'day')}"
            )
        case ReasonKind.SOURCES if value and value > 1:
            return f"in {int(value)} sources"
        case ReasonKind.NEW if value is not None:
            return ("new today", "new yesterday")[int(value)] if value < 2 else f"{int(value)} days old"
        case _:
            return ""


# --- the whole message ----------------------------------------------------------------------------


def span(days: Days) -> str:
    """What one digest covers, as in "close to your interests today"."""
    return "this week" if days.weekly else "today"


def lede(papers: int, days: Days) -> str:
    """One sentence if the day was unusual."""
    if papers == 0:
        return f"Nothing close to your interests {span(days)}. These are trending with everybody else."
    if papers < USUAL_PAPERS:
        return f"Quiet {'week' if days.weekly else 'day'}: {counted(papers, 'paper')}."
    return ""


def notices(edition: Edition, schedule: Schedule, date: dt.date) -> str:
    """What is missing from the digest of that date, and why; empty on an ordinary day."""
    told = [_SILENT[notice.state].format(shortened(clean(notice.source), 40)) for notice in edition.notices]
    return " ".join(filter(None, (*told, gap(edition, schedule, date))))


#: What a reader can do with it: nothing is lost, and when it comes.
_SILENT = {
    SourceState.PARTIAL: "The list of {} is still filling; the rest will follow tomorrow.",
    SourceState.LATE: "{} has not listed anything today; what it brings will follow tomorrow.",
    SourceState.STALE: "{} repeated an earlier list today; its new papers will follow tomorrow.",
    SourceState.FAILING: "{} could not be reached today; what it brings will follow tomorrow.",
}


def gap(edition: Edition, schedule: Schedule, date: dt.date) -> str:
    """That there was no digest on the reader's day before, and why; empty if there was one."""
    since, days = edition.silent_since, [date - dt.timedelta(days=back) for back in range(1, 8)]
    before = next((day for day in days if day in schedule.days), None)
    if since is None or before is None:
        return ""
    due_at = schedule.due_at(before)
    if not since + FRESH < due_at < edition.published_at:
        return ""
    newest = since.astimezone(zone(schedule.timezone)).date()
    return f"There was no digest on {WEEKDAYS[before.weekday()]}: nothing new had come in since {WEEKDAYS[newest.weekday()]}."


def subject(titles: Sequence[str], trending: int, date: dt.date, days: Days) -> str:
    """The first title and how many follow, in at most 78 characters; a day without picks says so."""
    if not titles:
        verb = "is" if trending == 1 else "are"
        return f"Nothing close to your interests {span(days)}; {counted(trending, 'paper')} {verb} trending"
    more = f" and {counted(len(titles) - 1, 'more paper')}" if len(titles) > 1 else ""
    # A mail must not look like an answer, even if the paper's title does.
    title = re.sub(r"(?i)^(re|fwd?|aw|wg)\s*:\s*", "", titles[0]).rstrip(". ")
    head = shortened(title, LONGEST_SUBJECT - len(more) - 1)
    comma = "," if more and head[-1:].isalnum() else ""
    return head + comma + more if head else f"{counted(len(titles), 'paper')} for {day(date)}"


def preheader(titles: Sequence[str], trending: Sequence[str], length: str, days: Days) -> str:
    """What an inbox shows beside the subject: the next titles and the length, 35 to 140 characters."""
    tail = f"{counted(len(titles) or len(trending), 'paper')} {span(days)}, {length} of reading."
    opening, named = ("Also", titles[1:]) if len(titles) > 1 else ("Also trending", trending)
    short = [found for title in named[:2] if (found := shortened(title, 38))]
    return f"{opening}: {'; '.join(part.rstrip('.;') for part in short)}. {tail}" if short else tail


def schedule(of: Schedule) -> str:
    """`every day at 07:00 (Europe/Berlin)`."""
    return f"{_days(of.days)} at {of.send_at:%H:%M} ({of.timezone})"


def _days(days: Days) -> str:
    text = str(days)
    if text == "daily":
        return "every day"
    if text == "weekdays":
        return "on weekdays"
    named = [f"{_SHORT_DAYS[name]}s" for name in days.names]
    return f"once a week, on {named[0]}" if days.weekly else f"on {listing(named)}"


def why(reader: Reader, site: str, *, personal: bool) -> str:
    """Why they get this, and since when."""
    when = f"You get this {schedule(reader.schedule)}"
    if personal:
        return (
            f"{when} because you asked for it on the command line of {site}. To stop it, remove this address"
            " there: “digest subscribers remove”."
        )
    if reader.confirmed_at is None:
        return f"{when} because you subscribed to {site}."
    since = reader.confirmed_at.astimezone(zone(reader.schedule.timezone)).date()
    return f"{when} because you confirmed your subscription on {plain_date(since)}."


def confirm_subject(site: str) -> str:
    """The subject of the mail that asks for a confirmation."""
    return shortened(f"Confirm your subscription to {site}", LONGEST_SUBJECT) or "Confirm your subscription"


def confirm_preheader(of: Schedule) -> str:
    """What an inbox shows beside that subject."""
    return f"One click, within 48 hours, and it comes {_days(of.days)}. Otherwise nothing happens."


#: What an inbox shows beside the subject of the mail with the link.
LINK_PREHEADER = "You are subscribed already. Your topics and schedule are one click away."


def link_subject(site: str) -> str:
    """The subject of the mail that says where the settings are."""
    return shortened(f"Your subscription to {site}", LONGEST_SUBJECT) or "Your subscription"
