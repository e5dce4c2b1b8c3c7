"""THE FLOW: collect -> publish -> prepare -> deliver. Open this page first.

Rule 1. The database is the truth: what is due is a question to it, so every step may be repeated at any time,
        by any process, and does only what is still to be done.
Rule 2. A source, a card and a recipient fail alone and are recorded; anything else that fails is loud.
Rule 3. The rooms meet here, as values: store.claim() -> render -> transport.deliver() -> store.settle().
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import NoReturn

import structlog

from digest import deliver, ingest, rank, sending, summaries
from digest.deliver import Transport
from digest.due import due_digests
from digest.errors import DeliveryError
from digest.messages import digest_plan
from digest.model import (
    Collected,
    DeliveryState,
    Edition,
    Feedback,
    InterestKind,
    Listed,
    Names,
    Notice,
    Paper,
    Shard,
    Some,
    Source,
    SourceState,
    SourceStatus,
    Subject,
    Subscriber,
    shards,
)
from digest.rank import Beside, Embedder, Ranker
from digest.sending import Shift
from digest.service import Service

log = structlog.get_logger()

#: An edition older than this is not news: no digest is made from it.
STALE = dt.timedelta(hours=36)
#: How much sooner than its `every` a source may be asked again.
SLACK = dt.timedelta(minutes=5)
#: How far back snapshots tell how votes grow.
GROWTH = dt.timedelta(days=30)

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


def run(
    day: Service,
    transport: Transport,
    now: dt.datetime,
    only: Some = None,
    progress: Progress = silent,
    stopping: Callable[[], bool] = never,
    hand_over: HandOver | None = None,
) -> Report:
    """One pass: everything that is due now, once. `only` restricts digests to some readers.

    Once `stopping` says so it ends before the next source, block of readers or message; the next pass does the rest.
    """
    sources = tuple(collect(day, due_sources(day, now), now, progress, stopping))
    made = Made(edition=None) if stopping() else prepare_due(day, now, only, progress, stopping, hand_over)
    outcomes = deliver_due(day, transport, now, only, progress, stopping, hand_over)
    return Report(
        edition=made.edition,
        sources=sources,
        prepared=made.prepared,
        skipped=made.skipped,
        outcomes=outcomes,
    )


# --- collect --------------------------------------------------------------------------------------


def due_sources(day: Service, now: dt.datetime) -> list[Source]:
    """The sources that were not asked within their `every`, but for those that are gone for good."""
    statuses = day.store.sources.statuses()
    return [source for source in day.settings.sources if is_due(source, statuses.get(source.name), now)]


def is_due(source: Source, status: SourceStatus | None, now: dt.datetime) -> bool:
    """Whether a source may be asked again; an attempt "in the future" is a clock that was set back.

    A little early is due too: a cron job that starts half a second sooner than the last one must not wait
    for another whole round.
    """
    wait = source.every - min(source.every / 10, SLACK)
    if status is None or status.location != source.location:
        return True
    return status.state is not SourceState.DISABLED and not now - wait < status.last_attempt <= now


def collect(
    day: Service,
    sources: Collection[Source],
    now: dt.datetime,
    progress: Progress = silent,
    stopping: Callable[[], bool] = never,
) -> Iterator[Collected]:
    """Ask the sources and keep what each says."""
    if not sources:
        return
    validators = day.store.sources.validators()
    fetch, contact = day.settings.fetch, day.settings.site.contact or day.settings.site.url
    politeness = ingest.Politeness(turns=day.store.turns)
    lists = day.store.sources.lists((now - ingest.watch.MEMORY).date())
    older = days_to_ask(day, sources, lists, now)
    asked = ingest.collect(sources, fetch, contact, validators, politeness, now, older)
    for done, collected in enumerate(asked, 1):
        yield absorb(day, collected, lists.get(collected.source.name, {}), now)
        progress("sources", done, len(sources))
        if stopping():
            return


def days_to_ask(
    day: Service, sources: Iterable[Source], lists: Mapping[str, ingest.watch.Lists], now: dt.datetime
) -> Mapping[str, Collection[dt.date]]:
    """The days to ask each source for beyond what it is always asked for.

    Twice a day those whose votes still move, and those for which arXiv owes us a list; those that were missed while
    we were down.
    """
    statuses, since = day.store.sources.statuses(), (now - day.settings.digest.window).date()
    moving = ingest.moving(day.store.papers.snapshots(now - ingest.RECENTLY), now)
    noon = now.replace(hour=now.hour // 12 * 12, minute=0, second=0, microsecond=0)
    found: dict[str, set[dt.date]] = {}
    for source in sources:
        status = statuses.get(source.name)
        found[source.name] = set()
        if status and status.last_attempt < noon:
            owed = ingest.watch.missed(source, lists.get(source.name, ()), since, now)
            found[source.name] |= {*owed, *moving.get(source.name, ())}
        if status and status.last_success and "{date}" in source.location:
            start = max(status.last_success.date(), since)
            found[source.name] |= {start + dt.timedelta(days=n) for n in range((now.date() - start).days)}
    return found


def absorb(day: Service, collected: Collected, past: ingest.watch.Lists, now: dt.datetime) -> Collected:
    """Entries become papers and mentions, merged with what is known; then the source's state is kept.

    In that order: validators that were kept before their entries would lose them to a kill in between.
    Returns the source as it is doing in the light of what it listed before.
    """
    known = day.store.papers.known(ingest.names(collected.entries))
    weights = {collected.source.name: collected.source.weight}
    resolved = ingest.resolve(collected.entries, known, weights, now)
    watched, believed = ingest.watch.watch(collected, resolved, past, now)
    day.store.papers.save(believed, now)
    day.store.sources.record(watched)
    log.info(
        "source collected",
        source=watched.source.name,
        state=watched.state,
        entries=len(watched.entries),
        refused=len(watched.refused),
        reason=watched.reason,
    )
    return watched


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
    listed = summaries.introduced(ingest.trends(pool, now, papers.snapshots(now - GROWTH)), day.settings)
    silent = latest.published_at if latest and now - latest.published_at > STALE else None
    edition = editions.publish(now, listed, changes, told, silent)
    embed(day, rank.embedder(day.settings.model), [one.paper for one in listed], keep=True)
    return edition


def notices(day: Service, now: dt.datetime) -> tuple[Notice, ...]:
    """What readers should know of the sources: those that owe them papers today."""
    statuses = day.store.sources.statuses()
    lists = day.store.sources.lists((now - ingest.watch.MEMORY).date())
    return tuple(
        Notice(source=source.name, state=status.state)
        for source in day.settings.sources
        if (status := statuses.get(source.name))
        and ingest.watch.matters(status.state, lists.get(source.name, {}), now)
    )


# --- prepare --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was prepared in one turn."""

    #: The edition that digests were, or would have been, prepared from.
    edition: int | None
    prepared: int = 0
    skipped: int = 0


def prepare_due(
    day: Service,
    now: dt.datetime,
    only: Some = None,
    progress: Progress = silent,
    stopping: Callable[[], bool] = never,
    hand_over: HandOver | None = None,
) -> Made:
    """Publish what was collected, and prepare every digest that is due, or hand that over."""
    edition = publish(day, now)
    # Before the ranking: what a reader was never shown is open to them again.
    day.store.outbox.expire(now)
    if edition is None:
        return Made(edition=None)
    if not is_news(edition, now):
        log.info("edition stale", edition=edition.id, published_at=edition.published_at.isoformat())
        return Made(edition=edition.id)
    if hand_over:
        due = sum(len(block) for block in due_digests(day, now, only))
        hand_over(Step.PREPARE, shards(due, day.settings.cluster.shard_size))
        return Made(edition=edition.id)
    prepared, skipped = prepare(day, edition, now, only, progress, stopping)
    return Made(edition=edition.id, prepared=prepared, skipped=skipped)


def is_news(edition: Edition, now: dt.datetime) -> bool:
    """Whether digests may still be made from it."""
    return now - edition.published_at <= STALE


def prepare(
    day: Service,
    edition: Edition,
    now: dt.datetime,
    only: Some = None,
    progress: Progress = silent,
    stopping: Callable[[], bool] = never,
    ranker: Callable[[], Ranker] | None = None,
) -> tuple[int, int]:
    """Rank the edition for those whose digest is due and write it to the outbox: (prepared, skipped).

    Once per (subscriber, local date): the outbox row is the proof. `ranker` is asked for the edition's, if somebody's
    is due, by whoever has one at hand.
    """
    ranker = ranker or cache(lambda: ranker_of(day, edition, keep=True))
    machine = summaries.summariser(day.settings)
    prepared = skipped = 0
    for block in due_digests(day, now, only):
        if stopping():
            break
        subscribers = [subscriber for subscriber, _ in block]
        days = {subscriber.id: due.days for subscriber, due in block}
        shown = day.store.outbox.shown([subscriber.id for subscriber in subscribers])
        said = day.store.opinions.of([subscriber.id for subscriber in subscribers])
        compared = examples(day, subscribers, said)
        embed(day, ranker().embedder, compared.values(), keep=True)
        digests = list(ranker().digests(subscribers, shown, compared, said, days))
        progress("ranked", prepared + skipped + len(digests), None)
        plans = [digest_plan(day, one, due, now) for one, (_, due) in zip(digests, block, strict=True)]
        summaries.decide(day, edition, plans, machine, now)
        day.store.outbox.enqueue(plans)
        skipped += sum(one.skipped for one in plans)
        prepared += sum(not one.skipped for one in plans)
        progress("prepared", prepared, None)
    return prepared, skipped


def ranker_of(day: Service, edition: Edition, *, keep: bool) -> Ranker:
    """The edition, made ready to be ranked as the operator chose; `keep` as for `embed`.

    What is usual is learnt from the papers before it, too.
    """
    embedder, rules = rank.embedder(day.settings.model), day.settings.digest
    older = day.store.papers.older(edition.published_at - rules.window, rank.OLDER)
    embed(day, embedder, [*(listed.paper for listed in edition.papers), *older], keep=keep)

    def of_days(days: int) -> tuple[Listed, ...]:
        counted = day.store.papers.snapshots(edition.published_at - GROWTH)
        known = [one for one in counted if one.as_of <= edition.published_at]
        return ingest.of_days(edition.papers, days, edition.published_at, known)

    return Ranker(edition, rules, day.settings.ranking, embedder, older, of_days)


def embed(day: Service, embedder: Embedder, papers: Iterable[Paper], *, keep: bool) -> None:
    """Let the model, if there is one, read these papers: each once, since what it made of them is kept.

    Whoever only shows a page reads what is kept, and keeps nothing.
    """
    if not isinstance(embedder, Beside):
        return
    by_id = {paper.id: paper for paper in papers}
    for made in embedder.learn(by_id.values(), day.store.embeddings.of(embedder.name, by_id)):
        if keep:
            day.store.embeddings.keep(embedder.name, made)
        log.info("papers embedded", model=embedder.name, papers=len(made))


def examples(
    day: Service, subscribers: Iterable[Subscriber], said: Mapping[str, Iterable[Feedback]]
) -> dict[str, Paper]:
    """The papers that these subscribers gave as examples or had an opinion of, by each of their ids."""
    given = {i.value for s in subscribers for i in s.asked(InterestKind.LIKE)}
    judged = {f.value for those in said.values() for f in those if f.subject is Subject.PAPER}
    wanted = frozenset(given | judged)
    known = day.store.papers.known(Names(ids=wanted, title_keys=frozenset())) if wanted else ()
    return {alias: paper for paper in known for alias in (paper.id, *paper.aliases)}


# --- deliver --------------------------------------------------------------------------------------


def deliver_due(
    day: Service,
    transport: Transport,
    now: dt.datetime,
    only: Some = None,
    progress: Progress = silent,
    stopping: Callable[[], bool] = never,
    hand_over: HandOver | None = None,
) -> Counter[DeliveryState]:
    """Deliver every message that is due, or hand that over; returns how many came to which state."""
    outcomes = sending.recover_dead(day, now) + sending.resolve_doubts(day, now)
    outcomes[DeliveryState.EXPIRED] += day.store.outbox.expire(now)
    if hand_over:
        due = day.store.outbox.due(now, only)
        hand_over(Step.DELIVER, shards(due, day.settings.cluster.shard_size))
        return +outcomes
    return +outcomes + send(day, transport, now, only, progress, stopping)


def send(
    day: Service,
    transport: Transport,
    now: dt.datetime,
    only: Some = None,
    progress: Progress = silent,
    stopping: Callable[[], bool] = never,
) -> Counter[DeliveryState]:
    """Send the messages that are due, of all or some readers; returns how many came to which state.

    Safe to repeat and to run twice at once: a row is claimed by one pass, and settled by the same, or by its journal
    if it died. The transport is opened only when there is something to hand over. Raises DeliveryError, with
    everything held, if the relay refuses too much of it for our sake.
    """
    waiting = day.store.outbox.due(now, only)
    if not waiting or stopping():
        return Counter()
    with deliver.owning() as me:
        shift = Shift(day, me, now, only, stopping)
        try:
            with sending.journals(day).open(me) as journal, transport:
                for message, outcome in transport.deliver(shift.messages(), journal):
                    shift.settle(message, outcome)
                    progress("delivered", shift.outcomes.total(), waiting)
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
