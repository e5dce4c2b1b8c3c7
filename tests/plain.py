"""The plain way to a message, which is the oracle of ours: one Jinja2 render, one inlining, one EmailMessage.

No pieces, no holes, no caches: what is the reader's own goes into the templates as they are rendered.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import css_inline
import jinja2
from markupsafe import Markup, escape

from digest.config import Brand, Site, shipped
from digest.languages import Language
from digest.model import Edition, Listed, Pick, Plan, ReaderLinks
from digest.render import words
from digest.render.cards import Cards, card_view, line_view
from digest.render.composer import LARGEST_HTML, MOST_LINKS, Chosen, _chosen, _shell_view
from digest.render.excerpt import Length, wrapped
from digest.render.holes import CardHoles, ShellHoles
from digest.render.views import BrandView

#: CPython 3.11 loses the space between two encoded words when it folds a subject.
UNFOLDED = SMTP.clone(max_line_length=998)


class Plain:
    """Makes messages of one site in one language, slowly."""

    def __init__(self, site: Site, language: Language, cards: Cards) -> None:
        """`cards`: only for which papers are shown, and how many words they have."""
        self._site = site
        self._language = language
        self._cards = cards
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(shipped("templates", "email")),
            extensions=["jinja2.ext.i18n"],
            autoescape=lambda name: bool(name and name.endswith(".html")),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.install_gettext_callables(language.raw, language.raw_plural, newstyle=True)  # type: ignore[attr-defined]
        self._templates.filters["wrap"] = wrapped
        self._templates.globals |= {"language": language, "brand": BrandView.of(site, Brand())}
        self._inliner = css_inline.CSSInliner(
            inline_style_tags=False,
            keep_style_tags=True,
            load_remote_stylesheets=False,
            minify_css=True,
            extra_css=self._templates.get_template("style.css").render(),
        )

    def message(self, plan: Plan, edition: Edition, links: ReaderLinks | None) -> EmailMessage:
        """Subject, HTML and text of a digest."""
        made = (self._message(plan, edition, links, length) for length in Length)
        return next(
            one for one, octets, links_shown in made if octets <= LARGEST_HTML and links_shown <= MOST_LINKS
        )

    def _message(
        self, plan: Plan, edition: Edition, links: ReaderLinks | None, length: Length
    ) -> tuple[EmailMessage, int, int]:
        chosen = _chosen(plan, self._cards, length)
        html = self._inliner.inline(self._part("html", plan, edition, chosen, links, length))
        message = EmailMessage(policy=UNFOLDED)
        titles, lines, days = chosen.titles, len(chosen.lines), plan.reader.schedule.days
        message["Subject"] = words.subject(self._language, titles, lines, plan.local_date, days)
        text = self._part("txt", plan, edition, chosen, links, length)
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        return message, len(html.encode()), chosen.links

    def _part(
        self,
        kind: str,
        plan: Plan,
        edition: Edition,
        chosen: Chosen,
        links: ReaderLinks | None,
        length: Length,
    ) -> str:
        known, html = edition.by_id(), kind == "html"
        cards = [
            self._card(kind, rank, pick, known[pick.paper], links, length)
            for rank, (pick, _) in enumerate(chosen.picks, 1)
        ]
        line = self._templates.get_template(f"line.{kind}")
        lines = [line.render(line=line_view(known[one.id], self._language)) for one in chosen.lines]
        why = words.why(self._language, plan.reader, self._site.name, personal=links is None)
        minutes = words.minutes(self._language, chosen.words)
        trending = [one.title for one in chosen.lines]
        between = "" if html else "\n"
        return self._templates.get_template(f"shell.{kind}").render(
            shell=_shell_view(plan, edition, chosen, self._language, personal=links is None),
            holes=ShellHoles(
                why=why if html else wrapped(why),
                preheader=words.preheader(
                    self._language, chosen.titles, trending, minutes, plan.reader.schedule.days
                ),
                cards=Markup(between.join(cards)),
                lines=Markup(between.join(lines)),
                unsubscribe=links.unsubscribe if links else "",
                preferences=links.preferences if links else "",
            ),
        )

    def _card(
        self, kind: str, rank: int, pick: Pick, listed: Listed, links: ReaderLinks | None, length: Length
    ) -> str:
        told = words.reasons(self._language, pick.reasons, votes_shown=bool(listed.votes))
        asked = links.feedback[listed.paper.id] if links and links.feedback else ""
        view = card_view(listed, self._language, length, asked)
        if kind == "html":
            one = '<span dir="auto">{}</span>' if self._language.direction == "rtl" else "{}"
            reasons = Markup("".join(" · " + one.format(escape(reason)) for reason in told))
            holes = CardHoles(rank=str(rank), reasons=reasons)
        else:
            reasons = wrapped(" · ".join(told), indent=4) + "\n" if told else ""
            holes = CardHoles(rank=f"{rank}. ".ljust(4), reasons=reasons)
        return self._templates.get_template(f"card.{kind}").render(card=view, holes=holes)
