"""What readers asked for, as rows over the pool: one facet an interest, kept apart from the others."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from digest.model import Interest, InterestKind, Paper, Reason, ReasonKind
from digest.rank.asked import LESS, Asked
from digest.rank.features import Bools, Ints
from digest.rank.pool import Pool
from digest.rank.score import Examples, Taste, apart, of_phrases, of_tastes, relevance
from digest.rank.vectors import Embedder, Floats

#: Being in a category a reader follows says little about one paper: enough to be shown, not to outrank a phrase.
CERTAIN = {InterestKind.CATEGORY: 0.3, InterestKind.AUTHOR: 0.9}
#: A phrase of which no paper of the pool has this share is not spoken of these days: what is near its vector counts
#: for less, by the fourth power: one of two words is next to nothing.
SPOKEN_OF = 0.5
#: Examples of which one is not yet an interest: n of them are believed n / (n + UNSURE).
UNSURE = 0.5
#: Phrases x papers whose relevance is kept in memory, 4 bytes each.
KEPT = 16_000_000

#: The papers' rows of relevance that facets are made of: of phrases, of categories and authors, of examples and
#: texts, and the trend.
PHRASES, MATCHES, TASTES, TREND = range(4)
TRENDING = Reason(kind=ReasonKind.TRENDING)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of readers over the pool. A facet is one interest of one reader; those of one reader stand together."""

    #: The reader of each facet, ascending.
    owner: Ints
    #: Where each reader's facets begin, and how many they are, one at least.
    first: Ints
    counts: Ints
    #: Each facet's share of the digest, relative to the reader's other facets.
    weight: Floats
    #: What speaks for its papers; the examples of a taste, and the phrases of a text, are named one by one.
    voices: Sequence[Reason | Taste]
    #: rows x papers, 0..1, comparable between facets
    relevance: Floats
    #: The row of each facet; what several readers ask for is one row.
    row: Ints
    #: readers x papers: must not be shown
    excluded: Bools
    #: Readers who asked for nothing: the trend is their one facet.
    unasked: Bools

    def theirs(self, reader: int) -> Ints:
        """The facets of a reader."""
        return np.arange(self.first[reader], self.first[reader] + self.counts[reader])

    def lowered(self, left: Sequence[tuple[Ints, Floats]]) -> Block:
        """With what is left of the relevance of some facets, 0..1 for each paper; they get rows of their own."""
        facets = np.unique(np.concatenate([some for some, _ in left]))
        relevance, row = np.concatenate([self.relevance, self.relevance[self.row[facets]]]), self.row.copy()
        row[facets] = len(self.relevance) + np.arange(len(facets))
        for some, share in left:
            relevance[row[some]] *= share
        return replace(self, relevance=relevance, row=row)


@dataclass(slots=True)
class Facets:
    """The facets of a block while they are gathered: each is a row of a table."""

    counts: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    voices: list[Reason | Taste] = field(default_factory=list)
    table: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    #: The rows of `TASTES`, and how far each is believed.
    tastes: list[Taste] = field(default_factory=list)
    believed: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.row)

    def add(self, weight: float, voice: Reason | Taste, table: int, row: int) -> None:
        """One more."""
        self.weights.append(weight)
        self.voices.append(voice)
        self.table.append(table)
        self.row.append(row)

    def add_taste(self, weight: float, taste: Taste, believed: float) -> None:
        """One more, of examples or of a text."""
        self.add(weight, taste, TASTES, len(self.tastes))
        self.tastes.append(taste)
        self.believed.append(believed)


class Profiler:
    """Turns readers into facets over one pool."""

    def __init__(self, papers: Sequence[Paper], pool: Pool, embedder: Embedder) -> None:
        self._pool, self._embedder = pool, embedder
        self._matcher = Matcher(papers, pool)
        #: phrases x papers
        self._phrases = np.zeros((0, len(pool)), dtype=np.float32)
        self._row_of_phrase: dict[str, int] = {}

    def block(
        self, asked: Sequence[Asked], examples: Examples, row: Mapping[str | Interest, int], trend: Floats
    ) -> Block:
        """A block of readers; `row` finds an example by its id, and may lack some, and every text.

        `trend` has the relevance of every paper for those who ask for nothing.
        """
        phrases = list(dict.fromkeys(i.value for one in asked for i in one.phrases))
        matching = {
            i: self._matcher.matching(i) for i in dict.fromkeys(i for one in asked for i in one.matched)
        }
        whole = [Taste(_known(one.liked, row), _known(one.disliked, row)) for one in asked]
        facets = _gathered(asked, whole, apart(examples, whole), row, phrases, list(matching))
        tables = [self._spoken(phrases), self._matches(matching), self._tastes(examples, facets), trend[None]]
        table, counts = np.array(facets.table), np.array(facets.counts)
        first = np.cumsum(counts) - counts
        excluded = np.zeros((len(asked), len(self._pool)), dtype=bool)
        for reader, one in enumerate(asked):
            for i in one.excluded:
                excluded[reader] |= matching[i]
        block = Block(
            owner=np.repeat(np.arange(len(asked)), counts),
            first=first,
            counts=counts,
            weight=np.array(facets.weights, dtype=np.float32),
            voices=facets.voices,
            relevance=np.concatenate(tables),
            row=np.cumsum([0, *map(len, tables)])[table] + facets.row,
            excluded=excluded,
            unasked=table[first] == TREND,
        )
        lowering = [
            (block.theirs(n)[table[block.theirs(n)] < TASTES], left)
            for n, left in self._cooled(examples, whole)
        ]
        less = ((n, i, share) for n, one in enumerate(asked) for i, share in one.less)
        lowering += [(block.theirs(n), 1 - np.float32(share) * matching[i]) for n, i, share in less]
        return block.lowered(lowering) if lowering else block

    def _tastes(self, examples: Examples, facets: Facets) -> Floats:
        found = relevance(of_tastes(self._pool, examples, facets.tastes))
        found *= np.array(facets.believed, dtype=np.float32)[:, None]
        return found

    def _matches(self, matching: Mapping[Interest, Bools]) -> Floats:
        found = np.zeros((len(matching), len(self._pool)), dtype=np.float32)
        for row, (interest, rows) in enumerate(matching.items()):
            found[row, rows] = CERTAIN.get(interest.kind, 0)
        return found

    def _cooled(self, examples: Examples, whole: Sequence[Taste]) -> Iterable[tuple[int, Floats]]:
        """For readers who disliked papers, what is left of an interest in each paper of the pool: 1 - LESS .. 1."""
        numbers = [n for n, taste in enumerate(whole) if taste.disliked]
        if not numbers:
            return
        like_them = relevance(of_tastes(self._pool, examples, [Taste(whole[n].disliked) for n in numbers]))
        for n, row in zip(numbers, like_them, strict=True):
            said = sum(whole[n].disliked.values())
            yield n, 1 - row * (LESS * said / (said + UNSURE))

    def _spoken(self, phrases: Sequence[str]) -> Floats:
        """Phrases x papers; what was read stays for the next block, up to `KEPT` numbers."""
        new = [phrase for phrase in phrases if phrase not in self._row_of_phrase]
        if (len(self._row_of_phrase) + len(new)) * len(self._pool) > KEPT:
            self._row_of_phrase, self._phrases, new = {}, self._phrases[:0], list(phrases)
        if new:
            strengths, shares = of_phrases(self._pool, new, self._embedder.phrases(new))
            spoken_of = np.minimum(shares.max(axis=1, initial=0) / SPOKEN_OF, 1) ** 4
            self._row_of_phrase |= {phrase: len(self._phrases) + n for n, phrase in enumerate(new)}
            self._phrases = np.concatenate([self._phrases, relevance(strengths) * spoken_of[:, None]])
        return self._phrases[[self._row_of_phrase[phrase] for phrase in phrases]]


def _gathered(
    asked: Sequence[Asked],
    whole: Sequence[Taste],
    apart: Sequence[Sequence[Taste]],
    row: Mapping[str | Interest, int],
    phrases: Sequence[str],
    matched: Sequence[Interest],
) -> Facets:
    """Every reader's facets; `whole` is what each likes, and `apart` the unrelated parts of it."""
    facets = Facets()
    said = {p: (n, Reason(kind=ReasonKind.PHRASE, subject=p)) for n, p in enumerate(phrases)}
    matches = {i: (n, _reason(i)) for n, i in enumerate(matched)}
    for one, of, parts in zip(asked, whole, apart, strict=True):
        start = len(facets)
        for i in one.phrases:
            number, reason = said[i.value]
            facets.add(i.weight, reason, PHRASES, number)
        for i in (*one.categories, *one.authors):
            number, reason = matches[i]
            facets.add(i.weight, reason, MATCHES, number)
        # What a reader wrote is a taste of its own; what they dislike is disliked there too.
        for text in one.texts:
            facets.add_taste(text.weight, Taste({row[text]: 1.0}, of.disliked), 1.0)
        # All examples count as one interest: forty liked papers must not crowd out one phrase.
        for taste in parts:
            if liked := len(taste.liked):
                facets.add_taste(one.liking * liked / len(of.liked), taste, liked / (liked + UNSURE))
        if len(facets) == start:
            facets.add(1.0, TRENDING, TREND, 0)
        facets.counts.append(len(facets) - start)
    return facets


def _reason(interest: Interest) -> Reason:
    author = interest.kind is InterestKind.AUTHOR
    return Reason(kind=ReasonKind.AUTHOR if author else ReasonKind.CATEGORY, subject=interest.value)


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
