"""What is taken from a paper's text is taken whole."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.render.excerpt import clean, shortened, wrapped


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


def test_pictures_stand_side_by_side_in_a_terminal_and_persian_words_keep_their_joints():
    assert wrapped("👩\u200d🔬 and ❤️\u200d🔥") == "👩🔬 and ❤️🔥"
    assert wrapped("می\u200cخواهم") == "می\u200cخواهم"
