"""Where the sentences of a scientific text end.

Rule 1: a border is where a sentence surely ends; in doubt two stay together, as a card would rather show too much.
Rule 2: nothing is lost: the sentences of a text, joined, are the text but for spaces.
"""

# ruff: noqa: RUF001, SIM905 (marks of other scripts are what is matched; lists of words read best as words)

from __future__ import annotations

import re
from collections.abc import Iterator

#: What never ends a sentence: a name, a number or the rest of a phrase follows.
_NEVER = frozenset("dr mr mrs prof st e.g i.e cf viz vs w.r.t approx ca z.b d.h bzw p.ej m.a.w".split())
#: What ends one only if no number follows: `Fig. 3`, `Sec. IV`, but "the answer is no. We".
_NUMBERED = frozenset(
    "fig figs eq eqn eqs eqns sec secs sect ch chap no nos nr p pp vol tab tabs ref refs art thm lem prop def".split()
)
_NUMBER = re.compile(r"[(\[]?(?:[A-Z]{0,2}\d|[IVXLC]+\b|[A-Z]\b)")
#: What ends one only if the next word is one that begins sentences: `et al.`, `etc.`, initials, `U.S.`, `3.`.
_PERHAPS = frozenset("al etc resp inc ltd co corp jr sr ph.d a.k.a i.i.d a.m p.m usw u.a".split())
_PERHAPS_SHAPED = re.compile(r"(?:[A-Z]|\d{1,2}|(?:[A-Za-z]\.)+[A-Za-z])")
_OPENERS = frozenset(
    word
    for line in (
        "a additionally all although an and as at based because both building but by code compared conversely",
        "despite each empirically every existing experimental experiments extensive finally first for from",
        "furthermore given hence here how however if importantly in instead interestingly it its many moreover most",
        "motivated nevertheless no notably on one our overall rather recent remarkably results second several",
        "similarly since some specifically such surprisingly that the their then there therefore these they this",
        "those through thus to two unfortunately unlike using we what when where whether which while with yet",
    )
    for word in line.split()
)
#: A point before a space; one of a script without spaces; one whose space was lost ("biased.However, we").
#: Each begins with its point: what could stand anywhere is looked for at every letter.
_END = re.compile(
    "[.!?…؟۔।]+[\"'”’»)\\]]*(?=\\s+[^\\s])|[。！？．]+[」』”’）]*(?=.)"
    rf"|\.(?<=[a-z)]{{3}}\.)(?=(?:{'|'.join(sorted(word.title() for word in _OPENERS))})[ ,])"
)
_FIRST_WORD = re.compile(r"[\"'“‘(\[]*([A-Z][a-z]*)(?=[\s,:;])")
_BRACKETS = re.compile(r"[()\[\]{}“”（）「」]")
_OPENING = "([{“（「"
#: Brackets further apart than this are two that lost their partners.
_LONGEST_ASIDE = 400


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text on one line, in order, each with the marks that end it."""
    within = _asides(text)
    start = 0
    for end in _END.finditer(text):
        if not within[end.end() - 1] and _is_border(text, start, end):
            yield text[start : end.end()].strip()
            start = end.end()
    if rest := text[start:].strip():
        yield rest


def _is_border(text: str, start: int, end: re.Match[str]) -> bool:
    following = text[end.end() : end.end() + 40].lstrip()[:24]
    if following[:1].islower() and not following.startswith("http"):
        return False
    if end[0].rstrip("\"'”’»)]") != ".":
        return True
    near = max(start, end.start() - 80)  # a whole text of points would be copied once for each
    before = text[near : end.start()].rpartition(" ")[2].lstrip("([“\"'")
    word = before.lower()
    if word in _NEVER:
        return False
    if word in _NUMBERED:
        return not _NUMBER.match(following)
    if word in _PERHAPS or _PERHAPS_SHAPED.fullmatch(before):
        opener = _FIRST_WORD.match(following)
        return opener is not None and opener[1].lower() in _OPENERS
    return True


def is_balanced(text: str) -> bool:
    """Whether every bracket has its partner; an interval `[0, 1)` counts as a pair."""
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth += 1 if bracket[0] in _OPENING else -1
        if depth < 0:
            return False
    return depth == 0


def _asides(text: str) -> bytearray:
    """For each character, whether it stands inside a pair of brackets; those without a partner hold nothing."""
    inside = bytearray(len(text))
    opened: list[int] = []
    for bracket in _BRACKETS.finditer(text):
        at = bracket.start()
        if bracket[0] in _OPENING:
            opened.append(at)
        elif opened and at - (first := opened.pop()) <= _LONGEST_ASIDE:
            inside[first:at] = b"\1" * (at - first)
    return inside
