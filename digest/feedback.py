"""Feedback by a reader's own hand: of what they can speak, saying it, and taking it back.

Rule 1. A feedback link speaks of one paper; its bearer says something of that paper, its authors and topics only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from digest import subscriptions
from digest.errors import LinkError, UsageError
from digest.links import Purpose
from digest.model import Feedback, InterestKind, Names, Opinion, Paper, Subject, Subscriber
from digest.service import Service
from digest.subscriptions import interest

#: Of long lists the first so many can be spoken of; a paper of a thousand authors is nobody's in particular.
MOST_AUTHORS, MOST_TOPICS = 12, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What an opinion can be about."""

    subject: Subject
    #: A paper id, author or category, by subject.
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A reader before a paper, with what they said so far."""

    reader: Subscriber
    paper: Paper
    said: tuple[Feedback, ...]

    @property
    def things(self) -> tuple[Thing, ...]:
        """The paper, its authors, its topics."""
        authors, topics = self.paper.authors[:MOST_AUTHORS], self.paper.categories[:MOST_TOPICS]
        return (
            Thing(subject=Subject.PAPER, value=self.paper.id),
            *(Thing(subject=Subject.AUTHOR, value=name) for name in dict.fromkeys(authors)),
            *(Thing(subject=Subject.TOPIC, value=name) for name in dict.fromkeys(topics)),
        )

    def opinion(self, thing: Thing) -> Opinion | None:
        """What they said of it."""
        found = (one.opinion for one in self.said if (one.subject, one.value) == (thing.subject, thing.value))
        return next(found, None)


def talk(day: Service, token: str, now: dt.datetime) -> Talk:
    """Who speaks by that link, and of what; changes nothing. Raises as `subscriptions.bearer`."""
    claim = day.links.read(Purpose.FEEDBACK, token, now)
    reader = subscriptions.bearer(day, Purpose.FEEDBACK, token, now)
    known = day.store.papers.get(claim.paper or "")
    if known is None:
        raise LinkError("the link names no paper of ours")
    return Talk(reader=reader, paper=known[0], said=said_by(day, reader))


def say(day: Service, token: str, thing: Thing, opinion: Opinion | None, now: dt.datetime) -> Talk:
    """Keep an opinion of one of the paper's things, or with None take it back. UsageError for any other thing."""
    before = talk(day, token, now)
    if thing not in before.things:
        raise UsageError(f"this link does not speak of that: {thing.value[:60]!r}")
    if opinion:
        day.store.opinions.say(before.reader.id, opinion, thing.subject, thing.value, now)
    else:
        day.store.opinions.withdraw(before.reader.id, thing.subject, thing.value)
    return talk(day, token, now)


def forget(day: Service, token: str, thing: Thing, now: dt.datetime) -> Subscriber:
    """Take back anything that was said, by the link to the reader's settings. Raises as `subscriptions.bearer`."""
    reader = subscriptions.bearer(day, Purpose.PREFERENCES, token, now)
    day.store.opinions.withdraw(reader.id, thing.subject, thing.value)
    return reader


def record(day: Service, reader: Subscriber, thing: Thing, opinion: Opinion, now: dt.datetime) -> None:
    """Keep what a reader said elsewhere, by the operator's hand, of any paper, author or topic.

    UsageError for a paper that nobody knows, and for what can be no name.
    """
    value = " ".join(thing.value.split())
    if thing.subject is Subject.PAPER:
        known = day.store.papers.get(value)
        if known is None:
            raise UsageError(f"no such paper: {value[:60]!r}")
        value = known[0].id
    if not value or not value.isprintable():
        raise UsageError(f"an author or a topic has a name of printable characters: {value[:60]!r}")
    day.store.opinions.say(reader.id, opinion, thing.subject, value, now)


def said_by(day: Service, reader: Subscriber) -> tuple[Feedback, ...]:
    """Everything that the reader said, the oldest first."""
    return day.store.opinions.of([reader.id]).get(reader.id, ())


def muted(said: Iterable[Feedback]) -> tuple[str, ...]:
    """The authors of whom nothing is to be seen."""
    return tuple(one.value for one in said if mutes_author(one))


def muting(said: Iterable[Feedback], authors: Iterable[str], now: dt.datetime) -> tuple[Feedback, ...]:
    """What a reader will have said if these are the authors of whom they want to see nothing."""
    wanted = dict.fromkeys(authors)
    others = [
        one
        for one in said
        if not (mutes_author(one) or (one.subject is Subject.AUTHOR and one.value in wanted))
    ]
    return (
        *others,
        *(Feedback(opinion=Opinion.MUTE, subject=Subject.AUTHOR, value=one, at=now) for one in wanted),
    )


def authors(texts: Iterable[str]) -> tuple[str, ...]:
    """The names of authors as somebody typed them, without empty ones; UsageError for what can be no name."""
    return tuple(interest(InterestKind.AUTHOR, text).value for text in texts if text.strip())


def mute(day: Service, reader: Subscriber, authors: Collection[str], now: dt.datetime) -> None:
    """Let these be the authors of whom nothing is to be seen, and no others."""
    before = muted(said_by(day, reader))
    for name in set(before) - set(authors):
        day.store.opinions.withdraw(reader.id, Subject.AUTHOR, name)
    for name in sorted(set(authors) - set(before)):
        day.store.opinions.say(reader.id, Opinion.MUTE, Subject.AUTHOR, name, now)


def mutes_author(one: Feedback) -> bool:
    """Whether it is of an author, of whom nothing is to be seen."""
    return one.opinion is Opinion.MUTE and one.subject is Subject.AUTHOR


def titles(day: Service, papers: Iterable[str]) -> dict[str, str]:
    """The titles of papers that the store knows, by any of their ids."""
    wanted = frozenset(papers)
    known = day.store.papers.known(Names(ids=wanted, title_keys=frozenset())) if wanted else ()
    return {alias: paper.title for paper in known for alias in paper.aliases}
