"""Papers as anybody may see them: a row of a list, a page of its own, the trend drawn."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from digest.languages import Language
from digest.model import Listed, Mention, Paper, Snapshot, Trend
from digest.render import words
from digest.render.cards import card_view, linkable
from digest.render.excerpt import Length, clean
from digest.render.views import ActionView
from digest.samples import opened

#: Authors that stand before an abstract; of more, the page says how many and lists them when asked.
MOST_NAMES = 24
#: The drawing's size, in its own units, and the room around the lines.
WIDTH, HEIGHT, MARGIN = 640, 160, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A paper in a list."""

    #: On our site, from its root.
    path: str
    title: str
    authors: str
    #: Category and votes, in words.
    facts: tuple[str, ...]
    #: Empty where the text is not ours to show.
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One mention, in words."""

    source: str
    date: str
    votes: str
    #: None if it cannot be linked.
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Votes over time: a line for each source."""

    #: `points` of SVG polylines.
    lines: tuple[str, ...]
    width: int
    height: int
    #: The same in words.
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPage:
    """Everything about one paper."""

    title: str
    authors: str
    #: All of them, where `authors` says only how many more there are; else empty.
    all_authors: str
    facts: tuple[str, ...]
    #: Empty where the text is not ours to show.
    abstract: str
    url: str | None
    actions: tuple[ActionView, ...]
    mentions: tuple[Told, ...]
    plot: Plot | None
    alike: tuple[Row, ...]


def path_of(base: str, paper: str) -> str:
    """Where a paper has its page, by any of its ids."""
    return f"{base}/papers/{quote(paper, safe=':/')}"


def row(base: str, listed: Listed, language: Language) -> Row:
    """A paper in a list, as anybody may see it."""
    view = card_view(opened(listed), language, Length.FULL)
    return Row(
        path=path_of(base, view.id),
        title=view.title,
        authors=view.authors,
        facts=view.facts,
        summary=view.summary,
    )


def unranked(paper: Paper, mentions: tuple[Mention, ...]) -> Listed:
    """A paper outside an edition, which has no trend."""
    return Listed(paper=paper, mentions=mentions, trend=Trend(score=0))


def paper_page(
    base: str, listed: Listed, counted: Iterable[Snapshot], alike: Iterable[Listed], language: Language
) -> PaperPage:
    """The page of a paper."""
    view, paper = card_view(opened(listed), language, Length.FULL), opened(listed).paper
    names = [name for one in paper.authors if (name := clean(one))]
    crowded = len(names) > MOST_NAMES
    published = [language.date(paper.published.date())] if paper.published else []
    return PaperPage(
        title=view.title,
        authors=words.authors(language, names) if crowded else language.listing(names),
        all_authors=language.listing(names) if crowded else "",
        facts=(*map(clean, paper.categories), *published, paper.id),
        abstract=clean(paper.abstract),
        url=view.url,
        actions=view.actions,
        mentions=tuple(_told(mention, language) for mention in listed.mentions),
        plot=plot(counted, language),
        alike=tuple(row(base, one, language) for one in alike),
    )


def _told(mention: Mention, language: Language) -> Told:
    return Told(
        source=clean(mention.source),
        date=language.date(mention.listed_at.date()),
        votes=words.upvotes(language, mention.signals.votes),
        url=linkable(mention.url),
    )


def plot(counted: Iterable[Snapshot], language: Language) -> Plot | None:
    """The votes over time, the most that each source counted for one listing; None where nothing moved."""
    found: defaultdict[tuple[str, dt.datetime], list[Snapshot]] = defaultdict(list)
    for one in counted:
        found[one.source, one.listed_at].append(one)
    by_source: dict[str, list[Snapshot]] = {}
    for (source, _), said in found.items():
        by_source[source] = max(
            by_source.get(source, []), said, key=lambda some: some[-1].votes if some else 0
        )
    drawn = {source: said for source, said in by_source.items() if len(said) > 1}
    if not drawn:
        return None
    start = min(said[0].as_of for said in drawn.values())
    end = max(said[-1].as_of for said in drawn.values())
    most = max(one.votes for said in drawn.values() for one in said) or 1

    def point(one: Snapshot) -> str:
        x = MARGIN + (one.as_of - start) / (end - start) * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - one.votes / most * (HEIGHT - 2 * MARGIN)
        return f"{x:.1f},{y:.1f}"

    return Plot(
        lines=tuple(" ".join(map(point, said)) for said in drawn.values()),
        width=WIDTH,
        height=HEIGHT,
        told=tuple(_growth(source, said, language) for source, said in drawn.items()),
    )


def _growth(source: str, said: list[Snapshot], language: Language) -> str:
    first, last = said[0], said[-1]
    return language.gettext(
        "%(source)s: from %(first)s upvotes on %(since)s to %(last)s on %(until)s",
        source=clean(source),
        first=language.number(first.votes),
        since=language.date(first.as_of.date()),
        last=language.number(last.votes),
        until=language.date(last.as_of.date()),
    )
