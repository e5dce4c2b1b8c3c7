"""What readers asked for, as rows over the pool: one facet an interest, kept apart from the others."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digest.model import Interest, InterestKind, Paper, Reason, ReasonKind, Subscriber
from digest.rank.features import Bools, Corpus, Floats, dense

#: Being in a category a reader follows says little about one paper: enough to be shown, not to outrank a phrase.
CATEGORY_RELEVANCE = 0.3
AUTHOR_RELEVANCE = 0.9
#: Cosine to an example paper at which relevance is 1 - 1/e. Unrelated abstracts of the replayed days have
#: cosines of about .01 to .03, neighbours of .1 to .2.
LIKED_COSINE = 0.15


@dataclass(frozen=True, slots=True)
class Facet:
    """One interest of one reader over the pool."""

    #: 0..1 for every paper of the pool, comparable between facets.
    relevance: Floats
    #: Its share of the digest, relative to the reader's other facets.
    weight: float
    #: The reason for each paper; a function of the row because examples have one title each.
    reasons: tuple[Reason, ...]
    #: Which of `reasons` holds for each paper; None if there is one.
    which: np.ndarray[tuple[int], np.dtype[np.intp]] | None = None

    def reason(self, row: int) -> Reason:
        """Why this facet speaks for that paper."""
        return self.reasons[0 if self.which is None else int(self.which[row])]


@dataclass(frozen=True, slots=True)
class Profile:
    """One reader over the pool."""

    facets: tuple[Facet, ...]
    #: Papers that must not be shown.
    excluded: Bools


def profiles(
    subscribers: Sequence[Subscriber], examples: Mapping[str, Paper], corpus: Corpus
) -> list[Profile]:
    """All profiles of a block of subscribers: one sparse product for their phrases, one for their examples.

    `examples` holds the papers that readers gave as examples, by every id; unknown ones are passed over.
    """
    phrases = sorted({i.value for s in subscribers for i in s.asked(InterestKind.PHRASE)})
    by_phrase = dict(zip(phrases, dense(corpus.phrase_rows(phrases), corpus.presence), strict=True))
    liked = sorted({i.value for s in subscribers for i in s.asked(InterestKind.LIKE)} & set(examples))
    cosines = dense(corpus.paper_rows([examples[i] for i in liked]), corpus.tfidf)
    by_example = dict(zip(liked, 1 - np.exp(-cosines / LIKED_COSINE), strict=True))
    asked = {i for s in subscribers for i in s.interests}
    matches = {
        i: _matching(i, corpus) for i in asked if i.kind not in {InterestKind.PHRASE, InterestKind.LIKE}
    }
    return [_profile(s, by_phrase, by_example, matches, examples, len(corpus.papers)) for s in subscribers]


def _profile(
    subscriber: Subscriber,
    by_phrase: Mapping[str, Floats],
    by_example: Mapping[str, Floats],
    matches: Mapping[Interest, Bools],
    examples: Mapping[str, Paper],
    papers: int,
) -> Profile:
    facets = [
        Facet(by_phrase[i.value], i.weight, (Reason(kind=ReasonKind.PHRASE, subject=i.value),))
        for i in subscriber.asked(InterestKind.PHRASE)
    ]
    for kind, reason, relevance in (
        (InterestKind.CATEGORY, ReasonKind.CATEGORY, CATEGORY_RELEVANCE),
        (InterestKind.AUTHOR, ReasonKind.AUTHOR, AUTHOR_RELEVANCE),
    ):
        for i in subscriber.asked(kind):
            row = matches[i].astype(np.float32) * np.float32(relevance)
            facets.append(Facet(row, i.weight, (Reason(kind=reason, subject=i.value),)))
    # All examples are one interest: forty liked papers must not crowd out one phrase.
    liked = [i for i in subscriber.asked(InterestKind.LIKE) if i.value in by_example]
    if liked:
        rows = np.stack([by_example[i.value] for i in liked])
        titles = tuple(Reason(kind=ReasonKind.LIKED, subject=examples[i.value].title) for i in liked)
        weight = max(i.weight for i in liked)
        facets.append(Facet(rows.max(axis=0), weight, titles, rows.argmax(axis=0)))
    excluded = np.zeros(papers, dtype=bool)
    for i in subscriber.asked(InterestKind.EXCLUDE):
        excluded |= matches[i]
    return Profile(tuple(facets), excluded)


def _matching(interest: Interest, corpus: Corpus) -> Bools:
    if interest.kind is InterestKind.EXCLUDE:
        return corpus.contains(interest.value)
    if interest.kind is InterestKind.CATEGORY:
        return np.array(
            [any(_within(c, interest.value) for c in p.categories) for p in corpus.papers], dtype=bool
        )
    wanted = name_key(interest.value)
    return np.array([any(_same(wanted, name_key(a)) for a in p.authors) for p in corpus.papers], dtype=bool)


def _within(category: str, followed: str) -> bool:
    """`cs.CL` is in `cs.CL` and in `cs`."""
    category, followed = category.casefold(), followed.casefold()
    return category == followed or category.startswith(followed + ".")


def name_key(name: str) -> tuple[str, ...]:
    """A person's names without case, accents and dots, the surname last: `García, A.` is (a, garcia)."""
    if "," in name:
        surname, _, given = name.partition(",")
        name = f"{given} {surname}"
    plain = unicodedata.normalize("NFKD", name.casefold())
    return tuple("".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c)).split())


def _same(wanted: tuple[str, ...], author: tuple[str, ...]) -> bool:
    """Equal names, or equal surnames and a first name that one side gives as an initial."""
    if not wanted or not author or wanted[-1] != author[-1]:
        return False
    if wanted == author:
        return True
    if len(wanted) == 1 or len(author) == 1:
        return False  # a surname alone would follow every Wang
    first, other = wanted[0], author[0]
    return first == other if len(first) > 1 and len(other) > 1 else first[0] == other[0]
