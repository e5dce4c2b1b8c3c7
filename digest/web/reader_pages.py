"""Pages of one reader, behind the signed links of their mails: confirm, unsubscribe, preferences.

Rule 1. Opening a link changes nothing; only the button on its page does.
Rule 2. Whose link it is, the page says with a masked address only.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Form, Request, Response

from digest import daily, feedback, languages, subscriptions
from digest.address import masked
from digest.errors import LinkExpired, UsageError
from digest.languages import Language
from digest.links import Claim, Purpose
from digest.model import Subscriber, SubscriberState
from digest.web.desk import READ, Desk, client, framed, in_frame
from digest.web.forms import Preferences, Said
from digest.web.guard import network, own_pages_only
from digest.web.headers import INLINE_POLICY, NOTE_POLICY
from digest.web.views import SettingsPage, besides, regions, said, spoken, weekdays, when


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
        return _settings(desk, reader, Preferences.of(reader), done="confirmed")

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

    @pages.api_route("/preferences/{token}", methods=READ)
    def preferences_page(token: str) -> Response:
        reader = subscriptions.bearer(desk.day, Purpose.PREFERENCES, token, desk.clock())
        return _settings(desk, reader, Preferences.of(reader))

    @pages.post("/preferences/{token}", dependencies=ours)
    def preferences(token: str, typed: Annotated[Preferences, Form()]) -> Response:
        reader = subscriptions.bearer(desk.day, Purpose.PREFERENCES, token, desk.clock())
        try:
            reader = subscriptions.prefer(desk.day, token, typed.wish(), desk.clock())
        except UsageError as error:
            return _settings(desk, reader, typed, problem=said(error, languages.of(reader.language)))
        return _settings(desk, reader, Preferences.of(reader), done="saved")

    @pages.post("/preferences/{token}/preview", dependencies=ours)
    def preview(token: str, typed: Annotated[Preferences, Form()]) -> Response:
        """The next digest under the settings as they stand in the form; nothing is saved."""
        now = desk.clock()
        reader = subscriptions.bearer(desk.day, Purpose.PREFERENCES, token, now)
        try:
            edited = subscriptions.tuned(reader, typed.wish(), desk.day.settings)
        except UsageError as error:
            return _settings(desk, reader, typed, problem=said(error, languages.of(reader.language)))
        content = desk.shelf.outlook(edited, now)
        return _settings(desk, reader, typed, done="previewed", digest=content.html if content else "")

    @pages.post("/preferences/{token}/forget", dependencies=ours)
    def forget(token: str, typed: Annotated[Said, Form()]) -> Response:
        reader = feedback.forget(desk.day, token, typed.thing(), desk.clock())
        return _settings(desk, reader, Preferences.of(reader), done="saved")

    @pages.api_route("/preferences/{token}/digest", methods=READ)
    def next_digest(token: str) -> Response:
        now = desk.clock()
        reader = subscriptions.bearer(desk.day, Purpose.PREFERENCES, token, now)
        content = desk.shelf.outlook(reader, now)
        if content is None:
            return desk.look.page(
                "nothing.html", language=_spoken(reader), headers={"Content-Security-Policy": NOTE_POLICY}
            )
        return framed(content.html)


def _expired(desk: Desk, token: str) -> Response:
    return desk.look.page("expired.html", 410, path=_path(desk, Purpose.CONFIRM, token))


def _settings(
    desk: Desk, reader: Subscriber, form: Preferences, done: str = "", problem: str = "", digest: str = ""
) -> Response:
    now, due, language = desk.clock(), "", languages.of(reader.language)
    if reader.state is SubscriberState.CONFIRMED:
        due = when(reader.schedule, daily.next_date(desk.day, reader, now), now, language)
    heard = feedback.said_by(desk.day, reader)
    view = SettingsPage(
        address=masked(reader.address),
        state=reader.state,
        next_due=due,
        form=form,
        besides=besides(reader, language),
        regions=regions(form.timezone, language),
        weekdays=weekdays(language),
        languages=languages.names(),
        said=spoken(heard, feedback.titles(desk.day, heard), language),
        feed_path=f"{_path_of(desk, Purpose.FEED, reader)}/feed.atom",
        preferences_path=_path_of(desk, Purpose.PREFERENCES, reader),
        unsubscribe_path=_path_of(desk, Purpose.UNSUBSCRIBE, reader),
        done=done,
        digest=in_frame(digest) if digest else "",
        problem=problem,
    )
    headers = {"Content-Security-Policy": INLINE_POLICY} if digest else None
    status = 422 if problem else 200
    return desk.look.page("preferences.html", status, headers, language=language, settings=view)


def _spoken(reader: Subscriber | None) -> Language | None:
    return languages.of(reader.language) if reader else None


def _path_of(desk: Desk, purpose: Purpose, reader: Subscriber) -> str:
    claim = Claim(purpose=purpose, subscriber=reader.id, generation=reader.generation)
    return _path(desk, purpose, desk.day.links.token(claim))


def _path(desk: Desk, purpose: Purpose, token: str) -> str:
    return f"{desk.look.base}/{purpose}/{token}"
