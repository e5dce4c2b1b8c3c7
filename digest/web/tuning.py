"""A reader's settings: seen, tried and saved, with the next digest under them.

Rule 1. A preview saves nothing. Making one is work: a network has it done so often an hour, and few wait at once.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import Depends, FastAPI, Form, Request, Response

from digest import feedback, languages, subscriptions
from digest.address import masked
from digest.due import next_due
from digest.errors import UsageError
from digest.languages import Language
from digest.links import Purpose
from digest.model import Content, InterestKind, Paper, Subject, Subscriber, SubscriberState, zone
from digest.samples import Edits
from digest.subscriptions import Wish
from digest.web.desk import READ, Desk, client, framed, in_frame
from digest.web.forms import Preferences, Said
from digest.web.guard import network, own_pages_only
from digest.web.headers import NOTE_POLICY, TUNING_POLICY
from digest.web.pace import Pace, Places
from digest.web.views import Example, SettingsPage, regions, said, spoken, weekdays, when

#: Previews and saved reading lists of one network: one every twelve seconds, which is more than is read.
PER_NETWORK = (300, dt.timedelta(hours=1))
#: Previews that are being made or waited for; whoever comes then is asked to come back.
AT_ONCE = 4


def add(pages: FastAPI, desk: Desk) -> None:
    """The page, its preview, and what its buttons do."""
    ours = [Depends(own_pages_only(desk.day.settings.site.url))]
    pace, places = Pace(*PER_NETWORK), Places(AT_ONCE)

    @pages.api_route("/preferences/{token}", methods=READ)
    def page(token: str) -> Response:
        return settings_page(desk, _reader(desk, token))

    @pages.post("/preferences/{token}", dependencies=ours)
    def save(request: Request, token: str, typed: Annotated[Preferences, Form()]) -> Response:
        reader, now = _reader(desk, token), desk.clock()
        try:
            wish, examples = _read(desk, typed)
            muted = typed.muting()
            if examples and (wait := pace.wait(network(client(request)), now)):
                return desk.asked(wait)
            reader = subscriptions.prefer(desk.day, token, wish, now, examples)
        except UsageError as error:
            return settings_page(desk, reader, typed, error=error)
        feedback.mute(desk.day, reader, muted, now)
        return settings_page(desk, reader, done="saved")

    @pages.post("/preferences/{token}/preview", dependencies=ours)
    def preview(request: Request, token: str, typed: Annotated[Preferences, Form()]) -> Response:
        """The next digest under the settings as they stand in the form; nothing is saved."""
        reader, now = _reader(desk, token), desk.clock()
        if wait := pace.wait(network(client(request)), now):
            return desk.asked(wait)
        try:
            with places.one():
                return settings_page(
                    desk, reader, typed, done="previewed", digest=_outlook(desk, reader, typed)
                )
        except UsageError as error:
            return settings_page(desk, reader, typed, error=error)

    @pages.post("/preferences/{token}/forget", dependencies=ours)
    def forget(token: str, typed: Annotated[Said, Form()]) -> Response:
        reader = feedback.forget(desk.day, token, typed.thing(), desk.clock())
        return settings_page(desk, reader, done="saved")

    @pages.api_route("/preferences/{token}/digest", methods=READ)
    def next_digest(token: str) -> Response:
        reader = _reader(desk, token)
        content = desk.shelf.outlook(reader, desk.clock())
        if content is None:
            headers, language = {"Content-Security-Policy": NOTE_POLICY}, languages.of(reader.language)
            return desk.look.page("nothing.html", language=language, headers=headers)
        return framed(_in_frame(desk, reader, content))


def settings_page(
    desk: Desk,
    reader: Subscriber,
    form: Preferences | None = None,
    done: str = "",
    error: UsageError | None = None,
    digest: str | None = None,
) -> Response:
    """The page, with the form as it was typed or else as it is saved; `digest` is the one to show in its frame."""
    now, language = desk.clock(), languages.of(reader.language)
    today = now.astimezone(zone(reader.schedule.timezone)).date()
    heard = feedback.said_by(desk.day, reader)
    muted, others = feedback.muted(heard), [one for one in heard if not feedback.mutes_author(one)]
    form = form or Preferences.of(reader, muted, today)
    examples = [one.value for one in reader.asked(InterestKind.LIKE)]
    titles = feedback.titles(desk.day, {*examples, *(o.value for o in others if o.subject is Subject.PAPER)})
    view = SettingsPage(
        address=masked(reader.address),
        state=reader.state,
        next_due=_next_due(desk, reader, now, language),
        paused_until=_paused_until(reader, today, language),
        form=form,
        examples=tuple(Example(id=e, title=titles.get(e, e), kept=e in form.likes) for e in examples),
        regions=regions(form.timezone, language),
        weekdays=weekdays(language),
        languages=languages.names(),
        said=spoken(others, titles, language),
        feed_path=f"{desk.path_of(Purpose.FEED, reader)}/feed.atom",
        preferences_path=desk.path_of(Purpose.PREFERENCES, reader),
        unsubscribe_path=desk.path_of(Purpose.UNSUBSCRIBE, reader),
        done=done,
        digest=in_frame(digest) if digest else "",
        problem=said(error, language) if error else "",
    )
    headers = {"Content-Security-Policy": TUNING_POLICY}
    return desk.look.page(
        "preferences.html", 422 if error else 200, headers, language=language, settings=view
    )


def _next_due(desk: Desk, reader: Subscriber, now: dt.datetime, language: Language) -> str:
    if reader.state is not SubscriberState.CONFIRMED:
        return ""
    return when(next_due(desk.day, reader, now).at, reader.schedule.timezone, now, language)


def _paused_until(reader: Subscriber, today: dt.date, language: Language) -> str:
    until = reader.schedule.paused_until
    return language.day(until) if until and until > today else ""


def _reader(desk: Desk, token: str) -> Subscriber:
    return subscriptions.bearer(desk.day, Purpose.PREFERENCES, token, desk.clock())


def _read(desk: Desk, typed: Preferences) -> tuple[Wish, tuple[Paper, ...]]:
    wish, entries = typed.read()
    return wish, subscriptions.read_list(desk.day, entries)


def _outlook(desk: Desk, reader: Subscriber, typed: Preferences) -> str:
    """The next digest under what was typed; empty if there is nothing to show. UsageError as for saving it."""
    now, (wish, examples) = desk.clock(), _read(desk, typed)
    edited = subscriptions.tuned(reader, subscriptions.liking(wish, examples), desk.day.settings)
    said = feedback.muting(feedback.said_by(desk.day, reader), typed.muting(), now)
    content = desk.shelf.outlook(edited, now, Edits(said=said, examples=examples))
    return _in_frame(desk, edited, content) if content else ""


def _in_frame(desk: Desk, reader: Subscriber, content: Content) -> str:
    """What their mail program shows, as a page."""
    if reader.plain_text:
        return desk.look.text("plain.html", languages.of(reader.language), text=content.text)
    return content.html
