"""Pages of one reader, behind the signed links of their mails: confirm; `tuning` has their settings, `leaving` the way out.

Rule 1. Opening a link changes nothing; only the button on its page does.
Rule 2. Whose link it is, the page says with a masked address only.
"""

from __future__ import annotations

from fastapi import Depends, FastAPI, Request, Response

from digest import languages, subscriptions
from digest.address import masked
from digest.errors import LinkExpired
from digest.links import Purpose
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
        path = desk.path(Purpose.CONFIRM, token)
        language = languages.of(reader.language)
        return desk.look.page(
            "confirm.html",
            language=language,
            address=masked(reader.address),
            wording=subscriptions.wording(desk.day.settings.site, language),
            path=path,
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


def _expired(desk: Desk, token: str) -> Response:
    return desk.look.page("expired.html", 410, path=desk.path(Purpose.CONFIRM, token))
