"""Messages as joins of prepared pieces: a shell, cards and lines, and what is the reader's own."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from digest import languages
from digest.config import Brand, Site
from digest.errors import RenderError
from digest.languages import ENGLISH, Language
from digest.model import (
    Content,
    DeliveryState,
    Edition,
    Pick,
    Plan,
    Reader,
    ReaderLinks,
    SourceStatus,
)
from digest.render import notes, words
from digest.render.cards import Card, Cards, Line
from digest.render.css import Inliner
from digest.render.environment import Templates
from digest.render.excerpt import Length, wrapped
from digest.render.holes import Fragment, ShellHoles, escaped
from digest.render.notes import Note
from digest.render.views import BrandView, ShellView

log = structlog.get_logger()

#: Gmail hides what follows 102 KiB of HTML, the footer included; a tenth is left to what relays add.
LARGEST_HTML = 92_000
#: Editions and shells that are kept; a pass needs one edition and a handful of shells.
MOST_EDITIONS, MOST_SHELLS = 4, 512
#: A mail with more links looks like spam.
MOST_LINKS = 150


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything around the cards, waiting for the reader's own."""

    html: Fragment
    text: Fragment


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a message shows, in order: each paper once, without those whose card failed."""

    picks: tuple[tuple[Pick, Card], ...]
    lines: tuple[Line, ...]

    @property
    def titles(self) -> list[str]:
        """Of the picks."""
        return [card.title for _, card in self.picks]

    @property
    def words(self) -> int:
        """To read."""
        return sum(card.words for _, card in self.picks) + 12 * len(self.lines)


class Composer:
    """Makes messages; what readers share is rendered once and kept."""

    def __init__(
        self,
        site: Site,
        templates: Path | None = None,
        brand: Brand | None = None,
        language_of: Callable[[str], Language] = languages.of,
    ) -> None:
        """`templates`: a folder whose files replace single files of the shipped ones, or extend them."""
        self._brand = BrandView.of(site, brand or Brand())
        self._templates = Templates(templates, self._brand)
        self._css = Inliner(self._templates.render("style.css", ENGLISH))
        self._language_of = language_of
        self._languages: dict[str, Language] = {}
        self._cards: dict[tuple[int, str], Cards] = {}
        self._shells: dict[ShellView, Shell] = {}
        made_of = self._templates.fingerprint + languages.fingerprint()
        #: Of the templates, the brand and the translations that are in force.
        self.fingerprint = hashlib.sha256(made_of.encode()).hexdigest()[:16]

    def digest(self, plan: Plan, edition: Edition, links: ReaderLinks | None) -> Content:
        """One reader's digest; without links it is personal mode, and says how to stop instead.

        Summaries are shortened (and only the PDF linked), then left out, until the HTML is small enough not
        to be clipped, and its links few enough not to look like spam. A card that fails is left out. Raises RenderError if the shell fails or no card is left.
        """
        cards = self._cards_of(edition, plan.reader.language)
        made = (self._joined(plan, edition, _chosen(plan, cards, length), links) for length in Length)
        content = next((c for c in made if _fits(c.html)), None)
        if content is None:
            log.warning("digest too large", edition=edition.id, papers=len(plan.picks))
            content = self._joined(plan, edition, _chosen(plan, cards, Length.NONE), links)
        return content

    def confirmation(self, reader: Reader, url: str) -> Content:
        """The mail that asks whether a subscription was meant; holds nothing that anybody typed in a form."""
        language = self._language(reader.language)
        return self._note(language, notes.confirmation(language, self._brand.name, reader, url))

    def link(self, reader: Reader, links: ReaderLinks) -> Content:
        """The mail to somebody who asked to subscribe and is subscribed: where their settings are."""
        language = self._language(reader.language)
        return self._note(language, notes.link(language, self._brand.name, reader, links))

    def welcome(self, reader: Reader, links: ReaderLinks) -> Content:
        """The mail to somebody who has just confirmed: what comes, when, and how to change or leave it."""
        language = self._language(reader.language)
        return self._note(language, notes.welcome(language, self._brand.name, reader, links))

    def goodbye(self, reader: Reader, home: str) -> Content:
        """The mail to somebody who left, for those who asked for one as they did; no other mail follows it."""
        language = self._language(reader.language)
        return self._note(language, notes.goodbye(language, home))

    def report(
        self,
        language: str,
        date: dt.date,
        outcomes: Mapping[DeliveryState, int],
        sources: Collection[SourceStatus],
    ) -> Content:
        """The mail to the operator: what became of a day's messages, and which sources are in trouble."""
        spoken = self._language(language)
        return self._note(spoken, notes.report(spoken, date, outcomes, sources))

    def _note(self, language: Language, note: Note) -> Content:
        html = self._templates.render(f"{note.template}.html", language, note=note.view)
        return Content(
            subject=note.view.subject,
            html=self._css.document(html),
            text=self._templates.render(f"{note.template}.txt", language, note=note.view),
        )

    def _joined(self, plan: Plan, edition: Edition, chosen: Chosen, links: ReaderLinks | None) -> Content:
        language, reader = self._language(plan.reader.language), plan.reader
        length = words.minutes(language, chosen.words)
        shell = self._shell(_shell_view(plan, edition, chosen, language, personal=links is None))
        days, trending = reader.schedule.days, [line.title for line in chosen.lines]
        why = words.why(language, reader, self._brand.name, personal=links is None)
        html = {"why": escaped(why)}
        html["preheader"] = escaped(words.preheader(language, chosen.titles, trending, length, days))
        text = {"why": wrapped(why)}
        if chosen.picks:
            html["cards"] = "".join(_html_cards(chosen, language))
            text["cards"] = "\n".join(_text_cards(chosen, language))
        if chosen.lines:
            html["lines"] = "".join(line.html for line in chosen.lines)
            text["lines"] = "\n".join(line.text for line in chosen.lines)
        if links:
            for name, url in (("unsubscribe", links.unsubscribe), ("preferences", links.preferences)):
                html[name], text[name] = escaped(url), url
        return Content(
            subject=words.subject(language, chosen.titles, len(trending), plan.local_date, days),
            html=shell.html.fill(**html),
            text=shell.text.fill(**text),
        )

    def _language(self, code: str) -> Language:
        if code not in self._languages:
            self._languages[code] = self._language_of(code)
        return self._languages[code]

    def _shell(self, view: ShellView) -> Shell:
        shell = self._shells.get(view)
        if shell is None:
            if len(self._shells) >= MOST_SHELLS:
                self._shells.clear()
            html = self._templates.render("shell.html", view.language, shell=view, holes=ShellHoles())
            text = self._templates.render("shell.txt", view.language, shell=view, holes=ShellHoles())
            shell = self._shells[view] = Shell(
                Fragment.cut("shell.html", self._css.document(html)), Fragment.cut("shell.txt", text)
            )
        return shell

    def _cards_of(self, edition: Edition, language: str) -> Cards:
        cards = self._cards.get((edition.id, language))
        # Compared by identity first: the same edition read twice from the store is equal, not identical.
        if cards is None or (cards.edition is not edition and cards.edition != edition):
            if len(self._cards) >= MOST_EDITIONS:
                self._cards.clear()
            cards = Cards(edition, self._language(language), self._templates, self._css)
            self._cards[edition.id, language] = cards
        return cards


def _shell_view(
    plan: Plan, edition: Edition, chosen: Chosen, language: Language, *, personal: bool
) -> ShellView:
    papers, trending, schedule = len(chosen.picks), len(chosen.lines), plan.reader.schedule
    counted = (
        words.trending_papers(language, trending)
        if trending and not papers
        else words.papers(language, papers)
    )
    lede = words.lede(language, papers, trending, plan.reader)
    told = words.notices(language, edition, schedule, plan.local_date)
    return ShellView(
        language=language,
        date=plan.local_date,
        facts=(counted, words.minutes(language, chosen.words)) if chosen.words else (counted,),
        lede=" ".join(filter(None, (lede, told))),
        has_cards=papers > 0,
        has_lines=trending > 0,
        personal=personal,
    )


def _fits(html: str) -> bool:
    return len(html.encode()) <= LARGEST_HTML and html.count("<a ") <= MOST_LINKS


def _chosen(plan: Plan, cards: Cards, length: Length) -> Chosen:
    picks = {c.id: (pick, c) for pick in reversed(plan.picks) if (c := cards.card(pick.paper, length))}
    lines = {line.id: line for pick in plan.also_trending if (line := cards.line(pick.paper))}
    if not picks and not lines and (plan.picks or plan.also_trending):
        raise RenderError(f"no card of the digest could be rendered, of {len(plan.picks)} picks")
    shown = tuple(reversed(picks.values()))
    return Chosen(shown, tuple(line for line in lines.values() if line.id not in picks))


def _html_cards(chosen: Chosen, language: Language) -> Iterator[str]:
    # From right to left, digits and Latin words that stand side by side would change places.
    one = ' · <span dir="auto">{}</span>' if language.direction == "rtl" else " · {}"
    for rank, (pick, card) in enumerate(chosen.picks, 1):
        told = words.reasons(language, pick.reasons, votes_shown=card.votes_shown)
        yield card.html.fill(rank=str(rank), reasons="".join(one.format(escaped(reason)) for reason in told))


def _text_cards(chosen: Chosen, language: Language) -> Iterator[str]:
    for rank, (pick, card) in enumerate(chosen.picks, 1):
        told = words.reasons(language, pick.reasons, votes_shown=card.votes_shown)
        reasons = wrapped(" · ".join(told), indent=4) + "\n" if told else ""
        yield card.text.fill(rank=f"{rank}. ".ljust(4), reasons=reasons)
