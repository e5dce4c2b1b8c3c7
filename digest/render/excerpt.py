"""Choosing from a paper's text without breaking it: sentences, summaries, short titles, wrapped lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

from digest.model import Rights

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

_ABBREVIATIONS = frozenset(
    word
    for line in (
        "al approx appx ca cf ch dr e.g eq eqn eqs etc fig figs i.e i.i.d inc jr mr mrs ms no nos p pp prof",
        "ref refs resp sec sect sr st tab u.s viz vol vs w.r.t",
    )
    for word in line.split()
)
_END = re.compile("[.!?…]+[\"'”’)\\]]*(?=\\s+[^\\s])|[。！？]+[」』”]*(?=.)")  # noqa: RUF001 (CJK sentence ends)
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
_CONTRAST = re.compile(r"(However|But|Yet|Nevertheless|Nonetheless|Still|Moreover|Furthermore)\b,?\s*")


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
    wide = sum(len(word) == 1 and _columns(word) == 2 for word in words)
    return len(words) - wide + (wide + 1) // 2


def sentences(text: str) -> Iterator[str]:
    """The sentences of a clean text; in doubt two stay together ("Fig. 3", "et al.", inside brackets)."""
    start = 0
    for end in _END.finditer(text):
        if _is_border(text, start, end):
            yield text[start : end.end()].strip()
            start = end.end()
    if rest := text[start:].strip():
        yield rest


def _is_border(text: str, start: int, end: re.Match[str]) -> bool:
    following = text[end.end() :].lstrip()[:1]
    if not _balanced(text[start : end.end()]):
        return False
    if end[0][0] != ".":
        return not following.islower()
    before = text[start : end.start()].rpartition(" ")[2].lstrip("([“\"'")
    initial = len(before) == 1 and before.isupper()
    return not (initial or before.lower() in _ABBREVIATIONS or following.islower())


def _balanced(text: str) -> bool:
    return all(text.count(left) <= text.count(right) for left, right in _PAIRS.items())


def summary(abstract: str, rights: Rights, length: Length) -> str:
    """The first sentences that fit, whole; a first one that is far too long is shortened.

    A summary does not open by contradicting what it left out. Texts with EXCERPT rights give two sentences
    at most. Empty if there is no abstract or no room.
    """
    said = list(sentences(clean(abstract)))
    while len(said) > 1 and _CONTRAST.match(said[0]):
        said.pop(0)
    if not said or length is Length.NONE:
        return ""
    first = _CONTRAST.sub("", said[0], count=1)
    # Up to half as long again: better than a cut.
    chosen = [(first[:1].upper() + first[1:]) if first != said[0] else first]
    if count_words(chosen[0]) > length * 3 // 2:
        return shortened(chosen[0], _place_of_word(chosen[0], length))
    most = 2 if rights is Rights.EXCERPT else len(said)
    for sentence in said[1:most]:
        if count_words(" ".join([*chosen, sentence])) > length:
            break
        chosen.append(sentence)
    return " ".join(chosen)


def _place_of_word(text: str, number: int) -> int:
    """The offset at which that many words end."""
    ends = [word.end() for word in _WORD.finditer(text)]
    return ends[min(number, len(ends)) - 1]


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
    margin = " " * indent
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
