"""Finds what the pages show: the lists, messages made from what is on the bench, and what is wrong with them.

Rule 1. Nothing is stored. A message is made anew for every page; the parts of the page name its bytes.
Rule 2. When a template is broken, the last good rendering stays, with the reason beside it.
Rule 3. Whoever looks at what a real reader gets is written down: by id, never by address.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace
from threading import Lock

import structlog

from digest import deliver, samples
from digest.address import masked
from digest.errors import ConfigError, NotAllowed, NotThere, RenderError
from digest.messages import compose
from digest.model import Delivery, DeliveryKind, Listed, Message, Names, Outcome, Plan
from digest.preview.bench import Bench
from digest.preview.compare import compared
from digest.preview.exhibits import Ahead, Exhibit, Sent, Staged, at_path
from digest.preview.fixtures import Fixture, fixtures, stage
from digest.preview.proof import proofread
from digest.preview.report import Judge, Report, Spam
from digest.preview.sheet import Sheet, quoted
from digest.preview.trial import as_test, readdressed
from digest.preview.views import (
    Choice,
    Comparison,
    DigestRow,
    Index,
    Neighbours,
    Problem,
    Shown,
    SubscriberRow,
    Tile,
)
from digest.service import Service

#: The newest deliveries and the first subscribers that the lists show.
MOST_ROWS = 200
#: Messages that are kept for the parts of their pages; the matrix shows every fixture at once.
_KEPT = 128
#: What a message can be compared with beside other messages: itself, before the last change.
BEFORE = "before"

log = structlog.get_logger()


class Gallery:
    """Messages made from what is on the bench. May be shared by threads."""

    def __init__(self, bench: Bench, judge: Judge | None = None) -> None:
        self._bench = bench
        self._judge = judge
        self._lock = Lock()
        #: Messages and what is wrong with them, by stamp; the oldest first.
        self._kept: dict[str, Sheet] = {}
        self._reports: dict[str, Report] = {}
        #: The last good rendering of each, of the newest version and of the one before.
        self._good: dict[Hashable, dict[str, Sheet]] = {}
        #: The version whose cards and lines were read proof.
        self._proofread = ""

    # --- lists ---

    def index(self) -> Index:
        """The fixtures, the newest deliveries that have a message, and the subscribers; no message is made for it."""
        with self._bench.service() as day:
            deliveries = _with_message(day)
            titles = _first_titles(day, deliveries)
            subscribers = day.store.subscribers.list()
            site = day.settings.site.name
        return Index(
            fixtures=fixtures(),
            digests=tuple(DigestRow.of(one, titles.get(one.id, ""), site) for one in deliveries),
            subscribers=tuple(map(SubscriberRow.of, subscribers[:MOST_ROWS])),
            subscribed=len(subscribers),
        )

    def matrix(self, version: str, language: str) -> tuple[Tile, ...]:
        """Every fixture, made in one go; one that fails, fails alone, and a broken template fails them all."""
        self._read_proof(version)
        with stage(self._bench.settings(), self._bench.templates) as day:
            return tuple(self._tile(day, fixture, version, language) for fixture in fixtures())

    def _tile(self, day: Service, fixture: Fixture, version: str, language: str) -> Tile:
        exhibit = Staged(fixture=fixture.name, language=language)
        try:
            same = self._same(exhibit, version)
            sheet = self._keep(exhibit, version, same or _staged(day, fixture, language))
        except RenderError as error:
            return Tile(fixture=fixture, shown=None, problem=Problem.of(error))
        return Tile(fixture=fixture, shown=Shown(exhibit=exhibit, sheet=sheet, report=self._report(sheet)))

    # --- one message ---

    def shown(self, exhibit: Exhibit, version: str) -> Shown:
        """A message on its page; with a broken template or configuration, as it was when they were whole.

        Raises NotThere if there is none, and what is broken if it was never whole.
        """
        try:
            sheet = self.sheet(exhibit, version)
        except (RenderError, ConfigError) as error:
            good = self._good.get(_slot(exhibit))
            if not good:
                raise
            sheet = list(good.values())[-1]
            return Shown(exhibit=exhibit, sheet=sheet, problem=Problem.of(error), report=self._report(sheet))
        return Shown(exhibit=exhibit, sheet=sheet, report=self._report(sheet))

    def sheet(self, exhibit: Exhibit, version: str, stamp: str = "") -> Sheet:
        """The message with that stamp, if it is kept; else as it is made now."""
        if kept := self._kept.get(stamp):
            return kept
        if isinstance(exhibit, Staged) and (same := self._same(exhibit, version)):
            return self._keep(exhibit, version, same)
        self._read_proof(version)
        return self._keep(exhibit, version, self._made(exhibit))

    def _same(self, exhibit: Staged, version: str) -> Sheet | None:
        """The fixture as it was made before: from nothing but what the version is of."""
        return self._good.get(_slot(exhibit), {}).get(version)

    def _read_proof(self, version: str) -> None:
        if self._proofread != version:
            proofread(self._bench.folder())
            self._proofread = version

    def _made(self, exhibit: Exhibit) -> Sheet:
        if isinstance(exhibit, Staged):
            fixture = _fixture(exhibit.fixture)
            with stage(self._bench.settings(), self._bench.templates) as day:
                return _staged(day, fixture, exhibit.language)
        with self._bench.service() as day:
            plan = _plan(day, exhibit)
            log.warning("reader's message shown", exhibit=exhibit.root, subscriber=plan.reader.id)
            return Sheet(
                message=compose(day, plan),
                kind=plan.kind,
                personal=day.settings.site.personal,
                quoted=quoted(_shown(day, plan)),
            )

    def _keep(self, exhibit: Exhibit, version: str, sheet: Sheet) -> Sheet:
        with self._lock:
            good = self._good[_slot(exhibit)] = self._good.pop(_slot(exhibit), {})
            good.pop(version, None)
            good[version] = sheet
            if len(good) > 2:
                del good[next(iter(good))]
            self._kept[sheet.stamp] = kept = self._kept.pop(sheet.stamp, sheet)
            if len(self._good) > _KEPT:
                del self._good[next(iter(self._good))]
            if len(self._kept) > _KEPT:
                oldest = next(iter(self._kept))
                del self._kept[oldest]
                self._reports.pop(oldest, None)
            return kept

    def _report(self, sheet: Sheet) -> Report | None:
        if self._judge and sheet.stamp not in self._reports:
            self._reports[sheet.stamp] = self._judge.report(sheet)
        return self._reports.get(sheet.stamp)

    def spam(self, sheet: Sheet) -> Spam | None:
        """What SpamAssassin says of it; None where nobody asks it."""
        return self._judge.spam(sheet) if self._judge else None

    # --- beside others ---

    def neighbours(self, exhibit: Exhibit) -> Neighbours:
        """The messages before and after it in its list."""
        roots = [*self._roots(exhibit)]
        if exhibit.root not in roots:
            return Neighbours()
        at = roots.index(exhibit.root)
        more = f"?language={exhibit.language}" if isinstance(exhibit, Staged) and exhibit.query else ""
        return Neighbours(
            before=roots[at - 1] + more if at else "",
            after=roots[at + 1] + more if at + 1 < len(roots) else "",
        )

    def _roots(self, exhibit: Exhibit) -> Iterable[str]:
        if isinstance(exhibit, Staged):
            return (Staged(fixture=one.name, language="en").root for one in fixtures())
        with self._bench.service() as day:
            if isinstance(exhibit, Sent):
                return [Sent(delivery=one.id).root for one in _with_message(day)]
            found = day.store.subscribers.list()[:MOST_ROWS]
            return [Ahead(subscriber=one.id, at=exhibit.at).root for one in found]

    def comparison(self, shown: Shown, version: str, chosen: str) -> Comparison:
        """A message beside the one chosen, by path; else beside what it most likely is compared with."""
        before = self._before(shown)
        with self._bench.service() as day:
            choices = _choices(day, shown.exhibit)
            usual = "" if before else _yesterday(day, shown.exhibit)
        chosen = chosen or (BEFORE if before else usual)
        if before:
            choices = (Choice(value=BEFORE, label="Itself, before the last change"), *choices)
        if chosen == BEFORE and before:
            other = replace(shown, sheet=before, report=None)
        elif chosen and chosen != BEFORE:
            other = self.shown(at_path(chosen, shown.exhibit.query), version)
        else:
            return Comparison(choices=choices)
        rows = compared(other.sheet.text, shown.sheet.text)
        return Comparison(choices=choices, chosen=chosen, other=other, rows=rows)

    def _before(self, shown: Shown) -> Sheet | None:
        good = list(self._good.get(_slot(shown.exhibit), {}).values())
        return good[0] if len(good) > 1 and good[0].stamp != shown.sheet.stamp else None

    # --- a trial by mail ---

    def addresses(self) -> tuple[str, ...]:
        """To whom a test may be sent."""
        settings = self._bench.settings()
        contact = (settings.site.contact,) if settings.site.contact else ()
        return settings.preview.send_to or contact

    def send(self, exhibit: Exhibit, address: str) -> Outcome:
        """Send the message as a test to somebody of `addresses`, with links that are nobody's.

        NotAllowed if they are not among them, DeliveryError if nothing can be sent.
        """
        if address not in self.addresses():
            raise NotAllowed(f"a test goes only to addresses in preview.send_to: {masked(address)!r}")
        settings = self._bench.settings()
        message = as_test(self._readdressed(exhibit, address))
        with deliver.transport(settings.mail, settings.outbox_directory) as transport:
            outcome = deliver.hand_over(message, transport)
        log.warning("test sent", exhibit=exhibit.root, verdict=outcome.verdict.value)
        return outcome

    def _readdressed(self, exhibit: Exhibit, address: str) -> Message:
        if isinstance(exhibit, Staged):
            with stage(self._bench.settings(), self._bench.templates) as day:
                return _fixture(exhibit.fixture).message(day, exhibit.language, address)
        with self._bench.service() as day:
            return compose(day, readdressed(day, _plan(day, exhibit), address))


def _slot(exhibit: Exhibit) -> Hashable:
    """What stays the same thing from page to page: a subscriber's next digest at whatever instant."""
    return exhibit.root if isinstance(exhibit, Ahead) else exhibit


def _fixture(name: str) -> Fixture:
    found = next((one for one in fixtures() if one.name == name), None)
    if found is None:
        raise NotThere(f"no fixture has this name: {name[:40]!r}")
    return found


def _staged(day: Service, fixture: Fixture, language: str) -> Sheet:
    return Sheet(
        message=fixture.message(day, language),
        kind=fixture.kind,
        personal=fixture.personal,
        quoted=fixture.quoted,
    )


def _shown(day: Service, plan: Plan) -> Iterable[Listed]:
    """The papers of a digest."""
    edition = day.store.editions.get(plan.edition) if plan.edition else None
    papers = edition.by_id() if edition else {}
    return (papers[pick.paper] for pick in (*plan.picks, *plan.also_trending) if pick.paper in papers)


def _plan(day: Service, exhibit: Sent | Ahead) -> Plan:
    """What the message is made from."""
    if isinstance(exhibit, Sent):
        delivery = day.store.outbox.get(exhibit.delivery)
        if delivery is None or not _has_message(delivery):
            raise NotThere(f"no delivery with a message has this number: {exhibit.delivery}")
        return delivery.plan
    subscriber = day.store.subscribers.get(exhibit.subscriber)
    if subscriber is None:
        raise NotThere(f"no subscriber has this id: {exhibit.subscriber!r}")
    return samples.ahead(day, subscriber, exhibit.at)


def _with_message(day: Service) -> list[Delivery]:
    return [one for one in day.store.outbox.list(limit=MOST_ROWS) if _has_message(one)]


def _has_message(delivery: Delivery) -> bool:
    return not delivery.plan.skipped


def _choices(day: Service, exhibit: Exhibit) -> tuple[Choice, ...]:
    """Every delivery and every fixture but the one that is shown."""
    sent = [
        Choice(
            value=Sent(delivery=one.id).root,
            label=f"{one.plan.local_date} {one.plan.kind}, {one.plan.reader.name or masked(one.plan.reader.address)}",
        )
        for one in _with_message(day)
    ]
    staged = [
        Choice(value=Staged(fixture=one.name, language="en").root, label=f"Fixture {one.name}")
        for one in fixtures()
    ]
    return tuple(one for one in (*sent, *staged) if one.value != exhibit.root)


def _yesterday(day: Service, exhibit: Exhibit) -> str:
    """The path of the digest that the same reader got before; empty if there is none."""
    if isinstance(exhibit, Staged):
        return ""
    delivery = day.store.outbox.get(exhibit.delivery) if isinstance(exhibit, Sent) else None
    reader = delivery.plan.reader.id if delivery else exhibit.subscriber if isinstance(exhibit, Ahead) else ""
    digests = [
        one
        for one in day.store.outbox.list(subscriber=reader)
        if one.plan.kind is DeliveryKind.DIGEST and _has_message(one)
    ]
    dates = sorted((one.plan.local_date, one.id) for one in digests)
    before = [pair for pair in dates if delivery is None or pair < (delivery.plan.local_date, delivery.id)]
    return Sent(delivery=before[-1][1]).root if before else ""


def _first_titles(day: Service, deliveries: list[Delivery]) -> dict[int, str]:
    """The title of each delivery's first paper, in one question for all: an edition each would take seconds."""
    first = {one.id: one.plan.picks[0].paper for one in deliveries if one.plan.picks}
    known = day.store.papers.known(Names(ids=frozenset(first.values()), title_keys=frozenset()))
    titles = {alias: paper.title for paper in known for alias in paper.aliases}
    return {delivery: titles[paper] for delivery, paper in first.items() if paper in titles}
