"""The log of consents: a row for each, written with the subscriber's change or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from factories import NOON, PLAIN, a_plan, a_subscriber

from digest.errors import UsageError
from digest.model import (
    Consent,
    ConsentMethod,
    DeliveryKind,
    DeliveryState,
    Settlement,
    Subscriber,
    SubscriberState,
)
from digest.store import Limit, Mail, Store

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
FORM = Consent(
    at=NOON,
    method=ConsentMethod.FORM,
    wording="Größe: so it is.",
    url="https://x.example/subscribe",
    network="192.0.2.0/24",
)
VOUCHED = Consent(at=NOON, method=ConsentMethod.OPERATOR, wording="they said so", confirmed_at=NOON)
PENDING = a_subscriber(state=SubscriberState.PENDING, confirmed_at=None)


def asked(now: dt.datetime = NOON) -> Mail:
    """The mail that asks the pending subscriber to confirm."""
    plan = replace(
        a_plan(PENDING, message_id=f"<confirm.{now:%Y%m%d}@x>", local_date=now.date(), prepared_at=now),
        kind=DeliveryKind.CONFIRM,
        edition=None,
        due_at=now,
        expires_at=now + DAY,
    )
    return Mail(plan=plan, limit=Limit(key="vision", rates=((1, DAY),)), consent=replace(FORM, at=now))


def confirmed(at: dt.datetime) -> Callable[[Subscriber], Subscriber]:
    return lambda known: replace(known, state=SubscriberState.CONFIRMED, confirmed_at=at)


def agree(store: Store, at: dt.datetime, consent: Consent = FORM) -> None:
    store.subscribers.change("s-vision", confirmed(at), at, consent=replace(consent, confirmed_at=at))


def test_a_confirmation_completes_what_was_asked_last(store: Store):
    store.subscribers.add(PENDING, asked())
    assert store.consents.of("s-vision") == [FORM]
    agree(store, NOON + HOUR)
    assert store.consents.of("s-vision") == [replace(FORM, confirmed_at=NOON + HOUR)]


def test_a_later_consent_is_a_row_of_its_own(store: Store):
    store.subscribers.add(PENDING, asked())
    agree(store, NOON + HOUR)
    store.subscribers.change(
        "s-vision", lambda known: replace(known, state=SubscriberState.UNSUBSCRIBED), NOON
    )
    agree(store, NOON + DAY)
    first, second = store.consents.of("s-vision")
    assert (first.confirmed_at, second.confirmed_at) == (NOON + HOUR, NOON + DAY)


def test_what_was_asked_before_is_not_completed_by_a_later_consent(store: Store):
    store.subscribers.add(PENDING, asked(), replace(FORM, at=NOON + HOUR))
    agree(store, NOON + 2 * HOUR)
    store.subscribers.change(
        "s-vision", lambda known: replace(known, state=SubscriberState.UNSUBSCRIBED), NOON
    )
    agree(store, NOON + DAY)
    assert [one.confirmed_at for one in store.consents.of("s-vision")] == [None, NOON + 2 * HOUR, NOON + DAY]


def test_an_operators_word_completes_nothing_that_the_reader_was_asked(store: Store):
    store.subscribers.add(PENDING, asked())
    agree(store, NOON + HOUR, VOUCHED)
    first, second = store.consents.of("s-vision")
    assert first == FORM
    assert second == replace(VOUCHED, confirmed_at=NOON + HOUR)


def test_a_change_that_confirms_nobody_anew_adds_nothing(store: Store):
    store.subscribers.add(a_subscriber(), consent=VOUCHED)
    store.subscribers.change("s-vision", lambda known: replace(known, papers=3), NOON, consent=FORM)
    store.subscribers.change("s-vision", confirmed(a_subscriber().confirmed_at), NOON, consent=FORM)
    assert store.consents.of("s-vision") == [VOUCHED]


def test_a_change_that_fails_takes_its_consent_along(store: Store):
    store.subscribers.add(a_subscriber("other"))
    store.subscribers.add(PENDING)
    with pytest.raises(UsageError):
        store.subscribers.change(
            "s-vision",
            lambda known: replace(known, address="other@example.org", confirmed_at=NOON),
            NOON,
            consent=VOUCHED,
        )
    with pytest.raises(UsageError):
        store.subscribers.add(replace(PENDING, id="s-2"), asked(), VOUCHED)
    assert store.consents.list() == {}


def test_the_wording_can_be_compared_by_its_hash(store: Store, rows):
    store.subscribers.add(PENDING, asked())
    assert rows("SELECT wording, sha256 FROM consents") == [
        (FORM.wording, hashlib.sha256(FORM.wording.encode()).hexdigest())
    ]


def test_when_the_mail_went_out_is_told(store: Store):
    store.subscribers.add(PENDING, asked())
    assert store.consents.of("s-vision")[0].mailed_at is None
    (delivery,) = store.outbox.claim(NOON, 1, "me")
    sent = Settlement(state=DeliveryState.SENT, event="sent", reply="250")
    store.outbox.settle({delivery.id: sent}, NOON + HOUR, "me")
    assert store.consents.of("s-vision")[0].mailed_at == NOON + HOUR


def test_networks_are_forgotten_and_nothing_else(store: Store):
    store.subscribers.add(PENDING, asked(), replace(FORM, at=NOON + HOUR))
    store.consents.forget_networks(NOON + HOUR)
    assert store.consents.of("s-vision") == [replace(FORM, network=""), replace(FORM, at=NOON + HOUR)]


def test_consents_go_with_their_subscriber(store: Store, rows):
    store.subscribers.add(a_subscriber(), consent=VOUCHED)
    store.subscribers.add(a_subscriber("other"), consent=VOUCHED)
    store.persons.erase("s-vision", PLAIN, NOON, NOON)
    assert store.consents.list() == {"s-other": [VOUCHED]}
    assert rows("SELECT count(*) FROM consents") == [(1,)]
