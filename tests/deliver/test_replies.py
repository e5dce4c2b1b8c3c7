"""Each row of the reply table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.deliver import replies
from digest.errors import DeliveryError
from digest.model import Verdict


@pytest.mark.parametrize(
    ("reply", "verdict", "suppress"),
    [
        ("250 2.0.0 queued as 4F", Verdict.ACCEPTED, False),
        ("421 4.7.28 slow down", Verdict.UNREACHABLE, False),
        ("454 4.7.0 throttling", Verdict.UNREACHABLE, False),
        ("450 4.2.0 greylisted", Verdict.DEFERRED, False),
        ("451 4.3.0 local error", Verdict.DEFERRED, False),
        ("452 4.2.2 mailbox full", Verdict.DEFERRED, False),
        ("550 5.1.1 no such user", Verdict.REFUSED, True),
        ("551 5.1.6 has moved", Verdict.REFUSED, True),
        ("553 5.1.10 null mx", Verdict.REFUSED, True),
        ("550 5.2.1 disabled", Verdict.REFUSED, False),
        ("552 5.2.2 mailbox full", Verdict.REFUSED, False),
        ("550 5.7.1 blocked", Verdict.REFUSED, False),
        ("550 5.7.515 not authenticated", Verdict.REFUSED, False),
        ("554 5.7.1 policy", Verdict.REFUSED, False),
        ("554 5.1.1 listed", Verdict.REFUSED, False),
        ("550 no enhanced code: 5.1.1", Verdict.REFUSED, False),
        ("550 5.1.11 not 5.1.1", Verdict.REFUSED, False),
        ("550 5.1.1 blocked using a blocklist", Verdict.REFUSED, False),
        ("554 5.6.0 malformed", Verdict.REFUSED, False),
    ],
)
def test_a_reply_means_what_the_table_says(reply: str, verdict: Verdict, suppress: bool) -> None:
    outcome = replies.judge(int(reply[:3]), reply[4:].encode())

    assert (outcome.verdict, outcome.suppress) == (verdict, suppress)
    assert outcome.reply == reply


@pytest.mark.parametrize("reply", ["535 5.7.8 bad login", "530 5.7.0 log in first", "550 5.1.8 bad sender"])
def test_a_reply_against_us_stops_all_sending(reply: str) -> None:
    with pytest.raises(DeliveryError):
        replies.judge(int(reply[:3]), reply[4:].encode())


@pytest.mark.parametrize(
    ("reply", "ours"),
    [
        ("550 5.7.1 blocked", True),
        ("554 5.7.1 policy", True),
        ("554 no reason", True),
        ("554 5.6.0 malformed", True),
        ("555 5.5.4 unknown parameter", True),
        ("550 5.1.1 blocked using a blocklist", True),
        ("550 5.1.1 no such user", False),
        ("554 5.1.1 no such user", False),
        ("552 5.2.2 mailbox full", False),
        ("550 no such user", False),
        ("451 4.7.1 greylisted", False),
    ],
)
def test_what_is_refused_for_our_sake_is_told_from_what_is_the_addresss(reply: str, ours: bool) -> None:
    assert replies.judge(int(reply[:3]), reply[4:].encode()).ours is ours


@given(st.binary(max_size=500), st.integers(400, 599))
def test_a_reply_is_kept_as_one_short_line(text: bytes, code: int) -> None:
    line = replies.line(code, text)

    assert len(line) <= 200
    assert line.isprintable()


def test_a_reply_is_kept_without_anybodys_address() -> None:
    text = (
        b"5.1.1 <vision@example.org>: Recipient address rejected:\nVISION@Example.ORG is not o'neil@x.example"
    )

    line = replies.line(550, text)

    assert "vision@" not in line.lower()
    assert "neil@" not in line
