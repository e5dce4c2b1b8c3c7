"""In a real browser no mail scrolls sideways, in no language, at no width, in light or dark."""

from __future__ import annotations

from dataclasses import replace

import pytest
from factories import a_listed, a_pick, a_plan

from digest.model import Edition

WIDTHS = (320, 375, 600, 1024)


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


def wide_words(desk, code):
    """A digest of what is hard to break: one endless word, a formula, a crowd, other scripts."""
    listed = (
        a_listed(1, title="Deoxyribonucleic" * 12, abstract="Word" * 80 + ". And a second sentence."),
        a_listed(2, title="大规模语言模型的稀疏路由" * 4, authors=("田中 花子",) * 9),
        a_listed(3, title="בינה מלאכותית עם LLM של 7B", categories=("x" * 60,)),
    )
    edition = Edition(id=1, published_at=listed[0].paper.first_seen, papers=listed)
    reader = replace(desk.reader(), language=code)
    plan = a_plan(edition=edition, reader=reader, picks=tuple(map(a_pick, listed)), also_trending=())
    return desk.composer.digest(plan, edition, desk.links)


@pytest.mark.parametrize("code", ["en", "de", "zh", "ar"])
def test_nothing_scrolls_sideways(desk, page, code):
    mails = [
        wide_words(desk, code),
        *(desk.note(kind, code) for kind in ("confirmation", "welcome", "report")),
    ]
    for mail in mails:
        page.set_content(mail.html)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_is_dark_and_light_is_light(desk, page):
    page.set_content(desk.digest(desk.day(), 3, 1).html)
    grounds = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert grounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 21, 20)"}


@pytest.mark.parametrize(("code", "side"), [("en", "left"), ("ar", "right")])
def test_lines_begin_where_the_language_begins_them(desk, page, code, side):
    page.set_viewport_size({"width": 600, "height": 800})
    plan = desk.plan_of(desk.day(), 2)
    plan = replace(plan, reader=replace(plan.reader, language=code))
    page.set_content(desk.composer.digest(plan, desk.day(), desk.links).html)
    box = page.locator("h1").evaluate(
        "h => { const r = document.createRange(); r.selectNodeContents(h); const b = r.getBoundingClientRect();"
        " return [b.left, innerWidth - b.right] }"
    )
    assert (box[0] < box[1]) == (side == "left")
