"""A hole is filled, once, by name, and by nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import RenderError
from digest.model import piece
from digest.model.content import said
from digest.render.holes import Fragment, escaped, mark

LINES = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))


def filled(fragment, **values):
    return said(fragment.fill({name: piece(value) for name, value in values.items()}))


@given(LINES, LINES, LINES, LINES)
def test_what_is_filled_in_stands_where_the_hole_was(before, between, value, other):
    fragment = Fragment.cut("t", before + mark("rank") + between + mark("why") + mark("rank"))

    assert filled(fragment, rank=value, why=other) == before + value + between + other + value


@pytest.mark.parametrize("values", [{}, {"rank": "1", "more": "2"}, {"more": "2"}])
def test_a_hole_left_over_or_a_value_without_one_is_an_error(values):
    with pytest.raises(RenderError, match=r"card\.html"):
        filled(Fragment.cut("card.html", f"a{mark('rank')}b"), **values)


def test_a_filled_value_is_not_searched_for_holes():
    assert filled(Fragment.cut("t", mark("rank")), rank=mark("rank")) == mark("rank")


def test_text_becomes_html_once():
    assert escaped("<a href='x'>\"&amp;\"</a>") == "&lt;a href=&#39;x&#39;&gt;&#34;&amp;amp;&#34;&lt;/a&gt;"
