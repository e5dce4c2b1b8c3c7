"""A copy of the mail is changed as little as a look asks for, and nothing in a look can break out of it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.preview.look import PLAIN, WIDTHS, Look, Mode, copy, is_selector, linear

MAIL = (
    "<!DOCTYPE html><html><head><title>T</title><style>@media (prefers-color-scheme: dark) { p { color: #fff } }</style>"
    '</head><body style="color:#111"><table role="presentation" width="600"><tr><td bgcolor="#ffffff" class="x">'
    '<p>One &lt;b&gt; <a href="https://example.org/?a=1&amp;b=2">two</a></p><img src="https://example.org/i.png" alt="three">'
    "</td></tr></table></body></html>"
)


def the_looks() -> st.SearchStrategy[Look]:
    return st.builds(
        Look,
        width=st.none() | st.integers(240, 2000),
        mode=st.sampled_from(Mode),
        images=st.booleans(),
        styles=st.booleans(),
        mark=st.text(),
    )


@given(the_looks())
def test_a_look_is_read_back_from_its_address(look: Look) -> None:
    assert Look.read(look.query) == look


@given(st.dictionaries(st.sampled_from(("width", "mode", "images", "css", "mark")), st.text()))
def test_any_address_is_some_look(query: dict[str, str]) -> None:
    look = Look.read(query)
    assert all(240 <= width <= 2000 for width in look.widths)


def test_side_by_side_is_every_width() -> None:
    assert Look.read({"width": "all"}).widths == WIDTHS == (320, 375, 414, 600, 768, 1024)


@pytest.mark.parametrize(
    ("mode", "feature", "scheme"),
    [
        (Mode.LIGHT, "(max-width:0)", "light"),
        (Mode.DARK, "(min-width:0)", "dark"),
        (Mode.INVERTED, "(max-width:0)", "light"),
    ],
)
def test_a_mode_decides_the_theme_that_the_mail_asks_for(mode: Mode, feature: str, scheme: str) -> None:
    made = copy(MAIL, PLAIN.but(mode=mode))
    assert f"@media {feature} " in made
    assert f":root{{color-scheme:{scheme} !important}}" in made
    assert ("invert(" in made) is (mode is Mode.INVERTED)
    assert made.partition("</head>")[2] == MAIL.partition("</head>")[2]


def test_every_mode_names_its_clients_and_the_imitation_says_that_it_is_one() -> None:
    assert all(mode.clients.endswith(".") for mode in Mode)
    assert "approximation" in Mode.INVERTED.clients


@pytest.mark.parametrize(
    "selector",
    [
        "h2",
        "html > body > div:nth-of-type(2) > table:nth-of-type(1) > tbody:nth-of-type(1)",
        r"o\:p:nth-of-type(1)",
        '[data-paper="arxiv:8001.00001"]',
    ],
)
def test_a_selector_gets_an_outline(selector: str) -> None:
    assert is_selector(selector)
    assert f"{selector}{{outline:" in copy(MAIL, PLAIN.but(mark=selector))


@pytest.mark.parametrize("mark", ["", "p{} body", "p}</style><script>", "@import url(x)", "a;b", "</head>"])
def test_what_could_end_the_rule_is_no_selector(mark: str) -> None:
    assert copy(MAIL, PLAIN.but(mark=mark)) == copy(MAIL, PLAIN)


@given(st.text())
def test_a_mark_never_adds_an_element(mark: str) -> None:
    assert tags(copy(MAIL, PLAIN.but(mark=mark))) == tags(copy(MAIL, PLAIN))


def test_without_style_the_texts_links_and_alternatives_stay_in_order() -> None:
    made = linear(MAIL)
    assert "prefers-color-scheme" not in made
    for gone in ("bgcolor", "class=", "width=", "<table", "<td", "style="):
        assert gone not in made.partition("<html>")[2]
    order = [
        made.index(text)
        for text in ("One &lt;b&gt; ", "https://example.org/?a=1&amp;b=2", ">two<", 'alt="three"')
    ]
    assert order == sorted(order)


def tags(html: str) -> list[str]:
    found: list[str] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, _: found.append(tag)  # type: ignore[method-assign]
    reader.feed(html)
    return found
