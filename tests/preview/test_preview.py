"""The preview shows the very bytes that were or would be sent, to this machine only."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import re
import socket
from html import unescape

import pytest

from digest import config, samples, subscriptions
from digest.address import masked
from digest.cli.starting import DEMO_NOW
from digest.errors import UsageError
from digest.messages import compose
from digest.model import DeliveryKind
from digest.preview import Bench, serve
from digest.preview.checks.structure import CLIP
from digest.preview.views import View
from digest.service import open_service

#: The demo's four readers.
DIGESTS = range(1, 5)


def directives(headers: dict[str, str]) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


def test_the_list_names_every_reader_and_leads_to_their_digest(desk) -> None:
    status, _, page = desk.get("/")
    assert status == 200
    for text in (b"Vision group", b"Hospital library", *(f'"/digests/{n}"'.encode() for n in DIGESTS)):
        assert text in page


def test_the_list_tells_the_subjects_that_the_messages_have(desk) -> None:
    listed = dict(re.findall(r'<a href="/digests/(\d+)">(.*?)</a>', desk.get("/")[2].decode()))
    assert len(listed) == 7
    for number, subject in listed.items():
        sent = email.message_from_bytes(desk.get(f"/digests/{number}/raw")[2], policy=email.policy.default)
        assert unescape(subject) == str(sent["Subject"])


def test_the_list_names_subscribers_with_schedule_and_interests(desk) -> None:
    page = desk.get("/")[2].decode()
    for one in desk.subscribers():
        assert f'<a href="/subscribers/{one.id}">{one.name}</a>' in page
        assert masked(one.address) in page
        assert one.address not in page
    assert "every day at 05:30 (America/New_York)" in page
    assert "LLM agents, reinforcement learning for reasoning, speech and audio and 1 more" in page


def test_a_digests_page_tells_its_size_and_how_many_cards_would_still_fit(desk) -> None:
    status, _, page = desk.get("/digests/1")
    assert status == 200
    message = email.message_from_bytes(desk.get("/digests/1/raw")[2], policy=email.policy.default)
    html = message.get_body(("html",)).get_content().encode()
    assert f"HTML {len(html):,} bytes, {round(100 * len(html) / CLIP)} % of the 102 KiB" in page.decode()
    room = re.search(r"Room for (\d+) more cards? of ([\d,]+) bytes", page.decode())
    assert room
    card = int(room[2].replace(",", ""))
    assert len(html) + int(room[1]) * card <= CLIP < len(html) + (int(room[1]) + 1) * card


def test_the_source_of_a_message_is_its_headers_parts_and_bytes(desk) -> None:
    page = desk.get("/digests/1?view=source")[2].decode()
    for text in ("Message-ID", "List-Unsubscribe-Post", "Content-Transfer-Encoding: quoted-printable"):
        assert text in page
    parts = re.findall(r"(multipart/alternative|text/plain|text/html)</td>", page)
    assert parts == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("part", ["raw", "message.eml"])
def test_the_bytes_shown_are_the_bytes_sent(desk, part: str) -> None:
    sent = {file.read_bytes() for file in desk.settings.outbox_directory.rglob("*.eml")}
    assert {desk.get(f"/digests/{number}/{part}")[2] for number in DIGESTS} == sent


def test_the_html_shown_is_the_part_of_the_bytes(desk) -> None:
    message = email.message_from_bytes(desk.get("/digests/2/raw")[2], policy=email.policy.default)
    shown = desk.get("/digests/2/html")[2].decode()
    sent = message.get_body(("html",)).get_content()
    # Only the head is changed: it must not ask for the theme of whoever looks.
    assert shown.partition("</head>")[2] == sent.partition("</head>")[2]
    assert "prefers-color-scheme" in sent
    assert "prefers-color-scheme" not in shown


@pytest.mark.parametrize(
    ("kind", "said"),
    [(DeliveryKind.CONFIRM, "Confirm this subscription"), (DeliveryKind.LINK, "You are subscribed already")],
)
def test_mails_that_somebody_asked_for_are_shown_like_digests(desk, kind: DeliveryKind, said: str) -> None:
    number = desk.delivery(kind)
    assert desk.get(f"/digests/{number}")[0] == 200
    assert said in desk.get(f"/digests/{number}/html")[2].decode()


def test_a_subscribers_page_shows_the_bytes_of_their_next_digest(desk) -> None:
    one = desk.subscribers()[0]
    with open_service(desk.settings) as day:
        coming = compose(day, samples.ahead(day, one, DEMO_NOW))
    at = "?at=2026-04-16T12:00:00%2B02:00"
    assert desk.get(f"/subscribers/{one.id}/raw{at}")[2] == coming.content
    assert desk.get(f"/subscribers/{one.id}/message.eml{at}")[2] == coming.content


def test_a_subscribers_page_and_its_parts_are_one_message(desk) -> None:
    page = desk.get(f"/subscribers/{desk.subscribers()[0].id}?view=source")[2].decode()
    assert "Nothing is stored" in page
    source = re.search(r'href="(/subscribers/[^"]+/raw[^"]*)"', page)
    assert source
    raw = desk.get(unescape(source[1]))[2].decode()
    date = re.search(r"^Date: (.+)\r$", raw, re.MULTILINE)
    assert date
    assert f"Date: {date[1]}" in page


def test_looking_stores_nothing(desk) -> None:
    def kept() -> list[object]:
        with open_service(desk.settings) as day:
            return [day.store.outbox.list(), day.store.subscribers.list(), day.store.editions.headers()]

    before = kept()
    subscriber = f"/subscribers/{desk.subscribers()[0].id}"
    for path in ("/", "/matrix", "/digests/1?view=compare", subscriber, "/fixtures/normal", "/version"):
        assert desk.get(path)[0] == 200
    assert kept() == before


@pytest.mark.parametrize("path", ["/", "/digests/1", "/version", "/reload.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_there_is_nothing_to_post_to(desk, path: str, method: str) -> None:
    assert desk.get(path, method=method)[0] == 405


@pytest.mark.parametrize(
    "path",
    [
        "/digests/999",
        "/digests/999/html",
        "/subscribers/nobody",
        "/fixtures/nothing",
        "/digests/1?view=compare&with=/etc/passwd",
        "/digests/1?view=compare&with=/digests/999",
        "/nothing",
        "/digests/x",
        f"/digests/{2**63}",
        f"/digests/{'9' * 5000}",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(desk, path: str) -> None:
    status, headers, page = desk.get(path)
    assert status == 404
    assert headers["content-type"].startswith("text/html")
    assert b"<h1>Nothing to show</h1>" in page


@pytest.mark.parametrize("at", ["yesterday", "0001-01-01T00:00:00%2B14:00", ""])
def test_an_instant_that_is_none_is_refused_on_a_page(desk, at: str) -> None:
    status, _, page = desk.get(f"/subscribers/{desk.subscribers()[0].id}?at={at}")
    assert status == 404
    assert b"an instant is ISO 8601" in page


def test_without_an_edition_a_subscribers_page_says_what_to_do(desk) -> None:
    desk.configuration.write_text(
        desk.configuration.read_text().replace("[site]", '[database]\nurl = "sqlite:///empty.db"\n[site]')
    )
    with open_service(desk.settings) as day:
        subscriptions.sync_readers(day, DEMO_NOW)
    status, _, page = desk.get(f"/subscribers/{desk.subscribers()[0].id}")
    assert status == 404
    assert b"no edition yet" in page
    assert b"No messages yet" in desk.get("/")[2]


def test_pages_load_nothing_from_outside_and_run_no_inline_script(desk) -> None:
    views = [f"/digests/1?view={view}" for view in View]
    for path in ("/", "/matrix", "/digests/999", *views):
        _, headers, page = desk.get(path)
        policy = directives(headers)
        assert policy["default-src"] == "'none'"
        assert {policy[name] for name in ("script-src", "style-src", "connect-src", "frame-src")} == {
            "'self'"
        }
        assert policy["frame-ancestors"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert set(re.findall(rb"<script[^>]*>(.*?)</script>", page, re.DOTALL)) == {b""}
        tags = b" ".join(re.findall(rb"<[^>]+>", page))
        assert not re.search(rb' style=| on[a-z]+=|(?:src|href)="(?![/#])', tags)


def test_the_messages_html_is_sandboxed_and_fetches_nothing(desk) -> None:
    _, headers, page = desk.get("/digests/1/html")
    policy = directives(headers)
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert "allow-scripts" not in policy["sandbox"]
    assert b"data-paper=" in page


def test_a_broken_template_is_named_with_file_line_and_message(desk) -> None:
    desk.edit("card.html", "{{ card.authors }}", "{{ card.writers }}")
    line = (desk.folder / "templates" / "card.html").read_text().splitlines()
    place = 1 + next(number for number, text in enumerate(line) if "card.writers" in text)
    status, _, page = desk.get("/digests/1")
    assert status == 500
    assert f"{desk.folder}/templates/card.html:{place}<" in page.decode()
    assert "has no attribute &#39;writers&#39;" in page.decode()
    assert re.search(rf"<mark>\s+{place}  .*card\.writers", page.decode())
    assert desk.get("/digests/1/html")[0] == 500

    desk.mend()
    assert desk.get("/digests/1")[0] == 200


@pytest.mark.parametrize("name", ["shell.html", "card.txt", "line.html", "line.txt", "confirm.html"])
def test_a_template_that_cannot_be_compiled_is_named_on_every_page(desk, name: str) -> None:
    desk.write(name, "fine\n{% if %}\n")
    for path in ("/", "/digests/1", f"/subscribers/{desk.subscribers()[0].id}", "/matrix", "/fixtures/one"):
        status, _, page = desk.get(path)
        assert status == 500
        assert f"/templates/{name}:2<" in page.decode()


def test_a_wrong_configuration_is_a_page_with_key_and_value(desk) -> None:
    desk.configuration.write_text(desk.configuration.read_text().replace("papers = 6", "papers = 600"))
    status, _, page = desk.get("/")
    assert status == 500
    assert "The configuration is wrong" in page.decode()
    assert "digest.papers" in page.decode()
    assert desk.get("/version")[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.org",
        "localhost.example.org",
        "192.0.2.1",
        "a{b}.example.org",
        'a".example.org',
        "x@localhost",
        "[",
    ],
)
@pytest.mark.parametrize("path", ["/", "/version", "/digests/1/raw"])
def test_a_page_that_is_asked_for_by_a_foreign_name_is_refused(desk, host: str, path: str) -> None:
    status, _, page = desk.get(path, host)
    assert status == 403
    assert b"group" not in page


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)):
            serve(Bench(settings=config.Settings), "127.0.0.1", port, lambda _: None)


def test_a_digest_to_come_is_of_the_instant_that_is_asked_for(desk) -> None:
    root = f"/subscribers/{desk.subscribers()[0].id}/raw?at="
    days = [DEMO_NOW + dt.timedelta(days=n) for n in range(2)]
    dates = [desk.get(root + f"{day:%Y-%m-%dT%H:%M:%SZ}")[2].partition(b"Date: ")[2][:16] for day in days]
    assert dates == [b"Thu, 16 Apr 2026", b"Fri, 17 Apr 2026"]
