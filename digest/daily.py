"""THE FLOW: collect -> publish -> prepare -> deliver. Open this page first.

Rule 1. The database is the truth: what is due is a question to it, so every step may be repeated at any time,
        by any process, and does only what is still to be done.
Rule 2. A source, a card and a recipient fail alone and are recorded; anything else that fails is loud.
Rule 3. The rooms meet here, as values: store.claim() -> render -> transport.deliver() -> store.settle().
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import NoReturn

import structlog

from digest import deliver, ingest, rank, sending, summaries
from digest.collecting import answers, due_sources, notices
from digest.deliver import Transport
from digest.due import due_digests
from digest.errors import DeliveryError
from digest.messages import digest_plan
from digest.model import Collected, DeliveryState, Edition, Shard, Some, Source, SourceState, shards
from digest.rank import Ranker
from digest.ranking import embed, examples, ranker_of
from digest.sending import Shift
from digest.service import Service

log = structlog.get_logger()

#: An edition older than this is not news: no digest is made from it.
STALE = dt.timedelta(hours=36)

#: Called as (step, done, total) while a pass works; total is None where it is not known.
Progress = Callable[[str, int, int | None], None]


class Step(StrEnum):
    """A part of the day that other processes can do, shard by shard."""

    PREPARE = "prepare"
    DELIVER = "deliver"


#: Leaves a step to other processes. They may be told of the same shards again and again, and must be:
#: whatever they were told may get lost.
HandOver = Callable[[Step, Sequence[Shard]], None]


def silent(_step: str, _done: int, _total: int | None) -> None:
    """No progress bar."""


def never() -> bool:
    """Do not stop before the work is done."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a pass is told: whose digests, whom it tells how it gets on, who stops it, and who does its work."""

    only: Some = None
    progress: Progress = silent
    #: Asked before the next source, block of readers and message.
    stopping: Callable[[], bool] = never
    #: To whom preparing and delivering is left; None: the pass does it itself.
    hand_over: HandOver | None = None


#: Everybody's, to the end, alone, and without a word.
ALL = Orders()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one pass did."""

    #: The edition that digests were, or would have been, prepared from.
    edition: int | None
    sources: tuple[Collected, ...]
    prepared: int
    skipped: int
    #: Deliveries that were tried, by the state they came to.
    outcomes: Counter[DeliveryState] = field(default_factory=Counter)

    @property
    def troubled(self) -> bool:
        """A source is failing, or a due delivery failed or is in doubt: somebody should look."""
        failing = any(collected.state is SourceState.FAILING for collected in self.sources)
        return failing or bool(self.outcomes[DeliveryState.FAILED] + self.outcomes[DeliveryState.IN_DOUBT])


def run(day: Service, transport: Transport, now: dt.datetime, orders: Orders = ALL) -> Report:
    """One pass: everything that is due now, once.

    Stopped, it ends before the next source, block of readers or message; the next pass does the rest.
    """
    sources = tuple(collect(day, due_sources(day, now), now, orders))
    made = Made(edition=None) if orders.stopping() else prepare_due(day, now, orders)
    outcomes = deliver_due(day, transport, now, orders)
    return Report(
        edition=made.edition,
        sources=sources,
        prepared=made.prepared,
        skipped=made.skipped,
        outcomes=outcomes,
    )


# --- collect --------------------------------------------------------------------------------------


def collect(
    day: Service, sources: Collection[Source], now: dt.datetime, orders: Orders = ALL
) -> Iterator[Collected]:
    """Ask the sources and keep what each says."""
    if not sources:
        return
    for done, collected in enumerate(answers(day, sources, now), 1):
        yield collected
        orders.progress("sources", done, len(sources))
        if orders.stopping():
            return


# --- publish --------------------------------------------------------------------------------------


def publish(day: Service, now: dt.datetime) -> Edition | None:
    """Freeze the pool, if something was collected since the last edition and somebody is waiting for it.

    Otherwise the newest edition is read back; None if there has been nothing at all. The first edition of a
    UTC date is published without a reader waiting, so that the archive has one for every day.
    """
    editions, papers = day.store.editions, day.store.papers
    latest = editions.latest(as_of=now)
    changes, told = papers.changes(), notices(day, now)
    if latest is not None and editions.changes_of_latest() == changes and latest.notices == told:
        return latest
    waiting = latest is None or latest.published_at.date() < now.date() or any(due_digests(day, now))
    pool = papers.pool(now - day.settings.digest.window, now) if waiting else []
    if not pool:
        return latest
    listed = summaries.introduced(
        ingest.trends(pool, now, papers.snapshots(now - ingest.GROWTH)), day.settings
    )
    silent = latest.published_at if latest and now - latest.published_at > STALE else None
    edition = editions.publish(now, listed, changes, told, silent)
    embed(day, rank.embedder(day.settings.model), [one.paper for one in listed], keep=True)
    return edition


# --- prepare --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was prepared in one turn."""

    #: The edition that digests were, or would have been, prepared from.
    edition: int | None
    prepared: int = 0
    skipped: int = 0


def prepare_due(day: Service, now: dt.datetime, orders: Orders = ALL) -> Made:
    """Publish what was collected, and prepare every digest that is due, or hand that over."""
    edition = publish(day, now)
    # Before the ranking: what a reader was never shown is open to them again.
    day.store.outbox.expire(now)
    if edition is None:
        return Made(edition=None)
    if not is_news(edition, now):
        log.info("edition stale", edition=edition.id, published_at=edition.published_at.isoformat())
        return Made(edition=edition.id)
    if orders.hand_over:
        due = sum(len(block) for block in due_digests(day, now, orders.only))
        orders.hand_over(Step.PREPARE, shards(due, day.settings.cluster.shard_size))
        return Made(edition=edition.id)
    return prepare(day, edition, now, orders)


def is_news(edition: Edition, now: dt.datetime) -> bool:
    """Whether digests may still be made from it."""
    return now - edition.published_at <= STALE


def prepare(
    day: Service,
    edition: Edition,
    now: dt.datetime,
    orders: Orders = ALL,
    ranker: Callable[[], Ranker] | None = None,
) -> Made:
    """Rank the edition for those whose digest is due and write it to the outbox.

    Once per (subscriber, local date): the outbox row is the proof. `ranker` is asked for the edition's, if somebody's
    is due, by whoever has one at hand.
    """
    ranker = ranker or cache(lambda: ranker_of(day, edition, keep=True))
    machine = summaries.summariser(day.settings)
    prepared = skipped = 0
    for block in due_digests(day, now, orders.only):
        if orders.stopping():
            break
        subscribers = [subscriber for subscriber, _ in block]
        days = {subscriber.id: due.days for subscriber, due in block}
        shown = day.store.outbox.shown([subscriber.id for subscriber in subscribers])
        said = day.store.opinions.of([subscriber.id for subscriber in subscribers])
        compared = examples(day, subscribers, said)
        embed(day, ranker().embedder, compared.values(), keep=True)
        digests = list(ranker().digests(subscribers, shown, compared, said, days))
        orders.progress("ranked", prepared + skipped + len(digests), None)
        plans = [digest_plan(day, one, due, now) for one, (_, due) in zip(digests, block, strict=True)]
        summaries.decide(day, edition, plans, machine, now)
        day.store.outbox.enqueue(plans)
        skipped += sum(one.skipped for one in plans)
        prepared += sum(not one.skipped for one in plans)
        orders.progress("prepared", prepared, None)
    return Made(edition=edition.id, prepared=prepared, skipped=skipped)


# --- deliver --------------------------------------------------------------------------------------


def deliver_due(
    day: Service, transport: Transport, now: dt.datetime, orders: Orders = ALL
) -> Counter[DeliveryState]:
    """Deliver every message that is due, or hand that over; returns how many came to which state."""
    outcomes = sending.recover_dead(day, now) + sending.resolve_doubts(day, now)
    outcomes[DeliveryState.EXPIRED] += day.store.outbox.expire(now)
    if orders.hand_over:
        due = day.store.outbox.due(now, orders.only)
        orders.hand_over(Step.DELIVER, shards(due, day.settings.cluster.shard_size))
        return +outcomes
    return +outcomes + send(day, transport, now, orders)


def send(
    day: Service, transport: Transport, now: dt.datetime, orders: Orders = ALL
) -> Counter[DeliveryState]:
    """Send the messages that are due; returns how many came to which state.

    Safe to repeat and to run twice at once: a row is claimed by one pass, and settled by the same, or by its journal
    if it died. The transport is opened only when there is something to hand over. Raises DeliveryError, with
    everything held, if the relay refuses too much of it for our sake.
    """
    waiting = day.store.outbox.due(now, orders.only)
    if not waiting or orders.stopping():
        return Counter()
    with deliver.owning() as me:
        shift = Shift(day, me, now, orders.only, orders.stopping)
        try:
            with sending.journals(day).open(me) as journal, transport:
                for message, outcome in transport.deliver(shift.messages(), journal):
                    shift.settle(message, outcome)
                    orders.progress("delivered", shift.outcomes.total(), waiting)
        finally:
            shift.close()
    if shift.refused:
        hold_all(day, now)
    return shift.outcomes


def hold_all(day: Service, now: dt.datetime) -> NoReturn:
    """Stop sending until a person has looked."""
    held = day.store.outbox.hold(now)
    raise DeliveryError(
        "the relay refuses too much of what we send, and not for the addresses; see `digest outbox list --state"
        f" failed`, mend it, then `digest outbox release`; held until then: {held}"
    )
