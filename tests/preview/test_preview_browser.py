"""Somebody works on the templates, with the preview open in Chromium beside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from digest.cli.starting import DEMO_NOW
from digest.model import DeliveryKind


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 700})
    page.set_default_timeout(10_000)
    yield page
    page.close()


def heading(page: Page) -> str:
    return page.frame_locator("iframe >> nth=0").locator("h1").inner_text()


def test_an_open_page_shows_a_template_as_it_is_changed(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1#html")
    assert heading(page) == "Daily Digest"
    with page.expect_navigation():
        desk.edit("frame.html", "{{ brand.name }}</h1>", "Changed: {{ brand.name }}</h1>")
    assert heading(page) == "Changed: Daily Digest"


def test_an_open_page_shows_the_style_of_the_mail_as_it_is_changed(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1")
    with page.expect_navigation():
        desk.edit("style.css", ".name { margin: 0 0 4px; color: #1c1917", ".name { margin: 0; color: #aa0000")
    title = page.frame_locator("iframe >> nth=1").locator("h1")
    expect(title).to_have_css("color", "rgb(170, 0, 0)")


def test_an_open_page_shows_the_configuration_as_it_is_changed(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1")
    with page.expect_navigation():
        text = desk.configuration.read_text().replace('name = "Daily Digest"', 'name = "Paper Post"', 1)
        desk.configuration.write_text(text)
    assert heading(page) == "Paper Post"


def test_reloading_keeps_the_open_view_and_where_it_is_scrolled_to(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1#text")
    page.evaluate("scrollTo(0, 500)")
    with page.expect_navigation():
        desk.edit("style.css", "#1c1917", "#1c1918")
    expect(page.get_by_role("region", name="Text of the message")).to_be_visible()
    assert page.evaluate("[location.hash, scrollY]") == ["#text", 500]


def test_reloading_keeps_where_the_frames_are_scrolled_to(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1")
    frames = page.frames[1:]
    for frame in frames:
        frame.evaluate("scrollTo(0, 240)")
    with page.expect_navigation():
        desk.edit("style.css", "#1c1917", "#1c1918")
    assert [frame.evaluate("scrollY") for frame in page.frames[1:]] == [240, 240]


def test_a_broken_template_is_named_and_the_page_comes_back_when_it_is_mended(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1")
    with page.expect_navigation():
        desk.edit("card.html", "{{ card.authors }}", "{{ card.writers }}")
    expect(page.get_by_role("heading", name="A template is broken")).to_be_visible()
    assert "/templates/card.html:11" in page.locator("main").inner_text()
    assert "no attribute 'writers'" in page.locator("main").inner_text()
    with page.expect_navigation():
        desk.mend()
    assert heading(page) == "Daily Digest"


def test_no_script_of_a_hostile_abstract_runs_and_nothing_is_fetched(desk, page: Page) -> None:
    with_script = '{{ card.summary | safe }}<img src="https://tracker.example.org/x.png">'
    desk.edit("card.html", "{{ card.summary }}", with_script)
    answered: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    hostile = next(
        number
        for number in range(1, 10)
        if b"document.documentElement.dataset.owned" in desk.get(f"/digests/{number}/html")[2]
    )
    page.goto(f"{desk.url}/digests/{hostile}")
    for frame in page.frames[1:]:
        assert frame.evaluate("document.scripts.length") == 1
        assert frame.evaluate("document.documentElement.dataset.owned ?? 'safe'") == "safe"
    assert page.evaluate("document.documentElement.dataset.owned ?? 'safe'") == "safe"
    assert f"{desk.url}/digests/{hostile}/html" in answered
    assert all(url.startswith(desk.url) for url in answered)


def test_frames_are_sandboxed_without_scripts_at_both_widths(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1")
    frames = page.locator("iframe").all()
    assert {frame.get_attribute("sandbox") for frame in frames} == {"allow-same-origin"}
    assert [frame.evaluate("inner => inner.clientWidth") for frame in frames] == [375, 660]


def test_links_of_a_message_do_not_leave_the_page(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/{desk.delivery(DeliveryKind.CONFIRM)}")
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.frame_locator("iframe >> nth=0").get_by_role("link", name="Confirm this subscription").click()
    page.wait_for_timeout(200)
    assert page.url.startswith(desk.url)
    assert len(page.context.pages) == 1
    assert not any("/confirm/" in url for url in asked)


def test_the_views_are_chosen_by_keyboard_without_a_script(desk, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 812})
    page = context.new_page()
    page.goto(f"{desk.url}/digests/1")
    expect(page.get_by_role("heading", name="HTML", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Raw", exact=True)).to_be_hidden()
    for _ in range(6):
        page.keyboard.press("Tab")
    focused = page.locator(":focus")
    expect(focused).to_have_text("Raw")
    expect(focused).not_to_have_css("outline-style", "none")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Raw", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="HTML", exact=True)).to_be_hidden()
    context.close()


@pytest.mark.parametrize("width", [375, 1280])
def test_no_page_is_wider_than_the_window_or_lacks_its_landmarks(desk, browser: Browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 812})
    failed: list[str] = []
    page.on("console", lambda said: failed.append(said.text) if said.type == "error" else None)
    subscriber = f"/subscribers/{desk.subscribers()[0].id}?at={DEMO_NOW:%Y-%m-%dT%H:%M:%SZ}"
    views = [f"/digests/1#{view}" for view in ("html", "text", "headers", "raw")]
    for path in ("/", subscriber, *views):
        page.goto("about:blank")
        page.goto(desk.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert [page.locator(name).count() for name in ("main", "header", "h1")] == [1, 1, 1]
    assert failed == []
    page.close()
