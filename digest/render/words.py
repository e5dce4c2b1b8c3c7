"""What the templates cannot say themselves, in the reader's language: reasons, counts, the subject and the line beneath it."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from digest.languages import Language
from digest.model import (
    DAY_NAMES,
    Days,
    Edition,
    Notice,
    Reader,
    Reason,
    ReasonKind,
    Schedule,
    SourceState,
    zone,
)
from digest.render.excerpt import clean, shortened

#: What mail programs show of a subject, and of the line beneath it.
LONGEST_SUBJECT, LONGEST_PREHEADER = 60, 120
WORDS_A_MINUTE = 220
#: An edition older than this gives no digest (`daily.STALE`).
FRESH = dt.timedelta(hours=36)
#: More of them explain nothing.
MOST_REASONS = 2
#: With fewer picks than this, and than the reader asked for, it was a quiet day.
USUAL_PAPERS = 4
#: Emoji, which make a subject look like advertising.
_PICTURES = re.compile("[\u2600-\u27bf\ufe0f\u200d\U0001f000-\U0001faff]")


# --- counts ---------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def papers(language: Language, number: int) -> str:
    """`1 paper`, `2 papers`."""
    return language.ngettext("%(number)s paper", "%(number)s papers", number)


def trending_papers(language: Language, number: int) -> str:
    """`3 trending papers`."""
    return language.ngettext("%(number)s trending paper", "%(number)s trending papers", number)


@lru_cache(maxsize=4096)
def minutes(language: Language, words: int) -> str:
    """`about 3 minutes`, at least one."""
    number = max(1, round(words / WORDS_A_MINUTE))
    return language.ngettext("about %(number)s minute", "about %(number)s minutes", number)


def authors(language: Language, names: Iterable[str], shown: int = 3) -> str:
    """`A, B, C and 5 more`; a single name is never hidden behind "and 1 more"."""
    known = [name for name in map(clean, names) if name]
    hidden = len(known) - shown
    if hidden <= 1:
        return ", ".join(known)
    return language.ngettext(
        "%(names)s and %(number)s more",
        "%(names)s and %(number)s more",
        hidden,
        names=", ".join(known[:shown]),
    )


def upvotes(language: Language, votes: int | None) -> str:
    """`38 upvotes`; empty if nobody counted, or nobody voted yet."""
    return language.ngettext("%(number)s upvote", "%(number)s upvotes", votes) if votes else ""


# --- actions --------------------------------------------------------------------------------------


def action(language: Language, rel: str, stars: int | None = None) -> str:
    """What a link of that kind is called: `PDF`, `Code (★ 1.2K)`."""
    match rel:
        case "pdf":
            return language.gettext("PDF")
        case "discussion":
            return language.gettext("Discussion")
        case "code" if stars:
            return language.gettext("Code (★ %(stars)s)", stars=language.compact(stars))
        case "code":
            return language.gettext("Code")
        case _:
            return language.gettext("Project page")


# --- reasons --------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)  # many readers share a few reasons, and a message is made in microseconds
def reasons(language: Language, given: tuple[Reason, ...], *, votes_shown: bool) -> tuple[str, ...]:
    """The first reasons in words; votes only if the card does not show them already."""
    told = (in_words(language, r) for r in given if not (votes_shown and r.kind is ReasonKind.VOTES))
    return tuple(dict.fromkeys(filter(None, told)))[:MOST_REASONS]


def in_words(language: Language, reason: Reason) -> str:
    """One reason in words; empty if it lacks what it would be said with."""
    subject, value, gettext = shortened(clean(reason.subject), 60), reason.value, language.gettext
    match reason.kind:
        case ReasonKind.TRENDING:
            return gettext("trending overall")
        case ReasonKind.DISCOVERY:
            return gettext("outside your topics, on purpose")
        case ReasonKind.LIKED if subject:
            return gettext("close to “%(title)s”, which you liked", title=subject)
        case ReasonKind.LIKED:
            return gettext("close to a paper you liked")
        case ReasonKind.TEXT if subject:
            return gettext("“%(phrase)s”, as you wrote of your work", phrase=subject)
        case ReasonKind.TEXT:
            return gettext("close to what you wrote of your work")
        case ReasonKind.PHRASE if subject:
            return gettext("matches “%(phrase)s”", phrase=subject)
        case ReasonKind.CATEGORY if subject:
            return gettext("in %(category)s, which you follow", category=subject)
        case ReasonKind.AUTHOR if subject:
            return gettext("by %(author)s, whom you follow", author=subject)
        case ReasonKind.VOTES if value:
            return _votes(language, int(value), subject, reason.days)
        case ReasonKind.RISING if value:
            top = language.percent(max(1, math.ceil(100 - value * 100)))
            return gettext("top %(percent)s of the week", percent=top)
        case ReasonKind.LATE if value and reason.days:
            return language.ngettext(
                "caught fire late: %(votes)s in the last day",
                "caught fire late: %(votes)s in the last %(number)s days",
                reason.days,
                votes=upvotes(language, int(value)),
            )
        case ReasonKind.SOURCES if value and value > 1:
            return language.ngettext("in %(number)s source", "in %(number)s sources", int(value))
        case ReasonKind.NEW if value is not None:
            return _age(language, int(value))
        case _:
            return ""


def _votes(language: Language, votes: int, source: str, days: int | None) -> str:
    told = upvotes(language, votes)
    if source:
        told = language.gettext("%(votes)s on %(source)s", votes=told, source=source)
    if not days:
        return told
    return language.ngettext("%(votes)s in %(number)s day", "%(votes)s in %(number)s days", days, votes=told)


def _age(language: Language, days: int) -> str:
    if days < 2:
        return language.gettext("new yesterday") if days else language.gettext("new today")
    return language.ngettext("%(number)s day old", "%(number)s days old", days)


# --- the whole message ----------------------------------------------------------------------------


def lede(language: Language, shown: int, trending: int, reader: Reader) -> str:
    """One sentence if the day was unusual for what the reader asked for."""
    weekly = reader.schedule.days.weekly
    if not shown and not trending:
        return nothing_new(language, reader.schedule.days)
    if shown == 0 and weekly:
        return language.gettext(
            "Nothing close to your interests this week. These are trending with everybody else."
        )
    if shown == 0:
        return language.gettext(
            "Nothing close to your interests today. These are trending with everybody else."
        )
    if shown >= min(USUAL_PAPERS, reader.papers):
        return ""
    if weekly:
        return language.ngettext("Quiet week: %(number)s paper.", "Quiet week: %(number)s papers.", shown)
    return language.ngettext("Quiet day: %(number)s paper.", "Quiet day: %(number)s papers.", shown)


def nothing_new(language: Language, days: Days) -> str:
    """What is said, once, in a digest without any paper."""
    if days.weekly:
        return language.gettext(
            "Nothing new for you this week: no paper close to your interests, and none trending that you have not had."
        )
    return language.gettext(
        "Nothing new for you today: no paper close to your interests, and none trending that you have not had."
    )


def notices(language: Language, edition: Edition, schedule: Schedule, date: dt.date) -> str:
    """What is missing from the digest of that date, and why; empty on an ordinary day."""
    told = [_silence(language, notice) for notice in edition.notices]
    return " ".join(filter(None, (*told, gap(language, edition, schedule, date))))


def _silence(language: Language, notice: Notice) -> str:
    """What a reader can do with a source's silence: nothing is lost, and when it comes."""
    source, gettext = shortened(clean(notice.source), 40), language.gettext
    match notice.state:
        case SourceState.PARTIAL:
            return gettext(
                "The list of %(source)s is still filling; the rest will follow tomorrow.", source=source
            )
        case SourceState.LATE:
            return gettext(
                "%(source)s has not listed anything today; what it brings will follow tomorrow.",
                source=source,
            )
        case SourceState.STALE:
            return gettext(
                "%(source)s repeated an earlier list today; its new papers will follow tomorrow.",
                source=source,
            )
        case SourceState.FAILING:
            return gettext(
                "%(source)s could not be reached today; what it brings will follow tomorrow.", source=source
            )
        case _:
            return ""


def gap(language: Language, edition: Edition, schedule: Schedule, date: dt.date) -> str:
    """That there was no digest on the reader's day before, and why; empty if there was one."""
    since = edition.silent_since
    if since is None:
        return ""
    days = (date - dt.timedelta(days=back) for back in range(1, 8))
    before = next((day for day in days if day in schedule.days), None)
    if before is None:
        return ""
    due_at = schedule.due_at(before)
    if not since + FRESH < due_at < edition.published_at:
        return ""
    newest = since.astimezone(zone(schedule.timezone)).date()
    return language.gettext(
        "There was no digest on %(day)s: nothing new had come in since %(since)s.",
        day=language.weekday(before.weekday()),
        since=language.weekday(newest.weekday()),
    )


def subject(language: Language, titles: Sequence[str], trending: int, date: dt.date, days: Days) -> str:
    """The first title and how many follow, within `LONGEST_SUBJECT`; a day without picks says so."""
    if not titles:
        return _nothing_close(language, trending, days)
    if led := _led(language, titles[0], len(titles) - 1):
        return led
    said = language.ngettext("%(number)s paper for %(day)s", "%(number)s papers for %(day)s", len(titles), day=language.day(date))  # fmt: skip
    return said if len(said) <= LONGEST_SUBJECT else papers(language, len(titles))


@lru_cache(maxsize=8192)  # many readers share their first paper
def _led(language: Language, first: str, more: int) -> str:
    # A mail must not look like an answer, even if the paper's title does.
    title = re.sub(r"(?i)^(re|fwd?|aw|wg|tr|rv)\s*:\s*", "", clean(_PICTURES.sub(" ", first))).rstrip(". ")
    head = shortened(title, LONGEST_SUBJECT - len(_headed(language, "", more, "x")))
    return _headed(language, head, more, head) if head else ""


def _nothing_close(language: Language, trending: int, days: Days) -> str:
    if not trending:
        week, day = (
            language.gettext("Nothing new for you this week"),
            language.gettext("Nothing new for you today"),
        )
        return week if days.weekly else day
    if days.weekly:
        return language.ngettext(
            "Nothing close to your interests this week; %(number)s is trending",
            "Nothing close to your interests this week; %(number)s are trending",
            trending,
        )
    return language.ngettext(
        "Nothing close to your interests today; %(number)s is trending",
        "Nothing close to your interests today; %(number)s are trending",
        trending,
    )


def _headed(language: Language, title: str, more: int, ending: str) -> str:
    """The title and how many follow; no comma after a title that ends with a mark of its own."""
    if not more:
        return title
    if ending[-1].isalnum():
        return language.ngettext(
            "%(title)s, and %(number)s more paper", "%(title)s, and %(number)s more papers", more, title=title
        )
    return language.ngettext(
        "%(title)s and %(number)s more paper", "%(title)s and %(number)s more papers", more, title=title
    )


def preheader(
    language: Language, titles: Sequence[str], trending: Sequence[str], length: str, days: Days
) -> str:
    """What an inbox shows beside the subject: the next titles and the length, 35 characters or more."""
    if not titles and not trending:
        return nothing_new(language, days)
    count = papers(language, len(titles) or len(trending))
    tail = (
        language.gettext("%(papers)s this week, %(minutes)s of reading.", papers=count, minutes=length)
        if days.weekly
        else language.gettext("%(papers)s today, %(minutes)s of reading.", papers=count, minutes=length)
    )
    framed, named = (_also, titles[1:]) if len(titles) > 1 else (_also_trending, trending)
    room = (LONGEST_PREHEADER - len(framed(language, "", tail))) // 2 - 2
    short = [found.rstrip(".;") for title in named[:2] if (found := shortened(title, room))]
    return framed(language, "; ".join(short), tail) if short else tail


def _also(language: Language, titles: str, tail: str) -> str:
    return language.gettext("Also: %(titles)s. %(facts)s", titles=titles, facts=tail)


def _also_trending(language: Language, titles: str, tail: str) -> str:
    return language.gettext("Also trending: %(titles)s. %(facts)s", titles=titles, facts=tail)


# --- when, and why --------------------------------------------------------------------------------


def schedule(language: Language, of: Schedule) -> str:
    """`every day at 07:00 (Europe/Berlin)`."""
    return language.gettext(
        "%(days)s at %(time)s (%(zone)s)",
        days=rhythm(language, of.days),
        time=f"{of.send_at:%H:%M}",
        zone=of.timezone,
    )


@lru_cache(maxsize=1024)
def rhythm(language: Language, days: Days) -> str:
    """`every day`, `on weekdays`, `on Mondays and Fridays`, `once a week, on Fridays`."""
    text = str(days)
    if text == "daily":
        return language.gettext("every day")
    if text == "weekdays":
        return language.gettext("on weekdays")
    each = dict(zip(DAY_NAMES, _each_weekday(language), strict=True))
    named = language.listing([each[name] for name in days.names])
    if days.weekly:
        return language.gettext("once a week, on %(days)s", days=named)
    return language.gettext("on %(days)s", days=named)


def _each_weekday(language: Language) -> tuple[str, ...]:
    gettext = language.gettext
    return (
        *(gettext("Mondays"), gettext("Tuesdays"), gettext("Wednesdays"), gettext("Thursdays")),
        *(gettext("Fridays"), gettext("Saturdays"), gettext("Sundays")),
    )


def why(language: Language, reader: Reader, site: str, *, personal: bool) -> str:
    """Why they get this, and since when."""
    confirmed = reader.confirmed_at
    since = confirmed.astimezone(zone(reader.schedule.timezone)).date() if confirmed else None
    return _why(language, reader.schedule, since, site, personal=personal)


@lru_cache(maxsize=8192)
def _why(language: Language, when: Schedule, since: dt.date | None, site: str, *, personal: bool) -> str:
    told, gettext = schedule(language, when), language.gettext
    if personal:
        return gettext(
            "You get this %(schedule)s because you asked for it on the command line of %(site)s. To stop it,"
            " remove this address there: “digest subscribers remove”.",
            schedule=told,
            site=site,
        )
    if since is None:
        return gettext(
            "You get this %(schedule)s because you subscribed to %(site)s.", schedule=told, site=site
        )
    return gettext(
        "You get this %(schedule)s because you confirmed your subscription on %(date)s.",
        schedule=told,
        date=language.date(since),
    )
