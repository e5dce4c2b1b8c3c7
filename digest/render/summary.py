"""What a card says of a paper: the one or two sentences of its abstract that carry claim and result.

Rule 1: sentences are taken whole and in the abstract's order; nothing is rewritten, so nothing is claimed that the
        authors did not write.
Rule 2: a sentence that leans on what was left out ("However", "This") opens no summary, and follows only the
        sentence that it followed.
Rule 3: the same abstract gives the same summary; better none than a torn one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations

from digest.render import cues
from digest.render.excerpt import Length, clean, count_words
from digest.render.sentences import is_balanced, sentences

#: Shorter sentences ("Results.", "Code: here.") say nothing; only so many of a text are weighed.
SHORTEST, MOST = 5, 40
#: With fewer words than this a reader is left guessing.
ENOUGH = 25
#: A summary a little too long is better than half of one.
SLACK = 1.4


@dataclass(frozen=True, kw_only=True)
class _Weighed:
    """One sentence of an abstract, and what it is worth to a reader."""

    #: Its place in the abstract.
    at: int
    text: str
    words: int
    #: How surely it says what the authors did or claim, and what came of it.
    claim: float
    result: float
    #: What speaks against it: background, detail, outlook, and a little for coming late.
    loss: float
    #: It needs the very sentence before it; it needs any before it; it is better with the one that it answers.
    leaning: bool
    adding: bool
    answering: bool

    # Asked of every pair in which it stands.

    @cached_property
    def opens(self) -> bool:
        """Whether a summary may begin with it."""
        return not (self.leaning or self.adding)

    @cached_property
    def tells(self) -> float:
        """What it is worth, wherever it stands."""
        return self.claim + self.result - self.loss

    @cached_property
    def opening(self) -> float:
        """What it costs to open a summary with it: it answers what nobody said, or it says why, and not what."""
        motivates = not self.claim and (self.result < 2 or self.loss > 1.5)
        return 1.5 * self.answering + 2.0 * motivates


@lru_cache(maxsize=4096)  # editions of one week, and all languages, have most of their papers in common
def summary(abstract: str, length: Length) -> str:
    """One or two whole sentences, aimed at 25 to 45 words; empty if there is no abstract, or none that fits.

    Never more than two: what `Rights.EXCERPT` allows. Below the full length it is one.
    """
    texts = list(sentences(clean(abstract)))[:MOST]
    said = list(_weighed(texts))
    choices: list[tuple[_Weighed, ...]] = [(one,) for one in said if one.opens]
    if length is Length.FULL:
        choices += [pair for pair in combinations(said, 2) if _may_follow(*pair)]
    fitting = [choice for choice in choices if sum(one.words for one in choice) <= length * SLACK]
    whole = [choice for choice in fitting if len(choice) == len(texts)]
    best = max(whole or fitting, key=lambda choice: _worth(choice, length), default=())
    return " ".join(one.text for one in best)


def _may_follow(first: _Weighed, second: _Weighed) -> bool:
    """Whether the two read as one text, of which nothing is missing at its start."""
    return first.opens and (second.at == first.at + 1 or not second.leaning)


def _worth(choice: tuple[_Weighed, ...], length: Length) -> tuple[float, int]:
    """How much a reader learns; of two that tell as much, the earlier."""
    first, second = choice[0], choice[1] if len(choice) == 2 else None
    worth, words = first.tells - first.opening, first.words
    if second:
        worth += second.tells
        words += second.words
        apart = second.at != first.at + 1
        answered = first.claim > 2 and second.result > 2  # what they did, and what came of it
        worth += 2.0 * answered - 0.5 - 0.5 * apart - 1.0 * (apart and second.answering)
    worth -= 0.2 * max(0, min(ENOUGH, length) - words) + 0.1 * max(0, words - length)
    return worth, -first.at


def _weighed(texts: list[str]) -> Iterator[_Weighed]:
    """The sentences that may stand on a card at all."""
    claimed = False
    for at, text in enumerate(texts):
        words, low = count_words(text), text.lower()
        if words < SHORTEST or cues.POINTER.search(low) or not _is_whole(text, texts):
            continue
        strong = bool(cues.STRONG.search(low))
        claim, result = _claim(text, low, strong * (1.0 if claimed else 4.0)), _result(text, low)
        claimed = claimed or strong
        yield _Weighed(
            at=at,
            text=text,
            words=words,
            claim=claim,
            result=result,
            loss=_loss(low, at, tells=bool(claim) or result > 3),
            leaning=bool(cues.CONNECTIVE.search(low) or (at and cues.POINTS_BACK.search(low))),
            adding=bool(cues.ADDING.search(low)),
            answering=bool(cues.ANSWERING.search(low)),
        )


def _is_whole(text: str, texts: list[str]) -> bool:
    """Whether it begins and ends as sentences do, with no bracket or quote left open.

    The last of a text that was cut is not; without any mark at its end nobody knows, unless it is all there is.
    """
    ends = bool(cues.ENDS_WELL.search(text)) or len(texts) == 1
    cut = text is texts[-1] and bool(cues.CUT.search(text))
    quotes = text.count('"') % 2 == 0 and text.count("“") == text.count("”")
    return ends and not cut and quotes and is_balanced(text) and not cues.STARTS_BADLY.match(text)


def _claim(text: str, low: str, strong: float) -> float:
    claim = 2.5 * bool(cues.CLAIM.search(low)) + strong
    return max(0.0, claim + 1.0 * bool(cues.NAMED.search(text)) - 1.0 * bool(cues.WEAK.search(low)))


def _result(text: str, low: str) -> float:
    figures = len(cues.FIGURE.findall(text))
    compared = figures and cues.COMPARED.search(low)
    return 2.5 * bool(cues.RESULT.search(low)) + 0.8 * min(figures, 2) + 1.0 * bool(compared)


def _loss(low: str, at: int, *, tells: bool) -> float:
    """A sentence that tells something is forgiven half of its background; one that opens an abstract rarely does."""
    background = (0.8 if tells else 1.6) * min(len(cues.BACKGROUND.findall(low)), 3)
    opening = 1.6 * (at == 0 and not tells)
    return (
        background
        + opening
        + 1.2 * bool(cues.DETAIL.search(low))
        + 3.0 * bool(cues.OUTLOOK.search(low))
        + 0.05 * at
    )
