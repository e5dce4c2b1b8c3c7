"""What is the reader's own: the way to their settings, all that is kept of them, another address, deletion.

Rule 1. The way there goes through the mailbox: these pages mail a link, or were opened by one of 30 minutes.
Rule 2. Whether an address is known, taken or blocked is told by mail only.
"""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import Depends, FastAPI, Form, Request, Response, params
from fastapi.responses import RedirectResponse

from digest import languages, subscriptions
from digest.address import masked
from digest.errors import UsageError
from digest.links import Purpose
from digest.subscriptions import Move
from digest.web.desk import READ, Desk, client
from digest.web.forms import Typed
from digest.web.guard import network, own_pages_only
from digest.web.kept import as_json, kept_page
from digest.web.views import said

Address = Annotated[Typed, Form()]


def add(pages: FastAPI, desk: Desk) -> None:
    """All of them."""
    ours = [Depends(own_pages_only(desk.day.settings.site.url))]
    _add_way_in(pages, desk, ours)
    _add_own(pages, desk, ours)
    _add_new_address(pages, desk, ours)


def _add_way_in(pages: FastAPI, desk: Desk, ours: list[params.Depends]) -> None:
    @pages.api_route("/preferences", methods=READ)
    def find() -> Response:
        return desk.look.page("find.html", typed="", problem="")

    # Mails are deleted, and with them the link that leads out.
    @pages.api_route("/unsubscribe", methods=READ)
    def find_to_leave() -> Response:
        return RedirectResponse(f"{desk.look.base}/preferences", 302)

    @pages.post("/preferences", dependencies=ours)
    def remind(request: Request, email: Address = "") -> Response:
        asking = network(client(request))
        try:
            return desk.asked(subscriptions.remind(desk.day, email, asking, desk.clock()))
        except UsageError as error:
            return desk.look.page("find.html", 422, typed=email, problem=said(error, desk.look.language))

    @pages.post("/preferences/{token}/mine", dependencies=ours)
    def fresh(token: str) -> Response:
        reader, wait = subscriptions.ask_fresh(desk.day, token, desk.clock())
        if wait is not None:
            return desk.asked(wait)
        return desk.look.page(
            "fresh.html", language=languages.of(reader.language), address=masked(reader.address)
        )


def _add_own(pages: FastAPI, desk: Desk, ours: list[params.Depends]) -> None:
    @pages.api_route("/mine/{token}", methods=READ)
    def mine(token: str) -> Response:
        return _mine(desk, token)

    @pages.api_route("/mine/{token}/kept", methods=READ)
    def kept(token: str) -> Response:
        reader = subscriptions.bearer(desk.day, Purpose.MINE, token, desk.clock())
        tables = subscriptions.everything(desk.day, token, desk.clock())
        language, path = languages.of(reader.language), desk.path(Purpose.MINE, token)
        return desk.look.page("kept.html", language=language, path=path, tables=kept_page(tables, language))

    @pages.api_route("/mine/{token}/kept.json", methods=READ)
    def kept_json(token: str) -> Response:
        tables = subscriptions.everything(desk.day, token, desk.clock())
        named = {"Content-Disposition": 'attachment; filename="kept.json"'}
        written = json.dumps(as_json(tables), ensure_ascii=False, indent=1)
        return Response(written, media_type="application/json", headers=named)

    @pages.api_route("/mine/{token}/delete", methods=READ)
    def sure(token: str) -> Response:
        reader = subscriptions.bearer(desk.day, Purpose.MINE, token, desk.clock())
        return desk.look.page(
            "delete.html",
            language=languages.of(reader.language),
            address=masked(reader.address),
            path=desk.path(Purpose.MINE, token),
        )

    @pages.post("/mine/{token}/delete", dependencies=ours)
    def delete(token: str) -> Response:
        subscriptions.delete(desk.day, token, desk.clock())
        return desk.look.page("deleted.html")

    @pages.post("/mine/{token}/address", dependencies=ours)
    def ask_move(token: str, email: Address = "") -> Response:
        try:
            return desk.asked(subscriptions.ask_move(desk.day, token, email, desk.clock()))
        except UsageError as error:
            return _mine(desk, token, email, error)


def _add_new_address(pages: FastAPI, desk: Desk, ours: list[params.Depends]) -> None:
    @pages.api_route("/address/{token}", methods=READ)
    def look(token: str) -> Response:
        return _moving(desk, token, subscriptions.mover(desk.day, token, desk.clock()))

    @pages.post("/address/{token}", dependencies=ours)
    def move(token: str) -> Response:
        return _moving(desk, token, subscriptions.move(desk.day, token, desk.clock()))


def _mine(desk: Desk, token: str, typed: str = "", error: UsageError | None = None) -> Response:
    reader = subscriptions.bearer(desk.day, Purpose.MINE, token, desk.clock())
    language = languages.of(reader.language)
    return desk.look.page(
        "mine.html",
        422 if error else 200,
        language=language,
        address=masked(reader.address),
        path=desk.path(Purpose.MINE, token),
        typed=typed,
        problem=said(error, language) if error else "",
    )


def _moving(desk: Desk, token: str, move: Move) -> Response:
    language = languages.of(move.reader.language)
    address = masked(move.address)
    if not move.done:
        path = desk.path(Purpose.ADDRESS, token)
        return desk.look.page("address.html", language=language, address=address, path=path)
    settings = desk.path_of(Purpose.PREFERENCES, move.reader)
    return desk.look.page("moved.html", language=language, address=address, settings=settings)
