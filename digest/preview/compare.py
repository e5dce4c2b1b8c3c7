"""Two texts side by side, with the words marked that only one of them has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple


class Words(NamedTuple):
    """A run of words, and whether the other side lacks it."""

    text: str
    only_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Lines that correspond: the same on both sides, changed, or only on one of them."""

    left: tuple[Words, ...]
    right: tuple[Words, ...]
    same: bool


def compared(left: str, right: str) -> tuple[Row, ...]:
    """The rows of both texts, in order; joined, each side is its text again, but for line ends at the end."""
    return tuple(_rows(left.splitlines(), right.splitlines()))


def _rows(left: list[str], right: list[str]) -> Iterator[Row]:
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        before, after = "\n".join(left[a:b]), "\n".join(right[c:d])
        if tag == "equal":
            yield Row(left=(Words(before, False),), right=(Words(after, False),), same=True)
        else:
            yield _changed(before, after)


def _changed(before: str, after: str) -> Row:
    ours, theirs = (re.findall(r"\w+|[^\w\s]|\s+", one) for one in (before, after))
    left, right = [], []
    for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        left.append(Words("".join(ours[a:b]), tag != "equal"))
        right.append(Words("".join(theirs[c:d]), tag != "equal"))
    return Row(left=_told(left), right=_told(right), same=False)


def _told(words: list[Words]) -> tuple[Words, ...]:
    """The runs that hold something; a line's end and the indent after it are never marked."""
    pieces = ((piece, one.only_here) for one in words for piece in re.split(r"(\s*\n\s*)", one.text))
    return tuple(Words(text, marked and not text.isspace()) for text, marked in pieces if text)
