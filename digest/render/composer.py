"""Messages as joins of prepared pieces: a shell, cards and lines, and what is the reader's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from digest.config import Site
from digest.errors import RenderError
from digest.model import Content, Edition, Pick, Plan, Reader, ReaderLinks
from digest.render import words
from digest.render.cards import Card, Cards, Line
from digest.render.css import Inliner
from digest.render.environment import Templates
from digest.render.excerpt import Length, clean, wrapped
from digest.render.holes import Fragment, ShellHoles, escaped
from digest.render.views import NoteView, ShellView

log = structlog.get_logger()

#: Gmail hides what follows 102 KiB of HTML, the footer included; a tenth is left to what relays add.
LARGEST_HTML = 92_000
#: Editions and shells that are kept; a pass needs one edition and a handful of shells.
MOST_EDITIONS, MOST_SHELLS = 4, 512


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
    def length(self) -> str:
        """How long it takes to read, in words."""
        return words.minutes(sum(card.words for _, card in self.picks) + 12 * len(self.lines))


class Composer:
    """Makes messages; what readers share is rendered once and kept."""

    def __init__(self, site: Site, templates: Path | None = None) -> None:
        """`templates`: a folder whose files replace single files of the shipped ones."""
        self._site = site
        self._templates = Templates(templates)
        self._css = Inliner(self._templates.source("style.css"))
        self._cards: dict[tuple[int, str], Cards] = {}
        self._shells: dict[ShellView, Shell] = {}
        #: Of the templates' bytes that are in force.
        self.fingerprint = self._templates.fingerprint

    def digest(self, plan: Plan, edition: Edition, links: ReaderLinks | None) -> Content:
        """One reader's digest; without links it is personal mode, and says how to stop instead.

        Summaries are shortened (and only PDF and code linked), then left out, until the HTML is small enough
        not to be clipped. A card that fails is left out. Raises RenderError if the shell fails or no card is left.
        """
        cards = self._cards_of(edition, plan.reader.language)
        told = words.notices(edition, plan.reader.schedule, plan.local_date)
        made = (self._joined(plan, _chosen(plan, cards, length), links, told) for length in Length)
        content = next((c for c in made if len(c.html.encode()) <= LARGEST_HTML), None)
        if content is None:
            log.warning("digest too large", edition=edition.id, papers=len(plan.picks))
            content = self._joined(plan, _chosen(plan, cards, Length.NONE), links, told)
        return content

    def confirmation(self, reader: Reader, url: str) -> Content:
        """The mail that asks whether a subscription was meant; holds nothing that anybody typed in a form."""
        subject = words.confirm_subject(clean(self._site.name))
        return self._note("confirm", reader, url, subject, words.confirm_preheader(reader.schedule))

    def link(self, reader: Reader, links: ReaderLinks) -> Content:
        """The mail to somebody who asked to subscribe and is subscribed: where their settings are."""
        subject = words.link_subject(clean(self._site.name))
        return self._note("link", reader, links.preferences, subject, words.LINK_PREHEADER)

    def _note(self, template: str, reader: Reader, url: str, subject: str, preheader: str) -> Content:
        site = self._site
        view = NoteView(
            language=reader.language,
            site=clean(site.name),
            url=url,
            subject=subject,
            preheader=preheader,
            schedule=words.schedule(reader.schedule),
            contact=site.contact,
            postal_address=clean(site.postal_address),
        )
        return Content(
            subject=subject,
            html=self._css.document(self._templates.render(f"{template}.html", note=view)),
            text=self._templates.render(f"{template}.txt", note=view),
        )

    def _joined(self, plan: Plan, chosen: Chosen, links: ReaderLinks | None, told: str) -> Content:
        shell = self._shell(self._shell_view(plan, chosen, told, personal=links is None))
        days, reader = plan.reader.schedule.days, plan.reader
        trending = [line.title for line in chosen.lines]
        why = words.why(reader, clean(self._site.name), personal=links is None)
        html = {"why": escaped(why)}
        html["preheader"] = escaped(words.preheader(chosen.titles, trending, chosen.length, days))
        text = {"why": wrapped(why)}
        if chosen.picks:
            html["cards"], text["cards"] = "".join(_html_cards(chosen)), "\n".join(_text_cards(chosen))
        if chosen.lines:
            html["lines"] = "".join(line.html for line in chosen.lines)
            text["lines"] = "\n".join(line.text for line in chosen.lines)
        if links:
            for name, url in (("unsubscribe", links.unsubscribe), ("preferences", links.preferences)):
                html[name], text[name] = escaped(url), url
        return Content(
            subject=words.subject(chosen.titles, len(trending), plan.local_date, days),
            html=shell.html.fill(**html),
            text=shell.text.fill(**text),
        )

    def _shell_view(self, plan: Plan, chosen: Chosen, told: str, *, personal: bool) -> ShellView:
        papers, trending = len(chosen.picks), len(chosen.lines)
        count = words.counted(papers, "paper") if papers else words.counted(trending, "trending paper")
        return ShellView(
            language=plan.reader.language,
            site=clean(self._site.name),
            date=plan.local_date,
            facts=(count, chosen.length),
            lede=" ".join(filter(None, (words.lede(papers, plan.reader.schedule.days), told))),
            has_cards=papers > 0,
            has_lines=trending > 0,
            personal=personal,
            contact=self._site.contact,
            postal_address=clean(self._site.postal_address),
        )

    def _shell(self, view: ShellView) -> Shell:
        shell = self._shells.get(view)
        if shell is None:
            if len(self._shells) >= MOST_SHELLS:
                self._shells.clear()
            html = self._templates.render("shell.html", shell=view, holes=ShellHoles())
            text = self._templates.render("shell.txt", shell=view, holes=ShellHoles())
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
            cards = self._cards[edition.id, language] = Cards(edition, language, self._templates, self._css)
        return cards


def _chosen(plan: Plan, cards: Cards, length: Length) -> Chosen:
    picks = {c.id: (pick, c) for pick in reversed(plan.picks) if (c := cards.card(pick.paper, length))}
    lines = {line.id: line for pick in plan.also_trending if (line := cards.line(pick.paper))}
    if not picks and not lines:
        raise RenderError(f"no card of the digest could be rendered, of {len(plan.picks)} picks")
    shown = tuple(reversed(picks.values()))
    return Chosen(shown, tuple(line for line in lines.values() if line.id not in picks))


def _html_cards(chosen: Chosen) -> Iterator[str]:
    for rank, (pick, card) in enumerate(chosen.picks, 1):
        told = words.reasons(pick.reasons, votes_shown=card.votes_shown)
        yield card.html.fill(rank=str(rank), reasons=escaped("".join(f" · {reason}" for reason in told)))


def _text_cards(chosen: Chosen) -> Iterator[str]:
    for rank, (pick, card) in enumerate(chosen.picks, 1):
        told = words.reasons(pick.reasons, votes_shown=card.votes_shown)
        reasons = wrapped(" · ".join(told), indent=4) + "\n" if told else ""
        yield card.text.fill(rank=f"{rank}. ".ljust(4), reasons=reasons)
