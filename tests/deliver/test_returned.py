"""What came back is understood, in every form that servers write; and nothing that anybody writes can raise."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from letters import NAMES, letter

from digest.deliver.returned import LONGEST, Kind, read
from digest.model import BounceClass

SENDER = "bounces+db4984-0123456789abcdef-abcdefghijklmnop@example.org"
TOKEN = "WyIwMTIzNDU2Nzg5YWJjZGVmIiwxLDBd.c2lnbmF0_cmVzaWduYXR1cmU-x_"
HARD, SOFT, TRANSIENT, POLICY = (
    BounceClass.HARD, BounceClass.SOFT, BounceClass.TRANSIENT, BounceClass.POLICY,
)  # fmt: skip

#: What each document says: the status, and what it means.
REFUSED = {
    "postfix-5.1.1": ("5.1.1", HARD),
    "postfix-no-code": ("5.0.0", SOFT),
    "postfix-delayed": ("4.4.1", TRANSIENT),
    "postfix-4.2.2": ("4.2.2", SOFT),
    "postfix-expired": ("4.4.1", TRANSIENT),
    "exchange-5.1.10": ("5.1.10", HARD),
    "exchange-5.7.606": ("5.7.606", POLICY),
    "exchange-deutsch-5.2.2": ("5.2.2", SOFT),
    "gmail-5.1.1": ("5.1.1", HARD),
    "gmail-5.2.2": ("5.2.2", SOFT),
    "gmail-5.7.26": ("5.7.26", POLICY),
    "ses-5.1.1": ("5.1.1", HARD),
    "yahoo-554": ("5.0.0", POLICY),
    "blocklist-5.1.1": ("5.1.1", POLICY),
    "forwarded-5.1.1": ("5.1.1", HARD),
    "smtputf8-5.1.1": ("5.1.1", HARD),
    "opensmtpd-error": ("5.0.0", SOFT),
    "qmail": ("", SOFT),
    "exim": ("", SOFT),
}  # fmt: skip
COMPLAINTS = {"arf-abuse", "arf-by-link", "arf-headers-only", "arf-by-sender", "arf-redacted"}
LEAVES = {"leave", "leave-encoded", "leave-by-sender", "leave-without-token"}
IDLE = {"auto-reply", "relayed", "arf-not-spam", "arf-auth-failure"}


def document(name: str) -> bytes:
    return letter(name, SENDER, token=TOKEN)


def test_every_document_is_expected_to_say_something() -> None:
    assert {*REFUSED, "list-of-two", *COMPLAINTS, *LEAVES, *IDLE, "a-person"} == set(NAMES)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bounce_says_what_failed_and_for_which_of_our_messages(name: str) -> None:
    found = read(document(name))
    (refusal,) = found.refusals
    assert found.kind is Kind.BOUNCE
    assert (refusal.status, refusal.meaning) == REFUSED[name]
    assert SENDER in found.senders
    assert found.at == dt.datetime(2026, 4, 10, 9, 30, tzinfo=dt.UTC)


def test_a_bounce_names_whom_it_was_for() -> None:
    named = {name: read(document(name)).refusals[0].recipients for name in REFUSED}
    assert named["forwarded-5.1.1"] == {"somebody-else@example.com"}
    assert named["postfix-5.1.1"] == named["smtputf8-5.1.1"] == {"vision@example.org"}
    assert named["qmail"] == frozenset()


def test_each_address_behind_ours_is_judged_for_itself() -> None:
    one, two = read(document("list-of-two")).refusals
    assert (one.meaning, two.meaning) == (HARD, TRANSIENT)
    assert one.recipients == {"vision@example.org", "one@example.com"}


@pytest.mark.parametrize("name", sorted(COMPLAINTS))
def test_a_complaint_is_one_and_leads_back_where_it_is_not_redacted(name: str) -> None:
    found = read(document(name))
    assert found.kind is Kind.COMPLAINT
    assert (SENDER in found.senders) == (name in {"arf-abuse", "arf-headers-only", "arf-by-sender"})
    assert (TOKEN in found.tokens) == (name in {"arf-abuse", "arf-headers-only", "arf-by-link"})


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_a_wish_to_leave_is_one(name: str) -> None:
    found = read(document(name))
    assert found.kind is Kind.LEAVE
    assert (TOKEN in found.tokens) == (name in {"leave", "leave-encoded"})
    assert (SENDER in found.senders) == (name == "leave-by-sender")


@pytest.mark.parametrize("name", sorted(IDLE))
def test_from_replies_of_programs_and_reports_of_success_nothing_follows(name: str) -> None:
    assert read(document(name)).kind is Kind.IDLE


def test_what_a_person_writes_is_for_a_person() -> None:
    assert read(document("a-person")).kind is Kind.UNKNOWN


def test_the_same_message_has_the_same_key_however_it_came() -> None:
    again = document("qmail").replace(b"Delivered-To", b"Received: by mx.example.org; now\r\nDelivered-To")
    other = letter("qmail", SENDER, mark="2")
    assert read(document("qmail")).key == read(again).key != read(other).key
    without = re.sub(rb"Message-ID: .*\r\n", b"", document("qmail"))
    assert read(without).key == read(without).key != read(without + b".").key


# --- hostile ones ---------------------------------------------------------------------------------


def nested(depth: int, divider: bytes = b"") -> bytes:
    levels = (b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
    return b"From: x@example.com\r\n" + divider.join(levels)


BOMBS = {
    "nested": nested(30_000),
    "nested, folded": nested(30_000).replace(b"Content-Type: ", b"Content-Type:\r\n "),
    "attached in one another": b"Content-Type: message/rfc822\r\n\r\n" * 30_000,
    "digests": b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000,
    "many parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000,
    "ten megabytes": letter("postfix-5.1.1", SENDER) + b"x" * 10_000_000,
    "one line": b"Subject: " + b"a@" * 5_000_000,
    "many headers": b"To: a@example.com\r\n" * 500_000,
    "one long header": b"To: " + b"a@example.com, " * 700_000,
    "blocks": b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\nStatus: 5.1.1\r\n\r\n" * 30_000,
    "global blocks": b"Content-Type: message/global-delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 50_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 70_000,
    "angle brackets": b"From: MAILER-DAEMON@x.example\r\n\r\n" + b"<" * 900_000,
    "addresses": b"From: MAILER-DAEMON@x.example\r\n\r\n" + b"<a@b.example>:\r\n" * 60_000,
    "blanks": b"From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\n\r\n" + b" " * 900_000,
    "a line each": b"From: MAILER-DAEMON@x.example\r\nSubject: Returned mail\r\n\r\n" + b"x\r\n" * 300_000,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_no_further_than_it_may_be(name: str) -> None:
    found = read(BOMBS[name])
    assert len(found.refusals) <= 50
    assert len(found.senders) < 4_000
    assert found == read(BOMBS[name][:LONGEST])


WRONG = {
    "an unknown charset": document("leave-encoded").replace(b"utf-8?q?u", b"x-mars?q?u"),
    "a text that is not in its charset": document("leave-encoded").replace(b"?unsub", b"?=ff=feunsub"),
    "octets in headers": document("postfix-5.1.1").replace(b"Status: 5", b"Status: \xff\xfe5"),
    "no date": document("postfix-5.1.1").replace(b"Date: Fri, 10 Apr 2026", b"Date: Fri, 99 Foo 99999"),
    "a date out of time": document("postfix-5.1.1").replace(b"09:30:00 +0000", b"09:30:00 +9999"),
    "no divider": document("postfix-5.1.1").replace(b'boundary="divided"', b"x=y"),
    "never closed": document("postfix-5.1.1").replace(b"--divided--", b""),
    "a status of text": document("postfix-5.1.1").replace(b"Status: 5.1.1", b"Status: gone"),
    "base64": document("arf-headers-only").replace(
        b"Content-Type: text/rfc822-headers", b"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: base64"
    ),
    "nothing": b"",
    "zeros": b"\0" * 1000,
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_broken_is_read_as_far_as_it_goes(name: str) -> None:
    assert read(WRONG[name]).kind in Kind


@given(st.binary(max_size=400))
def test_any_octets_are_something(raw: bytes) -> None:
    assert read(raw).kind in Kind


@given(st.sampled_from(NAMES), st.data())
def test_a_document_with_anything_changed_is_something(name: str, data: st.DataObject) -> None:
    raw = document(name)
    start, end = sorted((data.draw(st.integers(0, len(raw))), data.draw(st.integers(0, len(raw)))))
    assert read(raw[:start] + data.draw(st.binary(max_size=30)) + raw[end:]).kind in Kind


def test_a_header_cannot_be_smuggled_into_what_is_kept() -> None:
    raw = document("postfix-5.1.1").replace(b"Status: 5.1.1", b"Status: 5.1.1\r\n (x\x0bBcc: y@example.com)")
    (refusal,) = read(raw).refusals
    assert replace(refusal, recipients=frozenset()).status == "5.1.1"
