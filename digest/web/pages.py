"""Pages for everybody: what this is, a sample, the form to subscribe; and what machines ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse

from digest import subscriptions
from digest.errors import BadAddress, UsageError
from digest.render import words
from digest.web import robots
from digest.web.common import Common
from digest.web.desk import READ, Desk, client, framed
from digest.web.forms import SignUp
from digest.web.guard import network, own_pages_only
from digest.web.headers import SECRET_PATHS, YEAR
from digest.web.views import Landing, said


def add(pages: FastAPI, desk: Desk) -> None:
    """The landing page, the sample and the form."""
    site = desk.day.settings.site

    def fresh() -> Response:
        shown = robots.stamp(desk.day.links, desk.clock())
        return desk.look.page("landing.html", landing=_landing(desk, SignUp(shown=shown)))

    # Past FastAPI's reading of parameters: there are none, and it is the page that is asked for most. Its form's
    # stamp may be a second old, so that of the two that a program is told by, one is certain.
    pages.add_route("/", Common(fresh).answer, methods=READ)

    @pages.api_route("/sample", methods=READ)
    def sample() -> Response:
        shown = desk.shelf.newest()
        if shown is None or shown.public is None:
            raise HTTPException(404)
        return framed(shown.public.html)

    @pages.post("/subscribe", dependencies=[Depends(own_pages_only(site.url))])
    def subscribe(request: Request, typed: Annotated[SignUp, Form()]) -> Response:
        asking, now = network(client(request)), desk.clock()
        if robots.by_machine(typed, desk.day.links, now):
            return desk.asked(None)
        try:
            wait = subscriptions.ask(desk.day, typed.email, typed.wish(), asking, now)
        except BadAddress as error:
            view = _landing(desk, typed, bad_address=said(error, desk.look.language))
        except UsageError as error:
            view = _landing(desk, typed, bad_interests=said(error, desk.look.language))
        else:
            return desk.asked(wait)
        return desk.look.page("landing.html", 422, landing=view)


def add_for_machines(pages: FastAPI, desk: Desk) -> None:
    """The style sheet, and what robots ask for."""
    base = desk.look.base
    kept = {"Cache-Control": f"public, max-age={YEAR}, immutable"}
    robots = "".join(["User-agent: *\n", *(f"Disallow: {base}{path}\n" for path in SECRET_PATHS)])

    @pages.api_route("/style.css", methods=READ)
    def style() -> Response:
        return Response(desk.look.style, media_type="text/css", headers=kept)

    @pages.api_route("/preview.js", methods=READ)
    def script() -> Response:
        return Response(desk.look.script, media_type="text/javascript", headers=kept)

    @pages.api_route("/robots.txt", methods=READ, response_class=PlainTextResponse)
    def robots_txt() -> str:
        return robots


def _landing(desk: Desk, typed: SignUp, bad_address: str = "", bad_interests: str = "") -> Landing:
    settings, language = desk.day.settings, desk.look.language
    shown = desk.shelf.newest()
    usual = settings.schedule.schedule()
    return Landing(
        papers=settings.digest.papers,
        also_trending=settings.digest.also_trending,
        schedule=words.schedule(language, usual),
        sample=language.headline(shown.date) if shown and shown.public else "",
        withheld=bool(shown and shown.case.withheld),
        wording=subscriptions.wording(settings.site, language),
        typed=typed,
        bad_address=bad_address,
        bad_interests=bad_interests,
    )
