"""Operators dress their mails: single files, single blocks, colours, a logo and a line of their own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.config import Brand
from digest.errors import RenderError
from digest.render import Composer


def dressed(desk, tmp_path, brand=None, **files):
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_text(text, encoding="utf-8")
    composer = Composer(desk.site, tmp_path, brand)
    edition = desk.day()
    return composer.digest(desk.plan_of(edition, 2, 1), edition, desk.links)


def test_one_block_of_one_file_is_replaced_and_the_rest_stays(desk, tmp_path):
    block = "{% block meta %}<p>{{ holes.rank }}. of the day{{ holes.reasons }}</p>\n{% endblock %}"
    content = dressed(desk, tmp_path, card_html='{% extends "shipped/card.html" %}' + block)
    ours = desk.digest(desk.day(), 2, 1)

    assert "<p>1. of the day" in content.html
    assert "upvotes" not in content.html.partition("Also trending")[0]
    assert content.html.count("<h2") == ours.html.count("<h2")
    assert content.text == ours.text


def test_a_file_of_their_own_is_used_by_the_shipped_ones(desk, tmp_path):
    footer = '{% extends "shipped/frame.html" %}{% block footer %}{% block reason %}{% endblock %}<p>Ours.</p>{% endblock %}'
    content = dressed(desk, tmp_path, frame_html=footer)

    assert "<p>Ours.</p>" in content.html
    assert "hello@paperpost.org" not in content.html
    assert desk.links.unsubscribe in content.html


def test_the_brand_is_in_light_and_dark(desk, tmp_path):
    brand = Brand(
        accent="#7A1F5C",
        accent_dark="#ff9ad5",
        logo="https://digest.paperpost.org/logo.png",
        logo_width=80,
        footer="Run by & for <us>.",
    )
    content = dressed(desk, tmp_path, brand)

    assert "color:#7a1f5c" in content.html
    assert "#1d4ed8" not in content.html
    assert ".link { color: #ff9ad5 !important }" in content.html
    (logo,) = re.findall("<img [^>]*>", content.html)
    assert {'src="https://digest.paperpost.org/logo.png"', 'alt=""', 'width="80"'} <= set(logo.split())
    assert "Run by &amp; for &lt;us&gt;." in content.html
    assert "Run by & for <us>.\n" in content.text


@pytest.mark.parametrize(
    "escape",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ holes.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ shell.facts.__class__ }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(desk, tmp_path, escape):
    with pytest.raises(RenderError, match="SecurityError"):
        dressed(desk, tmp_path, shell_txt=escape)


@given(st.integers(0, 0xFFFFFF))
def test_a_colour_that_is_taken_can_be_read(number):
    from digest.config.values import LIGHT, contrast

    colour = f"#{number:06x}"
    if contrast(colour, LIGHT) >= 4.5:
        assert Brand(accent=colour).accent == colour
    else:
        with pytest.raises(ValueError, match="contrast"):
            Brand(accent=colour)
