"""/admin in Chromium: by keyboard alone, without scripts, on a phone and on a desk, light and dark, looked at by axe."""

from __future__ import annotations

import datetime as dt
import importlib.resources
from dataclasses import replace

import pytest
from factories import a_plan

from digest import passwords
from digest.model import Bounce, BounceClass, Collected, Decision, DeliveryState, Settlement, SourceState
from digest.store import Lock
from digest.web.admin.door import Sessions

PHONE, DESK = 375, 1280
PASSWORD = "correct horse battery"
AXE = "axe.run(document, { resultTypes: ['violations'] })"
ME = "1@here/2"


@pytest.fixture
def office(operated):
    """A morning on which not everything went well."""
    day, now = operated.day, dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
    operated.clock.now = now
    day.store.locks.put(Lock(password=passwords.hashed(PASSWORD), sessions="s"))
    if day.store.subscribers.get("s-plot0") is None:
        a_bad_morning(operated, now)
    yield operated
    day.store.outbox.release(now)
    day.store.locks.remove()


def a_bad_morning(office, now: dt.datetime) -> None:
    day = office.day
    replies = {
        DeliveryState.SENT: "250 2.0.0 taken",
        DeliveryState.FAILED: "550 5.7.1 refused: see https://postmaster.example.org/" + "long" * 20,
        DeliveryState.RETRY: "451 4.7.1 try again later",
        DeliveryState.IN_DOUBT: "no answer after the message: the relay hung up",
    }
    for back in range(60):
        for number in range(1 + (back * 7) % 5):
            reader = day.store.subscribers.get(f"s-plot{number}") or office.reader(f"plot{number}")
            made = {"local_date": now.date() - dt.timedelta(days=back), "expires_at": now + dt.timedelta(1)}
            plan = a_plan(reader, message_id=f"<{back}.{number}@example.org>", due_at=now, **made)
            day.store.outbox.enqueue([replace(plan, edition=None)])
            state = list(replies)[number % 4] if back < 2 else DeliveryState.SENT
            (one,) = day.store.outbox.claim(now, 1, ME, reader.id)
            settled = Settlement(state=state, event="answered", reply=replies[state], next_attempt_at=now)
            day.store.outbox.settle({one.id: settled}, now, ME)
        if back % 9 == 4:
            bounce = Bounce(
                key=f"{back}",
                subscriber="s-plot0",
                at=now - dt.timedelta(days=back),
                meaning=BounceClass.SOFT,
            )
            day.store.bounces.settle(bounce, lambda _: Decision(), now)
    source = day.settings.sources[0]
    said = "https://example.org/list: 503 Service Unavailable"
    day.store.sources.record(Collected(source=source, at=now, state=SourceState.FAILING, reason=said))
    day.store.suppressions.add("moved@example.org", "asked by telephone", now)
    for back in range(30):
        day.store.tallies.take(now.date() - dt.timedelta(days=29 - back))


def paths(office) -> list[str]:
    (delivery, *_) = office.day.store.outbox.list()
    return [
        *(
            "/admin",
            "/admin/deliveries",
            "/admin/deliveries?state=failed",
            f"/admin/deliveries/{delivery.id}",
        ),
        *("/admin/subscribers", "/admin/subscribers/s-plot0", "/admin/suppressions", "/admin/sources"),
        *("/admin/days", "/admin/login"),
    ]


def session(office) -> dict[str, str]:
    lock = office.day.store.locks.get()
    opened = Sessions(office.day.links).open(lock, office.clock.now)
    return {"name": "digest_admin", "value": opened, "url": f"{office.url}/admin"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_pages_pass_axe_and_do_not_scroll_sideways(office, browser, scheme: str, width: int) -> None:
    axe = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    # The policy of the pages lets no foreign script in, so axe comes past it.
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    context.add_cookies([session(office)])
    page, found = context.new_page(), []
    office.day.store.outbox.hold(office.clock.now)
    for path in paths(office):
        page.goto(office.url + path)
        for folded in page.locator("summary").all():
            folded.click()
        page.evaluate(axe)
        violations = page.evaluate(AXE)["violations"]
        found += [(path, one["id"], [node["html"] for node in one["nodes"]]) for one in violations]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.get_by_role("heading", level=1).count() == 1
        for control in page.locator("button, input:not([type=hidden], [type=checkbox]), select").all():
            assert control.bounding_box()["height"] >= 44, (path, control.evaluate("one => one.outerHTML"))
    context.close()
    assert found == []


def test_by_keyboard_alone_from_the_login_to_a_retry_of_exactly_those(office, browser) -> None:
    office.clock.now += dt.timedelta(hours=2)  # other tests tried passwords often enough to be kept out
    context = browser.new_context(java_script_enabled=False, viewport={"width": DESK, "height": 800})
    context.set_default_timeout(10_000)
    page, troubles = context.new_page(), []
    page.on("requestfailed", lambda failed: troubles.append(failed.url))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)

    def reach(name: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText").strip().startswith(name):
                outline = page.locator(":focus").evaluate("one => getComputedStyle(one).outline")
                assert outline.endswith("solid 3px")
                return
        raise AssertionError(name)

    page.goto(f"{office.url}/admin")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="What needs a hand").wait_for()
    reach("Hold everything")
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="Nothing is sent any more").wait_for()
    reach("Release")
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="Sending goes on").wait_for()
    date, yesterday = office.clock.now.date(), office.clock.now.date() - dt.timedelta(days=1)
    page.goto(f"{office.url}/admin/deliveries?state=failed&date={yesterday}")
    failed = len(office.day.store.outbox.list(DeliveryState.FAILED, yesterday))
    elsewhere = office.day.store.deliveries.counts(date)
    assert failed
    reach("Try th")
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text=f"{failed} will be tried again").wait_for()
    assert not office.day.store.outbox.list(DeliveryState.FAILED, yesterday)
    assert office.day.store.deliveries.counts(date) == elsewhere
    reach("Log out")
    page.keyboard.press("Enter")
    page.get_by_label("Password").wait_for()
    context.close()
    assert troubles == []
