from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Collection
from dataclasses import replace

import pytest
from factories import NOON, a_listed, a_paper, a_pick, a_plan, a_subscriber

from digest.model import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Edition,
    JournalLine,
    Matter,
    Plan,
    Resolved,
    Settlement,
    Shard,
    Subscriber,
    SubscriberState,
)
from digest.store import Store

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
TODAY = dt.date(2026, 4, 10)
ME = "here:1:0"
SENT = Settlement(state=DeliveryState.SENT, event="sent", reply="250 ok")
RETRY = Settlement(
    state=DeliveryState.RETRY, event="deferred", reply="451 later", next_attempt_at=NOON + 5 * MINUTE
)
FAILED = Settlement(state=DeliveryState.FAILED, event="refused", reply="554 no")


def change(store: Store, subscriber: Subscriber) -> None:
    assert store.subscribers.change(subscriber.id, lambda _: subscriber, NOON)


@pytest.fixture
def edition(store: Store) -> Edition:
    return store.editions.publish(NOON, [a_listed(number) for number in range(1, 9)], 1)


def plan(edition: Edition, subscriber: Subscriber | None = None, **changes: object) -> Plan:
    """A plan of which (subscriber, date, kind) makes the Message-ID, as in life."""
    made = a_plan(subscriber, edition, **changes)
    return replace(made, message_id=f"<{made.reader.id}.{made.local_date}.{made.kind}@example.org>")


def enqueued(store: Store, edition: Edition, names: Collection[str] = ("vision",), **changes: object) -> None:
    """Confirmed subscribers, each with a plan."""
    people = [a_subscriber(name) for name in names]
    for person in people:
        if store.subscribers.get(person.id) is None:
            store.subscribers.add(person)
    assert store.outbox.enqueue([plan(edition, person, **changes) for person in people]) == len(people)


def the_one(store: Store) -> Delivery:
    [delivery] = store.outbox.list()
    return delivery


def events(store: Store) -> list[tuple[str, str]]:
    return [(line.event, line.reply) for line in store.outbox.journal(the_one(store).id)]


def settled(store: Store, settlement: Settlement, now: dt.datetime = NOON) -> Delivery:
    [delivery] = store.outbox.claim(now, 1, ME)
    assert store.outbox.settle({delivery.id: settlement}, now, ME)
    return the_one(store)


# --- preparing ---


def test_a_plan_comes_back_as_it_was(store: Store, edition: Edition):
    enqueued(store, edition)

    delivery = the_one(store)

    assert delivery.plan == plan(edition)
    assert (delivery.state, delivery.attempts) == (DeliveryState.PLANNED, 0)
    assert (delivery.sent_at, delivery.last_reply) == (None, "")
    assert store.outbox.get(delivery.id) == delivery
    assert store.outbox.get(delivery.id + 1) is None
    assert store.outbox.journal(delivery.id) == [JournalLine(at=NOON, event="planned", reply="")]


def test_a_reader_gets_one_digest_a_day_however_often_it_is_prepared(store: Store, edition: Edition):
    enqueued(store, edition)
    other = replace(plan(edition), picks=(), due_at=NOON + HOUR)

    assert store.outbox.enqueue([other, plan(edition)]) == 0
    assert the_one(store).plan == plan(edition)
    assert len(events(store)) == 1
    assert store.outbox.enqueue([plan(edition, local_date=TODAY + DAY), plan(edition)]) == 1
    assert store.outbox.enqueue([plan(edition, kind=DeliveryKind.WELCOME)]) == 1


def test_a_plan_that_comes_twice_at_once_is_written_once(store: Store, edition: Edition):
    store.subscribers.add(a_subscriber())

    assert store.outbox.enqueue([plan(edition), plan(edition)]) == 1


def test_the_same_day_prepared_by_two_processes_at_once_is_written_once(store: Store, edition: Edition):
    people = [a_subscriber(f"reader{number}") for number in range(50)]
    for person in people:
        store.subscribers.add(person)
    plans = [plan(edition, person) for person in people]
    counted: list[int] = []
    threads = [
        threading.Thread(target=lambda some=some: counted.append(store.outbox.enqueue(some)))
        for some in (plans, plans[::-1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(counted) == len(store.outbox.list()) == 50


def test_a_digest_with_nothing_to_say_is_skipped_and_is_never_claimed(store: Store, edition: Edition):
    enqueued(store, edition, picks=(), also_trending=(), skipped=True)

    assert the_one(store).state is DeliveryState.SKIPPED
    assert events(store) == [("skipped", "")]
    assert store.outbox.claim(NOON, 9, ME) == ()


def test_a_reader_who_is_gone_gets_no_row(store: Store, edition: Edition):
    store.subscribers.add(a_subscriber())

    assert store.outbox.enqueue([plan(edition), plan(edition, a_subscriber("gone"))]) == 1
    assert store.outbox.enqueue([plan(edition, a_subscriber("gone"))]) == 0
    assert store.outbox.enqueue([]) == 0


def test_shown_is_what_was_picked_and_what_also_trends_of_every_digest(store: Store, edition: Edition):
    enqueued(store, edition, picks=(a_pick(a_paper(1)),), also_trending=(a_pick(a_paper(2)),))
    enqueued(store, edition, local_date=TODAY - DAY, picks=(a_pick(a_paper(3)),), also_trending=())
    enqueued(
        store, edition, local_date=TODAY - 2 * DAY, kind=DeliveryKind.NOTICE, picks=(a_pick(a_paper(4)),)
    )

    assert store.outbox.shown(["s-vision", "s-other"]) == {
        "s-vision": {a_paper(1).id, a_paper(2).id, a_paper(3).id},
        "s-other": frozenset(),
    }


@pytest.mark.parametrize("state", [s for s in DeliveryState if s is not DeliveryState.SENDING])
def test_only_a_digest_that_ended_unread_showed_nothing(store: Store, edition: Edition, state: DeliveryState):
    enqueued(store, edition)
    settled(store, Settlement(state=state, event="", reply=""))
    unread = {
        DeliveryState.FAILED,
        DeliveryState.EXPIRED,
        DeliveryState.SKIPPED,
        DeliveryState.SUPPRESSED,
    }

    assert bool(store.outbox.shown(["s-vision"])["s-vision"]) is (state not in unread)


def test_a_paper_stays_shown_under_the_id_it_has_today(store: Store, edition: Edition):
    weak = a_paper(7, id="title:0123456789abcdef", aliases=("title:0123456789abcdef",))
    strong = a_paper(7)
    store.papers.save(Resolved(papers=(weak, strong), mentions=(), joined={}), NOON)
    enqueued(store, edition, picks=(a_pick(weak),), also_trending=())
    assert store.outbox.shown(["s-vision"])["s-vision"] == {weak.id}

    store.papers.save(Resolved(papers=(), mentions=(), joined={weak.id: strong.id}), NOON)

    assert store.outbox.shown(["s-vision"])["s-vision"] == {strong.id}
    assert the_one(store).plan.picks[0].paper == weak.id  # the message stays as it was


# --- claiming ---


def test_what_is_due_is_claimed_the_longest_waiting_first(store: Store, edition: Edition):
    for number, name in enumerate(("c", "a", "b", "late")):
        enqueued(store, edition, [name], due_at=NOON - (2 - number) * HOUR)

    claimed = store.outbox.claim(NOON, 2, ME)
    rest = store.outbox.claim(NOON, 9, ME)

    assert [delivery.plan.reader.id for delivery in claimed + rest] == ["s-c", "s-a", "s-b"]
    assert {(d.state, d.attempts) for d in claimed} == {(DeliveryState.SENDING, 1)}
    assert store.outbox.get(claimed[0].id) == claimed[0]
    assert store.outbox.claim(NOON, 9, ME) == ()
    assert len(store.outbox.claim(NOON + HOUR, 9, ME)) == 1
    assert store.outbox.owners() == {ME}


def test_what_has_expired_is_not_claimed(store: Store, edition: Edition):
    enqueued(store, edition, expires_at=NOON)

    assert store.outbox.claim(NOON, 9, ME) == ()


@pytest.mark.parametrize("kind", DeliveryKind)
def test_a_mail_whose_links_are_void_is_not_sent_but_for_the_notice_that_says_so(
    store: Store, edition: Edition, kind: DeliveryKind
):
    enqueued(store, edition, kind=kind, matter=Matter.ADDRESS)
    change(store, a_subscriber(generation=2))

    claimed = store.outbox.claim(NOON, 9, ME)

    assert bool(claimed) is (kind is DeliveryKind.NOTICE)
    if not claimed:
        assert [line.reply for line in store.outbox.journal(the_one(store).id)][-1] == "its links are revoked"


@pytest.mark.parametrize("state", SubscriberState)
@pytest.mark.parametrize("kind", DeliveryKind)
def test_whether_a_reader_may_still_be_written_to_is_asked_when_claiming(
    store: Store, edition: Edition, kind: DeliveryKind, state: SubscriberState
):
    enqueued(store, edition, kind=kind)
    change(store, a_subscriber(state=state))
    needed = {
        DeliveryKind.DIGEST: {SubscriberState.CONFIRMED},
        DeliveryKind.WELCOME: {SubscriberState.CONFIRMED},
        DeliveryKind.CONFIRM: {SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED},
        DeliveryKind.NOTICE: {SubscriberState.UNSUBSCRIBED},
    }
    allowed = state in needed.get(kind, set(SubscriberState) - {SubscriberState.SUPPRESSED})

    claimed = store.outbox.claim(NOON, 9, ME)

    assert bool(claimed) is allowed
    if not allowed:
        assert the_one(store).state is DeliveryState.SUPPRESSED
        assert the_one(store).attempts == 0
        assert events(store)[-1] == ("suppressed", f"the subscriber is {state}")


def test_a_digest_from_before_a_pause_is_not_sent_within_it(store: Store, edition: Edition):
    enqueued(store, edition)
    person = a_subscriber()
    for until, claimed in ((TODAY + DAY, []), (TODAY, [TODAY + DAY])):
        change(store, replace(person, schedule=replace(person.schedule, paused_until=until)))
        if claimed:
            enqueued(store, edition, local_date=TODAY + DAY)
        assert [one.plan.local_date for one in store.outbox.claim(NOON, 5, ME)] == claimed
    assert [one.state for one in store.outbox.list(DeliveryState.SUPPRESSED)] == [DeliveryState.SUPPRESSED]


def test_a_suppressed_address_is_not_written_to(store: Store, edition: Edition):
    enqueued(store, edition)
    store.suppressions.add("VISION@example.org", "bounce", NOON)
    # The address it was prepared for counts, whatever the reader changed it to since.
    change(store, a_subscriber(address="new@example.org"))

    assert store.outbox.claim(NOON, 9, ME) == ()
    assert the_one(store).state is DeliveryState.SUPPRESSED
    assert events(store)[-1] == ("suppressed", "the address is suppressed")


def test_readers_who_left_do_not_hide_those_who_stayed(store: Store, edition: Edition):
    names = [f"reader{number}" for number in range(10)]
    enqueued(store, edition, names)
    for name in names[:8]:
        change(store, a_subscriber(name, state=SubscriberState.UNSUBSCRIBED))

    claimed = store.outbox.claim(NOON, 3, ME)

    assert [d.plan.reader.id for d in claimed] == ["s-reader8"]
    assert len(store.outbox.claim(NOON, 3, ME)) == 1
    assert store.outbox.counts() == {DeliveryState.SUPPRESSED: 8, DeliveryState.SENDING: 2}


def test_a_shard_is_claimed_by_itself_and_all_shards_are_everybody(store: Store, edition: Edition):
    enqueued(store, edition, [f"{number}reader" for number in range(8)])
    parts = [Shard(end="s-3"), Shard(first="s-3", end="s-5"), Shard(first="s-5")]

    assert [store.outbox.due(NOON, one) for one in parts] == [3, 2, 3]
    claimed = [{one.plan.reader.id for one in store.outbox.claim(NOON, 9, ME, some)} for some in parts]

    assert [len(some) for some in claimed] == [3, 2, 3]
    assert claimed[1] == {"s-3reader", "s-4reader"}
    assert len(set().union(*claimed)) == 8


def test_two_that_claim_at_once_never_get_the_same(store: Store, edition: Edition):
    enqueued(store, edition, [f"reader{number:03}" for number in range(120)])
    together = threading.Barrier(2)
    got: dict[str, list[int]] = {"one": [], "two": []}

    def work(owner: str) -> None:
        together.wait()
        while claimed := store.outbox.claim(NOON, 5, owner):
            got[owner] += [delivery.id for delivery in claimed]

    threads = [threading.Thread(target=work, args=(owner,)) for owner in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # With SKIP LOCKED one may stop while the other still holds the last; nothing is lost by that.
    assert len(got["one"] + got["two"]) == len({*got["one"], *got["two"]}) == 120
    assert store.outbox.counts() == {DeliveryState.SENDING: 120}


# --- settling ---


def test_a_delivery_that_was_accepted_is_sent(store: Store, edition: Edition):
    enqueued(store, edition)

    delivery = settled(store, SENT, NOON + MINUTE)

    assert (delivery.state, delivery.attempts) == (DeliveryState.SENT, 1)
    assert (delivery.sent_at, delivery.last_reply) == (NOON + MINUTE, "250 ok")
    assert store.outbox.journal(delivery.id)[1:] == [
        JournalLine(at=NOON + MINUTE, event="sent", reply="250 ok")
    ]
    assert store.outbox.owners() == set()


def test_only_who_holds_a_delivery_settles_it_and_only_once(store: Store, edition: Edition):
    enqueued(store, edition)
    [delivery] = store.outbox.claim(NOON, 1, ME)

    assert not store.outbox.settle({delivery.id: SENT}, NOON, "somebody:2:0")
    assert store.outbox.settle({delivery.id: FAILED, delivery.id + 1: SENT}, NOON, ME) == {delivery.id}
    assert not store.outbox.settle({delivery.id: SENT}, NOON, ME)
    assert the_one(store).state is DeliveryState.FAILED
    assert [event for event, _ in events(store)] == ["planned", "refused"]


def test_a_deferred_delivery_is_claimed_again_when_it_is_time(store: Store, edition: Edition):
    enqueued(store, edition)
    assert settled(store, RETRY).state is DeliveryState.RETRY

    assert store.outbox.claim(NOON + 4 * MINUTE, 9, ME) == ()
    [again] = store.outbox.claim(NOON + 5 * MINUTE, 9, ME)
    assert again.attempts == 2
    assert again.last_reply == "451 later"


def test_an_attempt_that_says_nothing_of_the_message_does_not_count(store: Store, edition: Edition):
    enqueued(store, edition)

    delivery = settled(
        store, Settlement(state=DeliveryState.PLANNED, event="unreachable", reply="", counts=False)
    )

    assert (delivery.state, delivery.attempts) == (DeliveryState.PLANNED, 0)
    assert len(store.outbox.claim(NOON, 9, ME)) == 1


def test_an_address_that_does_not_exist_is_not_written_to_again(store: Store, edition: Edition):
    enqueued(store, edition)

    settled(store, replace(FAILED, suppress="550 5.1.1"))

    assert [(s.address, s.reason, s.at) for s in store.suppressions.list()] == [
        ("vision@example.org", "550 5.1.1", NOON)
    ]
    assert [s.id for s in store.subscribers.list(SubscriberState.SUPPRESSED)] == ["s-vision"]


def test_a_reader_who_has_another_address_by_now_stays(store: Store, edition: Edition):
    enqueued(store, edition)
    [delivery] = store.outbox.claim(NOON, 1, ME)
    change(store, a_subscriber(address="new@example.org"))

    store.outbox.settle({delivery.id: replace(FAILED, suppress="550 5.1.1")}, NOON, ME)

    assert store.suppressions.has("vision@example.org")
    assert store.subscribers.list() == [a_subscriber(address="new@example.org")]


def test_what_still_waits_after_its_time_expires(store: Store, edition: Edition):
    enqueued(store, edition, ["a"], expires_at=NOON)
    enqueued(store, edition, ["b"], expires_at=NOON + MINUTE)

    assert store.outbox.expire(NOON) == 1
    assert store.outbox.expire(NOON) == 0
    [expired] = store.outbox.list(DeliveryState.EXPIRED)
    assert expired.plan.reader.id == "s-a"
    assert store.outbox.journal(expired.id)[-1] == JournalLine(at=NOON, event="expired", reply="")


# --- after a crash ---


def test_what_a_dead_process_was_sending_can_be_settled_for_it(store: Store, edition: Edition):
    enqueued(store, edition, ["a", "b", "c"])
    dead = store.outbox.claim(NOON, 2, "dead")
    store.outbox.claim(NOON, 1, ME)
    assert store.outbox.owners() == {"dead", ME}
    assert store.outbox.sending("dead") == list(dead)

    assert store.outbox.settle({one.id: SENT for one in dead}, NOON + HOUR, "dead") == {d.id for d in dead}

    assert store.outbox.owners() == {ME}
    assert store.outbox.sending("dead") == []


def test_what_became_of_the_last_ones_is_written_with_the_next_claim(store: Store, edition: Edition):
    enqueued(store, edition, ["a", "b", "c", "d"])
    claimed = store.outbox.claim(NOON, 3, ME)
    settled = dict(zip([one.id for one in claimed], [SENT, RETRY, FAILED], strict=True))

    [last] = store.outbox.claim(NOON, 9, ME, settled=settled)

    states = [delivery.state for delivery in store.outbox.list()]
    assert states == [
        DeliveryState.SENDING,
        DeliveryState.FAILED,
        DeliveryState.RETRY,
        DeliveryState.SENT,
    ]
    assert last.id not in settled
    assert store.outbox.journal(claimed[1].id)[-1] == JournalLine(
        at=NOON, event="deferred", reply="451 later"
    )
    assert store.outbox.claim(NOON, 9, ME, settled={last.id: SENT}) == ()
    assert store.outbox.owners() == set()


def test_a_delivery_that_is_given_back_leaves_no_line_in_its_journal(store: Store, edition: Edition):
    enqueued(store, edition)

    given_back = settled(
        store, Settlement(state=DeliveryState.PLANNED, event="", reply="", next_attempt_at=NOON, counts=False)
    )

    assert (given_back.state, given_back.attempts) == (DeliveryState.PLANNED, 0)
    assert [event for event, _ in events(store)] == ["planned"]


def test_a_doubt_is_resolved_and_nothing_else_is(store: Store, edition: Edition):
    enqueued(store, edition, ["doubtful", "sending"])
    doubtful, sending = store.outbox.claim(NOON, 2, ME)
    doubt = Settlement(state=DeliveryState.IN_DOUBT, event="in doubt", reply="")
    store.outbox.settle({doubtful.id: doubt}, NOON + MINUTE, ME)

    [(found, since)] = store.outbox.doubts()
    assert (found.id, since) == (doubtful.id, NOON + MINUTE)
    assert store.outbox.resolve({doubtful.id: SENT, sending.id: SENT}, NOON + HOUR) == {doubtful.id}

    assert store.outbox.counts() == {DeliveryState.SENT: 1, DeliveryState.SENDING: 1}
    assert store.outbox.doubts() == []


# --- operators ---


@pytest.mark.parametrize("state", DeliveryState)
def test_what_ended_without_being_sent_can_be_tried_again(
    store: Store, edition: Edition, state: DeliveryState
):
    enqueued(store, edition)
    if state is DeliveryState.SENDING:
        store.outbox.claim(NOON, 1, ME)
    else:
        settled(store, Settlement(state=state, event="", reply="why"))
    delivery = the_one(store)
    possible = state in {
        DeliveryState.FAILED,
        DeliveryState.EXPIRED,
        DeliveryState.IN_DOUBT,
        DeliveryState.HELD,
    }

    assert store.outbox.retry([delivery.id, 999], NOON + DAY) == ([delivery.id] if possible else [])

    again = the_one(store)
    if not possible:
        assert again == delivery
        return
    assert again.state is DeliveryState.PLANNED
    assert again.plan == replace(delivery.plan, expires_at=NOON + DAY + 18 * HOUR)
    assert events(store)[-1] == ("retried", "")
    assert len(store.outbox.claim(NOON + DAY, 9, ME)) == 1


def test_trying_again_never_shortens_a_life(store: Store, edition: Edition):
    enqueued(store, edition, expires_at=NOON + 9 * DAY)
    settled(store, FAILED)

    store.outbox.retry([the_one(store).id], NOON)

    assert the_one(store).plan.expires_at == NOON + 9 * DAY


def test_what_is_held_waits_until_it_is_released(store: Store, edition: Edition):
    enqueued(store, edition, ["due", "deferred"])
    enqueued(store, edition, ["later"], due_at=NOON + HOUR)
    [_, deferred] = store.outbox.claim(NOON, 2, ME)
    store.outbox.settle({deferred.id: RETRY}, NOON, ME)

    assert store.outbox.hold(NOON) == 2
    assert store.outbox.claim(NOON + DAY / 2, 9, ME) == ()
    assert store.outbox.counts() == {DeliveryState.SENDING: 1, DeliveryState.HELD: 2}
    assert store.outbox.release(NOON) == 2

    assert [d.id for d in store.outbox.claim(NOON, 9, ME)] == [deferred.id]
    assert len(store.outbox.claim(NOON + HOUR, 9, ME)) == 1
    assert [line.event for line in store.outbox.journal(deferred.id)] == [
        "planned",
        "deferred",
        "held",
        "released",
    ]


def test_deliveries_are_listed_the_newest_first_and_by_what_is_asked(store: Store, edition: Edition):
    enqueued(store, edition, ["a", "b"])
    enqueued(store, edition, ["a"], local_date=TODAY + DAY, skipped=True)

    def listed(**asked: object) -> list[tuple[str, dt.date]]:
        return [(d.plan.reader.id, d.plan.local_date) for d in store.outbox.list(**asked)]  # type: ignore[arg-type]

    everything = listed()
    assert sorted(everything) == [("s-a", TODAY), ("s-a", TODAY + DAY), ("s-b", TODAY)]
    assert everything[0] == ("s-a", TODAY + DAY)
    assert listed(limit=2) == everything[:2]
    assert listed(state=DeliveryState.SKIPPED) == [("s-a", TODAY + DAY)]
    assert listed(day=TODAY, subscriber="s-b") == [("s-b", TODAY)]
    assert store.outbox.counts(TODAY) == {DeliveryState.PLANNED: 2}
    assert store.outbox.counts() == {DeliveryState.PLANNED: 2, DeliveryState.SKIPPED: 1}
    assert store.outbox.counts(TODAY - DAY) == {}


def test_a_mail_that_is_no_digest_needs_no_edition(store: Store, edition: Edition):
    confirm = replace(plan(edition, kind=DeliveryKind.CONFIRM, picks=(), also_trending=()), edition=None)
    store.subscribers.add(a_subscriber(state=SubscriberState.PENDING))

    assert store.outbox.enqueue([confirm]) == 1
    assert the_one(store).state is DeliveryState.PLANNED
    assert store.outbox.claim(NOON, 1, ME)[0].plan == confirm
