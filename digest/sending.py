"""A pass's work at the outbox, from its first claim to its last settlement, and what is made of a pass that died.

Rule 1. What is claimed is at most a second of sending, so that a hold or an unsubscribe takes effect within it.
Rule 2. The rows of a pass are settled in batches; what is in between stands in its journal.
Rule 3. A pass that ended, however it ended, is settled by one function: from its journal.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache

import structlog

from digest import bounces, deliver
from digest.deliver import Facts, Journals
from digest.errors import DeliveryError, RenderError
from digest.messages import compose
from digest.model import WAITING, Delivery, DeliveryState, Message, Outcome, Settlement, Some, Verdict
from digest.service import Service

log = structlog.get_logger()

#: The most rows that are claimed at once; more would not be faster.
BATCH = 200
#: Seconds that a claimed row may wait for its turn.
WINDOW = 1.0
#: A pass is stopped when so many were refused for who we are or what we wrote, …
REFUSALS = 20
#: … and they are this share of all.
SHARE = 0.05


def journals(day: Service) -> Journals:
    """Where passes keep what they are at: rows where machines share the database, else files."""
    return day.store.journals or deliver.JournalFiles(day.settings.journal_directory)


class Shift:
    """One pass at the outbox: claims, makes the messages, settles."""

    def __init__(
        self, day: Service, owner: str, now: dt.datetime, only: Some, stopping: Callable[[], bool]
    ) -> None:
        self._day = day
        self._owner = owner
        self._now = now
        self._only = only
        self._stopping = stopping
        self._edition = lru_cache(maxsize=3)(
            day.store.editions.get
        )  # the same few for all messages of a pass
        self._claimed: deque[Delivery] = deque()
        self._claimed_at = 0.0
        self._limit = self._taken = 0
        self._out: dict[str, Delivery] = {}
        self._settled: dict[int, Settlement] = {}
        self._tried = self._refused = 0
        self._log = log.bind()  # once: for each line it would take longer than to settle a delivery
        #: Deliveries that were tried, by the state they came to.
        self.outcomes: Counter[DeliveryState] = Counter()

    @property
    def refused(self) -> bool:
        """Too many were refused for our sake: going on would only harm our name."""
        return self._refused >= REFUSALS and self._refused > SHARE * self._tried

    def messages(self) -> Iterator[Message]:
        """What is due, one message after the other, each claimed within the last second."""
        while not (self._stopping() or self.refused) and (delivery := self._next()):
            try:
                message = compose(self._day, delivery.plan, self._edition)
            except RenderError as error:  # tried again later, when a template may be mended; the others go on
                log.error("message not made", delivery=delivery.id, reason=str(error))  # noqa: TRY400 (it names file and line)
                self._settle(delivery, Outcome(verdict=Verdict.DEFERRED, reply=str(error)))
            else:
                self._out[message.id] = delivery
                yield message

    def settle(self, message: Message, outcome: Outcome) -> None:
        """Keep what came of a message, to be written with the next claim."""
        self._tried += 1
        self._refused += outcome.ours
        self._settle(self._out.pop(message.id), outcome)

    def close(self) -> None:
        """Write what is not written yet, and give back what was not begun."""
        self._day.store.outbox.settle(self._settled, self._now, self._owner)
        self.outcomes += recover(self._day, self._owner, self._now)

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        settlement = deliver.settle(delivery, outcome, self._now, on_doubt(self._day))
        self._settled[delivery.id] = settlement
        bounces.answered(self._day, delivery, settlement, self._now)
        self.outcomes[settlement.state] += 1
        self._log.info(
            "delivery settled",
            delivery=delivery.id,
            subscriber=delivery.plan.reader.id,
            state=settlement.state,
            attempts=delivery.attempts,
            verdict=outcome.verdict,
        )

    def _next(self) -> Delivery | None:
        if not self._claimed or time.monotonic() - self._claimed_at > WINDOW:
            self._claim()
        if not self._claimed:
            return None
        self._taken += 1
        return self._claimed.popleft()

    def _claim(self) -> None:
        """Give back what waited too long, settle what is answered, and claim what a second will do for."""
        if self._claimed:
            self._settled |= left(self._day, self._claimed, {}, self._now)
            self._claimed.clear()
        pace = self._taken * WINDOW / max(time.monotonic() - self._claimed_at, 0.001)
        self._limit = max(1, min(BATCH, 2 * self._limit, int(pace)))
        claimed = self._day.store.outbox.claim(self._now, self._limit, self._owner, self._only, self._settled)
        self._settled = {}
        self._claimed.extend(claimed)
        self._claimed_at, self._taken = time.monotonic(), 0


# --- afterwards -----------------------------------------------------------------------------------


def on_doubt(day: Service) -> str:
    """What is done with a message of which it is not known whether it was taken: "resend", or "hold" it.

    Where the relay's log can be asked it is held until that is done; a relay that recognises a message that it
    has already takes it again without harm.
    """
    mail = day.settings.mail
    if mail.relay_log:
        return "hold"
    return "resend" if mail.idempotency_header else mail.on_doubt


def recover(day: Service, owner: str, now: dt.datetime) -> Counter[DeliveryState]:
    """Settle what a pass left that is no more, by its journal; how many ended, in which state."""
    kept, outbox = journals(day), day.store.outbox
    facts = kept.read(owner)
    found = outbox.sending(owner)
    settled = left(day, found, facts, now)
    for delivery in found:
        bounces.answered(day, delivery, settled[delivery.id], now)
    written = outbox.settle(settled, now, owner)
    kept.forget(owner)
    return Counter(state for number in written if (state := settled[number].state) not in WAITING)


def left(
    day: Service, deliveries: Collection[Delivery], facts: Facts | None, now: dt.datetime
) -> dict[int, Settlement]:
    """What becomes of deliveries that were claimed and not handed over to the end."""
    held = bool(deliveries) and day.store.outbox.held_since() is not None
    return {one.id: deliver.recover(one, facts, now, on_doubt(day), held=held) for one in deliveries}


def recover_dead(day: Service, now: dt.datetime) -> Counter[DeliveryState]:
    """Settle what all passes left that died; how many ended, in which state."""
    states: Counter[DeliveryState] = Counter()
    for owner in day.store.outbox.owners() | journals(day).owners():
        if not is_over(day, owner):
            continue
        try:
            found = recover(day, owner, now)
        except (
            DeliveryError
        ) as error:  # what it was sending stays with it until somebody has looked; the rest goes on
            log.error("pass not recovered", owner=owner, reason=str(error))  # noqa: TRY400 (one line says it all)
            continue
        states += found
        log.warning("pass recovered", **{str(state): count for state, count in found.items()})
    return states


def is_over(day: Service, owner: str) -> bool:
    """Whether a pass is no more, or may be taken for that: then it can begin no message any more."""
    alive = deliver.alive(owner)
    return journals(day).seal(owner, day.settings.cluster.lease) if alive is None else not alive


def resolve_doubts(day: Service, now: dt.datetime) -> Counter[DeliveryState]:
    """Ask the relay's log what became of deliveries in doubt; how many ended, in which state."""
    if not (path := day.settings.relay_log) or not (doubts := day.store.outbox.doubts()):
        return Counter()
    try:
        known = deliver.taken(path, {one.plan.message_id for one, _ in doubts})
    except DeliveryError as error:
        log.error("relay log not read", reason=str(error))  # noqa: TRY400 (one line says it all)
        return Counter()
    settled = {
        one.id: settlement
        for one, since in doubts
        if (settlement := deliver.resolve(one, known.get(one.plan.message_id), since, now))
    }
    written = day.store.outbox.resolve(settled, now)
    return Counter(state for delivery in written if (state := settled[delivery].state) not in WAITING)
