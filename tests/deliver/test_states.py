"""The state table's laws."""

from __future__ import annotations

import datetime as dt

import pytest
from conftest import ROOT
from factories import NOON, a_plan
from hypothesis import given
from hypothesis import strategies as st

from digest.deliver import MOVES, can_move, recover, resolve, settle
from digest.deliver.states import diagram
from digest.model import Delivery, DeliveryState, Outcome, Verdict


def a_delivery(attempts: int = 1, number: int = 7, state: DeliveryState = DeliveryState.SENDING) -> Delivery:
    return Delivery(id=number, plan=a_plan(), state=state, attempts=attempts)


def came_to(verdict: Verdict, *, suppress: bool = False) -> Outcome:
    return Outcome(verdict=verdict, reply="250 said", suppress=suppress)


deliveries = st.builds(
    a_delivery, attempts=st.integers(1, 40), number=st.integers(1), state=st.sampled_from(DeliveryState)
)
outcomes = st.builds(came_to, st.sampled_from(Verdict))
moments = st.integers(-2_000, 2_000).map(lambda minutes: NOON + dt.timedelta(minutes=minutes))
policies = st.sampled_from(["resend", "hold"])


@given(deliveries, outcomes, moments, policies)
def test_only_a_sending_delivery_is_settled_and_only_by_a_move_of_the_table(
    delivery: Delivery, outcome: Outcome, now: dt.datetime, on_doubt: str
) -> None:
    if delivery.state is not DeliveryState.SENDING:
        with pytest.raises(ValueError, match="sending"):
            settle(delivery, outcome, now, on_doubt)
        return
    settled = settle(delivery, outcome, now, on_doubt)

    assert can_move(delivery.state, settled.state)
    waits = settled.state in {DeliveryState.RETRY, DeliveryState.PLANNED}
    assert (settled.next_attempt_at is not None) == waits
    if settled.next_attempt_at:
        assert now < settled.next_attempt_at < delivery.plan.expires_at
    assert settled.reply == outcome.reply
    assert settled == settle(delivery, outcome, now, on_doubt)


@given(deliveries, moments, policies)
def test_only_an_unreachable_relay_does_not_count(
    delivery: Delivery, now: dt.datetime, on_doubt: str
) -> None:
    sending = a_delivery(delivery.attempts, delivery.id)
    uncounted = {v for v in Verdict if not settle(sending, came_to(v), now, on_doubt).counts}

    assert uncounted == {Verdict.UNREACHABLE}


def test_every_state_has_its_row_and_final_states_have_no_way_out() -> None:
    assert set(MOVES) == set(DeliveryState)
    final = {state for state, after in MOVES.items() if not after}
    assert final == {DeliveryState.SENT, DeliveryState.SKIPPED, DeliveryState.SUPPRESSED}


def test_nothing_is_sent_but_from_sending_or_by_the_relays_own_log() -> None:
    assert {s for s in DeliveryState if can_move(s, DeliveryState.SENT)} == {
        DeliveryState.SENDING,
        DeliveryState.IN_DOUBT,
    }


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (30, 60)]
)
def test_a_deferred_message_waits_longer_each_time(attempts: int, minutes: int) -> None:
    waits = [
        settle(a_delivery(attempts, number), came_to(Verdict.DEFERRED), NOON, "resend").next_attempt_at
        for number in range(200)
    ]
    shares = [(at - NOON) / dt.timedelta(minutes=minutes) for at in waits if at]

    assert len(shares) == 200
    assert 0.8 <= min(shares) < 0.85
    assert 1.15 < max(shares) <= 1.2


def test_an_accepted_message_is_sent() -> None:
    assert settle(a_delivery(), came_to(Verdict.ACCEPTED), NOON, "hold").state is DeliveryState.SENT


def test_a_refused_message_failed_and_only_a_dead_address_is_suppressed() -> None:
    policy = settle(a_delivery(), came_to(Verdict.REFUSED), NOON, "resend")
    dead = settle(a_delivery(), came_to(Verdict.REFUSED, suppress=True), NOON, "resend")

    assert (policy.state, policy.suppress) == (DeliveryState.FAILED, "")
    assert dead.state is DeliveryState.FAILED
    assert "250 said" in dead.suppress


@pytest.mark.parametrize("verdict", [Verdict.DEFERRED, Verdict.UNREACHABLE])
def test_what_would_come_too_late_expires(verdict: Verdict) -> None:
    delivery = a_delivery()
    late = delivery.plan.expires_at - dt.timedelta(seconds=30)

    assert settle(delivery, came_to(verdict), late, "resend").state is DeliveryState.EXPIRED


def test_doubt_is_resolved_as_the_operator_chose() -> None:
    doubt = came_to(Verdict.IN_DOUBT)
    delivery = a_delivery()

    assert settle(delivery, doubt, NOON, "resend").state is DeliveryState.RETRY
    assert settle(delivery, doubt, NOON, "hold").state is DeliveryState.IN_DOUBT
    # too late to send it again: it may have arrived, so it did not expire
    assert settle(delivery, doubt, delivery.plan.expires_at, "resend").state is DeliveryState.IN_DOUBT


# --- after a crash ---


def test_what_was_never_begun_is_as_if_it_had_not_been_claimed() -> None:
    back = recover(a_delivery(), {}, NOON, "hold")

    assert (back.state, back.counts, back.event) == (DeliveryState.PLANNED, False, "")
    assert back.next_attempt_at == NOON


@given(outcomes, moments, policies)
def test_what_was_answered_is_settled_as_in_life(outcome: Outcome, now: dt.datetime, on_doubt: str) -> None:
    delivery = a_delivery()
    facts = {delivery.plan.message_id: outcome}

    assert recover(delivery, facts, now, on_doubt) == settle(delivery, outcome, now, on_doubt)


@pytest.mark.parametrize("facts", [None, {a_plan().message_id: None}])
def test_what_was_begun_and_not_answered_is_in_doubt(facts: dict[str, None] | None) -> None:
    delivery = a_delivery()

    assert recover(delivery, facts, NOON, "hold").state is DeliveryState.IN_DOUBT
    again = recover(delivery, facts, NOON, "resend")
    assert (again.state, again.next_attempt_at, again.counts) == (DeliveryState.PLANNED, NOON, True)
    # too late to send it again: it may have arrived, so it did not expire
    assert recover(delivery, facts, delivery.plan.expires_at, "resend").state is DeliveryState.IN_DOUBT


@given(
    st.sampled_from([None, {}, {a_plan().message_id: None}]),
    moments,
    policies,
    st.sampled_from([True, False, None]),
)
def test_recovery_moves_by_the_table_too(
    facts: dict[str, None] | None, now: dt.datetime, on_doubt: str, taken: bool | None
) -> None:
    delivery = a_delivery()
    assert can_move(DeliveryState.SENDING, recover(delivery, facts, now, on_doubt).state)
    if resolved := resolve(delivery, taken, NOON, now):
        assert can_move(DeliveryState.IN_DOUBT, resolved.state)


def test_doubt_is_resolved_by_the_relay_and_after_ten_minutes_without_it() -> None:
    delivery, minutes = a_delivery(), dt.timedelta(minutes=1)

    def became(taken: bool | None, now: dt.datetime = NOON) -> DeliveryState | None:
        found = resolve(delivery, taken, NOON, now)
        return found and found.state

    assert became(taken=True) is DeliveryState.SENT
    assert became(taken=False) is DeliveryState.PLANNED
    assert became(None, NOON + 9 * minutes) is None
    assert became(None, NOON + 10 * minutes) is DeliveryState.PLANNED
    assert became(False, delivery.plan.expires_at) is DeliveryState.EXPIRED


# --- the diagram ---


def test_the_readme_draws_the_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    drawn = readme.partition("stateDiagram-v2\n")[2].partition("```")[0]

    assert drawn == diagram()
