"""What a reader asked for and what they said since, as one set of wishes at an instant. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from digest.model import Feedback, Interest, InterestKind, Opinion, Subject, Subscriber

#: After this long an opinion counts by half; a mute does not fade.
HALF_LIFE = dt.timedelta(days=90)
#: Beyond this, saying it again changes nothing: a thumb that is held down must not drown everything else.
MOST = 3.0
#: By how much "less" of an author or topic lowers its papers, said once; of a paper, those that are just like it.
LESS = 0.5
KINDS, LIKE = tuple(InterestKind), InterestKind.LIKE
#: arXiv's, which no text says: `cs.CL`, `cond-mat.mtrl-sci`.
CATEGORY = re.compile(r"[a-z-]+\.[A-Za-z-]+")


@dataclass(slots=True)
class Asked:
    """One reader's wishes, by what they do."""

    phrases: list[Interest] = field(default_factory=list)
    texts: list[Interest] = field(default_factory=list)
    categories: list[Interest] = field(default_factory=list)
    authors: list[Interest] = field(default_factory=list)
    #: Papers that must not be shown.
    excluded: list[Interest] = field(default_factory=list)
    #: Papers whose relevance is lowered, by this share.
    less: list[tuple[Interest, float]] = field(default_factory=list)
    #: Example papers by id, with weights relative to one another.
    liked: dict[str, float] = field(default_factory=dict)
    disliked: dict[str, float] = field(default_factory=dict)
    #: What the examples count for together, beside the other interests.
    liking: float = 1.0
    #: Papers they know: examples, and whatever they gave an opinion of.
    known: set[str] = field(default_factory=set)

    @property
    def matched(self) -> Iterable[Interest]:
        """Every interest that a paper either is in or is not."""
        return (*self.categories, *self.authors, *self.excluded, *(interest for interest, _ in self.less))


def asked_by(subscriber: Subscriber, said: Iterable[Feedback], now: dt.datetime) -> Asked:
    """Their interests, with what they said since."""
    of: dict[InterestKind, list[Interest]] = {kind: [] for kind in KINDS}
    liked: dict[str, float] = {}
    for interest in subscriber.interests:
        if (kind := interest.kind) is LIKE:  # most of them
            liked[interest.value] = interest.weight
        else:
            of[kind].append(interest)
    asked = Asked(
        phrases=of[InterestKind.PHRASE],
        texts=of[InterestKind.TEXT],
        categories=of[InterestKind.CATEGORY],
        authors=of[InterestKind.AUTHOR],
        excluded=of[InterestKind.EXCLUDE],
        liked=liked,
        liking=max(liked.values(), default=1.0),
        known=set(liked),
    )
    for opinion in said:
        _hear(asked, opinion, strength(opinion, now))
    return asked


def strength(opinion: Feedback, now: dt.datetime) -> float:
    """1 for one said now; more if it was said often, up to `MOST`, less as time goes by."""
    age = max(now - opinion.at, dt.timedelta())
    return float(min(opinion.count, MOST) * 0.5 ** (age / HALF_LIFE))


def _hear(asked: Asked, said: Feedback, weight: float) -> None:
    match said.subject, said.opinion:
        case Subject.PAPER, Opinion.MORE:
            asked.known.add(said.value)
            asked.liked[said.value] = asked.liked.get(said.value, 0.0) + weight
        case Subject.PAPER, Opinion.LESS:
            asked.known.add(said.value)
            asked.disliked[said.value] = weight
        case Subject.PAPER, _:
            asked.known.add(said.value)
        case Subject.AUTHOR, opinion:
            _weigh(
                asked, asked.authors, Interest(kind=InterestKind.AUTHOR, value=said.value), opinion, weight
            )
        case Subject.TOPIC, opinion:
            if opinion is Opinion.MORE and CATEGORY.fullmatch(said.value):
                category = Interest(kind=InterestKind.CATEGORY, value=said.value)
                _weigh(asked, asked.categories, category, opinion, weight)
                return
            phrase = Interest(kind=InterestKind.PHRASE, value=said.value)
            _weigh(asked, asked.phrases, phrase, opinion, weight)


def _weigh(asked: Asked, wanted: list[Interest], thing: Interest, opinion: Opinion, weight: float) -> None:
    """More of an author or topic makes it an interest, or a stronger one; less lowers it, mute keeps it away."""
    if opinion is Opinion.MORE:
        before = next((n for n, i in enumerate(wanted) if i.value.casefold() == thing.value.casefold()), None)
        if before is None:
            wanted.append(replace(thing, weight=weight))
        else:
            wanted[before] = replace(wanted[before], weight=wanted[before].weight + weight)
        return
    topic = thing.kind is InterestKind.PHRASE
    # A topic is a phrase, or the name of a category.
    kinds = (InterestKind.EXCLUDE, InterestKind.CATEGORY) if topic else (InterestKind.AUTHOR,)
    for kind in kinds:
        matched = Interest(kind=kind, value=thing.value)
        if opinion is Opinion.MUTE:
            asked.excluded.append(matched)
        else:
            asked.less.append((matched, 1 - (1 - LESS) ** weight))
