"""A reader's whole story in Chromium: with scripts and without, on a phone and on a desk, by keyboard alone."""

from __future__ import annotations

import datetime as dt
import importlib.resources
from urllib.parse import urlsplit

import pytest

from digest.links import Purpose
from digest.model import InterestKind, Opinion, Subject, SubscriberState

PHONE, DESK = 375, 1280
AXE = "axe.run({ exclude: ['iframe'] }, { resultTypes: ['violations'], iframes: false })"


@pytest.fixture
def page(browser, request):
    """A fresh window; what a page's policy blocks or a request loses fails the test."""
    width, scripts = request.param
    context = browser.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 800})
    context.set_default_timeout(20_000)
    window = context.new_page()
    troubles: list[str] = []
    aborted = "net::ERR_ABORTED"  # a preview that the next one took the place of
    window.on(
        "requestfailed",
        lambda failed: failed.failure == aborted or troubles.append(f"{failed.url} {failed.failure}"),
    )
    window.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    window.on("pageerror", lambda error: troubles.append(str(error)))
    yield window
    context.close()
    assert troubles == []


@pytest.mark.parametrize("page", [(PHONE, True), (PHONE, False), (DESK, True), (DESK, False)], indirect=True)
def test_subscribe_confirm_tune_preview_give_feedback_and_leave(site, page, request) -> None:
    name = f"story-{request.node.callspec.id}"
    # A network of its own: all of these tests would be one's, and one signs up five times an hour.
    page.set_extra_http_headers({"X-Forwarded-For": f"203.0.113.{next(site.networks) % 256}"})
    page.goto(f"{site.url}/")
    page.get_by_label("Your e-mail address").fill(f"{name}@example.org")
    site.clock.now += dt.timedelta(seconds=5)  # nobody is faster
    page.get_by_role("button", name="Subscribe").click()
    page.goto(site.url + site.linked(site.mails(name)[0][1], Purpose.CONFIRM))
    page.get_by_role("button", name="Confirm my subscription").click()
    assert "Your first digest comes" in page.get_by_role("status").first.inner_text()

    page.get_by_label("Topics").fill("auctions and equilibria")
    page.get_by_label("Authors you follow").fill("Ada Author")
    page.get_by_label("How many papers").fill("3")
    page.get_by_role("button", name="Preview without saving").click()
    sight = page.get_by_role("region", name="Your next digest, as it would be now")
    sight.get_by_role("status").filter(has_text="Nothing is saved yet").wait_for()
    page.frame_locator("iframe").get_by_text("matches “auctions and equilibria”").first.wait_for()
    assert site.now(name).interests == ()

    page.get_by_role("button", name="Save").click()
    page.get_by_role("status").filter(has_text="Saved.").wait_for()
    reader = site.now(name)
    assert [one.value for one in reader.asked(InterestKind.AUTHOR)] == ["Ada Author"]
    paper = next(one.paper for one in site.day.store.editions.latest().papers if one.paper.authors)
    page.goto(site.day.links.of_reader(reader.reader, asked=True).feedback[paper.id])
    page.get_by_role("button", name=f"Never again: {paper.authors[0]}").click()
    page.get_by_role("button", name="Undo").wait_for()
    (said,) = site.day.store.opinions.of([reader.id])[reader.id]
    assert (said.opinion, said.subject) == (Opinion.MUTE, Subject.AUTHOR)

    page.goto(site.url + site.path(Purpose.PREFERENCES, reader))
    assert page.locator("#muted").input_value() == paper.authors[0]
    page.locator("main > .leave").get_by_role("link", name="Unsubscribe").click()
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("heading", name="You are unsubscribed").wait_for()
    assert site.now(name).state is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("page", [(DESK, True)], indirect=True)
def test_the_preview_follows_what_is_typed_and_says_what_is_wrong(site, page) -> None:
    reader = site.reader("types", interests=())
    page.goto(site.url + site.path(Purpose.PREFERENCES, reader))
    sight = page.get_by_role("region", name="Your next digest, as it would be now")
    page.locator("#interests").press_sequentially("auctions and equilibria", delay=20)
    page.frame_locator("iframe").get_by_text("matches “auctions and equilibria”").first.wait_for()
    assert page.locator(":focus").get_attribute("id") == "interests"
    page.locator("#interests").fill("auctions=1000")
    sight.get_by_role("status").filter(has_text="The weight of an interest is above 0").wait_for()
    page.locator("#interests").fill("video generation")
    page.frame_locator("iframe").get_by_text("matches “video generation”").first.wait_for()
    assert site.now("types") == reader


FOCUS = """(() => {
  const one = document.activeElement;
  return [one.name || one.innerText, getComputedStyle(one).outlineStyle];
})()"""


@pytest.mark.parametrize("page", [(PHONE, False), (DESK, True)], indirect=True)
def test_the_settings_are_tuned_by_keyboard_alone(site, page, request) -> None:
    name = f"keys-{request.node.callspec.id}"
    page.goto(site.url + site.path(Purpose.PREFERENCES, site.reader(name)))
    page.locator("#interests").focus()
    typed = {"interests": "video generation", "muted": "Loud Author", "papers": "12"}
    order: list[str] = []
    for _ in range(40):
        focused, outline = page.evaluate(FOCUS)
        if focused == "Save":
            break
        if [focused] != order[-1:]:
            order.append(focused)
            assert outline == "solid", order
            if text := typed.get(focused):
                page.keyboard.press("Control+A")
                page.keyboard.type(text)
        page.keyboard.press("Tab")
    assert order == [
        *("interests", "about", "categories", "authors", "more", "file", "excludes", "muted"),
        *("rhythm", "days", "weekday", "send_at", "timezone", "paused_until"),
        *("papers", "language", "format"),
    ]
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="Saved.").wait_for()
    saved = site.now(name)
    assert (saved.papers, [one.value for one in saved.asked(InterestKind.PHRASE)]) == (
        12,
        ["video generation"],
    )
    assert [one.value for one in site.day.store.opinions.of([saved.id])[saved.id]] == ["Loud Author"]


@pytest.mark.parametrize("page", [(PHONE, True), (DESK, False)], indirect=True)
def test_what_is_wrong_is_said_where_the_focus_is(site, page, request) -> None:
    name = f"wrong-{request.node.callspec.id}"
    page.goto(site.url + site.path(Purpose.PREFERENCES, site.reader(name)))
    page.locator("#more").fill("no id")
    page.get_by_role("button", name="Save").click()
    said = page.get_by_role("alert")
    assert "An example is an arXiv id, a DOI or a link to one" in said.inner_text()
    assert said.evaluate("one => one === document.activeElement")
    assert page.locator("#more").input_value() == "no id"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_axe_finds_nothing_on_the_pages_of_a_reader(site, browser, scheme: str, width: int) -> None:
    axe = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    # The policy of the pages lets no foreign script in, so axe comes past it.
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    page, found = context.new_page(), []
    paper = site.day.store.editions.latest().papers[0].paper
    reader = site.reader(f"seen-{scheme}-{width}")
    site.post(
        site.path(Purpose.PREFERENCES, reader),
        {
            "rhythm": "weekly",
            "weekday": "mon",
            "more": paper.id,
            "muted": "Loud Author",
            "paused_until": "2026-12-24",
        },
    )
    waiting = site.reader(f"waits-{scheme}-{width}", state=SubscriberState.PENDING)
    left = site.reader(f"left-{scheme}-{width}", state=SubscriberState.UNSUBSCRIBED)
    feedback = urlsplit(site.day.links.of_reader(reader.reader, asked=True).feedback[paper.id]).path
    paths = (
        *(site.confirm_path(waiting), site.path(Purpose.CONFIRM, waiting, expires_at=site.clock.now)),
        *(site.path(Purpose.PREFERENCES, one) for one in (reader, waiting, left)),
        *(site.path(Purpose.UNSUBSCRIBE, reader), feedback, "/nowhere", "/papers/nothing", "/archive?q=%25"),
    )
    for path in paths:
        page.goto(site.url + path)
        page.evaluate(axe)
        found += [(path, one["id"], one["nodes"][0]["html"]) for one in page.evaluate(AXE)["violations"]]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.goto(site.url + site.path(Purpose.PREFERENCES, reader))
    page.locator("#more").fill("no id")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    page.evaluate(axe)
    found += [("refused", one["id"], one["nodes"][0]["html"]) for one in page.evaluate(AXE)["violations"]]
    context.close()
    assert found == []
