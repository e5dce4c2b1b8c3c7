"""Texts made to fit without breaking them: cleaned, counted, shortened, wrapped."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

# Control characters, lone surrogates, noncharacters, and the marks that turn the reading direction of what
# follows them (Unicode TR 36 section 2.6: text could be made to look like other text).
_UNREADABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(chr(plane + tail) for plane in range(0x1FFFE, 0x110000, 0x10000) for tail in (0, 1))
    + "]"
)
# Scripts written without spaces: a line or a title may end after any of their characters.
_WIDE = "\u2e80-\u2fdf\u3001-\u30ff\u3100-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff01-\uff60\U00020000-\U0003fffd"
_WORD = re.compile(f"[{_WIDE}]|[^\\s{_WIDE}]+")

# What joins pictures into one, such as a profession; a terminal shows them side by side, and columns are miscounted.
# Between letters it stays: there it decides how Persian and Indic words are written.
_JOINED_PICTURES = re.compile("(?<=[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d")

_PAIRS = {"(": ")", "[": "]", "{": "}", "“": "”", "⟨": "⟩", "（": "）", "「": "」"}  # noqa: RUF001 (CJK brackets)
# A title is not cut beside these, because a formula would be torn.
_OPERATORS = frozenset("=<>≤≥≪≫≈∼≃≡≠+-−–±×·∗*/∈∉⊂⊆⊃∪∩→←↔↦⇒∝∞∑∏∫√|^_")  # noqa: RUF001 (they are what is meant)
_WEAK_ENDS = frozenset(
    word
    for line in (
        "a an and as at by for from how in into is its of on or over the through to towards under using via",
        "when with without",
    )
    for word in line.split()
)


class Length(IntEnum):
    """How long a card may be, as the words of its summary: the first that lets a message fit is taken."""

    FULL = 45
    SHORT = 20
    NONE = 0


def clean(text: str) -> str:
    """The readable characters of a text on one line, single spaces between words."""
    return " ".join(_UNREADABLE.sub(" ", text).split())


def count_words(text: str) -> int:
    """Words to read; two characters of a script without spaces count as one."""
    words = _WORD.findall(text)
    if text.isascii():
        return len(words)
    wide = sum(len(word) == 1 and _columns(word) == 2 for word in words)
    return len(words) - wide + (wide + 1) // 2


def _balanced(text: str) -> bool:
    return all(text.count(left) <= text.count(right) for left, right in _PAIRS.items())


@lru_cache(maxsize=8192)
def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words with an ellipsis; never inside brackets or a formula.

    Empty if there is no such place.
    """
    if len(text) <= limit:
        return text
    words = list(_WORD.finditer(text, 0, limit + 1))
    for last, following in reversed(list(pairwise(words))):
        head = text[: last.end()]
        if last.end() < limit and _may_end(head, last[0], following[0]):
            return head.rstrip(",;:–—-. ") + "…"  # noqa: RUF001 (the dashes that titles use)
    return ""


def _may_end(head: str, last: str, following: str) -> bool:
    # A number may be waiting for its unit.
    torn = last[-1] in _OPERATORS or following[0] in _OPERATORS or re.fullmatch(r"[\d.,]+", last)
    return not torn and last.lower() not in _WEAK_ENDS and _balanced(head)


@lru_cache(maxsize=8192)
def wrapped(text: str, indent: int = 0, width: int = 72) -> str:
    """Lines of at most `width` columns, each indented; what has no border, such as a URL, is left whole."""
    margin, text = " " * indent, _JOINED_PICTURES.sub("", text)
    return "\n".join(margin + line for line in _lines(_WORD.finditer(text), width - indent)) or margin


def _lines(words: Iterable[re.Match[str]], width: int) -> Iterator[str]:
    line, used, end = "", 0, 0
    for word in words:
        gap = " " if word.start() > end and line else ""
        columns = _columns(word[0])
        if line and used + len(gap) + columns > width:
            yield line
            line, used, gap = "", 0, ""
        line, used, end = line + gap + word[0], used + len(gap) + columns, word.end()
    if line:
        yield line


def _columns(text: str) -> int:
    """How wide a terminal shows it (Unicode TR 11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
