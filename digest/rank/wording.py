"""In the reader's words: the phrase of what they wrote that speaks for a paper. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from digest.rank.features import WORD, stems
from digest.rank.vectors import pairs

#: What ends a phrase.
MARK = re.compile(r"[^\w\s'-]|--|\s-")


def phrase(text: str, weight: Mapping[str, float]) -> str:
    """The words in a row of the text that weigh most, as they were written; `weight` holds a paper's terms.

    Empty if paper and text share no word that counts.
    """
    best, found = 0.0, ""
    for words in _runs(text, weight):
        single = [word for word, _, _ in words]
        told = sum(weight[term] for term in {*single, *pairs(single)})
        if told > best:
            best, found = told, text[words[0][1] : words[-1][2]]
    return found


#: A stem, and where its word begins and ends in the text.
Word = tuple[str, int, int]


def _runs(text: str, said: Mapping[str, float]) -> Iterator[list[Word]]:
    """Words that are said, as long as each pair of neighbours is said too and no mark stands between them."""
    run: list[Word] = []
    for word in _words(text):
        if run and (f"{run[-1][0]} {word[0]}" not in said or MARK.search(text, run[-1][2], word[1])):
            yield run
            run = []
        if word[0] in said:
            run.append(word)
    if run:
        yield run


@lru_cache(maxsize=1024)  # one reader's text is asked about many papers
def _words(text: str) -> tuple[Word, ...]:
    return tuple(
        (stem, found.start(), found.end())
        for found in WORD.finditer(text)
        for stem in stems(found[0].casefold())
    )
