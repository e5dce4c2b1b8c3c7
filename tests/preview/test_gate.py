"""Off loopback a token is needed, and only a form of an own page sends a test, to whom the configuration allows."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog

from digest.links import Purpose
from digest.model import DeliveryKind
from digest.service import open_service

TOKEN = "token-of-these-tests"
OPERATOR = "operator@example.org"


@pytest.mark.parametrize(
    "path", ["/", "/version", "/style.css", "/fixtures/one", "/fixtures/one/raw", "/?token=wrong"]
)
def test_without_the_token_nothing_is_shown(guarded, path: str) -> None:
    status, _, page = guarded.get(path, Cookie="digest-preview=wrong")
    assert status == 403
    assert b"Paper Post" not in page


def test_the_token_opens_the_page_it_came_with_and_leaves_the_address(guarded) -> None:
    status, headers, _ = guarded.get(f"/fixtures/one?view=text&token={TOKEN}")
    assert (status, headers["location"]) == (303, "/fixtures/one?view=text")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    status, _, page = guarded.get(
        headers["location"], host="digest.example.org", Cookie=cookie.partition(";")[0]
    )
    assert status == 200
    assert b"Paper Post" in page


# --- tests by mail --------------------------------------------------------------------------------


def allow(desk) -> None:
    text = desk.configuration.read_text()
    desk.configuration.write_text(f'{text}\n[preview]\nsend_to = ["{OPERATOR}"]\n')


def mails(desk) -> set[str]:
    return {path.name for path in desk.settings.outbox_directory.glob("*.eml")}


def sent_by(desk, path: str) -> EmailMessage:
    before = mails(desk)
    form = desk.form(f"{path}{'&' if '?' in path else '?'}view=source")
    status, _, page = desk.post(f"{path.partition('?')[0]}/send", {"form": form, "to": OPERATOR})
    assert status == 200
    assert b"The test was sent" in page
    (name,) = mails(desk) - before
    found = desk.settings.outbox_directory / name
    message = email.message_from_bytes(found.read_bytes(), policy=email.policy.default)
    found.unlink()
    return message


@pytest.mark.parametrize("path", ["/digests/1", "/fixtures/normal", "/fixtures/confirm", "/fixtures/cjk"])
def test_a_test_is_told_as_one_and_is_else_the_message(desk, path: str) -> None:
    allow(desk)
    shown = email.message_from_bytes(desk.get(f"{path}/raw")[2], policy=email.policy.default)
    sent = sent_by(desk, path)
    assert str(sent["Subject"]) == f"[Test] {shown['Subject']}"
    assert sent["To"].addresses[0].addr_spec == OPERATOR
    assert sent["Message-ID"] != shown["Message-ID"] or path.startswith("/fixtures/")
    assert sent.defects == []
    texts = (one.get_body(("plain",)).get_content().partition("-" * 72)[0] for one in (sent, shown))
    said, meant = (re.sub(r"/feedback/\S+", "/feedback/…", text) for text in texts)  # each has its own
    if not path.endswith("confirm"):  # whose link stands above the line
        assert said == meant


def test_the_links_of_a_test_are_no_readers(desk) -> None:
    allow(desk)
    number = desk.delivery(DeliveryKind.CONFIRM)
    with open_service(desk.settings) as day:
        readers = {one.id for one in day.store.subscribers.list()}
        sent = sent_by(desk, f"/digests/{number}")
        text = sent.get_body(("plain",)).get_content()
        token = next(word for word in text.split() if "/confirm/" in word).rpartition("/")[2]
        assert day.links.claim(Purpose.CONFIRM, token).subscriber not in readers


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"form": "guessed", "to": OPERATOR}, {}),
        ({"to": OPERATOR}, {}),
        ({"form": "", "to": "stranger@example.org"}, {}),
        ({"form": "", "to": OPERATOR}, {"Origin": "https://evil.example.org"}),
        ({"form": "", "to": OPERATOR}, {"Origin": "null"}),
    ],
)
def test_a_test_is_refused_to_strangers_and_from_strangers(desk, fields, headers) -> None:
    allow(desk)
    before = mails(desk)
    own = {"form": desk.form("/digests/1?view=source")} if fields.get("form") == "" else {}
    status, _, _ = desk.post("/digests/1/send", fields | own, **headers)
    assert status == 403
    assert mails(desk) == before


def test_nobody_is_allowed_until_somebody_is_named(desk) -> None:
    page = desk.get("/digests/1?view=source")[2].decode()
    assert desk.settings.preview.send_to == ()
    if not desk.settings.site.contact:
        assert "Nobody is allowed yet" in page
    allow(desk)
    assert f"<option>{OPERATOR}</option>" in desk.get("/digests/1?view=source")[2].decode()


# --- who looked -----------------------------------------------------------------------------------


def test_whoever_looks_at_a_readers_message_is_written_down_without_the_address(desk) -> None:
    one = desk.subscribers()[0]
    with structlog.testing.capture_logs() as lines:
        desk.get(f"/subscribers/{one.id}")
        desk.get("/digests/1")
        desk.get("/fixtures/normal")
    looked = [line for line in lines if line["event"] == "reader's message shown"]
    assert [line["exhibit"] for line in looked] == [f"/subscribers/{one.id}", "/digests/1"]
    assert looked[0]["subscriber"] == one.id
    assert "@" not in str(looked)


def test_no_page_tells_an_address(desk) -> None:
    addresses = [one.address for one in desk.subscribers()]
    views = [f"/digests/1?view={view}" for view in ("html", "text", "inbox", "links", "source", "compare")]
    for path in ("/", *views, f"/subscribers/{desk.subscribers()[0].id}?view=source"):
        page = desk.get(path)[2].decode()
        assert not any(address in page for address in addresses), path


def test_the_form_goes_to_the_exhibit_that_is_shown(desk) -> None:
    allow(desk)
    page = desk.get("/fixtures/normal?language=de&view=source")[2].decode()
    action = page.partition('method="post" action="')[2].partition('"')[0]
    assert urlsplit(action).path == "/fixtures/normal/send"
    assert parse_qs(urlsplit(action).query) == {"language": ["de"]}
