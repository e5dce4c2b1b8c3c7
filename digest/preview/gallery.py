"""Finds what the pages show: the lists, a delivery's message, and what a subscriber would get now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable
from threading import Lock

from digest import samples
from digest.errors import UsageError
from digest.messages import ASKED, compose
from digest.model import Delivery, DeliveryKind, Message, Names
from digest.preview.bench import Bench
from digest.preview.proof import proofread
from digest.preview.views import DigestRow, Index, Sheet, SubscriberRow
from digest.service import Service

#: The newest deliveries and the first subscribers that the lists show.
MOST_ROWS = 200
#: Messages that are kept: a page and its frames ask for the same one.
_KEPT = 8

_WITH_MESSAGE = {DeliveryKind.DIGEST, *ASKED}


class NotThere(UsageError):
    """No such delivery or subscriber."""


class Gallery:
    """Messages made from what is on the bench, the last few kept. May be shared by threads."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._making = Lock()
        self._kept: dict[Hashable, Sheet] = {}
        #: The version whose cards and lines were read proof.
        self._proofread = ""

    def index(self) -> Index:
        """The newest deliveries that have a message, and the subscribers; no message is made for it."""
        with self._bench.service() as day:
            deliveries = [one for one in day.store.outbox.list(limit=MOST_ROWS) if _has_message(one)]
            titles = _first_titles(day, deliveries)
            subscribers = day.store.subscribers.list()
            site = day.settings.site.name
        return Index(
            digests=tuple(DigestRow.of(one, titles.get(one.id, ""), site) for one in deliveries),
            subscribers=tuple(map(SubscriberRow.of, subscribers[:MOST_ROWS])),
            subscribed=len(subscribers),
        )

    def sent(self, version: str, delivery: int) -> Sheet:
        """The message of a delivery; NotThere if it has none, RenderError if a template is broken."""
        with self._bench.service() as day:
            found = day.store.outbox.get(delivery)
            if found is None or not _has_message(found):
                raise NotThere(f"no delivery with a message has this number: {delivery}")
            return self._made(version, found.plan, lambda: compose(day, found.plan))

    def ahead(self, version: str, subscriber: str, at: dt.datetime) -> Sheet:
        """A subscriber's next digest as of that instant; UsageError if there is none, else as `sent`."""
        with self._bench.service() as day:
            found = day.store.subscribers.get(subscriber)
            if found is None:
                raise NotThere(f"no subscriber has this id: {subscriber!r}")
            return self._made(version, (found, at), lambda: samples.ahead(day, found, at))

    def _made(self, version: str, source: Hashable, make: Callable[[], Message]) -> Sheet:
        """The message of that source, made once: a page, its frames and its download ask for the same one."""
        with self._making:
            if self._proofread != version:
                proofread(self._bench.templates)
                self._proofread = version
            key = (version, source)
            if key not in self._kept:
                sheet = Sheet.of(make())
                if len(self._kept) >= _KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = sheet
            return self._kept[key]


def _has_message(delivery: Delivery) -> bool:
    return delivery.plan.kind in _WITH_MESSAGE and not delivery.plan.skipped


def _first_titles(day: Service, deliveries: list[Delivery]) -> dict[int, str]:
    """The title of each delivery's first paper, in one question for all: an edition each would take seconds."""
    first = {one.id: one.plan.picks[0].paper for one in deliveries if one.plan.picks}
    known = day.store.papers.known(Names(ids=frozenset(first.values()), title_keys=frozenset()))
    titles = {alias: paper.title for paper in known for alias in paper.aliases}
    return {delivery: titles[paper] for delivery, paper in first.items() if paper in titles}
