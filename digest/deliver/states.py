"""Where a delivery may go from where it is, and what an attempt makes of it.

Rule 1: MOVES is the whole truth; every other decision here is a move in it.
Rule 2: SENT, SKIPPED and SUPPRESSED are final; FAILED and EXPIRED are left by an operator's retry only,
        IN_DOUBT by that or by the relay's log.
Rule 3: nothing is scheduled at or past `expires_at`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import replace

from digest.deliver.journal import Facts
from digest.model import Delivery, DeliveryState, Outcome, Settlement, Verdict

MOVES: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PLANNED: frozenset(
        {DeliveryState.SENDING, DeliveryState.EXPIRED, DeliveryState.SUPPRESSED, DeliveryState.HELD}
    ),
    DeliveryState.RETRY: frozenset(
        {DeliveryState.SENDING, DeliveryState.EXPIRED, DeliveryState.SUPPRESSED, DeliveryState.HELD}
    ),
    DeliveryState.SENDING: frozenset(
        {
            DeliveryState.SENT,
            DeliveryState.RETRY,
            DeliveryState.FAILED,
            DeliveryState.EXPIRED,
            DeliveryState.PLANNED,  # the relay was unreachable, or the sender died before it began
            DeliveryState.IN_DOUBT,
            DeliveryState.HELD,  # given back while the operator holds what waits
        }
    ),
    DeliveryState.HELD: frozenset({DeliveryState.PLANNED}),
    DeliveryState.IN_DOUBT: frozenset(
        {DeliveryState.PLANNED, DeliveryState.SENT, DeliveryState.EXPIRED}  # the last two, by the relay's log
    ),
    DeliveryState.FAILED: frozenset({DeliveryState.PLANNED}),
    DeliveryState.EXPIRED: frozenset({DeliveryState.PLANNED}),
    DeliveryState.SENT: frozenset(),
    DeliveryState.SKIPPED: frozenset(),
    DeliveryState.SUPPRESSED: frozenset(),
}

#: After the first, second … attempt; the last one repeats until the delivery expires.
BACKOFF = tuple(dt.timedelta(minutes=m) for m in (5, 10, 20, 40, 60))
#: Share of the delay by which it is moved at most, so that a crowd does not come back at once.
JITTER = 0.2
#: What a sender leaves behind that died after the body began to leave.
NO_ANSWER = "the sender died before it was answered"
LONGEST_DOUBT = dt.timedelta(minutes=10)
#: When the relay may be asked again after it could not be reached.
SOON = dt.timedelta(minutes=1)


def can_move(before: DeliveryState, after: DeliveryState) -> bool:
    """Whether a delivery may go from one state straight to the other."""
    return after in MOVES[before]


def diagram() -> str:
    """The table as Mermaid draws it, for the README."""
    moves = [f"    {before} --> {after}\n" for before in MOVES for after in sorted(MOVES[before])]
    ends = [f"    {state} --> [*]\n" for state, after in MOVES.items() if not after]
    return "".join(["    [*] --> planned\n", "    [*] --> skipped\n", *moves, *ends])


def delay(delivery: Delivery) -> dt.timedelta:
    """How long to wait after this attempt: the back-off, moved by up to 20 %, the same whenever it is asked."""
    base = BACKOFF[min(max(delivery.attempts, 1), len(BACKOFF)) - 1]
    seed = hashlib.sha256(f"{delivery.id}.{delivery.attempts}".encode()).digest()[:8]
    share = int.from_bytes(seed) / 2**64
    return base * (1 - JITTER + 2 * JITTER * share)


def settle(delivery: Delivery, outcome: Outcome, now: dt.datetime, on_doubt: str) -> Settlement:
    """What becomes of a delivery that is being sent; `on_doubt` is "resend" or "hold".

    `delivery.attempts` counts the attempt that is being settled. Asking for a delivery that is not SENDING is
    a defect of the caller (ValueError): final states are never left here.
    """
    if delivery.state is not DeliveryState.SENDING:
        raise ValueError(f"only a delivery that is sending can be settled: {delivery.state.value!r}")
    match outcome.verdict:
        case Verdict.ACCEPTED:
            return Settlement(state=DeliveryState.SENT, event="sent", reply=outcome.reply)
        case Verdict.REFUSED:
            return Settlement(
                state=DeliveryState.FAILED,
                event="refused",
                reply=outcome.reply,
                suppress=f"address refused: {outcome.reply}" if outcome.suppress else "",
            )
        case Verdict.DEFERRED:
            return _again(delivery, outcome, now) or _expired(outcome)
        case Verdict.UNREACHABLE:
            return _untouched(delivery, outcome, now) or _expired(outcome, counts=False)
        case Verdict.IN_DOUBT:
            # With no time left to send it again it stays in doubt: "expired" would claim that nobody got it.
            again = _again(delivery, outcome, now) if on_doubt == "resend" else None
            return again or Settlement(state=DeliveryState.IN_DOUBT, event="in doubt", reply=outcome.reply)


def recover(
    delivery: Delivery, facts: Facts | None, now: dt.datetime, on_doubt: str, *, held: bool = False
) -> Settlement:
    """What becomes of a delivery whose sender is no more, by the journal it left; None if it left none.

    What was answered is settled as in life, what was never begun is as if never claimed, and the rest is in doubt.
    What would wait is held while the operator holds what waits.
    """
    message = delivery.plan.message_id
    answer = facts and facts.get(message)
    if answer:
        return settle(delivery, answer, now, on_doubt)
    if facts is not None and message not in facts:
        back = Settlement(
            state=DeliveryState.PLANNED,
            event="",
            reply=delivery.last_reply,
            next_attempt_at=now,
            counts=False,
        )
    elif on_doubt == "resend" and now < delivery.plan.expires_at:
        event = "in doubt, to be sent again"
        back = Settlement(state=DeliveryState.PLANNED, event=event, reply=NO_ANSWER, next_attempt_at=now)
    else:
        return Settlement(state=DeliveryState.IN_DOUBT, event="in doubt", reply=NO_ANSWER)
    return replace(back, state=DeliveryState.HELD, event="held", next_attempt_at=None) if held else back


def resolve(
    delivery: Delivery, taken: bool | None, since: dt.datetime, now: dt.datetime
) -> Settlement | None:
    """What becomes of a delivery in doubt, by whether its relay took it; None if that is not known yet.

    A relay that has not said so within ten minutes, the longest that RFC 5321 4.5.3.2.6 waits, has not taken it.
    """
    if taken:
        return Settlement(state=DeliveryState.SENT, event="sent, by the relay's log", reply="")
    if taken is None and now - since < LONGEST_DOUBT:
        return None
    if now >= delivery.plan.expires_at:
        return Settlement(state=DeliveryState.EXPIRED, event="expired", reply="not in the relay's log")
    return Settlement(
        state=DeliveryState.PLANNED,
        event="not sent, by the relay's log",
        reply="not in the relay's log",
        next_attempt_at=now,
    )


def _again(delivery: Delivery, outcome: Outcome, now: dt.datetime) -> Settlement | None:
    """This message, later; None if it would be too late then."""
    at = now + delay(delivery)
    if at >= delivery.plan.expires_at:
        return None
    event = "deferred" if outcome.verdict is Verdict.DEFERRED else "in doubt, to be sent again"
    return Settlement(state=DeliveryState.RETRY, event=event, reply=outcome.reply, next_attempt_at=at)


def _untouched(delivery: Delivery, outcome: Outcome, now: dt.datetime) -> Settlement | None:
    """As if it had not been tried: the relay's trouble says nothing about the message."""
    at = now + SOON
    if at >= delivery.plan.expires_at:
        return None
    return Settlement(
        state=DeliveryState.PLANNED,
        event="relay unreachable",
        reply=outcome.reply,
        next_attempt_at=at,
        counts=False,
    )


def _expired(outcome: Outcome, *, counts: bool = True) -> Settlement:
    return Settlement(state=DeliveryState.EXPIRED, event="expired", reply=outcome.reply, counts=counts)
