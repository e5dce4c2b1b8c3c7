"""Messages as joins of prepared pieces: a shell, cards and lines, and what is the reader's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import structlog

from digest import languages
from digest.config import Brand, Site
from digest.errors import RenderError
from digest.languages import ENGLISH, Language
from digest.model import (
    Content,
    DayReport,
    Edition,
    FeedbackLinks,
    Pick,
    Piece,
    Plan,
    Reader,
    ReaderLinks,
    Reason,
    piece,
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
#: Editions in a language, and shells, that are kept; a pass needs one edition in each language that is read.
MOST_EDITIONS, MOST_SHELLS = 12, 512
_NEWLINE = piece("\n")
#: A mail with more than 150 links looks like spam; the cards leave some to what is around them.
MOST_LINKS = 140


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything around the cards, waiting for the reader's own."""

    html: Fragment
    text: Fragment


@dataclass(frozen=True, slots=True)
class Said:
    """What fills a hole of a card, in HTML and in text."""

    html: Piece
    text: Piece

    @classmethod
    def of(cls, html: str, text: str) -> Said:
        """Encoded."""
        return cls(piece(html), piece(text))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a message shows, in order: each paper once, without those whose card failed."""

    picks: tuple[tuple[Pick, Card], ...]
    lines: tuple[Line, ...]
    #: Of the picks.
    titles: list[str]
    #: To read.
    words: int
    #: Of the cards and lines.
    links: int


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
        self._cards: dict[tuple[int, str, bool], Cards] = {}
        self._shells: dict[ShellView, Shell] = {}
        made_of = self._templates.fingerprint + languages.fingerprint()
        #: Of the templates, the brand and the translations that are in force.
        self.fingerprint = hashlib.sha256(made_of.encode()).hexdigest()[:16]

    def digest(self, plan: Plan, edition: Edition, links: ReaderLinks | None) -> Content:
        """One reader's digest; without links it is personal mode, and says how to stop instead.

        Summaries are shortened (and only the PDF linked), then left out, until the HTML is small enough not
        to be clipped, and its links few enough not to look like spam. A card that fails is left out. Raises
        RenderError if the shell fails or no card is left.
        """
        cards = self._cards_of(edition, plan.reader.language, links.feedback if links else None)
        choices = (_chosen(plan, cards, length) for length in Length)
        made = ((chosen, self._joined(plan, edition, chosen, links)) for chosen in choices)
        content = next((content for chosen, content in made if _fits(chosen, content)), None)
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

    def settings(self, reader: Reader, links: ReaderLinks) -> Content:
        """The mail to somebody who entered their address to find their settings."""
        language = self._language(reader.language)
        return self._note(language, notes.settings(language, self._brand.name, links))

    def mine(self, reader: Reader, url: str) -> Content:
        """The mail with the fresh link to what is the reader's own."""
        language = self._language(reader.language)
        return self._note(language, notes.mine(language, self._brand.name, url))

    def new_address(self, reader: Reader, url: str) -> Content:
        """The mail that asks an address whether it is to take the place of a reader's."""
        language = self._language(reader.language)
        return self._note(language, notes.new_address(language, self._brand.name, url))

    def moved(self, reader: Reader) -> Content:
        """The mail to the address that was the reader's until another one took its place."""
        language = self._language(reader.language)
        return self._note(language, notes.moved(language, self._brand.name))

    def report(self, language: str, told: DayReport) -> Content:
        """The mail to the operator: what became of a day, and what needs a hand."""
        spoken = self._language(language)
        return self._note(spoken, notes.report(spoken, told))

    def alert(self, language: str, text: str, advice: str) -> Content:
        """The mail to the operator: something is broken, in a sentence, and what to do."""
        spoken = self._language(language)
        return self._note(spoken, notes.alert(spoken, text, advice))

    def _note(self, language: Language, note: Note) -> Content:
        html = self._templates.render(f"{note.template}.html", language, note=note.view)
        return Content.whole(
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
        preheader = words.preheader(language, chosen.titles, trending, length, days)
        html = {"why": _shared_html(why), "preheader": _shared_html(preheader)}
        text = {"why": _shared(wrapped(why))}
        if chosen.picks:
            html["cards"], text["cards"] = _cards(chosen, language, links)
        if chosen.lines:
            html["lines"] = b"".join([line.html for line in chosen.lines])
            text["lines"] = _NEWLINE.join([line.text for line in chosen.lines])
        if links:
            for name, url in (("unsubscribe", links.unsubscribe), ("preferences", links.preferences)):
                text[name] = piece(url)
                html[name] = text[name] if (markup := escaped(url)) == url else piece(markup)
        return Content(
            subject=words.subject(language, chosen.titles, len(trending), plan.local_date, days),
            html_piece=shell.html.fill(html),
            text_piece=shell.text.fill(text),
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

    def _cards_of(self, edition: Edition, language: str, feedback: FeedbackLinks | None) -> Cards:
        cards = self._cards.get((edition.id, language, feedback is not None))
        # Compared by identity first: the same edition read twice from the store is equal, not identical.
        if cards is None or (cards.edition is not edition and cards.edition != edition):
            if len(self._cards) >= MOST_EDITIONS:
                self._cards.clear()
            end_of = feedback.end_of if feedback else None
            cards = Cards(edition, self._language(language), self._templates, self._css, end_of)
            self._cards[edition.id, language, feedback is not None] = cards
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


def _fits(chosen: Chosen, content: Content) -> bool:
    return chosen.links <= MOST_LINKS and _octets_fit(content)


def _octets_fit(content: Content) -> bool:
    # Nothing is shorter in quoted-printable, so that nearly always nobody has to count.
    return len(content.html_piece) <= LARGEST_HTML or len(content.html.encode()) <= LARGEST_HTML


def _chosen(plan: Plan, cards: Cards, length: Length) -> Chosen:
    made = cards.of(length)
    picks: dict[str, tuple[Pick, Card]] = {}
    for pick in plan.picks:
        if card := made[pick.paper]:
            picks.setdefault(card.id, (pick, card))
    lines = {line.id: line for pick in plan.also_trending if (line := cards.lines[pick.paper])}
    if not picks and not lines and (plan.picks or plan.also_trending):
        raise RenderError(f"no card of the digest could be rendered, of {len(plan.picks)} picks")
    shown, beside = tuple(picks.values()), tuple([line for line in lines.values() if line.id not in picks])
    return Chosen(
        picks=shown,
        lines=beside,
        titles=[card.title for _, card in shown],
        words=sum([card.words for _, card in shown]) + 12 * len(beside),
        links=sum([card.links for _, card in shown]) + len(beside),
    )


def _cards(chosen: Chosen, language: Language, links: ReaderLinks | None) -> tuple[Piece, Piece]:
    """The cards in HTML and in text."""
    html: list[Piece] = []
    text: list[Piece] = []
    feedback = piece(links.feedback.start) if links and links.feedback else None
    told: dict[tuple[int, bool], Said] = {}  # many picks of a digest have their very reasons in common
    for rank, (pick, card) in enumerate(chosen.picks, 1):
        said = told.get(key := (id(pick.reasons), card.votes_shown))
        if said is None:
            said = told[key] = _reasons(language, pick.reasons, votes_shown=card.votes_shown)
        ranked = _ranked(rank)
        html.append(_card(card.html, ranked.html, said.html, feedback))
        text.append(_card(card.text, ranked.text, said.text, feedback))
    return b"".join(html), _NEWLINE.join(text)


def _card(made: Fragment, rank: Piece, reasons: Piece, feedback: Piece | None) -> Piece:
    values = {"rank": rank, "reasons": reasons}
    # A short card, and a template of an operator's own, may not ask for feedback.
    if feedback and "feedback" in made.holes:
        values["feedback"] = feedback
    return made.fill(values)


@lru_cache(maxsize=256)
def _ranked(rank: int) -> Said:
    return Said.of(str(rank), f"{rank}. ".ljust(4))


@lru_cache(maxsize=8192)  # many readers share a few reasons, and a message is made in microseconds
def _reasons(language: Language, given: tuple[Reason, ...], *, votes_shown: bool) -> Said:
    told = words.reasons(language, given, votes_shown=votes_shown)
    # From right to left, digits and Latin words that stand side by side would change places.
    one = ' · <span dir="auto">{}</span>' if language.direction == "rtl" else " · {}"
    return Said.of(
        "".join(one.format(escaped(reason)) for reason in told),
        wrapped(" · ".join(told), indent=4) + "\n" if told else "",
    )


@lru_cache(maxsize=8192)
def _shared(text: str) -> Piece:
    """A piece that many readers have in common."""
    return piece(text)


@lru_cache(maxsize=8192)
def _shared_html(text: str) -> Piece:
    """The same, of plain text."""
    return piece(escaped(text))
