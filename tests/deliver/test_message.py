"""The bytes of a message: what goes in comes out, within every limit, and nothing can be smuggled in."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import importlib.util
import sys
from dataclasses import replace
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from types import ModuleType

import pytest
from factories import a_plan, a_subscriber
from hypothesis import example, given
from hypothesis import strategies as st

from digest.config import Mail, Settings, Site
from digest.deliver import Letterhead, message_id, pack
from digest.deliver.verp import Verp
from digest.errors import RenderError
from digest.links import Links
from digest.model import Content, DeliveryKind, Message, Plan, ReaderLinks

EDITION_AT = dt.datetime(2026, 4, 10, 6, 30, tzinfo=dt.UTC)
LINKS = ReaderLinks(
    unsubscribe="https://digest.example.org/unsubscribe/WyJzLXZpc2lvbiIsMSwwXQ.c2lnbmF0dXJl",
    preferences="https://digest.example.org/preferences/WyJzLXZpc2lvbiIsMSwwXQ.c2lnbmF0dXJl",
)
HTML = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Today</title></head>'
    "<body><h1>Today</h1></body></html>\n"
)
CONTENT = Content.whole(subject="Small models learn to plan", text="Naïve but fine.\n.\n..done\n", html=HTML)
SIGNED = Links(base="", secrets=("a secret of the tests",))
VERP = Verp(address="bounces@example.org", links=SIGNED)
LETTERHEAD = Letterhead(
    name="Daily Digest",
    verp=VERP,
    sender=Address("Daily Digest", "digest", "example.org"),
    reply_to="editor@example.org",
    unsubscribe_mailbox="leave@example.org",
)

printable = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200)
lines = st.lists(printable, max_size=8).map("\n".join)


def packed(
    content: Content = CONTENT,
    plan: Plan | None = None,
    letterhead: Letterhead = LETTERHEAD,
    links: ReaderLinks | None = LINKS,
) -> Message:
    return pack(content, plan or a_plan(), letterhead, links, EDITION_AT)


def parsed(message: Message) -> EmailMessage:
    found = email.message_from_bytes(message.content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def body(message: Message, subtype: str) -> str:
    part = parsed(message).get_body((subtype,))
    assert part is not None
    return part.get_content().replace("\r\n", "\n")


def display_name(header: str) -> str:
    """As RFC 2047 6.2 has it; `email.policy.default` shows spaces between encoded words that do not count."""
    return str(make_header(decode_header(parseaddr(header)[0])))


def assert_within_limits(raw: bytes) -> None:
    head, _, bodies = raw.partition(b"\r\n\r\n")
    assert raw.isascii()
    assert raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")
    assert b"\0" not in raw
    assert max(len(line) for line in head.split(b"\r\n")) <= 998
    assert max(len(line) for line in bodies.split(b"\r\n")) <= 76
    assert b"\r\n." not in raw


def test_a_digest_is_these_bytes() -> None:
    boundary = b"=-592d1950b0b54db9d86dfa80"
    expected = (
        b"From: Daily Digest <digest@example.org>\r\n"
        b"To: vision@example.org\r\n"
        b"Reply-To: editor@example.org\r\n"
        b"Subject: Small models learn to plan\r\n"
        b"Date: Fri, 10 Apr 2026 12:00:00 +0000\r\n"
        b"Message-ID: <20260410.abcdefghijklmnopqrstuvwxyz@example.org>\r\n"
        b"Auto-Submitted: auto-generated\r\n"
        b"List-Id: Daily Digest <daily.example.org>\r\n"
        b"List-Unsubscribe:"
        b" <https://digest.example.org/unsubscribe/WyJzLXZpc2lvbiIsMSwwXQ.c2lnbmF0dXJl>,\r\n"
        b" <mailto:leave@example.org?subject=unsubscribe%20WyJzLXZpc2lvbiIsMSwwXQ.c2lnbmF0dXJl>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        b"Precedence: bulk\r\n"
        b"X-Auto-Response-Suppress: OOF, AutoReply\r\n"
        b"Feedback-ID: 20260410:daily:digest:dailydigest\r\n"
        b"X-Digest-Date: 2026-04-10\r\n"
        b"X-Digest-Edition: 2026-04-10T06:30:00Z\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/alternative; boundary="BOUNDARY"\r\n'
        b"\r\n"
        b"--BOUNDARY\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b"Na=C3=AFve but fine.\r\n"
        b"=2E\r\n"
        b"=2E.done\r\n"
        b"\r\n"
        b"--BOUNDARY\r\n"
        b"Content-Type: text/html; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b'<!DOCTYPE html><html lang=3D"en"><head><meta charset=3D"utf-8"><title>Today=\r\n'
        b"</title></head><body><h1>Today</h1></body></html>\r\n"
        b"\r\n"
        b"--BOUNDARY--\r\n"
    )
    assert packed().content == expected.replace(b"BOUNDARY", boundary)


def test_the_envelope_bounces_to_an_address_of_the_delivery() -> None:
    message = packed()

    assert (message.sender, message.recipient) == (VERP.sender(a_plan()), "vision@example.org")
    assert message.id == a_plan().message_id


@given(subject=printable, site=printable, name=printable, text=lines, html=lines)
@example(subject="=?utf-8?q?x?=", site='"', name="a,  b", text="." * 200, html=("é" * 20 + ".\n") * 3)
@example(
    subject=" padded ", site="Ünï \U0001f4ec" * 9, name="=?", text="trailing \n\t\n", html="x" * 75 + ".y"
)
def test_any_text_comes_back_as_it_went_in(subject: str, site: str, name: str, text: str, html: str) -> None:
    letterhead = replace(LETTERHEAD, name=site, sender=Address(site, "digest", "example.org"))
    message = packed(
        Content.whole(subject=subject, text=text, html=html),
        a_plan(replace(a_subscriber(), name=name)),
        letterhead,
    )
    found = parsed(message)
    raw = email.message_from_bytes(message.content)

    assert_within_limits(message.content)
    assert not found.defects
    assert not [defect for part in found.walk() for defect in part.defects]
    assert found["Subject"] == subject
    assert found["From"].addresses[0].addr_spec == "digest@example.org"
    assert found["To"].addresses[0].addr_spec == "vision@example.org"
    assert display_name(raw["From"]) == " ".join(site.split())
    assert display_name(raw["To"]) == " ".join(name.split())
    assert str(make_header(decode_header(raw["List-Id"]))).endswith("<daily.example.org>")
    assert 5 <= len(letterhead.feedback_name) <= 15
    assert body(message, "plain") == text
    assert body(message, "html") == html


@given(
    dots=st.integers(0, 300), before=st.integers(0, 80), filling=st.sampled_from(["x", "é", " ", "=", ".\n"])
)
def test_no_line_begins_with_a_dot_wherever_it_is_broken(dots: int, before: int, filling: str) -> None:
    text = filling * before + "." * dots
    message = packed(Content.whole(subject="s", text=text, html=text))

    assert_within_limits(message.content)
    assert body(message, "plain") == text


@given(lines)
def test_who_wants_plain_text_gets_it_alone_and_may_leave_as_others_do(text: str) -> None:
    plan = a_plan(a_subscriber(plain_text=True))
    message = packed(Content.whole(subject="Small models", text=text, html=HTML), plan)
    found = parsed(message)
    assert found.get_content_type() == "text/plain"
    assert body(message, "plain").rstrip("\n") == text.rstrip("\n")
    assert f"<{LINKS.unsubscribe}>" in found["List-Unsubscribe"]
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.content.endswith(b"\r\n")
    assert_within_limits(message.content)


def test_a_long_unsubscribe_link_stays_one_unfolded_uri() -> None:
    url = "https://digest.example.org/unsubscribe/" + "a1B2-_" * 50
    raw = packed(links=ReaderLinks(unsubscribe=url, preferences=url)).content

    assert b"List-Unsubscribe: <" + url.encode() + b">,\r\n <mailto:" in raw


def test_without_an_unsubscribe_mailbox_the_link_stands_alone() -> None:
    found = parsed(packed(letterhead=replace(LETTERHEAD, unsubscribe_mailbox="")))

    assert found["List-Unsubscribe"] == f"<{LINKS.unsubscribe}>"


@pytest.mark.parametrize("kind", [kind for kind in DeliveryKind if kind is not DeliveryKind.DIGEST])
def test_other_kinds_are_no_bulk_mail(kind: DeliveryKind) -> None:
    found = parsed(packed(plan=a_plan(kind=kind, edition=None, picks=(), also_trending=())))

    assert found["Auto-Submitted"] == "auto-generated"
    bulk = ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "Feedback-ID")
    assert not [name for name in (*bulk, "X-Digest-Date", "X-Digest-Edition") if name in found]


def test_personal_mode_offers_no_link_to_unsubscribe() -> None:
    found = parsed(packed(links=None))

    assert found["List-Id"] == "Daily Digest <daily.example.org>"
    assert not [name for name in found if name.startswith("List-Unsubscribe")]


def test_the_idempotency_header_is_the_message_id_without_brackets() -> None:
    found = parsed(packed(letterhead=replace(LETTERHEAD, idempotency_header="Resend-Idempotency-Key")))

    assert f"<{found['Resend-Idempotency-Key']}>" == found["Message-ID"]


SMUGGLED = ["a\r\nBcc: x@example.org", "a\nb", "a\rb", "a\0b", "a\x85b", "a\x1fb"]


@pytest.mark.parametrize("value", SMUGGLED)
@pytest.mark.parametrize(
    "place", ["subject", "name", "site", "address", "id", "reply_to", "envelope", "unsubscribe", "mailbox"]
)
def test_a_value_with_a_control_character_is_refused(place: str, value: str) -> None:
    content = replace(CONTENT, subject=value) if place == "subject" else CONTENT
    subscriber = a_subscriber()
    if place == "name":
        subscriber = replace(subscriber, name=value)
    if place == "address":
        subscriber = replace(subscriber, address=f"{value}@example.org")
    plan = a_plan(subscriber)
    if place == "id":
        plan = replace(plan, message_id=f"<{value}@example.org>")
    letterhead = {
        "site": replace(LETTERHEAD, name=value),
        "reply_to": replace(LETTERHEAD, reply_to=f"{value}@example.org"),
        "envelope": replace(LETTERHEAD, verp=replace(VERP, address=f"{value}@example.org")),
        "mailbox": replace(LETTERHEAD, unsubscribe_mailbox=f"{value}@example.org"),
    }.get(place, LETTERHEAD)
    links = replace(LINKS, unsubscribe=LINKS.unsubscribe + value) if place == "unsubscribe" else LINKS

    with pytest.raises(RenderError):
        packed(content, plan, letterhead, links)


def test_half_a_surrogate_pair_is_refused_and_not_a_crash() -> None:
    with pytest.raises(RenderError, match="not Unicode"):
        packed(Content.whole(subject="s", html="", text="\ud800"))


def test_the_letterhead_is_what_is_configured() -> None:
    mail = Mail.model_validate({"from": "papers@example.org", "bounce_address": "b@example.org"})
    found = Letterhead.of(Settings(site=Site(name="Lab Ñews", contact="hi@example.org"), mail=mail), SIGNED)

    assert found.sender == Address("Lab Ñews", "papers", "example.org")
    assert found.reply_to == "hi@example.org"
    assert packed(letterhead=found).sender == found.envelope(a_plan())
    assert found.envelope(a_plan()).startswith("b+")
    assert found.feedback_name == "labnews"


def test_bounces_go_to_the_sender_unless_configured() -> None:
    assert Letterhead.of(Settings(), SIGNED).envelope(a_plan()) == "digest@example.org"


def test_a_message_id_names_the_day_or_the_kind_and_is_the_same_each_time() -> None:
    links = Links(base="", secrets=("s" * 32,))
    day = dt.date(2026, 4, 10)
    made = message_id(links, DeliveryKind.DIGEST, "s-vision", day, "example.org")

    assert made == message_id(links, DeliveryKind.DIGEST, "s-vision", day, "example.org")
    assert made.startswith("<20260410.")
    assert made.endswith("@example.org>")
    assert len(made) == len("<20260410.@example.org>") + 26
    others = {
        message_id(links, DeliveryKind.CONFIRM, "s-vision", day, "example.org"),
        message_id(links, DeliveryKind.DIGEST, "s-other", day, "example.org"),
        message_id(links, DeliveryKind.DIGEST, "s-vision", dt.date(2026, 4, 11), "example.org"),
    }
    assert len(others | {made}) == 4
    assert any(other.startswith("<confirm.") for other in others)


@pytest.fixture(scope="module")
def linter(shared: Path) -> ModuleType:
    pytest.importorskip("html5lib")
    pytest.importorskip("cssselect2")
    spec = importlib.util.spec_from_file_location("check_eml", shared / "emailcheck" / "check_eml.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_eml"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("subject", ["Small models learn to plan", "Où va l’IA ? Et 4 autres articles"])
def test_the_linter_finds_nothing_in_headers_and_structure(linter: ModuleType, subject: str) -> None:
    raw = packed(replace(CONTENT, subject=subject)).content
    report = linter.check_message(raw, "digest", linter.parser_args(["--allow-host", "digest.example.org"]))
    rules = {f"H{n:02}" for n in range(1, 18)} | {f"M{n:02}" for n in range(1, 8)}

    assert [f for f in report.findings if f.id in rules and f.level != "info"] == []


def test_the_linter_finds_nothing_in_a_confirmation(linter: ModuleType) -> None:
    plan = a_plan(kind=DeliveryKind.CONFIRM, message_id="<confirm.abcdefghijklmnopqrstuvwxyz@example.org>")
    report = linter.check_message(
        packed(plan=plan).content, "confirm", linter.parser_args(["--profile", "confirm"])
    )

    assert [f for f in report.findings if f.id[0] in "HM" and f.level != "info"] == []
