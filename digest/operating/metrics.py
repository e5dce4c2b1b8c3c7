"""What was counted, as Prometheus reads it. The one door for prometheus-client.

Rule 1. Numbers come from the database, so that whichever process is asked says the same; of the process itself is only
        what is its own: memory, processor, and when its jobs ended.
Rule 2. No label is of a reader: no address, no id, and no domain, which may be one person's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from digest import __version__
from digest.model import BounceClass, DeliveryState, EventKind, SourceState, SubscriberState
from digest.operating.judging import INCIDENTS, judge
from digest.operating.vitals import Vitals

Word = TypeVar("Word", bound=StrEnum)
#: What an answer begins with: a reply code, and perhaps an enhanced one (RFC 5321 4.2, RFC 3463).
CODES = re.compile(r"([245])\d\d(?:[ -]([245]\.\d{1,3}\.\d{1,3})\b)?")


def exposition(found: Vitals, jobs: Mapping[str, float]) -> tuple[bytes, str]:
    """All of it in Prometheus' text format, and its media type; `jobs`: how many seconds ago each ended last."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Families(lambda: families(found, jobs)))
    return generate_latest(registry), "text/plain; version=0.0.4; charset=utf-8"


class _Families(Collector):
    """The families as prometheus-client wants to be given them."""

    def __init__(self, made: Callable[[], Iterable[Metric]]) -> None:
        self._made = made

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self._made()


def families(found: Vitals, jobs: Mapping[str, float]) -> Iterator[Metric]:
    """Every metric that there is, also where it is zero."""
    yield _labelled("digest_build_info", "This version.", "version", [(__version__, 1)])
    yield from _deliveries(found)
    yield from _people(found)
    yield from _papers(found)
    yield _labelled(
        "digest_incident",
        "Whether something is broken (1), or needs a hand (0.5).",
        "incident",
        _incidents(found).items(),
    )
    yield _labelled("digest_job_age_seconds", "Since a job of this process got on last.", "job", jobs.items())
    yield _one("digest_database_bytes", "How large the database is.", found.octets)
    free, size = (
        [(disk.holds, disk.free) for disk in found.disks],
        [(disk.holds, disk.total) for disk in found.disks],
    )
    yield _labelled("digest_disk_free_bytes", "What is free of a disk that we write to.", "holds", free)
    yield _labelled("digest_disk_size_bytes", "How large that disk is.", "holds", size)


def _deliveries(found: Vitals) -> Iterator[Metric]:
    states: Counter[DeliveryState] = Counter()
    for day in found.days:
        states.update(day.counts)
    yield _of(
        "digest_deliveries",
        "Deliveries of yesterday, today and tomorrow (local dates).",
        "state",
        DeliveryState,
        states,
    )
    yield _one("digest_due", "Deliveries that wait and may be tried now.", found.due)
    oldest = (found.at - found.oldest_due).total_seconds() if found.oldest_due else 0
    yield _one("digest_oldest_due_seconds", "How long the longest of them has waited.", oldest)
    yield _one("digest_in_doubt", "Handed over, and the answer was lost; of any date.", found.in_doubt)
    yield _one("digest_held", "Whether sending is held.", int(found.held_since is not None))
    yield _one("digest_sent_last_day", "Messages of every kind sent within 24 hours.", found.sent.messages)
    repeated = found.lately.digests - found.lately.readers
    yield _one("digest_repeated", "Second digests to a reader within eleven hours.", repeated)
    answers = GaugeMetricFamily(
        "digest_replies",
        "The relay's last word on deliveries of yesterday or later.",
        labels=["class", "enhanced"],
    )
    for codes, number in _codes(found.replies).items():
        answers.add_metric(codes, number)
    yield answers


def _people(found: Vitals) -> Iterator[Metric]:
    yield _of("digest_subscribers", "Subscribers by state.", "state", SubscriberState, found.subscribers)
    yield _of("digest_events_last_day", "What happened within 24 hours.", "kind", EventKind, found.events)
    yield _of(
        "digest_bounces_last_day",
        "What came back within 24 hours.",
        "meaning",
        BounceClass,
        found.bounces,
    )


def _papers(found: Vitals) -> Iterator[Metric]:
    yield _one("digest_papers_last_day", "Papers first seen within 24 hours.", found.new_papers)
    edition = found.edition
    if edition:
        yield _one(
            "digest_edition_age_seconds",
            "Since the newest edition was published.",
            (found.at - edition.published_at).total_seconds(),
        )
        yield _one("digest_edition_papers", "How many papers it holds.", edition.papers)
    known = [(one.source.name, one.status) for one in found.standings if one.status]
    yield _labelled(
        "digest_source_age_seconds",
        "Since a source answered last.",
        "source",
        ((name, (found.at - one.last_success).total_seconds()) for name, one in known if one.last_success),
    )
    yield _labelled(
        "digest_source_entries",
        "Entries of its last answer.",
        "source",
        ((name, one.entries) for name, one in known),
    )
    state = GaugeMetricFamily(
        "digest_source_state", "1 for the state that it is in.", labels=["source", "state"]
    )
    attempts = GaugeMetricFamily(
        "digest_source_attempts_last_day",
        "What attempts came to within 24 hours.",
        labels=["source", "state"],
    )
    for one in found.standings:
        counted = Counter(attempt.state for attempt in one.attempts)
        for each in SourceState:
            state.add_metric(
                [one.source.name, each], int(one.status is not None and one.status.state is each)
            )
            attempts.add_metric([one.source.name, each], counted[each])
    yield from (state, attempts)


def _incidents(found: Vitals) -> Mapping[str, float]:
    told = dict.fromkeys(INCIDENTS, 0.0)
    for need in judge(found):
        told[need.name] = max(told[need.name], 1.0 if need.broken else 0.5)
    return told


def _codes(replies: Mapping[str, int]) -> Counter[tuple[str, str]]:
    """Classes and enhanced codes; what begins with neither is of class 0: a file, a timeout."""
    codes: Counter[tuple[str, str]] = Counter()
    for began, number in replies.items():
        match = CODES.match(began)
        codes[(match[1], match[2] or "") if match else ("0", "")] += number
    return codes


def _one(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)


def _of(name: str, help_: str, label: str, all_: type[Word], counts: Mapping[Word, int]) -> Metric:
    """One value for each member, also where it is zero, so that a rule finds it."""
    return _labelled(name, help_, label, ((each.value, counts.get(each, 0)) for each in all_))


def _labelled(name: str, help_: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, help_, labels=[label])
    for value, number in values:
        family.add_metric([value], number)
    return family
