"""Somebody works on the templates, with the preview open in Chromium beside."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from digest.cli.starting import DEMO_NOW
from digest.model import DeliveryKind
from digest.preview.fixtures import fixtures
from digest.preview.look import WIDTHS
from digest.preview.views import View


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 700})
    page.set_default_timeout(10_000)
    yield page
    page.close()


def heading(page: Page) -> str:
    return page.frame_locator("iframe >> nth=0").locator("h1").inner_text()


def test_an_open_page_shows_a_template_as_it_is_changed(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1?view=html")
    assert heading(page) == "Daily Digest"
    with page.expect_navigation():
        desk.edit("frame.html", "{{ brand.name }}</h1>", "Changed: {{ brand.name }}</h1>")
    assert heading(page) == "Changed: Daily Digest"


def test_an_open_page_shows_the_style_of_the_mail_as_it_is_changed(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1")
    with page.expect_navigation():
        desk.edit("style.css", ".name { margin: 0 0 4px; color: #1c1917", ".name { margin: 0; color: #aa0000")
    title = page.frame_locator("iframe >> nth=0").locator("h1")
    expect(title).to_have_css("color", "rgb(170, 0, 0)")


def test_an_open_page_shows_the_configuration_as_it_is_changed(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1")
    with page.expect_navigation():
        text = desk.configuration.read_text().replace('name = "Daily Digest"', 'name = "Paper Post"', 1)
        desk.configuration.write_text(text)
    assert heading(page) == "Paper Post"


def test_reloading_keeps_the_open_view_and_where_it_is_scrolled_to(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1?view=text")
    page.evaluate("scrollTo(0, 500)")
    with page.expect_navigation():
        desk.edit("style.css", "#1c1917", "#1c1918")
    expect(page.get_by_role("region", name="Text of the message")).to_be_visible()
    assert page.evaluate("[location.search, scrollY]") == ["?view=text", 500]


def test_reloading_keeps_where_the_frames_are_scrolled_to(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1?width=all")
    frames = page.frames[1:]
    for frame in frames:
        frame.evaluate("scrollTo(0, 240)")
    with page.expect_navigation():
        desk.edit("style.css", "#1c1917", "#1c1918")
    assert [frame.evaluate("scrollY") for frame in page.frames[1:]] == [240] * 6


def test_a_broken_template_is_named_beside_the_last_good_rendering_until_it_is_mended(
    desk, page: Page
) -> None:
    page.goto(f"{desk.url}/digests/1?mode=dark")
    with page.expect_navigation():
        desk.edit("card.html", "{{ card.authors }}", "{{ card.writers }}")
    broken = page.get_by_role("region", name="A template is broken")
    expect(broken).to_be_visible()
    assert "/templates/card.html:" in broken.inner_text()
    assert "no attribute 'writers'" in broken.inner_text()
    assert "card.writers" in broken.locator("mark").inner_text()
    assert heading(page) == "Daily Digest"
    assert page.url.endswith("?mode=dark")
    with page.expect_navigation():
        desk.mend()
    expect(broken).to_be_hidden()
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
    assert any(url.startswith(f"{desk.url}/digests/{hostile}/html?of=") for url in answered)
    assert all(url.startswith(desk.url) for url in answered)


def test_frames_are_sandboxed_without_scripts_at_every_width(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/1?width=all")
    frames = page.locator("iframe").all()
    assert {frame.get_attribute("sandbox") for frame in frames} == {"allow-same-origin"}
    assert [frame.evaluate("inner => inner.clientWidth") for frame in frames] == [*WIDTHS]


def test_a_frame_is_dragged_to_another_width(desk, page: Page) -> None:
    page.goto(f"{desk.url}/fixtures/one?width=414")
    frame = page.locator("iframe")
    frame.scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    box = frame.bounding_box()
    assert box
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    page.mouse.move(right - 5, bottom - 5)
    page.mouse.down()
    page.mouse.move(right + 100, bottom - 5, steps=5)
    page.mouse.up()
    assert frame.evaluate("inner => inner.clientWidth") > 480


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("mode", "ground"),
    [("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 21, 20)"), ("inverted", "rgb(255, 255, 255)")],
)
def test_the_mode_decides_the_colours_of_the_mail_and_not_the_theme_of_whoever_looks(
    desk, browser: Browser, theme: str, mode: str, ground: str
) -> None:
    context = browser.new_context(color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{desk.url}/fixtures/one?mode={mode}")
    frame = page.frames[1]
    assert frame.evaluate("getComputedStyle(document.body).backgroundColor") == ground
    inverted = frame.evaluate("getComputedStyle(document.documentElement).filter") != "none"
    assert inverted is (mode == "inverted")
    context.close()


def test_the_modes_are_switched_by_links_and_name_their_clients(desk, page: Page) -> None:
    page.goto(f"{desk.url}/fixtures/one?width=375")
    page.get_by_role("link", name="Authored dark").click()
    expect(page.get_by_text("Apple Mail")).to_be_visible()
    expect(page.frame_locator("iframe").locator("body")).to_have_css("background-color", "rgb(22, 21, 20)")
    page.get_by_role("link", name="Forced inversion").click()
    expect(page.get_by_text("An approximation")).to_be_visible()
    assert page.locator("iframe").evaluate("inner => inner.clientWidth") == 375


def test_a_finding_leads_to_its_element(desk, page: Page) -> None:
    page.goto(f"{desk.url}/fixtures/normal?view=findings")
    page.get_by_role("link", name="Show the element").first.click()
    title = page.frame_locator("iframe").locator("h2").first
    expect(title).to_have_css("outline-style", "solid")
    expect(title).to_be_in_viewport()


def test_links_of_a_message_do_not_leave_the_page(desk, page: Page) -> None:
    page.goto(f"{desk.url}/digests/{desk.delivery(DeliveryKind.CONFIRM)}")
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.frame_locator("iframe >> nth=0").get_by_role("link", name="Confirm this subscription").click()
    page.wait_for_timeout(200)
    assert page.url.startswith(desk.url)
    assert len(page.context.pages) == 1
    assert not any("/confirm/" in url for url in asked)


def test_everything_is_reached_by_tab_without_a_script(desk, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 812})
    page = context.new_page()
    page.goto(f"{desk.url}/fixtures/quiet")
    tabbed = []
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() == 0:
            break
        assert focused.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
        tabbed.append(focused.evaluate("one => one.getAttribute('href') ?? one.tagName"))
        if tabbed[-1] == "IFRAME":
            break
    reachable = page.locator("a:visible, button:visible, input:visible").count()
    assert len([one for one in tabbed if one != "IFRAME"]) >= reachable
    assert {"/matrix", "/fixtures/normal", "/fixtures/quiet?view=source", "/fixtures/quiet?mode=dark"} <= {
        *tabbed
    }
    page.get_by_role("link", name="Source").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Raw")).to_be_visible()
    expect(page.locator("#show-keys")).to_be_hidden()
    context.close()


def test_keys_lead_from_message_to_message_and_from_view_to_view(desk, page: Page) -> None:
    first, second = (one.name for one in fixtures()[:2])
    page.goto(f"{desk.url}/fixtures/{first}")
    for key, address in (
        ("j", f"/fixtures/{second}"),
        ("2", f"/fixtures/{second}?view=text"),
        ("1", f"/fixtures/{second}"),
        ("d", f"/fixtures/{second}?mode=dark"),
        ("]", f"/fixtures/{second}?width=768&mode=dark"),
        ("f", f"/fixtures/{second}?width=768&mode=inverted"),
        ("ArrowLeft", f"/fixtures/{first}"),
        ("m", "/matrix"),
        ("i", "/"),
    ):
        page.keyboard.press(key)
        page.wait_for_url(desk.url + address, wait_until="domcontentloaded")


def test_the_keys_are_told_and_typing_is_left_alone(desk, page: Page) -> None:
    page.goto(f"{desk.url}/fixtures/one")
    page.keyboard.press("?")
    overlay = page.get_by_role("dialog", name="Keys")
    expect(overlay).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(overlay).to_be_hidden()
    page.locator("#width").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("5")
    page.wait_for_timeout(200)
    assert page.url == f"{desk.url}/fixtures/one"


PAGES = (
    "/",
    "/matrix",
    *(f"/fixtures/normal?view={view}" for view in View),
    "/fixtures/normal?width=all",
    "/nothing",
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_pass_axe(desk, browser: Browser, theme: str) -> None:
    axe = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    # The policy of the pages lets no foreign script in, so axe comes past it.
    context = browser.new_context(
        color_scheme=theme, bypass_csp=True, viewport={"width": 1280, "height": 900}
    )  # type: ignore[arg-type]
    page = context.new_page()
    found = {}
    for path in PAGES:
        page.goto(desk.url + path)
        page.evaluate(axe)
        # What is in the frames is the mail's, and checked by the checker.
        result = page.evaluate(
            "axe.run({ exclude: ['iframe'] }, { resultTypes: ['violations'], iframes: false })"
        )
        for one in result["violations"]:
            found[path, one["id"]] = [node["html"][:120] for node in one["nodes"][:3]]
    assert found == {}
    context.close()


@pytest.mark.parametrize("width", [375, 1280])
def test_no_page_is_wider_than_the_window_or_lacks_its_landmarks(desk, browser: Browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 812})
    failed: list[str] = []
    page.on("console", lambda said: failed.append(said.text) if said.type == "error" else None)
    subscriber = f"/subscribers/{desk.subscribers()[0].id}?at={DEMO_NOW:%Y-%m-%dT%H:%M:%SZ}"
    for path in (subscriber, "/digests/1", *(one for one in PAGES if one != "/nothing")):
        page.goto(desk.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert [page.locator(name).count() for name in ("main", "header", "h1")] == [1, 1, 1], path
    assert failed == []
    page.close()
