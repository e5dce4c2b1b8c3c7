"""Pages of one reader, behind the signed links of their mails: confirm and unsubscribe; `tuning` has their settings.

Rule 1. Opening a link changes nothing; only the button on its page does.
Rule 2. Whose link it is, the page says with a masked address only.
"""

from __future__ import annotations

from fastapi import Depends, FastAPI, Request, Response

from digest import languages, subscriptions
from digest.address import masked
from digest.errors import LinkExpired
from digest.languages import Language
from digest.links import Purpose
from digest.model import Subscriber
from digest.web import tuning
from digest.web.desk import READ, Desk, client
from digest.web.guard import network, own_pages_only


def add(pages: FastAPI, desk: Desk) -> None:
    """All of them."""
    ours = [Depends(own_pages_only(desk.day.settings.site.url))]

    @pages.api_route("/confirm/{token}", methods=READ)
    def confirm_page(token: str) -> Response:
        try:
            reader = subscriptions.bearer(desk.day, Purpose.CONFIRM, token, desk.clock())
        except LinkExpired:
            return _expired(desk, token)
        language = languages.of(reader.language)
        return desk.look.page(
            "confirm.html",
            language=language,
            address=masked(reader.address),
            wording=subscriptions.wording(desk.day.settings.site, language),
            path=_path(desk, Purpose.CONFIRM, token),
        )

    @pages.post("/confirm/{token}", dependencies=ours)
    def confirm(token: str) -> Response:
        try:
            reader = subscriptions.confirm(desk.day, token, desk.clock())
        except LinkExpired:
            return _expired(desk, token)
        return tuning.settings_page(desk, reader, done="confirmed")

    @pages.post("/confirm/{token}/again", dependencies=ours)
    def again(request: Request, token: str) -> Response:
        asking = network(client(request))
        return desk.asked(subscriptions.ask_again(desk.day, token, asking, desk.clock()))

    @pages.api_route("/unsubscribe/{token}", methods=READ)
    def unsubscribe_page(token: str) -> Response:
        reader = subscriptions.leaver(desk.day, token, desk.clock())
        return desk.look.page(
            "unsubscribe.html", language=_spoken(reader), path=_path(desk, Purpose.UNSUBSCRIBE, token)
        )

    # RFC 8058 3.1: mail programs post here, without cookies, and whatever they send along is not read.
    @pages.post("/unsubscribe/{token}")
    def unsubscribe(token: str) -> Response:
        reader = subscriptions.unsubscribe(desk.day, token, desk.clock())
        return desk.look.page("unsubscribed.html", language=_spoken(reader))


def _expired(desk: Desk, token: str) -> Response:
    return desk.look.page("expired.html", 410, path=_path(desk, Purpose.CONFIRM, token))


def _spoken(reader: Subscriber | None) -> Language | None:
    return languages.of(reader.language) if reader else None


def _path(desk: Desk, purpose: Purpose, token: str) -> str:
    return f"{desk.look.base}/{purpose}/{token}"
