"""Leaving, coming back, moving and deleting in Chromium: with and without scripts, by mouse and keyboard, seen by axe."""

from __future__ import annotations

import datetime as dt
import importlib.resources

import pytest

from digest.links import Purpose
from digest.messages import address_url
from digest.model import Matter, SubscriberState

PHONE, DESK = 375, 1280
AXE = "axe.run(document, { resultTypes: ['violations'] })"


@pytest.fixture(params=[(PHONE, False), (PHONE, True), (DESK, False), (DESK, True)])
def page(browser, request):
    """A window, with scripts or without; what a page's policy blocks or a request loses fails the test."""
    width, scripts = request.param
    context = browser.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 800})
    context.set_default_timeout(10_000)
    window, troubles = context.new_page(), []
    # A download is told as a failed request for a page.
    window.on("requestfailed", lambda failed: failed.url.endswith(".json") or troubles.append(failed.url))
    window.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    yield window
    context.close()
    assert troubles == []


def press(page, name: str) -> None:
    """Find a button or link by the Tab key alone, and press Enter on it."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text() == name:
            assert page.locator(":focus").evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
            page.keyboard.press("Enter")
            return
    pytest.fail(f"not reached by keyboard: {name}")


def someone(site, page, what: str):
    """A reader of this window's own."""
    return site.reader(f"{what}{id(page)}")


def fresh(site, reader) -> str:
    expires_at = site.clock.now + dt.timedelta(minutes=30)
    return site.url + site.path(Purpose.MINE, reader, expires_at=expires_at)


def heading(page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def test_less_often_then_leaving_then_taking_it_back(site, page) -> None:
    reader = someone(site, page, "leaves")
    name = reader.address.partition("@")[0]
    page.goto(site.url + site.path(Purpose.UNSUBSCRIBE, reader))
    page.get_by_role("button", name="Once a week instead").click()
    assert "once a week, on Friday" in page.get_by_role("status").inner_text()
    assert str(site.now(name).schedule.days) == "weekly:fri"
    page.get_by_role("link", name="Unsubscribe").click()
    assert page.get_by_role("button", name="Once a week instead").count() == 0
    page.get_by_role("button", name="Unsubscribe").click()
    assert heading(page) == "You are unsubscribed"
    page.get_by_role("button", name="Send me one last mail").click()
    assert "One last mail is on its way" in page.get_by_role("status").inner_text()
    assert site.now(name).state is SubscriberState.UNSUBSCRIBED
    press(page, "Undo")
    page.get_by_role("status").wait_for()
    assert heading(page) == "You are subscribed"
    assert site.now(name).state is SubscriberState.CONFIRMED


def test_the_way_to_the_settings_and_from_there_to_what_is_ones_own(site, page) -> None:
    reader = someone(site, page, "finds")
    page.goto(f"{site.url}/")
    page.get_by_role("contentinfo").get_by_role("link", name="Your settings").click()
    page.get_by_label("Your e-mail address").fill(reader.address)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Look into your inbox").wait_for()
    ((_, text),) = site.mails(reader.address.partition("@")[0])
    page.goto(site.url + site.linked(text, Purpose.PREFERENCES))
    page.wait_for_load_state("networkidle")  # the next digest in its frame
    page.get_by_role("button", name="Mail me that link").click()
    assert "valid for 30 minutes" in page.get_by_role("main").inner_text()


def test_moving_to_another_address(site, page) -> None:
    reader = someone(site, page, "moves")
    name = reader.address.partition("@")[0]
    page.goto(fresh(site, reader))
    page.get_by_label("Your new e-mail address").fill(f"{name}.new@example.org")
    page.get_by_role("button", name="Mail a link to the new address").click()
    assert heading(page) == "Look into your inbox"
    ((_, text),) = site.mails(f"{name}.new")
    page.goto(site.url + site.linked(text, Purpose.ADDRESS))
    press(page, "Use this address")
    page.get_by_role("status").wait_for()
    assert site.now(f"{name}.new").id == reader.id
    page.get_by_role("link", name="Open your settings").click()
    page.wait_for_load_state("networkidle")
    assert heading(page) == "Your settings"


def test_seeing_everything_and_deleting_it(site, page) -> None:
    reader = someone(site, page, "deletes")
    page.goto(fresh(site, reader))
    page.get_by_role("link", name="Read it").click()
    assert reader.address in page.get_by_role("main").inner_text()
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download it as JSON").click()
    assert reader.address in kept.value.path().read_text(encoding="utf-8")
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="What is deleted, and the button").click()
    assert site.day.store.subscribers.get(reader.id) == reader
    press(page, "Delete everything")
    page.get_by_role("status").wait_for()
    assert heading(page) == "It is deleted"
    assert site.day.store.subscribers.get(reader.id) is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_pages_pass_axe_and_do_not_scroll_sideways(site, browser, scheme: str, width: int) -> None:
    axe = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    # The policy of the pages lets no foreign script in, so axe comes past it.
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    page, found = context.new_page(), []
    for where in walk(site, page, f"{scheme}{width}"):
        page.evaluate(axe)
        found += [(where, one["id"], one["nodes"][0]["html"]) for one in page.evaluate(AXE)["violations"]]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, where
        assert page.get_by_role("heading", level=1).count() == 1
        for control in page.locator("main button, main input").all():
            assert control.bounding_box()["height"] >= 44
    context.close()
    assert found == []


def walk(site, page, name: str):
    """Every page of leaving and of what is the reader's own, one after the other; says where it is."""
    long = f"{'w' * 40}@{'long' * 12}.example.org"
    reader = site.reader(f"walk{name}", address=f"walk{name}{long}")
    leave = site.url + site.path(Purpose.UNSUBSCRIBE, reader)
    mine = fresh(site, reader)
    settings = site.url + site.path(Purpose.PREFERENCES, reader)
    for path in (f"{site.url}/preferences", leave, mine, f"{mine}/kept", f"{mine}/delete"):
        page.goto(path)
        yield path
    page.goto(settings)
    page.get_by_role("button", name="Mail me that link").click()
    yield "a fresh link"
    page.goto(mine)
    page.get_by_label("Your new e-mail address").fill(reader.address)
    page.get_by_role("button", name="Mail a link to the new address").click()
    yield "not a new address"
    page.get_by_label("Your new e-mail address").fill(f"new{name}{long}")
    page.get_by_role("button", name="Mail a link to the new address").click()
    written = (one.plan for one in site.day.store.outbox.list(subscriber=reader.id))
    page.goto(address_url(site.day, next(one for one in written if one.matter is Matter.ADDRESS)))
    yield "a new address"
    page.get_by_role("button", name="Use this address").click()
    yield "moved"
    moved = site.day.store.subscribers.get(reader.id)
    assert moved
    page.goto(site.url + site.path(Purpose.UNSUBSCRIBE, moved))
    page.get_by_role("button", name="Once a week instead").click()
    yield "less often"
    page.get_by_role("link", name="Unsubscribe").click()
    page.get_by_role("button", name="Unsubscribe").click()
    yield "left"
    page.get_by_role("button", name="Send me one last mail").click()
    yield "in writing"
    page.get_by_role("button", name="Undo").click()
    yield "back"
    page.goto(site.url + site.path(Purpose.MINE, moved, expires_at=site.clock.now))
    yield "too old"
    page.goto(f"{fresh(site, moved)}/delete")
    page.get_by_role("button", name="Delete everything").click()
    yield "deleted"
