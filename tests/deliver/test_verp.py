"""The envelope's sender: it leads back to its delivery, and nobody else can make one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from factories import a_plan, a_subscriber
from hypothesis import given
from hypothesis import strategies as st

from digest.config import Mail
from digest.deliver.verp import LONGEST_LOCAL_PART, Verp
from digest.links import Links
from digest.model import DeliveryKind, Origin, Plan

LINKS = Links(base="", secrets=("a secret of the tests",))
VERP = Verp(address="bounces@example.org", links=LINKS)

ids = st.text("0123456789abcdef", min_size=16, max_size=16)
plans = st.builds(
    lambda subscriber, kind, date: a_plan(a_subscriber(id=subscriber), kind=kind, local_date=date),
    ids,
    st.sampled_from(DeliveryKind),
    st.dates(dt.date(2020, 1, 1), dt.date(2120, 1, 1)),
)


@given(plans)
def test_a_sender_leads_back_to_its_delivery_whatever_becomes_of_its_case(plan: Plan) -> None:
    origin = Origin(subscriber=plan.reader.id, kind=plan.kind, local_date=plan.local_date)
    sender = VERP.sender(plan)
    assert VERP.sender(plan) == sender
    assert VERP.origin(sender) == VERP.origin(sender.upper()) == VERP.origin(f" {sender}\n") == origin


@given(plans, st.data())
def test_a_sender_with_one_character_changed_leads_nowhere(plan: Plan, data: st.DataObject) -> None:
    sender = VERP.sender(plan)
    place = data.draw(st.integers(0, len(sender) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c.lower() != sender[place]))
    assert VERP.origin(sender[:place] + other + sender[place + 1 :]) is None


@given(st.text() | st.text().map("bounces+{}@example.org".format))
def test_anything_else_leads_nowhere(text: str) -> None:
    assert VERP.origin(text) is None


def test_another_site_and_another_address_lead_nowhere() -> None:
    sender = VERP.sender(a_plan())
    assert replace(VERP, links=replace(LINKS, secrets=("another",))).origin(sender) is None
    assert replace(VERP, address="returns@example.org").origin(sender) is None
    assert replace(VERP, address="bounces@example.net").origin(sender) is None


def test_during_a_rotation_what_was_sent_before_it_still_leads_back() -> None:
    before = VERP.sender(a_plan())
    during = replace(VERP, links=replace(LINKS, secrets=(*LINKS.secrets, "new")))
    assert during.origin(before) == VERP.origin(before)
    assert during.sender(a_plan()) != before
    assert VERP.origin(during.sender(a_plan())) is None


@pytest.mark.parametrize("kind", DeliveryKind)
def test_the_longest_address_that_may_be_configured_leaves_room(kind: DeliveryKind) -> None:
    address = Mail(bounce_address="b" * 18 + "@example.org").bounce_address
    a_trial = a_subscriber(id="test-0123456789abcdef")  # the longest id: `send-test` makes it
    sender = replace(VERP, address=address).sender(a_plan(a_trial, kind=kind))
    assert len(sender.rpartition("@")[0]) <= LONGEST_LOCAL_PART
    assert "example" not in sender.rpartition("@")[0]
