"""Try it, feedback, the archive and its papers in Chromium: clicked through without scripts, and looked at by axe."""

from __future__ import annotations

import datetime as dt
import importlib.resources
from urllib.parse import urlsplit

import pytest

from digest.links import Purpose
from digest.model import Opinion, Subject

PHONE, DESK = 375, 1280
AXE = "axe.run({ exclude: ['iframe'] }, { resultTypes: ['violations'], iframes: false })"


@pytest.fixture
def page(browser, request):
    """A window without scripts; what a page's policy blocks or a request loses fails the test."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": request.param, "height": 800})
    context.set_default_timeout(10_000)
    window, troubles = context.new_page(), []
    window.on("requestfailed", lambda failed: troubles.append(failed.url))
    window.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    yield window
    context.close()
    assert troubles == []


@pytest.mark.parametrize("page", [PHONE, DESK], indirect=True)
def test_a_stranger_tries_it_and_subscribes_with_the_same_wishes(site, page) -> None:
    name = f"tried{page.viewport_size['width']}"
    # A network of its own: all of these tests would be one's, and one signs up five times an hour.
    page.set_extra_http_headers({"X-Forwarded-For": f"203.0.113.{next(site.networks) % 256}"})
    page.goto(f"{site.url}/")
    page.get_by_role("link", name="try it", exact=True).click()
    page.get_by_label("What you work on").fill("video generation")
    page.get_by_role("button", name="Show my digest").click()
    page.frame_locator("iframe").get_by_text("matches “video generation”").first.wait_for()
    page.get_by_label("Your e-mail address").fill(f"{name}@example.org")
    site.clock.now += dt.timedelta(seconds=10)
    page.get_by_role("button", name="Subscribe").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Look into your inbox"
    assert [one.value for one in site.now(name).interests] == ["video generation"]


@pytest.mark.parametrize("page", [PHONE, DESK], indirect=True)
def test_a_reader_says_more_undoes_it_and_finds_the_rest_in_their_settings(site, page) -> None:
    reader = site.reader(f"says{page.viewport_size['width']}")
    paper = next(one.paper for one in site.day.store.editions.latest().papers if one.paper.authors)
    page.goto(site.day.links.of_reader(reader.reader, asked=True).feedback[paper.id])
    page.get_by_role("button", name="More: This paper").click()
    page.get_by_role("button", name="Undo").click()
    assert "Forgotten" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name=f"Less: {paper.authors[0]}").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Undo").wait_for()
    (said,) = site.day.store.opinions.of([reader.id])[reader.id]
    assert (said.opinion, said.subject, said.value) == (Opinion.LESS, Subject.AUTHOR, paper.authors[0])
    page.goto(site.url + site.path(Purpose.PREFERENCES, reader))
    page.wait_for_load_state("networkidle")  # the next digest in its frame
    page.get_by_role("button", name=f"Forget: {paper.authors[0]}").click()
    page.wait_for_load_state("networkidle")
    assert page.get_by_role("button", name="Forget").count() == 0


@pytest.mark.parametrize("page", [DESK], indirect=True)
def test_from_the_archive_to_a_paper_and_on_to_one_like_it(site, page) -> None:
    page.goto(f"{site.url}/archive")
    page.get_by_role("link", name="Thursday 16 April 2026").click()
    title = page.get_by_role("heading", level=2).first.inner_text()
    page.get_by_role("link", name=title).click()
    assert page.get_by_role("heading", level=1).inner_text() == title
    page.get_by_role("region", name="Papers like this").get_by_role("link").first.click()
    assert page.get_by_role("heading", level=1).inner_text() != title


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_pages_pass_axe_and_do_not_scroll_sideways(site, browser, scheme: str, width: int) -> None:
    axe = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    # The policy of the pages lets no foreign script in, so axe comes past it.
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    page, found = context.new_page(), []
    reader = site.reader(f"axe-{scheme}-{width}")
    paper = site.day.store.editions.latest().papers[0].paper
    feedback = urlsplit(site.day.links.of_reader(reader.reader, asked=True).feedback[paper.id]).path
    site.day.store.opinions.say(reader.id, Opinion.MORE, Subject.PAPER, paper.id, site.clock())
    paths = ("/", "/try", "/archive", "/archive?q=the", "/archive/2026-04-16", f"/papers/{paper.id}")
    preferences = site.path(Purpose.PREFERENCES, reader)
    own = ("/privacy", f"{preferences}/why", site.confirm_path(reader))
    for path in (*paths, *own, feedback, preferences, "previewed", "tried"):
        if path == "tried":
            page.goto(f"{site.url}/try")
            page.get_by_label("What you work on").fill("video")
            page.get_by_role("button", name="Show my digest").click()
            page.locator("iframe").wait_for()
        elif path == "previewed":
            page.get_by_label("How many papers").fill("3")
            page.get_by_role("button", name="Preview without saving").click()
            page.get_by_role("status").filter(has_text="Nothing is saved yet").wait_for()
            assert site.now(f"axe-{scheme}-{width}").papers == reader.papers
        else:
            page.goto(site.url + path)
        page.evaluate(axe)
        found += [(path, one["id"], one["nodes"][0]["html"]) for one in page.evaluate(AXE)["violations"]]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()
    assert found == []
