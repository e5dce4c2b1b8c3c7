"""Sign-ups: counted, limited, and kept together with their mail, or not at all."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest
from factories import NOON, a_plan, a_subscriber

from digest.errors import TooOften
from digest.model import DeliveryKind, Plan, Subscriber, SubscriberState
from digest.store import Limit, Mail, Store

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def newcomer(name: str = "new") -> Subscriber:
    return a_subscriber(name, state=SubscriberState.PENDING, confirmed_at=None)


def asked(subscriber: Subscriber, now: dt.datetime) -> Plan:
    return replace(
        a_plan(subscriber),
        kind=DeliveryKind.CONFIRM,
        edition=None,
        picks=(),
        also_trending=(),
        local_date=now.date(),
        message_id=f"<confirm.{subscriber.id}.{now:%Y%m%d}@x>",
        due_at=now,
        expires_at=now + DAY,
        prepared_at=now,
    )


def ask(
    store: Store, subscriber: Subscriber, now: dt.datetime = NOON, network: str = "net", plan: bool = True
) -> dt.timedelta | None:
    limit = Limit(key=subscriber.address, rates=((1, DAY), (3, 30 * DAY)))
    mail = Mail(plan=asked(subscriber, now), limit=limit) if plan else None
    return store.subscribers.ask(subscriber, mail, Limit(key=network, rates=((2, HOUR),)), now)


def test_a_newcomer_is_kept_with_the_mail_to_them(store: Store):
    assert ask(store, newcomer()) is None

    assert store.subscribers.list() == [newcomer()]
    (row,) = store.outbox.list()
    assert (row.plan.kind, row.plan.reader.id) == (DeliveryKind.CONFIRM, "s-new")


def test_without_a_mail_nobody_is_kept(store: Store):
    assert ask(store, newcomer(), plan=False) is None

    assert store.subscribers.list() == []
    assert store.outbox.list() == []


def test_who_is_known_stays_as_they_are(store: Store):
    known = a_subscriber(papers=3)
    store.subscribers.add(known)

    assert ask(store, a_subscriber(papers=50)) is None

    assert store.subscribers.list() == [known]
    assert len(store.outbox.list()) == 1


def test_an_address_is_written_to_once_a_day_and_three_times_a_month(store: Store):
    mails = []
    for hours in range(0, 40 * 24, 6):
        now = NOON + hours * HOUR
        assert ask(store, newcomer(), now, network=f"net {hours}") is None
        mails.append((now, len(store.outbox.list())))

    grew = [
        now for (_, before), (now, after) in zip([(NOON, 0), *mails], mails, strict=False) if after > before
    ]
    assert grew == [NOON, NOON + DAY, NOON + 2 * DAY, *(NOON + (30 + n) * DAY for n in range(3))]


def test_a_network_that_asks_too_often_is_told_how_long_to_wait(store: Store):
    for number, minutes in enumerate((0, 20)):
        assert ask(store, newcomer(f"r{number}"), NOON + dt.timedelta(minutes=minutes)) is None

    later = NOON + dt.timedelta(minutes=50)
    assert ask(store, newcomer("r2"), later) == dt.timedelta(minutes=10)
    assert store.subscribers.by_address("r2@example.org") is None
    assert ask(store, newcomer("r2"), NOON + HOUR) is None
    assert ask(store, newcomer("r3"), later, network="another") is None


def test_a_hundred_who_ask_for_one_address_at_once_cause_one_mail(store: Store):
    answers: list[dt.timedelta | None] = []

    def hurry(numbers: range) -> None:
        answers.extend(
            ask(
                store,
                a_subscriber(f"r{n}", state=SubscriberState.PENDING, address="one@example.org"),
                network=f"{n}",
            )
            for n in numbers
        )

    threads = [threading.Thread(target=hurry, args=(range(first, 100, 4),)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [None] * 100
    assert len(store.outbox.list()) == 1
    assert len(store.subscribers.list()) == 1


def test_who_does_not_confirm_is_forgotten_and_nobody_else(store: Store):
    ask(store, newcomer("silent"), NOON)
    ask(store, newcomer("again"), NOON)
    ask(store, newcomer("again"), NOON + 5 * DAY)
    ask(store, newcomer("confirmed"), NOON + HOUR)
    store.subscribers.change("s-confirmed", lambda _: a_subscriber("confirmed"), NOON)
    store.subscribers.add(newcomer("never mailed"))

    assert store.subscribers.forget(NOON + DAY, NOON) == 1

    left = {subscriber.id for subscriber in store.subscribers.list()}
    assert left == {"s-again", "s-confirmed", "s-never mailed"}
    assert all(row.plan.reader.id != "s-silent" for row in store.outbox.list())


def test_forgetting_somebody_does_not_forget_how_often_they_were_written_to(store: Store):
    ask(store, newcomer(), NOON)
    assert store.subscribers.forget(NOON + DAY, NOON - 30 * DAY) == 1

    assert ask(store, newcomer(), NOON + HOUR) is None
    assert store.subscribers.list() == []


def test_counts_that_no_limit_looks_at_are_dropped(store: Store, rows):
    ask(store, newcomer(), NOON)
    store.subscribers.forget(NOON - DAY, NOON + HOUR)
    assert rows("SELECT count(*) FROM asks") == [(0,)]


def test_an_operator_mails_an_address_no_more_often_than_a_stranger(store: Store):
    mail = Mail(plan=asked(newcomer(), NOON), limit=Limit(key="address", rates=((1, DAY),)))
    store.subscribers.add(newcomer(), mail)
    store.subscribers.remove("s-new", NOON)

    later = Mail(plan=asked(newcomer(), NOON + HOUR), limit=mail.limit)
    with pytest.raises(TooOften) as refused:
        store.subscribers.add(newcomer(), later)

    assert refused.value.wait == DAY - HOUR
    assert store.subscribers.list() == []
