"""The pages behind an unsubscribe link: leave, less often instead, and taking it back.

Rule 1. A bare POST to the link itself unsubscribes, whatever it carries; each other act has a path of its own.
Rule 2. Whoever was forwarded a mail learns nothing of its reader here.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from digest import languages, subscriptions
from digest.languages import Language
from digest.links import Purpose
from digest.model import DAY_NAMES, Subscriber, SubscriberState
from digest.web.desk import READ, Desk
from digest.web.guard import own_pages_only
from digest.web.look import Look

#: Stands for the path of the reader's link in a page that is the same for many.
HOLE = "\0"


def add(pages: FastAPI, desk: Desk) -> None:
    """The page, and what its buttons do."""
    ours = [Depends(own_pages_only(desk.day.settings.site.url))]
    # Read its template before anybody asks: the first who leave come at once, and each would.
    _unsubscribed(desk.look, desk.look.language, "", left=False, farewell=False)

    @pages.api_route("/unsubscribe/{token}", methods=READ)
    def look(token: str) -> Response:
        reader = subscriptions.leaver(desk.day, token, desk.clock())
        if reader is None or reader.state is SubscriberState.UNSUBSCRIBED:
            return _gone(desk, token, reader)
        return desk.look.page(
            "unsubscribe.html",
            language=languages.of(reader.language),
            path=desk.path(Purpose.UNSUBSCRIBE, token),
            rarer=subscriptions.may_be_rarer(reader),
        )

    def leave(request: Request) -> Response:
        token = request.path_params["token"]
        return _gone(desk, token, subscriptions.unsubscribe(desk.day, token, desk.clock()))

    # RFC 8058 3.1: mail programs post here, without cookies, and whatever they send along is not read. Past FastAPI's
    # reading of parameters, since after a digest a big provider posts for many at once.
    pages.add_route("/unsubscribe/{token}", leave, methods=["POST"])

    @pages.post("/unsubscribe/{token}/undo", dependencies=ours)
    def undo(token: str) -> Response:
        return _now(desk, token, subscriptions.undo(desk.day, token, desk.clock()))

    @pages.post("/unsubscribe/{token}/weekly", dependencies=ours)
    def weekly(token: str) -> Response:
        reader = subscriptions.less_often(desk.day, token, desk.clock())
        return _now(desk, token, reader, weekly=True)

    @pages.post("/unsubscribe/{token}/farewell", dependencies=ours)
    def farewell(token: str) -> Response:
        reader = subscriptions.farewell(desk.day, token, desk.clock())
        return _gone(desk, token, reader, farewell=True)


def _gone(desk: Desk, token: str, reader: Subscriber | None, *, farewell: bool = False) -> Response:
    """That nothing comes any more; who left by their own hand may take it back, and may have it in writing."""
    left = reader if reader and reader.state is SubscriberState.UNSUBSCRIBED else None
    now, language = desk.clock(), languages.of(left.language) if left else _spoken(reader)
    may_undo = left is not None and subscriptions.may_undo(desk.day, left, now)
    until = left.departure.at + subscriptions.UNDO_LIFETIME if left and left.departure else None
    language = language or desk.look.language
    undo_until = _day(until, language) if may_undo and until else ""
    page = _unsubscribed(
        desk.look, language, undo_until, left=left is not None, farewell=farewell and left is not None
    )
    return HTMLResponse(page.replace(HOLE, desk.path(Purpose.UNSUBSCRIBE, token)))


@lru_cache(maxsize=64)  # nobody reads what mail programs are answered, and they ask by the hundred
def _unsubscribed(look: Look, language: Language, undo_until: str, *, left: bool, farewell: bool) -> str:
    return look.text(
        "unsubscribed.html", language, path=HOLE, undo_until=undo_until, left=left, farewell=farewell
    )


def _now(desk: Desk, token: str, reader: Subscriber | None, *, weekly: bool = False) -> Response:
    """How it stands now, for who stayed or came back."""
    if reader is None or reader.state in {SubscriberState.UNSUBSCRIBED, SubscriberState.SUPPRESSED}:
        return _gone(desk, token, reader)
    language = languages.of(reader.language)
    days = reader.schedule.days
    return desk.look.page(
        "stayed.html",
        language=language,
        path=desk.path(Purpose.UNSUBSCRIBE, token),
        state=reader.state,
        weekday=language.weekday(DAY_NAMES.index(days.names[0])) if weekly and days.weekly else "",
    )


def _day(at: dt.datetime, language: Language) -> str:
    """The last day on which it can be done, in words; of UTC, since the reader's zone is theirs."""
    return language.date((at - dt.timedelta(days=1)).date())


def _spoken(reader: Subscriber | None) -> Language | None:
    return languages.of(reader.language) if reader else None
