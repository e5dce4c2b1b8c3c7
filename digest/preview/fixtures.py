"""Messages that every template must survive: made-up papers and readers, through the code that makes real ones.

    with stage(settings, templates) as day:
        for fixture in fixtures():
            message = fixture.message(day, "en")

Rule 1. A message is made by `messages.compose`, from a plan, as one of the outbox is.
Rule 2. Nothing real is in it but the site's name, addresses and look: the secret is the fixtures' own, so that no
        link of theirs works, and the database is an empty one in memory.
Rule 3. The same settings and templates give the same bytes, on every machine and every day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from gettext import NullTranslations
from pathlib import Path

from pydantic import SecretStr

from digest import deliver
from digest.config import Database, Settings
from digest.languages import Language
from digest.messages import asked_plan, compose, digest_plan
from digest.model import (
    BounceClass,
    Content,
    DayReport,
    Days,
    DeliveryKind,
    DeliveryState,
    Digest,
    Due,
    Edition,
    EventKind,
    Interest,
    InterestKind,
    Listed,
    Matter,
    Message,
    Notice,
    Pick,
    Reader,
    Reason,
    ReasonKind,
    Schedule,
    SourceState,
    Subscriber,
    SubscriberState,
)
from digest.preview import madeup
from digest.preview.sheet import quoted
from digest.render import Composer
from digest.service import Service, open_service

#: To whom fixtures are addressed.
READER = "reader@example.org"
_SECRET = "signs links of fixtures, which lead nowhere"  # noqa: S105 (it is meant to be known: Rule 2)
#: Where the links of fixtures lead when the site has no pages of its own.
_NOWHERE = "https://digest.example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """One made-up message."""

    #: As in a URL.
    name: str
    #: What it is there to show, in a sentence.
    description: str
    kind: DeliveryKind = DeliveryKind.DIGEST
    matter: Matter = Matter.SUBSCRIPTION
    #: The papers that are picked, and those of "also trending".
    picked: Callable[[], tuple[Listed, ...]] = tuple
    trending: Callable[[], tuple[Listed, ...]] = tuple
    days: str = "daily"
    #: What a mail says that no delivery carries yet.
    note: Callable[[Service, Reader], Content] | None = None
    #: As an installation without public pages sends it.
    personal: bool = False
    #: A language whose layout it has, in English words: for scripts that no catalogue is written in yet.
    layout: str = ""
    #: What the edition says of its sources, and since when there was none.
    notices: tuple[Notice, ...] = ()
    silent_since: dt.datetime | None = None

    @property
    def quoted(self) -> tuple[str, ...]:
        """What its papers say themselves."""
        return quoted((*self.picked(), *self.trending()))

    def message(self, day: Service, language: str, address: str = READER) -> Message:
        """Its bytes, in a service that `stage` opened; RenderError if a template is broken."""
        if self.personal:
            day = replace(day, links=replace(day.links, base=""))
        if self.layout:
            day = _laid_out(day, self.layout)
        reader = _reader(address, language, Days(self.days))
        if self.note:
            plan = asked_plan(day, self.kind, reader, madeup.NOON)
            return deliver.pack(self.note(day, reader.reader), plan, day.letterhead, None, None)
        if self.kind is not DeliveryKind.DIGEST:
            return compose(day, asked_plan(day, self.kind, reader, madeup.NOON, self.matter))
        picked, trending = self.picked(), self.trending()
        edition = Edition(
            id=1,
            published_at=madeup.NOON,
            papers=(*picked, *trending),
            notices=self.notices,
            silent_since=self.silent_since,
        )
        digest = Digest(
            subscriber=reader,
            edition=edition.id,
            picks=tuple(map(_picked, picked)),
            also_trending=tuple(map(_trending, trending)),
        )
        due = Due(date=madeup.NOON.date(), at=reader.schedule.due_at(madeup.NOON.date()))
        plan = digest_plan(day, digest, due, madeup.NOON)
        return compose(day, replace(plan, skipped=False), lambda _: edition)


def fixtures() -> tuple[Fixture, ...]:
    """All of them, the ordinary ones first; each name once."""
    return (*_DIGESTS, *_NOTES)


@contextmanager
def stage(settings: Settings, templates: Path | None = None) -> Iterator[Service]:
    """A service in which fixtures are made: the site and templates as configured, everything else its own.

    RenderError if a template is broken.
    """
    site = settings.site.model_copy(
        update={
            "url": settings.site.url or _NOWHERE,
            "secret": SecretStr(_SECRET),
            "previous_secret": None,
        }
    )
    folder = templates or settings.templates_directory
    own = settings.model_copy(
        update={
            "site": site,
            "database": Database(url="sqlite:///:memory:"),
            "brand": settings.brand.model_copy(update={"templates": str(folder.resolve()) if folder else ""}),
        }
    )
    with open_service(own) as day:
        yield day


def _laid_out(day: Service, layout: str) -> Service:
    """The service, whose mails are all laid out for that language."""
    language = Language(layout, NullTranslations())
    site, brand, folder = day.settings.site, day.settings.brand, day.settings.templates_directory
    return replace(day, composer=Composer(site, folder, brand, lambda _: language))


def _reader(address: str, language: str, days: Days) -> Subscriber:
    return Subscriber(
        id="fixture",
        address=address,
        name="A made-up reader",
        state=SubscriberState.CONFIRMED,
        schedule=Schedule(timezone="Europe/Berlin", send_at=dt.time(7), days=days),
        papers=50,
        language=language,
        created_at=madeup.NOON - dt.timedelta(days=40),
        confirmed_at=madeup.NOON - dt.timedelta(days=40),
        interests=(Interest(kind=InterestKind.PHRASE, value="planning"),),
    )


def _picked(listed: Listed) -> Pick:
    reason = Reason(kind=ReasonKind.PHRASE, subject="planning")
    return Pick(paper=listed.paper.id, score=0.7, reasons=(reason, *listed.trend.reasons))


def _trending(listed: Listed) -> Pick:
    return Pick(paper=listed.paper.id, score=0.1, reasons=(Reason(kind=ReasonKind.TRENDING),))


def _usual() -> tuple[Listed, ...]:
    return madeup.ordinary(5)


def _below() -> tuple[Listed, ...]:
    return madeup.ordinary(8)[5:]


_DIGESTS = (
    Fixture(
        name="normal",
        description="An ordinary day: five papers, and three more that are trending.",
        picked=_usual,
        trending=_below,
    ),
    Fixture(
        name="quiet",
        description="A quiet day: two papers and nothing below them.",
        picked=lambda: madeup.ordinary(2),
    ),
    Fixture(
        name="empty",
        description="Nothing close to the reader's interests: only what is trending.",
        trending=_usual,
    ),
    Fixture(
        name="no-papers", description="Not even anything that is trending, where digest.send_empty is on."
    ),
    Fixture(name="one", description="A single paper.", picked=lambda: madeup.ordinary(1)),
    Fixture(
        name="fifty",
        description="Fifty papers, the most there can be, and eight more: it must stay below what Gmail cuts.",
        picked=madeup.many,
        trending=lambda: tuple(
            madeup.listed(100 + n, f"Also trending, number {n} of eight, made up", "") for n in range(1, 9)
        ),
    ),
    Fixture(
        name="long-titles",
        description="Titles longer than a subject, and a word longer than a line.",
        picked=madeup.long_titles,
    ),
    Fixture(name="tex", description="Formulas, accents and prices as authors write them.", picked=madeup.tex),
    Fixture(
        name="rtl",
        description="Papers in Arabic and Hebrew, beside one in English, laid out from right to left.",
        picked=madeup.right_to_left,
        layout="ar",
    ),
    Fixture(name="cjk", description="Papers in Chinese, Japanese and Korean.", picked=madeup.cjk),
    Fixture(
        name="emoji", description="Emoji, flags and stacked marks in titles and names.", picked=madeup.emoji
    ),
    Fixture(
        name="gaps",
        description="Papers without abstract, authors, votes or links, and one without a title.",
        picked=madeup.gaps,
    ),
    Fixture(
        name="hostile",
        description="HTML, scripts, line ends and links that are meant to break out.",
        picked=madeup.hostile,
    ),
    Fixture(name="crowd", description="A paper by three thousand authors.", picked=madeup.crowd),
    Fixture(
        name="bad-day",
        description="Two sources are missing, and there was no digest the day before.",
        picked=_usual,
        notices=(
            Notice(source="A made-up source", state=SourceState.PARTIAL),
            Notice(source="Another one", state=SourceState.FAILING),
        ),
        silent_since=madeup.NOON - dt.timedelta(days=3),
    ),
    Fixture(
        name="weekly",
        description="One digest for the week.",
        picked=_usual,
        trending=_below,
        days="weekly:thu",
    ),
    Fixture(
        name="personal",
        description="As it is without public pages: no links back, and no List-Unsubscribe.",
        picked=lambda: madeup.ordinary(3),
        personal=True,
    ),
)


def _report(day: Service, reader: Reader) -> Content:
    told = DayReport(
        date=madeup.NOON.date(),
        outcomes={DeliveryState.SENT: 240, DeliveryState.FAILED: 2, DeliveryState.RETRY: 1},
        bounces={BounceClass.HARD: 1, BounceClass.TRANSIENT: 2},
        events={EventKind.CONFIRMED: 3, EventKind.UNSUBSCRIBED: 1},
        subscribers=241,
        sources=tuple(madeup.sources()),
        needs=(("2 of 2026-04-10 failed", "`digest outbox list --state failed` says why."),),
    )
    return day.composer.report(reader.language, told)


def _alert(day: Service, reader: Reader) -> Content:
    text, advice = "No source has answered for 6 hours", "Is it the network, or a proxy?"
    return day.composer.alert(reader.language, text, advice)


_NOTES = (
    Fixture(
        name="confirm",
        description="The mail that asks whether a subscription was meant.",
        kind=DeliveryKind.CONFIRM,
    ),
    Fixture(name="welcome", description="The mail to somebody who has confirmed.", kind=DeliveryKind.WELCOME),
    Fixture(
        name="link",
        description="The mail to somebody who asks to subscribe and is subscribed.",
        kind=DeliveryKind.LINK,
    ),
    Fixture(
        name="settings",
        description="The mail to somebody who entered their address to find their settings.",
        kind=DeliveryKind.LINK,
        matter=Matter.SETTINGS,
    ),
    Fixture(
        name="mine",
        description="The link, fresh for 30 minutes, to all that is kept of a reader.",
        kind=DeliveryKind.LINK,
        matter=Matter.MINE,
    ),
    Fixture(
        name="address",
        description="The mail that asks an address whether it is to be a reader's new one.",
        kind=DeliveryKind.CONFIRM,
        matter=Matter.ADDRESS,
    ),
    Fixture(
        name="moved",
        description="The mail to the address that another one has taken the place of.",
        kind=DeliveryKind.NOTICE,
        matter=Matter.ADDRESS,
    ),
    Fixture(
        name="goodbye",
        description="The mail to somebody who left, if they asked for one.",
        kind=DeliveryKind.NOTICE,
    ),
    Fixture(
        name="report",
        description="The mail to the operator: a day's messages, and two sources in trouble.",
        kind=DeliveryKind.NOTICE,
        note=_report,
    ),
    Fixture(
        name="alert",
        description="The mail to the operator when something is broken.",
        kind=DeliveryKind.NOTICE,
        note=_alert,
    ),
)
