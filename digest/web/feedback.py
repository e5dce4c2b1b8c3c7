"""The page behind a card's one link: more, less or never again of a paper, its authors and its topics."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Form, Response

from digest import feedback, languages
from digest.errors import UsageError
from digest.feedback import Talk, Thing
from digest.languages import Language
from digest.links import Purpose
from digest.model import Opinion, Subject
from digest.render import words
from digest.web.desk import READ, Desk
from digest.web.forms import Said
from digest.web.guard import own_pages_only
from digest.web.views import FeedbackPage, Spoken, opinions


def add(pages: FastAPI, desk: Desk) -> None:
    """The page, and what its buttons do."""

    @pages.api_route("/feedback/{token}", methods=READ)
    def look(token: str) -> Response:
        return _page(desk, token, feedback.talk(desk.day, token, desk.clock()))

    @pages.post("/feedback/{token}", dependencies=[Depends(own_pages_only(desk.day.settings.site.url))])
    def act(token: str, typed: Annotated[Said, Form()]) -> Response:
        try:
            talk = feedback.say(desk.day, token, typed.thing(), typed.said(), desk.clock())
        except UsageError:  # only a form that is not ours names anything else
            return desk.look.problem(422)
        return _page(desk, token, talk, typed.thing())


def _page(desk: Desk, token: str, talk: Talk, changed: Thing | None = None) -> Response:
    language = languages.of(talk.reader.language)
    view = FeedbackPage(
        path=f"{desk.look.base}/{Purpose.FEEDBACK}/{token}",
        title=talk.paper.title,
        authors=words.authors(language, talk.paper.authors),
        things=tuple(_spoken(thing, talk.opinion(thing), language) for thing in talk.things),
        opinions=opinions(language),
        changed=_spoken(changed, talk.opinion(changed), language) if changed else None,
    )
    return desk.look.page("feedback.html", language=language, page=view)


def _spoken(thing: Thing, opinion: Opinion | None, language: Language) -> Spoken:
    paper = thing.subject is Subject.PAPER
    return Spoken(
        subject=thing.subject,
        value=thing.value,
        label=language.gettext("This paper") if paper else thing.value,
        opinion=opinion or "",
        told=dict(opinions(language)).get(opinion or "", ""),
    )
