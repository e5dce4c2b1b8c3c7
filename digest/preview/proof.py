"""Reads cards and lines proof: a digest leaves out the paper whose card fails, and here that must be seen."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from digest.languages import ENGLISH
from digest.model import Link, Listed, Mention, Paper, Rights, Signals, Trend
from digest.render.cards import card_view, line_view
from digest.render.environment import Templates
from digest.render.excerpt import Length
from digest.render.holes import CardHoles

_DAY = dt.datetime(2026, 4, 10, tzinfo=dt.UTC)


def proofread(templates: Path | None) -> None:
    """Render the card and the line of a paper with everything and of one with nothing; the first RenderError."""
    made = Templates(templates)
    for listed in (_full(), _bare()):
        card, line = card_view(listed, ENGLISH, Length.FULL), line_view(listed, ENGLISH)
        for ending in ("html", "txt"):
            made.render(f"card.{ending}", ENGLISH, card=card, holes=CardHoles())
            made.render(f"line.{ending}", ENGLISH, line=line)


def _full() -> Listed:
    """A paper of which everything is known."""
    place = "https://example.org/paper"
    paper = _paper(
        abstract="A first sentence with something to read. And a second one.",
        authors=("Ada Author", "Bo Writer", "Cy Third", "Di Fourth", "Ed Fifth"),
        categories=("cs.CL",),
        links=(
            Link(rel="abstract", url=place),
            Link(rel="pdf", url=f"{place}.pdf"),
            Link(rel="discussion", url=f"{place}/talk"),
            Link(rel="code", url=f"{place}/code"),
            Link(rel="project", url=f"{place}/project"),
        ),
    )
    mention = Mention(
        paper=paper.id,
        source="a source",
        weight=1,
        listed_at=_DAY,
        url=place,
        signals=Signals(votes=38, comments=3, stars=1200),
        as_of=_DAY,
    )
    return Listed(paper=paper, mentions=(mention,), trend=Trend(score=0.5))


def _bare() -> Listed:
    """A paper of which only the title is known."""
    return Listed(paper=_paper(), mentions=(), trend=Trend(score=0))


def _paper(
    *,
    abstract: str = "",
    authors: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    links: tuple[Link, ...] = (),
) -> Paper:
    return Paper(
        id="title:aproof",
        aliases=("title:aproof",),
        title_key="aproof",
        title="A proof",
        abstract=abstract,
        authors=authors,
        categories=categories,
        published=None,
        version=None,
        links=links,
        rights=Rights.OPEN,
        first_seen=_DAY,
    )
