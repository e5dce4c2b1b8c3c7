"""Collecting's particulars: which sources are asked and for which days, and how what they say is kept.

Rule 1. Entries are kept before the validators of the document that held them: in the other order a kill in between
        would lose them.
Rule 2. How a source is doing is judged in the light of what it listed before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping

import structlog

from digest import ingest
from digest.model import Collected, Notice, Source, SourceState, SourceStatus
from digest.service import Service

log = structlog.get_logger()

#: How much sooner than its `every` a source may be asked again.
SLACK = dt.timedelta(minutes=5)


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


def answers(day: Service, sources: Collection[Source], now: dt.datetime) -> Iterator[Collected]:
    """Ask those sources, one after the other is kept: what each said, and how it is doing."""
    fetch, contact = day.settings.fetch, day.settings.site.contact or day.settings.site.url
    validators = day.store.sources.validators()
    politeness = ingest.Politeness(turns=day.store.turns)
    lists = day.store.sources.lists((now - ingest.watch.MEMORY).date())
    older = days_to_ask(day, sources, lists, now)
    for collected in ingest.collect(sources, fetch, contact, validators, politeness, now, older):
        yield absorb(day, collected, lists.get(collected.source.name, {}), now)


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
