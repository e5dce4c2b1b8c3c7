"""What templates are given: plain values, clean and ready to print, but not escaped."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionView:
    """A link under a card."""

    label: str
    url: str
    #: Read aloud instead of the label, which is the same under every card.
    about: str


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
    #: Taken from the abstract; empty if there is none.
    summary: str
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

    language: str
    site: str
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
    contact: str
    postal_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """A short mail with one link, that somebody asked for: to confirm, or to change their settings."""

    language: str
    site: str
    url: str
    subject: str
    preheader: str
    #: How often, as "on weekdays at 07:00 (Europe/Berlin)".
    schedule: str
    contact: str
    postal_address: str
