"""A card says what a paper claims and found, in the authors' own sentences."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.ingest.text import readable
from digest.render.excerpt import Length, clean, count_words
from digest.render.sentences import is_balanced, sentences
from digest.render.summary import SLACK, summary

#: Invented abstracts; what a reader would mark in them stands between asterisks.
LABELLED = {
    "background first": """Cups fall. In recent years, falling cups have attracted growing attention. However,
        existing methods often catch them late. *We propose CupNet, a gripper that reads the rim of a cup before it
        moves and closes around it in one motion.* The gripper consists of two fingers and a camera. *On 400 falls,
        CupNet catches 91% of the cups, 12 points more than the best baseline, and breaks none.* Code is available at
        https://example.org/cupnet.""",
    "the claim names a gap": """Lakes are a key part of the carbon cycle. Their nights remain poorly understood. *To
        fill this gap, we present a decade of nightly measurements from 40 lakes on three continents, taken every ten
        minutes.* The buoys are cheap. *We find that lakes lose 34% of their heat between midnight and dawn, twice as
        much as models assume.* We hope that this paves the way for better models.""",
    "a theorem": """*We prove that every connected graph with n vertices and minimum degree d has a fold of length at
        most n/d, and that the bound is tight for every n divisible by d.* Folds were studied by Ng et al. in the
        case d = 2. The proof uses a charging argument.""",
    "a benchmark": """Can parrots do sums? Parrots are often tested on words only. *We introduce ParrotSum, a benchmark
        of 1,200 sums with up to five digits, recorded by 30 trained speakers in quiet rooms.* Specifically, each sum
        is spoken twice. *Of nine parrots, none solves more than 18% of the sums with a carry, while all of them solve
        those without.* The dataset and code are publicly available.""",
    "structured": """Background: Sleep loss is common among nurses. Methods: We asked 312 nurses in four wards for a
        year. *Results: Nurses who napped for 20 minutes made 31% fewer errors than those who did not, with no
        difference between wards.* *Conclusions: Short naps reduce errors on night shifts, and they cost a ward less
        than one hour of work a week.*""",
    "one sentence": """*A camera under the crown counts leaves to within 3 %.*""",
    "Chinese": """近年来，落杯问题受到广泛关注。*我们提出一种读取杯沿的抓取方法，在四百次下落中接住了百分之九十一的杯子。*\
*与最好的基线相比，成功率提高了十二个百分点。*""",
    "German": """Seen sind wichtig. *Wir zeigen, dass Seen nachts ein Drittel ihrer Wärme verlieren, doppelt so viel
        wie bisher angenommen, und dass der Verlust vom Wind kaum abhängt.*""",
}


@pytest.mark.parametrize("name", LABELLED)
def test_the_sentences_that_a_reader_would_mark_are_chosen(name):
    text = clean(LABELLED[name])
    marked = " ".join(clean(part) for part in re.findall(r"\*([^*]+)\*", text))

    assert summary(text.replace("*", ""), Length.FULL) == marked


@pytest.mark.parametrize(
    "opening",
    [
        "However,",
        "Moreover,",
        "Therefore,",
        "This",
        "It",
        "They",
        "In contrast,",
        "As a result,",
        "Thus,",
        "But",
    ],
)
def test_a_summary_never_opens_with_what_leans_on_a_sentence_left_out(opening):
    leaning = f"{opening} we propose a method that outperforms the baseline by 40% on all of the tasks."
    abstract = f"Cups fall from tables in every kitchen of the town. {leaning}"

    assert not summary(abstract, Length.FULL).startswith(opening)
    assert opening in {"This", "It", "They"} or summary(leaning, Length.FULL) == ""


@pytest.mark.parametrize(
    "pointer",
    [
        "Code is available at https://example.org/code.",
        "Our code, models and data are publicly available for all.",
        "We release all code and weights under an open licence.",
        "https://example.org/we-show-improved-results-by-40-percent",
        "The project page shows improved results.",
    ],
)
def test_where_something_can_be_downloaded_is_not_a_summary(pointer):
    assert summary(pointer, Length.FULL) == ""
    assert (
        summary(f"We catch 9 of 10 falling cups. {pointer}", Length.FULL) == "We catch 9 of 10 falling cups."
    )


@pytest.mark.parametrize(
    "torn",
    [
        "We show that the bound f(x = 3 holds for all x.",
        "We show that [the bound holds for every graph.",
        "We show what they call “a bound for every graph.",
        "We show that the bound holds for every graph and…",
    ],
)
def test_a_torn_sentence_is_never_shown(torn):
    assert summary(torn, Length.FULL) == ""


def test_below_the_full_length_one_sentence_stands_and_none_if_none_fits():
    abstract = " ".join(f"We show that thing number {n} has exactly ten words." for n in range(20))

    assert count_words(summary(abstract, Length.FULL)) in range(20, 46)
    assert count_words(summary(abstract, Length.SHORT)) == 10
    assert summary(abstract, Length.NONE) == ""
    assert summary("word " * 400, Length.FULL) == ""


SAID = st.lists(
    st.sampled_from(
        [
            "However, it often fails.",
            "We propose a net that catches cups.",
            "Nets (of rope. Or wire) reduce falls by 12%.",
            "They are cheap and quick to make.",
            "Therefore, 9 of 10 cups survive.",
            "See https://example.org for our code.",
            "An open ( bracket is a bad sign.",
            "本文提出一种方法。",
        ]
    ),
    max_size=9,
).map(" ".join)


@given(st.text(max_size=300) | SAID)
def test_every_summary_is_one_or_two_whole_sentences_in_their_order(abstract):
    for length in Length:
        assert_whole(abstract, summary(abstract, length), length)


def assert_whole(abstract: str, said: str, length: Length) -> None:
    """The contract, whatever the abstract is."""
    texts = list(sentences(clean(abstract)))
    assert count_words(said) <= length * SLACK
    assert is_balanced(said)
    assert not re.match(r"\W*(However|Moreover|Therefore|Furthermore|Thus|Hence|But)\b", said)
    assert "://" not in said
    places = [
        (i, j)
        for i, one in enumerate(texts)
        for j, two in enumerate(texts)
        if f"{one} {two}" == said and i < j
    ]
    assert not said or said in texts or places


#: "This" of "This paper" speaks of nothing that was left out.
BARE = re.compile(
    r"\W*(It|They|This|These)\b(?! (\w+ )?(paper|work|study|article|survey|report|thesis|letter|note|review|research)\b)"
)


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_the_captured_abstracts_have_whole_summaries_of_the_length_that_is_aimed_at(shared: Path, every: int):
    days = sorted((shared / "feeds/arxiv-daily-jsonl").glob("*.jsonl"))
    lines = [line for day in days for line in day.read_text("utf-8").splitlines()][::every]
    abstracts = [readable(json.loads(line)["summary"]) for line in lines]
    said = [summary(abstract, Length.FULL) for abstract in abstracts]

    assert len(said) > 1000
    for abstract, one in zip(abstracts, said, strict=True):
        assert_whole(abstract, one, Length.FULL)
        assert not BARE.match(one) or clean(abstract).startswith(one[:20]), one
    words = [count_words(one) for one in said]
    assert sum(not one for one in said) <= len(said) / 1000
    assert sum(20 <= n <= 55 for n in words) > 0.8 * len(words)
