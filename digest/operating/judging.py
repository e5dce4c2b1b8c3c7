"""What needs a hand, and what is broken: one pure function of what was counted.

Rule 1. What mends itself is not told; what is told says what to do.
Rule 2. Broken is what readers feel, or soon will: a queue that is long, or a reader whose mailbox is full, is not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from digest.daily import STALE
from digest.model import BounceClass, DeliveryState, SourceState, SubscriberState
from digest.operating.vitals import Disk, Standing, Vitals
from digest.store import Which

#: Everything that may be wrong, by the name that metrics and alerts know it by.
INCIDENTS = (
    *("held", "overdue", "doubt", "lost", "repeated", "bounces", "complaints"),
    *("source", "sources", "edition", "disk"),
)
#: A source in one of these states does not mend itself, or misses something meanwhile.
_TROUBLED = {SourceState.FAILING, SourceState.STALE, SourceState.LATE, SourceState.DISABLED}
#: No document came of an attempt.
_UNANSWERED = {SourceState.FAILING, SourceState.DISABLED}
_LOST = (DeliveryState.FAILED, DeliveryState.EXPIRED)
#: All sources may be away at once for so long, as when our own network is.
AWAY = dt.timedelta(hours=6)
#: Shares of what was sent from which large receivers lose their trust in a sender …
MOST_BOUNCED, MOST_COMPLAINED = 0.02, 0.001
#: … and numbers of them that may be chance.
FEW_BOUNCED, FEW_COMPLAINED, FEW_REPEATED = 5, 2, 3
#: More readers than this share got two digests at once.
MOST_REPEATED = 0.01
#: Less of a disk than this is free.
LEAST_FREE = 0.05


class Place(StrEnum):
    """Where to look into something."""

    SOURCES = "sources"
    DELIVERIES = "deliveries"
    SUBSCRIBERS = "subscribers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that needs a hand."""

    #: One of `INCIDENTS`.
    name: str
    #: A sentence without its full stop.
    text: str
    #: What to do, as sentences.
    advice: str
    place: Place
    #: Whether readers feel it, or soon will: alerts are about these.
    broken: bool = False
    #: Which deliveries it is about; None if it is about something else.
    which: Which | None = None

    @property
    def sentence(self) -> str:
        """The text as it begins a sentence; the stop is still to come."""
        return f"{self.text[:1].upper()}{self.text[1:]}"


def judge(found: Vitals) -> tuple[Need, ...]:
    """What needs a hand, the most urgent first."""
    return (*_sending(found), *_days(found), *_answers(found), *_collecting(found), *_machine(found))


def _sending(found: Vitals) -> Iterator[Need]:
    deliveries = Place.DELIVERIES
    if found.held_since:
        yield Need(
            name="held",
            text=_held(found, found.held_since),
            advice="See why in `digest outbox list --state held` and the log, then `digest outbox release`.",
            place=deliveries,
            broken=True,
            which=Which(),
        )
    elif found.overdue:
        yield Need(
            name="overdue",
            text=f"{found.overdue} due for over a quarter of an hour: see whether the schedule runs and the relay answers",
            advice="`digest doctor` asks the relay; `digest run` sends what is due, and says what stops it.",
            place=deliveries,
            broken=found.late > 0,
            which=Which(date=found.at.date()),
        )
    if found.in_doubt:
        yield Need(
            name="doubt",
            text=f"{found.in_doubt} in doubt: handed over, and the answer was lost; a retry sends again",
            advice="Look in the relay's log, then `digest outbox retry --state in_doubt`, or let them expire.",
            place=deliveries,
            broken=found.doubtful > 0,
            which=Which(state=DeliveryState.IN_DOUBT),
        )
    repeated = found.lately.digests - found.lately.readers
    if repeated > max(FEW_REPEATED, MOST_REPEATED * found.lately.readers):
        yield Need(
            name="repeated",
            text=f"{repeated} got a second digest within eleven hours",
            advice="`digest outbox hold` stops everything; then tell us, since this must not be.",
            place=deliveries,
            broken=True,
            which=Which(date=found.at.date()),
        )


def _held(found: Vitals, since: dt.datetime) -> str:
    if found.copied_at:
        return (
            f"this database is a copy of {found.copied_at:%Y-%m-%d %H:%M}Z: what was sent after that it does not"
            f" know, so nothing is sent until it is released; {found.waiting} waiting"
        )
    return f"nothing is sent since {since:%Y-%m-%d %H:%M}Z, until it is released; {found.waiting} waiting"


def _days(found: Vitals) -> Iterator[Need]:
    for day in found.days:
        for state in _LOST:
            if lost := day.counts.get(state):
                yield Need(
                    name="lost",
                    text=f"{lost} of {day.date} {state}",
                    advice=f"`digest outbox list --state {state} --date {day.date}` says why; `retry` tries them again.",
                    place=Place.DELIVERIES,
                    which=Which(state=state, date=day.date),
                )


def _answers(found: Vitals) -> Iterator[Need]:
    hard, sent = found.bounces.get(BounceClass.HARD, 0), found.sent.messages
    if hard >= FEW_BOUNCED and hard > MOST_BOUNCED * sent:
        yield Need(
            name="bounces",
            text=f"{hard} of {sent} sent within a day came back from addresses that are not there",
            advice="They are suppressed already. See where they came from: an import, or sign-ups by a machine?",
            place=Place.SUBSCRIBERS,
            broken=True,
        )
    if found.complaints:
        yield Need(
            name="complaints",
            text=f"{found.complaints} complained within a day",
            advice="They are unsubscribed already. Many mean that readers do not know why they get this.",
            place=Place.SUBSCRIBERS,
            broken=found.complaints >= FEW_COMPLAINED and found.complaints > MOST_COMPLAINED * sent,
        )


def _collecting(found: Vitals) -> Iterator[Need]:
    troubled = [one for one in found.standings if one.status and one.status.state in _TROUBLED]
    for one in troubled:
        assert one.status
        yield Need(
            name="source",
            text=f"{one.source.name} is {one.status.state}: {one.status.reason}",
            advice="`digest sources check` shows its week; the others go on without it.",
            place=Place.SOURCES,
        )
    if found.standings and all(_away(one, found.at) for one in found.standings):
        yield Need(
            name="sources",
            text=f"no source has answered for {AWAY // dt.timedelta(hours=1)} hours",
            advice="`digest ingest` asks them now: is it the network, or a proxy?",
            place=Place.SOURCES,
            broken=True,
        )
    newest, readers = found.edition, found.subscribers.get(SubscriberState.CONFIRMED, 0)
    if found.standings and newest and found.at - newest.published_at > STALE:
        yield Need(
            name="edition",
            text=f"the newest edition is of {newest.published_at:%Y-%m-%d %H:%M}Z: no digests are made from it",
            advice="On a quiet weekend that is as it should be; else see `digest sources check`.",
            place=Place.SOURCES,
            broken=bool(troubled and readers),
        )


def _away(one: Standing, now: dt.datetime) -> bool:
    status = one.status
    if status is None or status.state not in _UNANSWERED:
        return False
    return status.last_success is None or now - status.last_success > AWAY


def is_full(disk: Disk) -> bool:
    """Whether what a day writes may soon not fit."""
    return disk.free < LEAST_FREE * disk.total


def _machine(found: Vitals) -> Iterator[Need]:
    for disk in found.disks:
        if is_full(disk):
            yield Need(
                name="disk",
                text=f"{disk.free / disk.total:.0%} of the disk with {disk.holds} is free",
                advice="Make room: nothing is sent that could not be written down.",
                place=Place.DELIVERIES,
                broken=True,
            )
