"""A paper's card and line, made once for all readers of a language: the paper goes in, never the reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import quote, urlsplit

import structlog

from digest.errors import CardError, RenderError
from digest.languages import Language
from digest.model import Edition, Listed, Piece, piece
from digest.render import words
from digest.render.css import Inliner
from digest.render.environment import Templates
from digest.render.excerpt import Length, clean, count_words, shortened
from digest.render.holes import CardHoles, Fragment
from digest.render.summary import SLACK, summary
from digest.render.views import ActionView, CardView, LineView, Origin

log = structlog.get_logger()

T = TypeVar("T")

_HOLES = CardHoles()
_ACTIONS = ("pdf", "discussion", "code", "project")
#: What is left of them on a card that has to be short; the others are where the title leads.
_FEWER_ACTIONS = frozenset({"pdf"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card, waiting for rank and reasons."""

    #: The paper's canonical id.
    id: str
    title: str
    html: Fragment
    text: Fragment
    #: To read.
    words: int
    links: int
    votes_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of "also trending", the same for everybody."""

    id: str
    title: str
    html: Piece
    text: Piece


class Made(dict[str, T | None]):
    """Cards or lines by their paper's id, each made when it is first asked for; None, logged once, if that fails."""

    def __init__(self, make: Callable[[str], T], failure: str) -> None:
        """`failure`: what the log says of one that cannot be made."""
        self._make = make
        self._failure = failure

    def __missing__(self, paper: str) -> T | None:
        """Make it."""
        try:
            made = self._make(paper)
        except CardError as error:
            log.warning(self._failure, paper=paper, reason=str(error))
            made = None
        self[paper] = made
        return made


class Cards:
    """One edition's cards and lines in one language, each rendered and inlined at its first use only."""

    def __init__(
        self,
        edition: Edition,
        language: Language,
        templates: Templates,
        css: Inliner,
        end_of: Callable[[str], str] | None = None,
    ) -> None:
        """`end_of`: how a paper's link for feedback ends; a card that need not be short has a hole before it."""
        self.edition = edition
        self._end_of = end_of
        self._language = language
        self._papers = edition.by_id()
        self._templates = templates
        self._css = css
        self._cards = {length: Made(partial(self._made_card, length), "card failed") for length in Length}
        #: Of "also trending".
        self.lines = Made(self._made_line, "line failed")

    def of(self, length: Length) -> Made[Card]:
        """The cards of that length."""
        return self._cards[length]

    def _listed(self, paper: str) -> Listed:
        try:
            return self._papers[paper]
        except KeyError:
            raise CardError(f"edition {self.edition.id} does not hold the paper {paper!r}") from None

    def _made_card(self, length: Length, paper: str) -> Card:
        listed = self._listed(paper)
        feedback = _HOLES.feedback + self._end_of(listed.paper.id) if self._end_of else ""
        view = card_view(listed, self._language, length, feedback)
        try:
            html = self._templates.render("card.html", self._language, card=view, holes=_HOLES)
            text = self._templates.render("card.txt", self._language, card=view, holes=_HOLES)
            return Card(
                id=view.id,
                title=view.title,
                html=Fragment.cut("card.html", self._css.fragment(html)),
                text=Fragment.cut("card.txt", text),
                words=count_words(f"{view.title} {view.authors} {view.summary}"),
                links=html.count("<a "),
                votes_shown=bool(listed.votes),
            )
        except RenderError as error:
            raise CardError(str(error)) from error

    def _made_line(self, paper: str) -> Line:
        view = line_view(self._listed(paper), self._language)
        try:
            html = self._templates.render("line.html", self._language, line=view)
            text = self._templates.render("line.txt", self._language, line=view)
            return Line(id=view.id, title=view.title, html=piece(self._css.fragment(html)), text=piece(text))
        except RenderError as error:
            raise CardError(str(error)) from error


def card_view(listed: Listed, language: Language, length: Length, feedback: str = "") -> CardView:
    """What a card shows of a paper; what is not known leaves no trace.

    `feedback` is where a reader says what they think of it: on a card that need not be short.
    """
    paper, title = listed.paper, _title(listed)
    category = clean(paper.categories[0]) if paper.categories else ""
    text, origin = _said(listed, length)
    about = shortened(title, 40) or paper.id
    actions = _actions(listed, language, about, length)
    if feedback and length is Length.FULL:
        label = language.gettext("More or less like this?")
        actions.append(ActionView(label=label, url=feedback, about=f"{label} {about}"))
    return CardView(
        id=paper.id,
        title=title,
        url=_home(listed),
        authors=words.authors(language, paper.authors),
        facts=tuple(filter(None, (category, words.upvotes(language, listed.votes)))),
        summary=text,
        origin=origin,
        actions=tuple(actions),
    )


def _said(listed: Listed, length: Length) -> tuple[str, Origin]:
    """What a card says of a paper, and who says it: a machine where one was heard and is short enough."""
    written = clean(listed.summary or "")
    if written and count_words(written) <= length * SLACK:
        return written, Origin.AI
    return summary(listed.paper.abstract, length), Origin.ABSTRACT


def line_view(listed: Listed, language: Language) -> LineView:
    """What a line shows of a paper."""
    facts = (words.authors(language, listed.paper.authors, shown=1), words.upvotes(language, listed.votes))
    return LineView(
        id=listed.paper.id, title=_title(listed), url=_home(listed), facts=tuple(filter(None, facts))
    )


def _title(listed: Listed) -> str:
    return clean(listed.paper.title) or listed.paper.id


def _home(listed: Listed) -> str | None:
    """The abstract page, else wherever a source led."""
    found = [listed.paper.link("abstract"), *(mention.url for mention in listed.mentions)]
    return next(filter(None, map(linkable, found)), None)


def _actions(listed: Listed, language: Language, title: str, length: Length) -> list[ActionView]:
    taken, found = {_home(listed)}, []
    for rel in _ACTIONS:
        url = linkable(listed.paper.link(rel))
        wanted = length is Length.FULL or rel in _FEWER_ACTIONS
        # The two that a source copied from anywhere must at least be safe to open.
        unsafe = rel in {"code", "project"} and not (url or "").startswith("https://")
        if wanted and url and not unsafe and url not in taken:
            taken.add(url)
            label = words.action(language, rel, listed.stars)
            found.append(ActionView(label=label, url=url, about=f"{label}: {title}"))
    return found


def linkable(url: str | None) -> str | None:
    """The URL as it may stand in a mail: http(s) with a host and no login name; None for anything else."""
    if not url or re.search(r"[\s\x00-\x1f\x7f]", url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is none
    except ValueError:
        return None
    host = re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d+)?", parts.netloc)
    if parts.scheme not in {"http", "https"} or not host:
        return None
    # RFC 3986 section 2: what may stand in a URI as it is; the rest is percent-encoded, and "%" stays as it is.
    rest = url.partition("://")[2][len(parts.netloc) :]
    encoded = quote(rest, safe="/?#[]@!$&'()*+,;=:%~-._", errors="replace")
    return f"{parts.scheme}://{parts.netloc}{encoded}"
