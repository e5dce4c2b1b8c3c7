"""What somebody asks for, read and held against what can be."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from digest import address as addresses
from digest import languages
from digest.config import ReaderTable, Settings
from digest.errors import N_, UsageError
from digest.ingest.ids import canonical_ids
from digest.ingest.references import PASTED
from digest.model import Interest, InterestKind, Subscriber, SubscriberState, calendar_date

#: What an interest may look like; longer texts are abstracts pasted by mistake.
LONGEST_INTEREST = 300
#: What somebody writes about their work: an abstract or two.
LONGEST_TEXT = 2000
MOST_INTERESTS = 200
MOST_PAPERS = 50
#: Pauses end before.
LAST_YEAR = 2999


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asked for; None leaves a setting as it is, or at its default."""

    name: str | None = None
    interests: tuple[str, ...] | None = None
    excludes: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    authors: tuple[str, ...] | None = None
    likes: tuple[str, ...] | None = None
    #: A paragraph about their work; empty takes it away.
    about: str | None = None
    timezone: str | None = None
    send_at: str | None = None
    days: str | None = None
    papers: int | None = None
    language: str | None = None
    plain_text: bool | None = None
    #: The local date of the first digest after a pause; empty ends it.
    paused_until: str | None = None

    def wanted(self) -> Iterator[tuple[InterestKind, tuple[str, ...]]]:
        """The kinds of interest that were given, with their texts."""
        given = (
            (InterestKind.PHRASE, self.interests),
            (InterestKind.EXCLUDE, self.excludes),
            (InterestKind.CATEGORY, self.categories),
            (InterestKind.AUTHOR, self.authors),
            (InterestKind.LIKE, self.likes),
            (InterestKind.TEXT, None if self.about is None else tuple(filter(str.strip, [self.about]))),
        )
        return ((kind, texts) for kind, texts in given if texts is not None)


def interest(kind: InterestKind, text: str) -> Interest:
    """`state space models=2` as a phrase of weight 2; UsageError for an unreadable one."""
    if kind is InterestKind.TEXT:
        return Interest(kind=kind, value=prose(text))
    phrase, divided, number = text.rpartition("=")
    if not divided:
        phrase, number = text, "1"
    value = " ".join(phrase.split())
    try:
        weight = float(number)
    except ValueError:
        value, weight = " ".join(text.split()), 1.0  # an "=" that is part of the phrase, as in P=NP
    if not 0 < weight <= 100:
        message = N_("the weight of an interest is above 0 and at most 100: %(text)s")
        raise UsageError(message, text=repr(text))
    if not value or len(value) > LONGEST_INTEREST or not value.isprintable():
        message = N_("an interest is 1 to %(most)s printable characters: %(text)s")
        raise UsageError(message, most=LONGEST_INTEREST, text=repr(text[:60]))
    if kind is InterestKind.LIKE:
        return Interest(kind=kind, value=example(text), weight=1.0)
    return Interest(kind=kind, value=value, weight=weight)


def prose(text: str) -> str:
    """A pasted paragraph on one line, without soft hyphens and the like; UsageError if it is too long, or empty."""
    value = " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())
    if not 0 < len(value) <= LONGEST_TEXT:
        message = N_(
            "what you write about your work is 1 to %(most)s characters, this is %(length)s: %(text)s"
        )
        raise UsageError(message, most=LONGEST_TEXT, length=len(value), text=repr(value[:60]))
    return value


def spelled(one: Interest) -> str:
    """The text that `interest` reads as this one."""
    return one.value if one.weight == 1 and "=" not in one.value else f"{one.value}={one.weight:g}"


def asking(wish: Wish, interests: Collection[Interest]) -> Wish:
    """The wish with these interests, of every kind, and no others."""

    def texts(kind: InterestKind) -> tuple[str, ...]:
        return tuple(spelled(one) for one in interests if one.kind is kind)

    return replace(
        wish,
        interests=texts(InterestKind.PHRASE),
        excludes=texts(InterestKind.EXCLUDE),
        categories=texts(InterestKind.CATEGORY),
        authors=texts(InterestKind.AUTHOR),
        likes=texts(InterestKind.LIKE),
        about="".join(one.value for one in interests if one.kind is InterestKind.TEXT),
    )


def example(text: str) -> str:
    """The canonical id of an example paper, from an arXiv id, a DOI, or a link to either."""
    named = canonical_ids(text)
    if not named and not text.startswith(("title:", PASTED)):
        message = N_("an example is an arXiv id, a DOI or a link to one, as 2604.07429: %(text)s")
        raise UsageError(message, text=repr(text[:60]))
    return named[0] if named else text


def tuned(subscriber: Subscriber, wish: Wish, settings: Settings) -> Subscriber:
    """The subscriber with what was wished for; UsageError if any of it cannot be, and then nothing changes."""
    kept, schedule = list(subscriber.interests), subscriber.schedule
    for kind, texts in wish.wanted():
        kept = [i for i in kept if i.kind is not kind] + [interest(kind, text) for text in texts]
    if len(kept) > MOST_INTERESTS:
        message = N_("a subscriber has at most %(most)s interests: %(number)s")
        raise UsageError(message, most=MOST_INTERESTS, number=len(kept))
    if wish.papers is not None and not 1 <= wish.papers <= MOST_PAPERS:
        raise UsageError(
            N_("a digest has 1 to %(most)s papers: %(number)s"), most=MOST_PAPERS, number=wish.papers
        )
    if wish.language and wish.language not in (known := languages.codes()):
        raise UsageError(f"the languages are {', '.join(known)}: {wish.language!r}")
    if wish.name and (len(wish.name) > 100 or not wish.name.isprintable()):
        raise UsageError(f"a name is at most 100 printable characters: {wish.name[:40]!r}")
    return replace(
        subscriber,
        name=subscriber.name if wish.name is None else wish.name,
        interests=tuple(dict.fromkeys(kept)),
        schedule=replace(
            settings.schedule.schedule(
                timezone=wish.timezone or schedule.timezone,
                send_at=wish.send_at or schedule.send_at.strftime("%H:%M"),
                days=wish.days or str(schedule.days),
            ),
            paused_until=schedule.paused_until if wish.paused_until is None else end_of(wish.paused_until),
        ),
        papers=wish.papers or subscriber.papers,
        language=wish.language or subscriber.language,
        plain_text=subscriber.plain_text if wish.plain_text is None else wish.plain_text,
    )


def end_of(pause: str) -> dt.date | None:
    """The date until which a pause lasts; None for an empty text. UsageError if it is none."""
    date = calendar_date(pause) if pause else None
    if date and date.year > LAST_YEAR:
        raise UsageError(
            N_("a pause ends before the year %(year)s: %(text)s"), year=LAST_YEAR + 1, text=repr(pause)
        )
    return date


def newcomer(address: str, settings: Settings, now: dt.datetime) -> Subscriber:
    """Somebody unknown until now, with the configured defaults, not confirmed."""
    return Subscriber(
        id=secrets.token_hex(8),
        address=addresses.normalised(address),
        state=SubscriberState.PENDING,
        schedule=settings.schedule.schedule(),
        papers=settings.digest.papers,
        language=settings.site.language,
        created_at=now,
    )


def wish_of(table: ReaderTable) -> Wish:
    """A `[[readers]]` table as a wish; lists that are not there are empty."""
    return Wish(
        name=table.name,
        interests=table.interest,
        excludes=table.exclude,
        categories=table.category,
        authors=table.author,
        likes=table.like,
        about=table.about,
        timezone=table.timezone,
        send_at=table.send_at,
        days=table.days,
        papers=table.papers,
        language=table.language,
        plain_text=table.plain_text,
        paused_until=str(table.paused_until) if table.paused_until else None,
    )
