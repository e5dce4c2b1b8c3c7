"""Whether what a source gave is what it should have given, judged by what it listed before. Pure.

Feeds fail in ways that look like success: yesterday's list with today's date, one paper in place of fifty, nothing
on a Tuesday. And they are silent in ways that look like failure: weekends and announced holidays.
Rule 1. Only a source that usually lists papers on such a weekday can be late or partial; a blog never is.
Rule 2. A list that repeats the one before is not believed: what it repeats is no mention, and its day stays open.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import TypeAlias
from zoneinfo import ZoneInfo

from digest.model import Collected, Mention, Resolved, Source, SourceKind, SourceState

#: The papers that a source listed, by UTC day.
Lists: TypeAlias = Mapping[dt.date, frozenset[str]]

#: How far back lists tell what is usual.
MEMORY = dt.timedelta(weeks=5)
#: Of one weekday, or of its like (weekdays, weekends), so many days make a norm.
ENOUGH_OF_ONE, ENOUGH_OF_LIKE = 3, 5
#: Sources that usually list fewer are told neither late nor partial.
DAILY = 8
#: Fewer than this share of the usual is far below.
FAR_BELOW = 0.25
#: From this hour (UTC) on a list that usually comes is late: arXiv's comes at 04:00 or 05:00, Hugging Face's fills
#: until about 10:00 (sources.md 1, 2).
LATE_HOUR = 12
#: A list repeats the one before if so much of it does; short ones may by chance.
REPEATED, SHORTEST = 0.9, 5
#: Evenings on which arXiv announces nothing (arxiv.org/help/availability, 2026); the day after, its list is empty.
NO_ANNOUNCEMENT = {
    *(dt.date(2026, 11, 26), dt.date(2026, 12, 25), dt.date(2026, 12, 29), dt.date(2026, 12, 31)),
}
NEW_YORK = ZoneInfo("America/New_York")


def watch(
    collected: Collected, resolved: Resolved, past: Lists, now: dt.datetime
) -> tuple[Collected, Resolved]:
    """The source's state as it is, and what it told without what it only repeated."""
    told = lists_of(resolved.mentions)
    if stale := repeats(told, past):
        day, before = stale
        earlier = past.get(before) or told[before]
        kept = tuple(m for m in resolved.mentions if m.listed_at.date() != day or m.paper not in earlier)
        reason = f"the list of {day:%-d %B} repeats that of {before:%-d %B}"
        # Asked for again in full the next time, since nothing of it was believed.
        return (
            replace(collected, state=SourceState.STALE, reason=reason, validators={}),
            replace(resolved, mentions=kept),
        )
    if collected.state not in {SourceState.FRESH, SourceState.QUIET}:
        return collected, resolved
    lists = {day: past.get(day, frozenset()) | told.get(day, frozenset()) for day in {*past, *told}}
    news = any(papers - past.get(day, frozenset()) for day, papers in told.items())
    state, reason = judged(collected, lists, now, news=news)
    return replace(collected, state=state, reason=reason), resolved


def judged(collected: Collected, lists: Lists, now: dt.datetime, *, news: bool) -> tuple[SourceState, str]:
    """State and reason of a source that answered in full."""
    today, counted = now.date(), len(lists.get(now.date(), ()))
    usual = norm(lists, today)
    if filling(lists, now):
        return SourceState.PARTIAL, f"{counted} of about {usual:.0f} papers so far, for a {today:%A}"
    if counted or news:
        return SourceState.FRESH, collected.advice
    if collected.source.kind == SourceKind.ARXIV and is_holiday(today):
        return SourceState.QUIET, "announced holiday"
    if missing(lists, now) and now.hour >= LATE_HOUR:
        return SourceState.LATE, f"nothing listed yet, where {usual:.0f} papers are usual on a {today:%A}"
    if today.weekday() >= 5:
        return SourceState.QUIET, "weekend"
    newest = max((day for day, papers in lists.items() if papers and day <= today), default=None)
    since = f"nothing new since {newest:%-d %B}" if newest else "nothing listed"
    return SourceState.QUIET, "; ".join(filter(None, (since, collected.advice)))


def lists_of(mentions: Iterable[Mention]) -> Lists:
    """The papers of each UTC listing day."""
    found: defaultdict[dt.date, set[str]] = defaultdict(set)
    for mention in mentions:
        found[mention.listed_at.date()].add(mention.paper)
    return {day: frozenset(papers) for day, papers in found.items()}


def repeats(told: Lists, past: Lists) -> tuple[dt.date, dt.date] | None:
    """The day whose list repeats an earlier one, and that one's day; what was believed of that day before is no repeat."""
    lists = {**told, **past}
    for day in sorted(told, reverse=True):
        before = max((one for one in lists if one < day and lists[one]), default=None)
        papers = told[day]
        if before is None or len(papers) < SHORTEST:
            continue
        repeated = (papers & lists[before]) - past.get(day, frozenset())
        if len(repeated) >= REPEATED * len(papers):
            return day, before
    return None


def norm(lists: Lists, day: dt.date) -> float:
    """How many papers are usual on such a day; 0 where too little is known."""
    first = min((one for one in lists if lists[one]), default=day)
    days = [day - dt.timedelta(days=back) for back in range(1, MEMORY.days + 1)]
    known = [one for one in days if one >= first]
    same = [one for one in known if one.weekday() == day.weekday()]
    like = [one for one in known if (one.weekday() >= 5) == (day.weekday() >= 5)]
    if len(same) >= ENOUGH_OF_ONE:
        return median(len(lists.get(one, ())) for one in same)
    if len(like) >= ENOUGH_OF_LIKE:
        return median(len(lists.get(one, ())) for one in like)
    return 0


def filling(lists: Lists, now: dt.datetime) -> bool:
    """Whether today's list has begun and is far below what is usual."""
    usual = norm(lists, now.date())
    return usual >= DAILY and 0 < len(lists.get(now.date(), ())) < FAR_BELOW * usual


def missing(lists: Lists, now: dt.datetime) -> bool:
    """Whether there is no list today where one is usual."""
    return norm(lists, now.date()) >= DAILY and not lists.get(now.date())


def matters(state: SourceState, lists: Lists, now: dt.datetime) -> bool:
    """Whether readers of today's digest miss something for it, and should be told."""
    if state is SourceState.PARTIAL:
        return filling(lists, now)
    unwell = {SourceState.LATE, SourceState.STALE, SourceState.FAILING}
    return state in unwell and (missing(lists, now) or filling(lists, now))


def is_holiday(day: dt.date) -> bool:
    """Whether arXiv said that it announces nothing for that day."""
    return day in NO_ANNOUNCEMENT or day - dt.timedelta(days=1) in NO_ANNOUNCEMENT


# --- catching up ----------------------------------------------------------------------------------


def missed(source: Source, days: Iterable[dt.date], since: dt.date, now: dt.datetime) -> Sequence[dt.date]:
    """The days from `since` to yesterday that a source must have had a list for, and none is known.

    Only arXiv's, whose RSS holds one day: it announces on weekdays. Nothing is missed before the first list.
    """
    known = set(days)
    if source.kind != SourceKind.ARXIV or not known:
        return ()
    start, today = max(since, min(known)), now.date()
    between = (start + dt.timedelta(days=n) for n in range((today - start).days))
    return tuple(day for day in between if day.weekday() < 5 and day not in known and not is_holiday(day))


def submitted(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """When the papers that arXiv announces for a weekday were submitted, as UTC.

    Until 14:00 in New York two days before its list, and from the cut-off before that; a weekend is one long day
    (arxiv.org/help/availability).
    """
    back = {0: (4, 3), 1: (4, 1)}.get(day.weekday(), (2, 1))
    start, end = (
        dt.datetime.combine(day - dt.timedelta(days=days), dt.time(14), NEW_YORK).astimezone(dt.UTC)
        for days in back
    )
    return start, end
