"""What is taken from a paper's text is taken whole."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import Rights
from digest.render.excerpt import Length, clean, count_words, sentences, shortened, summary, wrapped


@pytest.mark.parametrize(
    "sentence",
    [
        "Fuller et al. 2019 and Ng et al. The latter is ours, e.g. in Fig. 3 and Sec. 2, i.e. at 3.5 eV vs. 4.1 eV.",
        "We thank J. R. Smith and Dr. Who for No. 5.",
        "It works (see below. Really. It does) on the U.S. grid.",
        "Let p(x. Y) = 1 hold.",
        "Version 2.0 is out!",
    ],
)
def test_a_point_inside_a_sentence_does_not_end_it(sentence):
    assert list(sentences(f"{sentence} Then we rest.")) == [sentence, "Then we rest."]


def test_sentences_of_scripts_without_spaces_are_found():
    assert list(sentences("我们提出一种方法。它更快。")) == ["我们提出一种方法。", "它更快。"]


@given(st.text(max_size=300).map(clean))
def test_no_sentence_is_lost(text):
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("opening", ["However, ", "But ", "Yet "])
def test_a_summary_does_not_open_with_a_contradiction(opening):
    assert summary(f"{opening}cups fall. We catch 9 of 10.", Rights.OPEN, Length.FULL) == "We catch 9 of 10."
    assert summary(f"{opening}cups fall.", Rights.OPEN, Length.FULL) == "Cups fall."


def test_a_summary_ends_at_a_sentence_within_its_length():
    abstract = " ".join(f"Sentence number {n} has exactly eight words here." for n in range(20))

    assert count_words(summary(abstract, Rights.OPEN, Length.FULL)) == 40
    assert count_words(summary(abstract, Rights.OPEN, Length.SHORT)) == 16
    assert summary(abstract, Rights.OPEN, Length.NONE) == ""


def test_a_first_sentence_that_never_ends_is_shortened():
    found = summary("word " * 400, Rights.OPEN, Length.FULL)

    assert found.endswith("…")
    assert count_words(found) <= 45


@given(st.text(max_size=400))
def test_summaries_are_never_long(text):
    assert count_words(summary(text, Rights.OPEN, Length.FULL)) <= 45 * 3 // 2


@pytest.mark.parametrize(
    ("title", "limit", "said"),
    [
        ("Sorting in O(n log n) time is easy", 18, "Sorting…"),
        ("Sums a = b hold for every c we know", 9, "Sums…"),
        ("Learning to plan with the help of small models", 38, "Learning to plan with the help…"),
        ("A 1.3 B model plans as well", 7, ""),
        ("short enough", 12, "short enough"),
    ],
)
def test_titles_are_cut_between_words_and_outside_formulas(title, limit, said):
    assert shortened(title, limit) == said


@given(st.text(max_size=300).map(clean), st.integers(1, 80))
def test_a_shortened_title_fits_and_is_a_beginning(text, limit):
    found = shortened(text, limit)

    assert len(found) <= limit
    assert text.startswith(found.removesuffix("…"))


@given(st.text(max_size=300).map(clean), st.integers(0, 8))
def test_wrapping_changes_nothing_but_the_spaces(text, indent):
    lines = wrapped(text, indent).split("\n")

    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line.startswith(" " * indent) for line in lines)


def test_wide_characters_take_two_columns():
    lines = wrapped("大规模语言模型的稀疏路由" * 20).split("\n")
    widths = [sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in line) for line in lines]

    assert max(widths) <= 72
    assert min(widths[:-1]) >= 70
