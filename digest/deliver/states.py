"""Where a delivery may go from where it is, and what an attempt makes of it.

Rule 1: MOVES is the whole truth; every other decision here is a move in it.
Rule 2: SENT, SKIPPED and SUPPRESSED are final; FAILED, EXPIRED and IN_DOUBT are left by an operator's retry only.
Rule 3: nothing is scheduled at or past `expires_at`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping

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
        }
    ),
    DeliveryState.HELD: frozenset({DeliveryState.PLANNED}),
    DeliveryState.IN_DOUBT: frozenset({DeliveryState.PLANNED}),
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
#: When the relay may be asked again after it could not be reached.
SOON = dt.timedelta(minutes=1)


def can_move(before: DeliveryState, after: DeliveryState) -> bool:
    """Whether a delivery may go from one state straight to the other."""
    return after in MOVES[before]


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
