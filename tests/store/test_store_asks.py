"""Sign-ups: counted, limited, and kept together with their mail, or not at all."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest
from factories import NOON, PLAIN, a_plan, a_subscriber

from digest.errors import TooOften
from digest.model import DeliveryKind, Plan, Subscriber, SubscriberState
from digest.store import Asked, Breaker, Limit, Mail, Store

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
ALARM = Limit(key="alarm", rates=((1, DAY),))
CLOSED = Breaker(key="all", least=10_000, times=10, days=3, alarm=ALARM)


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
    store: Store,
    subscriber: Subscriber,
    now: dt.datetime = NOON,
    network: str = "net",
    silent: bool = False,
    breaker: Breaker = CLOSED,
) -> dt.timedelta | None:
    return tell(store, subscriber, now, network, silent, breaker).wait


def tell(
    store: Store, subscriber: Subscriber, now: dt.datetime, network: str, silent: bool, breaker: Breaker
) -> Asked:
    limit = Limit(key=subscriber.address, rates=((1, DAY), (3, 30 * DAY)))
    mail = Mail(plan=asked(subscriber, now), limit=limit)
    asking = Limit(key=network, rates=((2, HOUR),))
    return store.subscribers.ask(subscriber, mail, asking, breaker, now, silent=silent)


def test_a_newcomer_is_kept_with_the_mail_to_them(store: Store):
    assert ask(store, newcomer()) is None

    assert store.subscribers.list() == [newcomer()]
    (row,) = store.outbox.list()
    assert (row.plan.kind, row.plan.reader.id) == (DeliveryKind.CONFIRM, "s-new")


def test_who_must_not_be_mailed_is_not_kept_and_only_their_network_counted(store: Store, rows):
    assert ask(store, newcomer(), silent=True) is None

    assert store.subscribers.list() == []
    assert store.outbox.list() == []
    assert rows("SELECT key FROM asks") == [("net",)]


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


def crowd(
    store: Store, size: int, now: dt.datetime, breaker: Breaker, name: str = "crowd"
) -> tuple[int, list[bool]]:
    """So many ask at once, each from a network of their own: how many were mailed, and who set off an alarm."""
    before = len(store.outbox.list())
    told = [
        tell(store, newcomer(f"{name}{n}"), now, network=f"{name}{n}", silent=False, breaker=breaker)
        for n in range(size)
    ]
    assert {one.wait for one in told} == {None}
    return len(store.outbox.list()) - before, [one.alarm for one in told]


def test_too_many_mails_in_an_hour_pause_them_for_everybody_until_it_is_over(store: Store, rows):
    breaker = replace(CLOSED, least=5)
    assert crowd(store, 8, NOON, breaker) == (5, [False] * 5 + [True] + [False] * 2)
    assert len(store.subscribers.list()) == 5, "nothing is kept of whom nobody could ask to confirm"
    assert crowd(store, 2, NOON + HOUR - dt.timedelta(seconds=1), breaker, "late") == (0, [False] * 2)
    assert crowd(store, 2, NOON + HOUR, breaker, "late") == (2, [False] * 2)


def test_who_came_during_a_pause_may_ask_again_after_it(store: Store):
    breaker = replace(CLOSED, least=5)
    crowd(store, 6, NOON, breaker)
    assert ask(store, newcomer("crowd5"), NOON + HOUR, "crowd5", breaker=breaker) is None
    assert store.subscribers.by_address("crowd5@example.org")


def test_a_pause_a_day_later_is_told_again(store: Store):
    breaker = replace(CLOSED, least=5)
    assert sum(crowd(store, 7, NOON, breaker)[1]) == 1
    assert sum(crowd(store, 7, NOON + 2 * HOUR, breaker, "same day")[1]) == 0
    assert sum(crowd(store, 7, NOON + DAY, breaker, "next day")[1]) == 1


def test_where_many_sign_up_every_day_more_are_let_through(store: Store):
    breaker = replace(CLOSED, least=2, times=10)
    for days in (1, 2, 3):  # 12 mails a day are one each two hours; ten times that are five an hour
        for hour in range(12):
            crowd(store, 1, NOON - days * DAY + 2 * hour * HOUR, breaker, f"{days} {hour}")
    assert crowd(store, 8, NOON + HOUR, breaker)[0] == 5
    assert crowd(store, 8, NOON + 30 * DAY, breaker, "much later")[0] == 2


def test_an_operator_mails_an_address_no_more_often_than_a_stranger(store: Store):
    mail = Mail(plan=asked(newcomer(), NOON), limit=Limit(key="address", rates=((1, DAY),)))
    store.subscribers.add(newcomer(), mail)
    store.persons.erase("s-new", PLAIN, NOON, NOON)

    later = Mail(plan=asked(newcomer(), NOON + HOUR), limit=mail.limit)
    with pytest.raises(TooOften) as refused:
        store.subscribers.add(newcomer(), later)

    assert refused.value.wait == DAY - HOUR
    assert store.subscribers.list() == []
