"""/admin over HTTP: who comes in, what each act does to the store, and that looking changes nothing."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from dataclasses import replace

import pytest
from factories import a_plan, a_subscriber

from digest import passwords
from digest.model import (
    Bounce,
    BounceClass,
    Collected,
    Decision,
    DeliveryKind,
    DeliveryState,
    Settlement,
    SourceState,
    SubscriberState,
)
from digest.store import Lock, Which
from digest.web.admin.door import Sessions, is_ours

PASSWORD = "correct horse battery"
HASH = passwords.hashed(PASSWORD)
HOUR = dt.timedelta(hours=1)
hours = itertools.count()


@pytest.fixture
def office(operated):
    """An installation with a password, some hours later each time, so that no test's logins limit another's."""
    operated.clock.now = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC) + next(hours) * HOUR
    operated.day.store.locks.put(Lock(password=HASH, sessions="of now"))
    yield operated
    operated.day.store.outbox.release(operated.clock.now)
    operated.day.store.locks.remove()


@pytest.fixture
def cookie(office) -> str:
    lock = office.day.store.locks.get()
    return f"digest_admin={Sessions(office.day.links).open(lock, office.clock.now)}"


@pytest.fixture
def get(office, cookie):
    return lambda path: office.ask("GET", path, Cookie=cookie)


@pytest.fixture
def post(office, cookie):
    def ask(path: str, **form: object):
        return office.ask("POST", path, form, Cookie=cookie, Origin=office.url)

    return ask


def log_in(office, password: str = PASSWORD, **headers: str):
    return office.post("/admin/login", {"password": password}, **{"Origin": office.url} | headers)


def session(answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def a_delivery(office, name: str, state: DeliveryState, **changes: object) -> int:
    """A delivery to a reader of that name, in that state; its id."""
    reader = office.day.store.subscribers.by_address(f"{name}@example.org") or office.reader(name)
    date = office.clock.now.date()
    made = {"local_date": date, "expires_at": office.clock.now + HOUR, "due_at": office.clock.now}
    plan = a_plan(reader, message_id=f"<{name}.{changes}@example.org>", **made | changes)
    assert office.day.store.outbox.enqueue([replace(plan, edition=None)]) == 1
    which = Which(subscriber=reader.id, date=plan.local_date, kind=plan.kind)
    if state is not DeliveryState.PLANNED:
        (one,) = office.day.store.outbox.claim(office.clock.now, 1, "1@here/2", reader.id)
        settled = Settlement(state=state, event="refused", reply="550 5.7.1 <b>no</b>")
        office.day.store.outbox.settle({one.id: settled}, office.clock.now, "1@here/2")
    (kept,) = office.day.store.deliveries.page(which)
    return kept.id


def state_of(office, delivery: int) -> DeliveryState:
    return office.day.store.outbox.get(delivery).state


PAGES = (
    *("/admin", "/admin/sources", "/admin/days", "/admin/deliveries", "/admin/deliveries?state=failed"),
    *("/admin/subscribers", "/admin/subscribers?state=paused", "/admin/suppressions"),
)
ACTS = (
    *(
        "/admin/hold",
        "/admin/release",
        "/admin/logout",
        "/admin/deliveries/retry",
        "/admin/deliveries/1/retry",
    ),
    *("/admin/subscribers", "/admin/subscribers/find", "/admin/subscribers/s-x/pause"),
    *("/admin/subscribers/s-x/remove", "/admin/suppressions/add", "/admin/suppressions/remove"),
)


# --- the door -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/admin/login", "/admin/style.css", "/admin/nothing"])
def test_without_a_password_there_is_no_such_place(operated, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "DELETE"):
        answer, elsewhere = operated.ask(method, path), operated.ask("GET", "/nowhere")
        assert answer.status == 404
        assert answer.body == (b"" if method == "HEAD" else elsewhere.body)
        assert answer.headers.keys() == elsewhere.headers.keys()
        assert answer.headers["cache-control"] == elsewhere.headers["cache-control"]


@pytest.mark.parametrize("path", PAGES)
def test_whoever_is_not_logged_in_is_led_to_the_login(office, path: str) -> None:
    for kept in ("", "digest_admin=", "digest_admin=1.2.3", "digest_admin=9999999999.a.b"):
        answer = office.ask("GET", path, Cookie=kept)
        assert (answer.status, answer.headers["location"]) == (303, "/admin/login")
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ACTS)
def test_nobody_acts_without_a_session_or_from_elsewhere(office, cookie: str, path: str) -> None:
    office.day.store.outbox.hold(office.clock.now)
    before = office.rows()
    assert office.ask("POST", path, b"", Origin=office.url).status == 303
    for said in (
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": office.url, "Sec_Fetch_Site": "same-site"},
        {"Origin": office.url, "Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "none"},
    ):
        assert office.ask("POST", path, b"", Cookie=cookie, **said).status == 403
    assert office.rows() == before


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),
        ({"origin": "https://digest.example.org"}, True),
        ({"origin": "https://digest.example.org:8443"}, False),
        ({"origin": "https://other.example.org", "host": "digest.example.org"}, False),
    ],
)
def test_a_form_says_that_it_is_ours(headers: dict[str, str], ours: bool) -> None:
    assert is_ours(headers, "https://digest.example.org") is ours


def test_the_password_opens_a_session_that_no_page_can_read_and_no_other_site_sends(office) -> None:
    wrong = log_in(office, "correct horse batteri")
    assert (wrong.status, "set-cookie" in wrong.headers) == (403, False)
    right = log_in(office)
    assert (right.status, right.headers["location"]) == (303, "/admin")
    said = {part.strip().lower() for part in right.headers["set-cookie"].split(";")[1:]}
    assert said == {"httponly", "samesite=strict", "path=/admin", "max-age=43200"}
    page = office.ask("GET", "/admin", Cookie=session(right))
    assert (page.status, page.headers["cache-control"]) == (200, "no-store")
    assert "<script" not in page.text


def test_on_https_the_session_is_sent_over_https_only(over_tls) -> None:
    over_tls.day.store.locks.put(Lock(password=HASH, sessions="s"))
    assert "; secure" in log_in(over_tls).headers["set-cookie"].lower()


def test_every_login_opens_another_session(office) -> None:
    assert session(log_in(office)) != session(log_in(office))


def test_a_session_ends_after_twelve_hours(office, get) -> None:
    office.clock.now += 12 * HOUR - dt.timedelta(seconds=1)
    assert get("/admin").status == 200
    office.clock.now += dt.timedelta(seconds=1)
    assert get("/admin").status == 303


def test_another_password_and_a_logout_end_every_session(office, get, post) -> None:
    other = session(log_in(office))
    assert post("/admin/logout").headers["location"] == "/admin/login"
    assert get("/admin").status == office.ask("GET", "/admin", Cookie=other).status == 303
    again = session(log_in(office))
    assert office.ask("GET", "/admin", Cookie=again).status == 200
    office.day.store.locks.put(Lock(password=passwords.hashed(PASSWORD), sessions="of now"))
    assert office.ask("GET", "/admin", Cookie=again).status == 303


def test_a_session_with_one_character_changed_is_none(office, cookie: str) -> None:
    held = cookie.partition("=")[2]
    for place in range(len(held)):
        changed = held[:place] + ("0" if held[place] != "0" else "1") + held[place + 1 :]
        assert not Sessions(office.day.links).holds(changed, office.day.store.locks.get(), office.clock.now)


def test_a_network_may_try_five_times_in_a_quarter_of_an_hour(office) -> None:
    office.networks = itertools.repeat(7)
    tried = [log_in(office, "wrong").status for _ in range(6)]
    assert tried == [403] * 5 + [429]
    refused = log_in(office)
    assert (refused.status, refused.headers["retry-after"]) == (429, "960")
    office.clock.now += dt.timedelta(minutes=15)
    assert log_in(office).status == 303
    office.networks = itertools.count(1_000)


def test_all_networks_together_may_try_thirty_times(office) -> None:
    assert {log_in(office, "wrong").status for _ in range(30)} == {403}
    assert log_in(office).status == 429


def test_a_password_is_kept_as_its_hash_and_never_logged(office, logged) -> None:
    log_in(office)
    log_in(office, "a password that is wrong")
    kept = str(office.rows())
    assert "scrypt$32768$8$3$" in kept
    for secret in (PASSWORD, "a password that is wrong"):
        assert secret not in kept
        assert secret not in logged()


# --- looking --------------------------------------------------------------------------------------


def test_looking_changes_nothing(office, get) -> None:
    delivery = a_delivery(office, "looked-at", DeliveryState.FAILED)
    before = office.rows()
    pages = (*PAGES, f"/admin/deliveries/{delivery}", "/admin/subscribers/s-looked-at")
    for path in pages:
        assert get(path).status == 200, path
    for path in ACTS:
        if path != "/admin/subscribers":
            assert get(path).status in {404, 405, 422}, path
    assert office.rows() == before


@pytest.mark.parametrize(
    "path",
    [
        *("/admin/nothing", "/admin/deliveries/999999", "/admin/subscribers/nobody"),
        *(
            "/admin/deliveries/99999999999",
            "/admin/deliveries?state=odd",
            "/admin/deliveries?date=2026-02-31",
        ),
        "/admin/deliveries?after_date=2026-04-01&after=99999999999",
    ],
)
def test_what_is_not_there_is_said_so(get, path: str) -> None:
    assert get(path).status in {404, 422}


def test_today_says_what_needs_a_hand_and_where_to_look(office, get) -> None:
    a_delivery(office, "trouble", DeliveryState.FAILED)
    date = office.clock.now.date()
    text = get("/admin").text
    assert f"1 of {date} failed" in re.sub(r"\d+ of", "1 of", text)
    assert f"/admin/deliveries?state=failed&amp;date={date}" in text
    assert "trouble@example.org" not in get("/admin/deliveries").text
    assert "t•••e@example.org" in get(f"/admin/deliveries?state=failed&date={date}").text


def test_hostile_texts_are_shown_as_text(office, get) -> None:
    office.day.store.subscribers.add(replace(a_subscriber("hostile"), name="<img src=x>"))
    delivery = a_delivery(office, "hostile", DeliveryState.FAILED)
    office.day.store.suppressions.add("marked@example.org", "<script>alert(1)</script>", office.clock.now)
    (source, *_) = office.day.settings.sources
    failing = Collected(
        source=source, at=office.clock.now, state=SourceState.FAILING, reason='<script>"&', entries=()
    )
    office.day.store.sources.record(failing)
    for path in (
        *("/admin", "/admin/sources", "/admin/suppressions", "/admin/deliveries"),
        *(f"/admin/deliveries/{delivery}", "/admin/subscribers/s-hostile"),
    ):
        text = get(path).text
        assert "<script" not in text, path
        assert "<img" not in text, path
        assert "<b>no" not in text, path
    assert "&lt;b&gt;no&lt;/b&gt;" in get(f"/admin/deliveries/{delivery}").text
    assert "&lt;img src=x&gt;" in get("/admin/subscribers/s-hostile").text


def test_a_list_shows_masked_addresses_and_a_subscribers_own_page_theirs(office, get, post) -> None:
    reader = office.reader("private")
    office.day.store.suppressions.add(reader.address, "asked by telephone", office.clock.now)
    found = post("/admin/subscribers/find", search="PRIVATE@").text
    assert "p•••e@example.org" in found
    assert reader.address not in found
    listed = post("/admin/suppressions/find", search="private@ex").text
    assert "p•••e@example.org" in listed
    assert reader.address not in listed
    own = get("/admin/subscribers/s-private").text
    assert reader.address in own
    assert "asked by telephone" in own


def test_pages_of_subscribers_follow_one_another(office, get, post) -> None:
    for number in range(205):
        office.day.store.subscribers.add(a_subscriber(f"paged{number:03}"))
    seen, answer = [], post("/admin/subscribers/find", search="paged")
    while True:
        seen += re.findall(r"/subscribers/s-paged(\d+)", answer.text)
        after = re.search(r'name="after" value="([^"]+)"', answer.text)
        if after is None:
            break
        answer = post("/admin/subscribers/find", search="paged", after=after[1])
    assert seen == [f"{number:03}" for number in range(205)]


def test_the_days_are_drawn_and_stand_in_a_table(office, get) -> None:
    a_delivery(office, "drawn", DeliveryState.SENT)
    office.reader("bounced")
    bounce = Bounce(key="drawn", subscriber="s-bounced", at=office.clock.now, meaning=BounceClass.HARD)
    office.day.store.bounces.settle(bounce, lambda _: Decision(), office.clock.now)
    office.day.store.tallies.take(office.clock.now.date())
    text = get("/admin/days").text
    told = office.day.store.tallies.list(office.clock.now.date())[0]
    assert told.bounced >= 1
    assert told.subscribers is not None
    row = f'<th scope="row">{told.day}</th><td>{told.subscribers:,}</td><td>{told.sent:,}</td>'
    assert row in text
    assert text.count("<svg") == 4
    assert f'aria-label="Sent: {told.sent:,} on {told.day}' in text


# --- acting ---------------------------------------------------------------------------------------


def test_everything_is_held_and_released(office, get, post) -> None:
    delivery = a_delivery(office, "braked", DeliveryState.PLANNED)
    assert "Nothing is sent any more. Held: " in post("/admin/hold").text
    assert state_of(office, delivery) is DeliveryState.HELD
    assert office.day.store.outbox.claim(office.clock.now, 9, "1@here/2") == ()
    assert "Nothing is sent since" in get("/admin/sources").text
    assert "Sending goes on" in post("/admin/release").text
    assert state_of(office, delivery) is DeliveryState.PLANNED
    assert "Nothing is sent since" not in get("/admin/sources").text


def test_exactly_those_that_are_shown_are_tried_again(office, get, post) -> None:
    date = (office.clock.now - dt.timedelta(days=40)).date()
    failed = [a_delivery(office, f"retried{n}", DeliveryState.FAILED, local_date=date) for n in range(3)]
    sent = a_delivery(office, "retried-not", DeliveryState.SENT, local_date=date)
    page = get(f"/admin/deliveries?date={date}").text
    shown = [int(one) for one in re.findall(r'name="delivery" value="(\d+)"', page)]
    assert sorted(shown) == failed
    assert "2 will be tried again" in post("/admin/deliveries/retry", delivery=failed[:2]).text
    assert [state_of(office, one) for one in failed] == [
        DeliveryState.PLANNED, DeliveryState.PLANNED, DeliveryState.FAILED,
    ]  # fmt: skip
    assert "1 will be tried again" in post("/admin/deliveries/retry", state="failed", date=date).text
    assert state_of(office, failed[2]) is DeliveryState.PLANNED
    assert state_of(office, sent) is DeliveryState.SENT
    assert "None of these" in post("/admin/deliveries/retry", delivery=[sent]).text


def test_one_delivery_is_shown_with_its_journal_and_tried_again(office, get, post) -> None:
    delivery = a_delivery(office, "single", DeliveryState.FAILED)
    text = get(f"/admin/deliveries/{delivery}").text
    assert "refused" in text
    assert "550 5.7.1" in text
    assert "1 will be tried again" in post(f"/admin/deliveries/{delivery}/retry").text
    assert state_of(office, delivery) is DeliveryState.PLANNED
    assert office.day.store.outbox.journal(delivery)[-1].event == "retried"


def test_more_than_a_page_of_failures_is_tried_again_at_once(office, get, post) -> None:
    date = (office.clock.now - dt.timedelta(days=50)).date()
    for number in range(53):
        a_delivery(office, f"many{number}", DeliveryState.FAILED, local_date=date)
    page = get(f"/admin/deliveries?state=failed&date={date}").text
    assert "Try these 50 again" in page
    assert "Try all 53 again" in page
    older = re.search(r'href="([^"]+)">Older ones', page)
    assert older
    assert "Try these 3 again" in get(older[1].replace("&amp;", "&")).text
    assert "53 will be tried again" in post("/admin/deliveries/retry", state="failed", date=date).text


def test_a_subscriber_is_added_paused_resumed_and_removed(office, get, post) -> None:
    made = post("/admin/subscribers", email="Handmade@example.org", interests="one\ntwo", confirmed="true")
    reader = office.day.store.subscribers.by_address("handmade@example.org")
    assert (reader.state, [one.value for one in reader.interests]) == (
        SubscriberState.CONFIRMED,
        ["one", "two"],
    )
    assert "Added." in made.text
    path = f"/admin/subscribers/{reader.id}"
    assert "Paused" in post(f"{path}/pause").text
    assert office.day.store.subscribers.get(reader.id).state is SubscriberState.PAUSED
    refused = post(f"{path}/pause")
    assert (refused.status, 'role="alert"' in refused.text) == (422, True)
    assert "Resumed" in post(f"{path}/resume").text
    assert office.day.store.subscribers.get(reader.id).state is SubscriberState.CONFIRMED
    assert "Removed" in post(f"{path}/remove").text
    assert office.day.store.subscribers.get(reader.id) is None
    assert get(path).status == post(f"{path}/pause").status == 404


@pytest.mark.parametrize("email", ["", "nobody", "a@example.org\nBcc: b@example.org"])
def test_an_address_that_cannot_be_written_to_is_not_added(office, post, email: str) -> None:
    before = office.rows()
    assert post("/admin/subscribers", email=email).status == 422
    assert post("/admin/suppressions/add", email=email).status == 422
    assert office.rows() == before


def test_who_is_added_unconfirmed_is_asked_by_mail_and_again_another_day(office, post) -> None:
    assert "asked by mail" in post("/admin/subscribers", email="asked@example.org").text
    assert [kind for kind, _ in office.mails("asked")] == [DeliveryKind.CONFIRM]
    path = f"/admin/subscribers/{office.now('asked').id}/link"
    assert "one today already" in post(path).text
    office.clock.now += dt.timedelta(hours=11, minutes=59)
    assert [kind for kind, _ in office.mails("asked")] == [DeliveryKind.CONFIRM]


def test_a_reader_is_mailed_their_own_link(office, post) -> None:
    reader = office.reader("linked")
    assert "will be mailed" in post(f"/admin/subscribers/{reader.id}/link").text
    ((kind, text),) = office.mails("linked")
    assert kind is DeliveryKind.LINK
    assert "/preferences/" in text


def test_nobody_who_left_is_resumed_or_written_to(office, get, post) -> None:
    reader = office.reader("gone", state=SubscriberState.UNSUBSCRIBED)
    assert post(f"/admin/subscribers/{reader.id}/resume").status == 422
    assert post(f"/admin/subscribers/{reader.id}/link").status == 422
    assert office.now("gone").state is SubscriberState.UNSUBSCRIBED
    assert '<button class="small">Resume' not in get(f"/admin/subscribers/{reader.id}").text


def test_an_address_is_suppressed_and_allowed_again(office, post) -> None:
    reader = office.reader("dead", state=SubscriberState.SUPPRESSED)
    added = post("/admin/suppressions/add", email=reader.address, reason="moved")
    assert "Nothing is mailed to d•••d@example.org" in added.text
    assert office.day.store.suppressions.of(reader.address).reason == "moved"
    assert post(f"/admin/subscribers/{reader.id}/resume").status == 422
    assert "may be mailed again" in post("/admin/suppressions/remove", email=reader.address).text
    assert office.day.store.suppressions.of(reader.address) is None
    assert "not on the list" in post("/admin/suppressions/remove", email=reader.address).text
    assert "Resumed" in post(f"/admin/subscribers/{reader.id}/resume").text


def test_no_address_is_logged(office, post, logged) -> None:
    post("/admin/subscribers", email="unlogged@example.org", confirmed="true")
    reader = office.now("unlogged")
    for act in ("pause", "resume", "link", "remove"):
        post(f"/admin/subscribers/{reader.id}/{act}")
    post("/admin/suppressions/add", email="unlogged@example.org", reason="x")
    post("/admin/suppressions/remove", email="unlogged@example.org")
    assert "unlogged" not in logged()


def test_below_a_path_the_pages_and_the_session_stay_below_it(below) -> None:
    below.day.store.locks.put(Lock(password=HASH, sessions="s"))
    answer = below.post("/digest/admin/login", {"password": PASSWORD}, Origin=below.url.rpartition("/")[0])
    assert answer.headers["location"] == "/digest/admin"
    assert "Path=/digest/admin" in answer.headers["set-cookie"]
    page = below.ask("GET", "/digest/admin", Cookie=session(answer))
    assert page.status == 200
    paths = re.findall(r'(?:href|action)="(/[^"]*)"', page.text)
    assert len(paths) > 10
    assert all(path.startswith("/digest") for path in paths)
    below.day.store.locks.remove()
