from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from factories import NOON, PLAIN, a_plan, a_subscriber

from digest.model import (
    Bounce,
    BounceClass,
    Decision,
    DeliveryKind,
    Origin,
    SubscriberState,
    Suppression,
)
from digest.store import Store

VISION = a_subscriber()
ORIGIN = Origin(subscriber=VISION.id, kind=DeliveryKind.DIGEST, local_date=a_plan().local_date)
SUPPRESS, LEAVE, COMPLAINT = (
    Decision(suppress="bounced: 5.1.1"),
    Decision(leave=True),
    Decision(suppress="complaint", leave=True),
)


def a_bounce(key: str = "one", **changes: object) -> Bounce:
    made = Bounce(
        key=key, subscriber=VISION.id, origin=ORIGIN, at=NOON, meaning=BounceClass.SOFT, status="5.2.2"
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def always(decision: Decision) -> Callable[[Sequence[Bounce]], Decision]:
    return lambda _: decision


@pytest.fixture
def sent(store: Store) -> Store:
    """A store in which a digest went to a reader."""
    store.subscribers.add(VISION)
    store.outbox.enqueue([replace(a_plan(), edition=None)])
    return store


def state(store: Store) -> SubscriberState | None:
    found = store.subscribers.get(VISION.id)
    return found and found.state


def test_a_bounce_is_kept_once_with_a_line_in_its_deliverys_journal(sent: Store):
    assert sent.bounces.settle(a_bounce(), always(Decision()), NOON) == Decision()
    assert sent.bounces.settle(a_bounce(), always(SUPPRESS), NOON) is None

    assert sent.bounces.of(VISION.id) == [a_bounce()]
    (delivery,) = sent.outbox.list()
    lines = [(line.event, line.reply) for line in sent.outbox.journal(delivery.id)]
    assert lines[1:] == [("bounced", "soft 5.2.2")]
    assert state(sent) is SubscriberState.CONFIRMED


@pytest.mark.parametrize(
    ("meaning", "event"),
    [
        (BounceClass.COMPLAINT, "complained"),
        (BounceClass.LEAVE, "left"),
        (BounceClass.DELIVERED, "delivered"),
    ],
)
def test_the_journal_says_what_came_back(sent: Store, meaning: BounceClass, event: str):
    sent.bounces.settle(a_bounce(meaning=meaning, status=""), always(Decision()), NOON)
    assert sent.outbox.journal(1)[-1].event == event


def test_what_follows_is_decided_with_what_was_kept_before(sent: Store):
    seen: list[Sequence[Bounce]] = []

    def decide(history: Sequence[Bounce]) -> Decision:
        seen.append(history)
        return Decision()

    old = a_bounce("old", at=NOON - dt.timedelta(days=200))
    for bounce in (old, a_bounce("one"), a_bounce("two", origin=None)):
        sent.bounces.settle(bounce, decide, NOON)
    assert seen == [[], [], [a_bounce("one")]]


@pytest.mark.parametrize(
    ("decision", "state_after", "reasons"),
    [
        (Decision(), SubscriberState.CONFIRMED, []),
        (SUPPRESS, SubscriberState.SUPPRESSED, ["bounced: 5.1.1"]),
        (LEAVE, SubscriberState.UNSUBSCRIBED, []),
        (COMPLAINT, SubscriberState.UNSUBSCRIBED, ["complaint"]),
    ],
)
def test_what_was_decided_is_done(
    sent: Store, decision: Decision, state_after: SubscriberState, reasons: list[str]
):
    sent.bounces.settle(a_bounce(), always(decision), NOON)
    assert state(sent) is state_after
    found = [Suppression(address=VISION.address, reason=reason, at=NOON) for reason in reasons]
    assert sent.suppressions.list() == found


def test_who_is_suppressed_stays_so(sent: Store):
    sent.bounces.settle(a_bounce("one"), always(SUPPRESS), NOON)
    sent.bounces.settle(a_bounce("two"), always(COMPLAINT), NOON)
    assert state(sent) is SubscriberState.SUPPRESSED


def test_an_old_address_is_suppressed_and_its_reader_stays(sent: Store):
    sent.subscribers.change(VISION.id, lambda one: replace(one, address="new@example.org"), NOON)
    assert sent.bounces.address(ORIGIN) == VISION.address
    sent.bounces.settle(a_bounce(), always(SUPPRESS), NOON)
    assert sent.suppressions.has(VISION.address)
    assert not sent.suppressions.has("new@example.org")
    assert state(sent) is SubscriberState.CONFIRMED


def test_without_its_delivery_a_bounce_counts_for_the_reader(store: Store):
    store.subscribers.add(VISION)
    assert store.bounces.address(ORIGIN) == VISION.address
    store.bounces.settle(a_bounce(), always(SUPPRESS), NOON)
    assert store.bounces.of(VISION.id) == [a_bounce(origin=None)]
    assert state(store) is SubscriberState.SUPPRESSED


def test_nobody_is_counted_who_is_gone_and_nothing_of_them_stays(
    sent: Store, rows: Callable[[str], list[tuple[object, ...]]]
):
    sent.bounces.settle(a_bounce(), always(Decision()), NOON)
    sent.persons.erase(VISION.id, PLAIN, NOON, NOON)
    assert rows("SELECT * FROM bounces") == []
    assert sent.bounces.address(ORIGIN) is None
    assert sent.bounces.settle(a_bounce("two"), always(SUPPRESS), NOON) is None
    assert sent.suppressions.list() == []


def test_no_address_is_kept(sent: Store, rows: Callable[[str], list[tuple[object, ...]]]):
    sent.bounces.settle(a_bounce(), always(Decision()), NOON)
    assert "@" not in str(rows("SELECT * FROM bounces"))
