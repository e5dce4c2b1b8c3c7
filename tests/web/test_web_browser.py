"""The pages in Chromium, without JavaScript, on a phone and on a desk, light and dark."""

from __future__ import annotations

import datetime as dt

import pytest

from digest.links import Purpose
from digest.model import Days, SubscriberState

PHONE, DESK = 375, 1280
#: What a person takes to fill in a form.
SECONDS = dt.timedelta(seconds=10)


@pytest.fixture
def page(browser, request):
    """A fresh window without scripts; what a page's policy blocks or a request loses fails the test."""
    width, scheme = getattr(request, "param", (DESK, "light"))
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    context.set_default_timeout(10_000)
    window = context.new_page()
    troubles: list[str] = []
    window.on("requestfailed", lambda failed: troubles.append(failed.url))
    window.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    yield window
    context.close()
    assert troubles == []


@pytest.mark.parametrize("page", [(PHONE, "light"), (DESK, "dark")], indirect=True)
def test_a_subscription_from_first_to_last_click(site, page, request) -> None:
    name = f"visitor{page.viewport_size['width']}"
    # A network of its own: all of these tests would be one's, and one signs up five times an hour.
    page.set_extra_http_headers({"X-Forwarded-For": f"203.0.113.{next(site.networks) % 256}"})
    page.goto(f"{site.url}/")
    page.get_by_label("Your e-mail address").fill(f"{name}@example.org")
    page.get_by_label("What you work on").fill("video generation")
    site.clock.now += SECONDS
    page.get_by_role("button", name="Subscribe").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Look into your inbox"

    page.goto(site.url + site.linked(site.mails(name)[0][1], Purpose.CONFIRM))
    assert site.now(name).state is SubscriberState.PENDING
    page.get_by_role("button", name="Confirm my subscription").click()
    assert "Your first digest comes" in page.get_by_role("status").first.inner_text()
    assert page.get_by_label("Topics").input_value() == "video generation"

    page.get_by_label("Topics").fill("auctions and equilibria")
    page.get_by_role("checkbox", name="Sunday").uncheck()
    page.get_by_label("Hour").fill("06:15")
    page.get_by_label("Time zone").select_option("Asia/Kolkata")
    page.get_by_label("How many papers").fill("3")
    page.get_by_role("button", name="Save").click()
    assert page.get_by_role("status").first.inner_text().startswith("Saved. Your next digest comes tomorrow")
    tuned = site.now(name)
    assert (tuned.schedule.timezone, tuned.papers) == ("Asia/Kolkata", 3)
    assert (tuned.schedule.days, f"{tuned.schedule.send_at:%H:%M}") == (
        Days("mon,tue,wed,thu,fri,sat"),
        "06:15",
    )
    digest = page.frame_locator("iframe")
    digest.get_by_text("auctions and equilibria").first.wait_for()

    page.locator("main > .leave").get_by_role("link", name="Unsubscribe").click()
    assert site.now(name).state is SubscriberState.CONFIRMED
    page.get_by_role("button", name="Unsubscribe").click()
    assert page.get_by_role("heading", level=1).inner_text() == "You are unsubscribed"
    assert site.now(name).state is SubscriberState.UNSUBSCRIBED


def test_a_paper_of_the_sample_opens_beside_the_page(site, page) -> None:
    page.goto(f"{site.url}/")
    sample = page.frame_locator("iframe")
    paper = sample.get_by_role("link", name="PDF").first
    paper.wait_for()
    with page.context.expect_page() as opened, page.context.expect_event("request") as asked:
        paper.click()
    assert asked.value.url == paper.get_attribute("href")
    assert asked.value.frame.page == opened.value != page
    assert page.url == f"{site.url}/"


@pytest.mark.parametrize(
    "page", [(w, scheme) for w in (PHONE, DESK) for scheme in ("light", "dark")], indirect=True
)
def test_no_page_scrolls_sideways(site, below, page) -> None:
    name = f"wide{page.viewport_size['width']}-{id(page)}"
    reader = site.reader(name, address=f"{name}{'w' * 40}@{'long' * 12}.example.org")
    expired = site.path(Purpose.CONFIRM, reader, expires_at=site.clock.now)
    preferences = site.path(Purpose.PREFERENCES, reader)
    paths = (
        "/",
        "/sample",
        site.confirm_path(reader),
        expired,
        preferences,
        f"{preferences}/digest",
        "/nowhere",
    )
    for url in (
        *(site.url + path for path in paths),
        site.url + site.path(Purpose.UNSUBSCRIBE, reader),
        below.url,
    ):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], url
        assert page.get_by_role("heading", level=1).count() == 1


def test_every_control_can_be_reached_by_keyboard_and_is_large_enough_for_a_thumb(site, page) -> None:
    reader = site.reader("thumb")
    page.goto(site.url + site.path(Purpose.PREFERENCES, reader))
    for control in page.locator(
        "button, textarea, select, input:not([type=radio]):not([type=checkbox])"
    ).all():
        assert control.bounding_box()["height"] >= 44
    for label in page.locator("label:has(input[type=radio]), label:has(input[type=checkbox])").all():
        assert label.bounding_box()["height"] >= 44
    page.locator("#interests").focus()
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.get_attribute("name") == "about"
    assert focused.evaluate("one => getComputedStyle(one).outline").endswith("solid 3px")
