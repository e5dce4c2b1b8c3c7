"""What readers asked for, as rows over the pool: one facet an interest, kept apart from the others."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from digest.model import Interest, InterestKind, Paper, Reason, ReasonKind
from digest.rank.asked import LESS, Asked
from digest.rank.features import Bools
from digest.rank.pool import Pool
from digest.rank.score import Examples, Taste, apart, of_phrases, of_tastes, relevance
from digest.rank.vectors import Embedder, Floats

#: Being in a category a reader follows says little about one paper: enough to be shown, not to outrank a phrase.
CATEGORY_RELEVANCE = 0.3
AUTHOR_RELEVANCE = 0.9
#: A phrase of which no paper of the pool has this share is not spoken of these days: what is near its vector counts
#: for less, by the fourth power: one of two words is next to nothing.
SPOKEN_OF = 0.5
#: Examples of which one is not yet an interest: n of them are believed n / (n + UNSURE).
UNSURE = 0.5
#: Phrases x papers whose relevance is kept in memory, 4 bytes each.
KEPT = 16_000_000


#: The relevance of every paper, and the reason that it gives.
Said = tuple[Floats, Reason]


@dataclass(frozen=True, slots=True)
class Facet:
    """One interest of one reader over the pool."""

    #: Its share of the digest, relative to the reader's other facets.
    weight: float
    #: 0..1 for every paper of the pool, comparable between facets.
    relevance: Floats
    #: What speaks for its papers; the examples of a taste, and the phrases of a text, are named one by one.
    voice: Reason | Taste


@dataclass(frozen=True, slots=True)
class Profile:
    """One reader over the pool."""

    facets: tuple[Facet, ...]
    #: Papers that must not be shown.
    excluded: Bools


class Profiler:
    """Turns readers into profiles over one pool."""

    def __init__(self, papers: Sequence[Paper], pool: Pool, embedder: Embedder) -> None:
        self._pool, self._embedder = pool, embedder
        self._matcher = Matcher(papers, pool)
        self._phrases: dict[str, Said] = {}

    def profiles(
        self, asked: Sequence[Asked], examples: Examples, row: Mapping[str | Interest, int]
    ) -> list[Profile]:
        """All profiles of a block of readers; `row` finds an example by its id, and may lack some, and every text."""
        phrases = self._spoken_of({i.value for one in asked for i in one.phrases})
        matching = {i: self._matcher.matching(i) for i in {i for one in asked for i in one.matched}}
        whole = [Taste(_known(one.liked, row), _known(one.disliked, row)) for one in asked]
        tastes = apart(examples, whole)
        # What a reader wrote is a taste of its own; what they dislike is disliked there too.
        texts = [
            [Taste({row[text]: 1.0}, of.disliked) for text in one.texts]
            for one, of in zip(asked, whole, strict=True)
        ]
        all_ = [taste for some in zip(tastes, texts, strict=True) for taste in chain(*some)]
        strengths = iter(relevance(of_tastes(self._pool, examples, all_)))
        cooled = self._cooled(examples, whole)
        return [
            self._profile(
                one,
                phrases,
                matching,
                cooled.get(n),
                [(taste, next(strengths)) for taste in some],
                [(taste, next(strengths)) for taste in written],
            )
            for n, (one, some, written) in enumerate(zip(asked, tastes, texts, strict=True))
        ]

    def _cooled(self, examples: Examples, whole: Sequence[Taste]) -> dict[int, Floats]:
        """For readers who disliked papers, what is left of an interest in each paper of the pool: 1 - LESS .. 1."""
        numbers = [n for n, taste in enumerate(whole) if taste.disliked]
        if not numbers:
            return {}
        like_them = relevance(of_tastes(self._pool, examples, [Taste(whole[n].disliked) for n in numbers]))
        said = [sum(whole[n].disliked.values()) for n in numbers]
        return {
            n: 1 - row * (LESS * much / (much + UNSURE))
            for n, row, much in zip(numbers, like_them, said, strict=True)
        }

    def _profile(
        self,
        asked: Asked,
        phrases: Mapping[str, Said],
        matching: Mapping[Interest, Bools],
        cooled: Floats | None,
        tastes: Sequence[tuple[Taste, Floats]],
        texts: Sequence[tuple[Taste, Floats]],
    ) -> Profile:
        facets = [Facet(i.weight, *phrases[i.value]) for i in asked.phrases]
        for interests, reason, certain in (
            (asked.categories, ReasonKind.CATEGORY, CATEGORY_RELEVANCE),
            (asked.authors, ReasonKind.AUTHOR, AUTHOR_RELEVANCE),
        ):
            for i in interests:
                found = matching[i].astype(np.float32) * np.float32(certain)
                facets.append(Facet(i.weight, found, Reason(kind=reason, subject=i.value)))
        # Tastes and texts have their dislikes taken away already.
        if cooled is not None:
            facets = [replace(f, relevance=f.relevance * cooled) for f in facets]
        facets += [Facet(i.weight, found, text) for i, (text, found) in zip(asked.texts, texts, strict=True)]
        # All examples count as one interest: forty liked papers must not crowd out one phrase.
        count = sum(len(taste.liked) for taste, _ in tastes)
        for taste, liked in tastes:
            if number := len(taste.liked):
                facets.append(
                    Facet(asked.liking * number / count, liked * (number / (number + UNSURE)), taste)
                )
        excluded = np.zeros(len(self._pool), dtype=bool)
        for i in asked.excluded:
            excluded |= matching[i]
        for i, share in asked.less:
            facets = [replace(f, relevance=f.relevance * (1 - share * matching[i])) for f in facets]
        return Profile(tuple(facets), excluded)

    def _spoken_of(self, phrases: set[str]) -> Mapping[str, Said]:
        """The relevance of every paper for these phrases; they stay for the next block, up to `KEPT` numbers."""
        new = sorted(phrases - self._phrases.keys())
        if not new:
            return self._phrases
        if (len(self._phrases) + len(new)) * len(self._pool) > KEPT:
            self._phrases, new = {}, sorted(phrases)
        strengths, shares = of_phrases(self._pool, new, self._embedder.phrases(new))
        spoken_of = np.minimum(shares.max(axis=1, initial=0) / SPOKEN_OF, 1) ** 4
        for phrase, row in zip(new, relevance(strengths) * spoken_of[:, None], strict=True):
            self._phrases[phrase] = row, Reason(kind=ReasonKind.PHRASE, subject=phrase)
        return self._phrases


def _known(weights: Mapping[str, float], row: Mapping[str | Interest, int]) -> dict[int, float]:
    return {row[paper]: weight for paper, weight in weights.items() if paper in row}


class Matcher:
    """The pool by phrase, category and author."""

    def __init__(self, papers: Sequence[Paper], pool: Pool) -> None:
        self._pool = pool
        self._categories = [tuple(c.casefold() for c in paper.categories) for paper in papers]
        self._by_surname: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
        for row, paper in enumerate(papers):
            for author in paper.authors:
                if name := name_key(author):
                    self._by_surname.setdefault(name[-1], []).append((row, name))

    def matching(self, interest: Interest) -> Bools:
        """The papers that an excluded phrase, a category or an author names."""
        if interest.kind is InterestKind.EXCLUDE:
            return self._pool.corpus.contains(interest.value)
        if interest.kind is InterestKind.CATEGORY:
            followed = interest.value.casefold()
            return np.array([any(_within(c, followed) for c in one) for one in self._categories], dtype=bool)
        wanted, found = name_key(interest.value), np.zeros(len(self._pool), dtype=bool)
        for row, name in self._by_surname.get(wanted[-1], []) if wanted else []:
            found[row] |= _same(wanted, name)
        return found


def _within(category: str, followed: str) -> bool:
    """`cs.CL` is in `cs.CL` and in `cs`."""
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
    if wanted == author:
        return True
    if wanted[-1] != author[-1] or len(wanted) == 1 or len(author) == 1:
        return False  # a surname alone would follow every Wang
    first, other = wanted[0], author[0]
    return first == other if len(first) > 1 and len(other) > 1 else first[0] == other[0]
