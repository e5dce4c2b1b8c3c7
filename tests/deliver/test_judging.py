"""What refusals mean, and what follows: the tables."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from factories import NOON
from hypothesis import given
from hypothesis import strategies as st

from digest.deliver.judging import counted, decide, judged
from digest.model import Bounce, BounceClass, Decision, Refusal

HARD, SOFT, TRANSIENT, POLICY = (
    BounceClass.HARD,
    BounceClass.SOFT,
    BounceClass.TRANSIENT,
    BounceClass.POLICY,
)
DAY = dt.timedelta(days=1)

MEANINGS = [
    # code, words, status, meaning
    ("5.1.1", "", "5.1.1", HARD),
    ("5.1.10", "", "5.1.10", HARD),
    ("5.1.6", "smtp; 550 5.1.6 moved", "5.1.6", HARD),
    ("5.1.1 (bad mailbox)", "", "5.1.1", HARD),
    ("5.1.100", "", "5.1.100", SOFT),
    ("5.0.0", "smtp; 550 5.1.1 <policy@example.org>: no such user", "5.1.1", HARD),
    ("5.4.7", "smtp; 550 5.1.1 no such user", "5.1.1", HARD),
    ("", "smtp; 550-5.1.1 no such user", "5.1.1", HARD),
    ("5.1.0", "", "5.1.0", SOFT),
    ("5.1.2", "host not found", "5.1.2", SOFT),
    ("5.2.1", "smtp; 550 5.2.1 disabled", "5.2.1", SOFT),
    ("5.2.2", "smtp; 552 5.2.2 full", "5.2.2", SOFT),
    ("5.2.2", "smtp;554 5.2.2 mailbox full", "5.2.2", SOFT),
    ("4.2.2", "", "4.2.2", SOFT),
    ("5.4.4", "", "5.4.4", SOFT),
    ("5.0.0", "smtp; 550 no such user", "5.0.0", SOFT),
    ("", "smtp; 550 no such user", "550", SOFT),
    ("", "it did not work, at 192.0.2.550 or 5.1.1.9", "", SOFT),
    ("", "", "", SOFT),
    ("4.4.1", "connection timed out", "4.4.1", TRANSIENT),
    ("4.4.7", "expired; last answer 452 4.2.2 full", "4.2.2", SOFT),
    ("4.7.1", "greylisted by policy", "4.7.1", TRANSIENT),
    ("", "smtp; 451 try again", "451", TRANSIENT),
    ("5.7.1", "", "5.7.1", POLICY),
    ("5.7.26", "unauthenticated", "5.7.26", POLICY),
    ("5.6.0", "", "5.6.0", POLICY),
    ("5.5.4", "", "5.5.4", POLICY),
    ("5.3.4", "too big", "5.3.4", POLICY),
    ("5.1.8", "bad sender's domain", "5.1.8", POLICY),
    ("5.1.1", "smtp; 550 5.7.1 access denied", "5.1.1", POLICY),
    ("5.1.1", "550 5.1.1 client blocked using zen.spamhaus.example", "5.1.1", POLICY),
    ("5.0.0", "smtp; 554 not allowed", "5.0.0", POLICY),
    ("", "554 your IP has a poor reputation", "554", POLICY),
    ("5.2.0", "550 5.2.0 rejected as spam", "5.2.0", POLICY),
]


@pytest.mark.parametrize(("status", "said", "shown", "meaning"), MEANINGS)
def test_the_table_of_meanings(status: str, said: str, shown: str, meaning: BounceClass) -> None:
    found = judged(status, said)
    assert (found.status, found.meaning) == (shown, meaning)


@given(st.text(), st.text())
def test_of_what_anybody_says_only_a_code_is_kept(status: str, said: str) -> None:
    shown = judged(status, said).status
    assert shown == "" or all(part.isdecimal() and len(part) <= 3 for part in shown.split("."))


def refused(meaning: BounceClass, *recipients: str) -> Refusal:
    return Refusal(meaning=meaning, recipients=frozenset(recipients))


@pytest.mark.parametrize(
    ("refusals", "meaning"),
    [
        ([refused(HARD, "vision@example.org")], HARD),
        ([refused(HARD, "vision@example.org", "inner@example.net")], HARD),
        ([refused(HARD)], HARD),
        ([refused(HARD, "elsewhere@example.net")], SOFT),
        ([refused(HARD, "vision@example.org"), refused(TRANSIENT, "vision@example.org")], TRANSIENT),
        ([refused(SOFT), refused(POLICY)], POLICY),
        ([refused(HARD, "vision@example.org"), refused(SOFT)], SOFT),
    ],
)
def test_an_address_is_gone_only_if_it_is_theirs_and_nobody_behind_it_reads(
    refusals: list[Refusal], meaning: BounceClass
) -> None:
    assert counted(refusals, "Vision@example.org").meaning is meaning
    assert counted(refusals[::-1], "vision@example.org").meaning is meaning


def bounce(meaning: BounceClass, day: float, status: str = "") -> Bounce:
    return Bounce(key=f"{meaning} {day}", subscriber="s", at=NOON + day * DAY, meaning=meaning, status=status)


def followed(*bounces: Bounce, late: float = 0) -> Decision:
    *history, new = bounces
    return decide(history, new, new.at + late * DAY)


def softs(*days: float) -> list[Bounce]:
    return [bounce(SOFT, day, "5.2.2") for day in days]


def transients(*days: float) -> list[Bounce]:
    return [bounce(TRANSIENT, day, "4.4.1") for day in days]


STAYS = [
    ("a full mailbox", softs(0)),
    ("three times, but within two weeks", softs(0, 7, 13.9)),
    ("two weeks, but twice", softs(0, 20)),
    ("a month in between", softs(0, 1, 33)),
    ("it arrived in between", [*softs(0, 5), bounce(BounceClass.DELIVERED, 10), *softs(15)]),
    ("busy for less than a month", transients(*range(30))),
    ("busy once in a while", transients(0, 31, 62)),
    ("policies, as many as you like", [bounce(POLICY, day, "5.7.1") for day in range(60)]),
    ("policies among others", [*softs(0, 7), bounce(POLICY, 20, "5.7.1")]),
    ("it arrived", [*softs(0, 7), bounce(BounceClass.DELIVERED, 20)]),
]
GOES = [
    ("not there", [bounce(HARD, 0, "5.1.1")], "bounced: 5.1.1"),
    ("three in two weeks", softs(0, 7, 14), "bounced 3 times since 2026-04-10: 5.2.2"),
    ("every day for two weeks", softs(*range(15)), "bounced 15 times since 2026-04-10: 5.2.2"),
    ("unevenly", softs(0, 1, 20), "bounced 3 times since 2026-04-10: 5.2.2"),
    ("in whatever order they are kept", softs(7, 0, 14), "bounced 3 times since 2026-04-10: 5.2.2"),
    ("busy for a month", transients(*range(31)), "bounced 31 times since 2026-04-10: 4.4.1"),
    (
        "full or busy for a month",
        [*softs(0), *transients(10, 20, 30)],
        "bounced 4 times since 2026-04-10: 4.4.1",
    ),
]


@pytest.mark.parametrize(("why", "bounces"), STAYS)
def test_the_table_of_what_is_borne(why: str, bounces: list[Bounce]) -> None:
    assert followed(*bounces) == Decision(), why


@pytest.mark.parametrize(("why", "bounces", "reason"), GOES)
def test_the_table_of_what_suppresses(why: str, bounces: list[Bounce], reason: str) -> None:
    assert followed(*bounces) == Decision(suppress=reason), why


def test_a_complaint_ends_it_at_once_and_a_wish_to_leave_suppresses_nothing() -> None:
    assert followed(bounce(BounceClass.COMPLAINT, 0)) == Decision(suppress="complaint", leave=True)
    assert followed(bounce(BounceClass.LEAVE, 0)) == Decision(leave=True)
    assert followed(bounce(BounceClass.COMPLAINT, 0), late=400).leave


def test_from_a_bounce_that_is_read_a_month_late_nothing_follows() -> None:
    assert followed(bounce(HARD, 0, "5.1.1"), late=29) != Decision()
    assert followed(bounce(HARD, 0, "5.1.1"), late=31) == Decision()


@given(st.lists(st.tuples(st.sampled_from([SOFT, TRANSIENT, POLICY]), st.floats(0, 90)), min_size=1))
def test_policies_change_no_decision_and_the_order_of_history_neither(
    told: list[tuple[BounceClass, float]],
) -> None:
    history = [bounce(meaning, day) for meaning, day in told]
    new = bounce(SOFT, 90, "5.2.2")
    found = decide(history, new, new.at)
    assert decide([one for one in history if one.meaning is not POLICY], new, new.at) == found
    assert decide(history[::-1], new, new.at) == found
    assert decide(history, replace(new, meaning=POLICY), new.at) == Decision()
