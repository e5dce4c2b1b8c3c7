"""Both sides of a comparison are their texts again, and what is marked is what differs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.preview.compare import Row, compared

LINES = st.lists(
    st.sampled_from(("One paper.", "Two papers, one new.", "", "A line\twith a tab")), max_size=8
).map("\n".join)


def side(rows: tuple[Row, ...], name: str) -> str:
    cells = [
        "".join(word.text for word in getattr(row, name)) for row in rows if getattr(row, name) or row.same
    ]
    return "\n".join(cells)


@given(LINES, LINES)
def test_each_side_is_its_text_again(left: str, right: str) -> None:
    rows = compared(left, right)
    assert "".join(side(rows, "left").split()) == "".join(left.split())
    assert "".join(side(rows, "right").split()) == "".join(right.split())


@given(LINES)
def test_a_text_beside_itself_has_nothing_marked(text: str) -> None:
    assert all(row.same for row in compared(text, text))


def test_only_the_words_that_differ_are_marked() -> None:
    (row,) = compared("Two papers today.", "Two papers and more today.")
    assert [word.text for word in row.left if word.only_here] == []
    assert [word.text for word in row.right if word.only_here] == ["and more "]


def test_a_line_that_only_one_has_stands_alone() -> None:
    first, second, third = compared("a\nb\nc", "a\nc")
    assert (first.same, third.same) == (True, True)
    assert [word.text for word in second.left] == ["b"]
    assert second.right == ()


def test_line_ends_and_indents_are_not_marked() -> None:
    (row,) = compared("old words\n    over lines", "quite other\n    things here")
    assert [word.text for word in row.left if word.only_here and word.text.isspace()] == []
