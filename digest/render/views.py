"""What templates are given: plain values, clean and ready to print, but not escaped."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from digest.config import Brand, Site
from digest.languages import Language
from digest.render.excerpt import clean


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandView:
    """Who sends, on every message, and how they like it to look."""

    name: str
    contact: str
    postal_address: str
    #: Of links: on light and on dark ground.
    accent: str
    accent_dark: str
    #: An https URL; empty without one.
    logo: str
    logo_alt: str
    #: In pixels.
    logo_width: int
    #: What the operator wants to say at the end of each message.
    footer: str

    @classmethod
    def of(cls, site: Site, brand: Brand) -> BrandView:
        """As configured."""
        return cls(
            name=clean(site.name),
            contact=site.contact,
            postal_address=clean(site.postal_address),
            accent=brand.accent,
            accent_dark=brand.accent_dark,
            logo=brand.logo,
            logo_alt=clean(brand.logo_alt),
            logo_width=brand.logo_width,
            footer=clean(brand.footer),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionView:
    """A link under a card."""

    label: str
    url: str
    #: Read aloud instead of the label, which is the same under every card.
    about: str


class Origin(StrEnum):
    """Where a summary comes from; the label beside it says so."""

    ABSTRACT = "abstract"  #: sentences of the authors
    AI = "ai"  #: a machine's words, the source's or ours


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """One paper, as every reader of a language sees it."""

    #: Canonical.
    id: str
    title: str
    #: Where the title leads; None if nothing there can be linked.
    url: str | None
    #: Ready to read, as "A, B, C and 5 more"; may be empty.
    authors: str
    #: Category and votes, in words.
    facts: tuple[str, ...]
    #: One or two sentences; empty if there are none.
    summary: str
    origin: Origin
    actions: tuple[ActionView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """One paper of "also trending"."""

    id: str
    title: str
    url: str | None
    #: First author and votes, in words.
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellView:
    """Everything around the cards that many readers share."""

    language: Language
    #: In the reader's zone.
    date: dt.date
    #: "4 papers", "about 3 minutes".
    facts: tuple[str, ...]
    #: One sentence on an unusual day, else empty.
    lede: str
    has_cards: bool
    has_lines: bool
    #: No public pages, hence no links back.
    personal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """A short mail about a subscription, to whom it belongs."""

    subject: str
    preheader: str
    #: Where its one action leads; empty if there is none.
    url: str = ""
    #: How often, as "on weekdays at 07:00 (Europe/Berlin)".
    schedule: str = ""
    #: How many at most, as "10 papers".
    papers: str = ""
    #: Where the subscription ends; empty where there is none yet, or none any more.
    unsubscribe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleView:
    """A source that needs somebody to look at it."""

    source: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """What operators are told of a day."""

    subject: str
    preheader: str
    #: Label and number: prepared, sent, failed, and so on.
    counts: tuple[tuple[str, str], ...] = ()
    #: The same of subscribers: how many, who came and who went.
    people: tuple[tuple[str, str], ...] = ()
    troubles: tuple[TroubleView, ...] = ()
    #: What needs a hand, and what to do.
    needs: tuple[tuple[str, str], ...] = ()
