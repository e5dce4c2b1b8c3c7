"""Digests outside the outbox: what somebody would get, shown or sent as a trial, and never counted as sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from digest import subscriptions
from digest.due import next_due
from digest.errors import UsageError
from digest.messages import compose, digest_plan
from digest.model import (
    Content,
    Due,
    Edition,
    Entry,
    Feedback,
    Interest,
    InterestKind,
    Listed,
    Message,
    Paper,
    Plan,
    ReaderLinks,
    Rights,
    Subscriber,
    zone,
)
from digest.rank import Ranker
from digest.ranking import embed, examples, ranker_of
from digest.service import Service


@dataclass(frozen=True, slots=True)
class Showcase:
    """The newest edition, made ready to be ranked; worth keeping until there is a newer one."""

    edition: Edition
    ranker: Ranker

    @property
    def withheld(self) -> bool:
        """Whether a public digest leaves out texts that a reader's own holds."""
        return any(listed.paper.rights is not Rights.OPEN for listed in self.edition.papers)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What counts of a reader's past."""

    #: Papers that their digests showed, by id.
    shown: frozenset[str] = frozenset()
    said: tuple[Feedback, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What a reader has under their hands beside their settings, and is not saved yet."""

    #: All that they would have said.
    said: tuple[Feedback, ...]
    #: Of a reading list: some of them are not in the store.
    examples: tuple[Paper, ...] = ()


def showcase(day: Service) -> Showcase | None:
    """The newest edition, if there is one."""
    edition = day.store.editions.latest()
    return Showcase(edition, ranker_of(day, edition, keep=False)) if edition else None


def trial(day: Service, subscriber: Subscriber, address: str, now: dt.datetime) -> Message:
    """What this subscriber could get today, addressed to an operator; no outbox row, no working links.

    Raises UsageError if there is no edition yet.
    """
    case = _needed(day)
    stand_in = replace(subscriber, id=f"test-{subscriber.id}", address=address)
    today = now.astimezone(zone(subscriber.schedule.timezone)).date()
    due = Due(date=today, at=now, days=subscriber.schedule.days_of(today))
    said = day.store.opinions.of([subscriber.id]).get(subscriber.id, ())
    return compose(day, _plan(day, case, stand_in, History(said=said), due, now))


def upcoming(
    day: Service, case: Showcase, subscriber: Subscriber, now: dt.datetime, edits: Edits | None = None
) -> Plan:
    """A subscriber's next digest, as it would be prepared from that edition, under settings not saved yet."""
    edits = edits or Edits(said=day.store.opinions.of([subscriber.id]).get(subscriber.id, ()))
    past = History(shown=day.store.outbox.shown([subscriber.id])[subscriber.id], said=edits.said)
    given = {paper.id: paper for paper in edits.examples}
    return _plan(day, case, subscriber, past, next_due(day, subscriber, now), now, given)


def outlook(
    day: Service, case: Showcase, subscriber: Subscriber, now: dt.datetime, edits: Edits | None = None
) -> Content | None:
    """What a subscriber would see of `upcoming`; None if nothing is left to show them."""
    plan = upcoming(day, case, subscriber, now, edits)
    if plan.skipped:
        return None
    return day.composer.digest(plan, case.edition, day.links.of_reader(subscriber.reader))


def ahead(day: Service, subscriber: Subscriber, now: dt.datetime) -> Plan:
    """A subscriber's next digest, as it would be prepared now from the newest edition.

    Raises UsageError if there is no edition yet, or nothing in it that they were not sent.
    """
    plan = upcoming(day, _needed(day), subscriber, now)
    if plan.skipped:
        raise UsageError(
            "nothing is left to show them: every paper of the newest edition was in a digest of theirs"
        )
    return plan


def _needed(day: Service) -> Showcase:
    case = showcase(day)
    if case is None:
        raise UsageError("no edition yet; `digest run` publishes one when a digest is due")
    return case


def public(
    day: Service,
    case: Showcase,
    stand_in: Subscriber,
    now: dt.datetime,
    given: Mapping[str, Paper] | None = None,
) -> Content | None:
    """A digest that anybody may see: without the texts of sources that keep theirs, its links to the first page.

    `given`: example papers that the store does not know, by id. None if the edition is empty.
    """
    open_texts = replace(case.edition, papers=tuple(opened(listed) for listed in case.edition.papers))
    plan = _plan(day, case, stand_in, History(), Due(date=now.date(), at=now), now, given)
    home = day.settings.site.url
    nobodys = ReaderLinks(unsubscribe=home, preferences=home) if home else None
    return None if plan.skipped else day.composer.digest(plan, open_texts, nobodys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What somebody without an account would get."""

    #: None if there is nothing to show.
    content: Content | None
    #: How many of their papers the store does not know.
    unknown: int


def tried(
    day: Service, case: Showcase, stand_in: Subscriber, pasted: Sequence[Entry], now: dt.datetime
) -> Trial:
    """The public digest under a stand-in's wishes and a reading list; nothing of either is stored.

    A paper that the store does not know is compared by the text that was pasted of it.
    """
    listed = subscriptions.read_list(day, pasted)
    likes = [Interest(kind=InterestKind.LIKE, value=paper.id) for paper in listed]
    reader = replace(stand_in, interests=tuple(dict.fromkeys((*stand_in.interests, *likes))))
    given = {paper.id: paper for paper in listed}
    wanted = {interest.value for interest in reader.asked(InterestKind.LIKE)}
    found = examples(day, [reader], {})
    return Trial(content=public(day, case, reader, now, given), unknown=len(wanted - found.keys()))


def ranked(day: Service, case: Showcase, subscriber: Subscriber, now: dt.datetime) -> Plan:
    """A subscriber's best of the edition, whatever they were shown before: what a feed of theirs holds."""
    said = day.store.opinions.of([subscriber.id]).get(subscriber.id, ())
    return _plan(day, case, subscriber, History(said=said), Due(date=now.date(), at=now), now)


def _plan(
    day: Service,
    case: Showcase,
    subscriber: Subscriber,
    past: History,
    due: Due,
    now: dt.datetime,
    given: Mapping[str, Paper] | None = None,
) -> Plan:
    shown, said, days = {subscriber.id: past.shown}, {subscriber.id: past.said}, {subscriber.id: due.days}
    compared = {**(given or {}), **examples(day, [subscriber], said)}
    embed(day, case.ranker.embedder, compared.values(), keep=False)
    (digest,) = case.ranker.digests([subscriber], shown, compared, said, days)
    return digest_plan(day, digest, due, now)


def opened(listed: Listed) -> Listed:
    """A paper as anybody may see it: without texts of a source that keeps its own, or made of them."""
    if listed.paper.rights is Rights.OPEN:
        return listed
    return replace(listed, paper=replace(listed.paper, abstract="", ai_summary=""), summary="")
