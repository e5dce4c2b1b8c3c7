"""Try it: what somebody would get, without an account. What they give is ranked, shown, and kept nowhere.

Rule 1. Ranking is work: a network has it done so often an hour, and few wait for it at once.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import Depends, FastAPI, File, Form, Request, Response

from digest import subscriptions
from digest.errors import UsageError
from digest.samples import Trial as Tried
from digest.web import robots
from digest.web.desk import READ, Desk, client, in_frame
from digest.web.forms import SignUp, Trial, whole
from digest.web.guard import network, own_pages_only
from digest.web.headers import INLINE_POLICY
from digest.web.pace import Pace, Places
from digest.web.views import TrialPage, said

#: Trials of one network.
PER_NETWORK = (30, dt.timedelta(hours=1))
#: Trials that are being made or waited for; whoever comes then is asked to come back.
AT_ONCE = 4


def add(pages: FastAPI, desk: Desk) -> None:
    """The page and its answer."""
    pace, places = Pace(*PER_NETWORK), Places(AT_ONCE)

    @pages.api_route("/try", methods=READ)
    def form() -> Response:
        return desk.look.page("try.html", page=TrialPage(typed=Trial()))

    @pages.post("/try", dependencies=[Depends(own_pages_only(desk.day.settings.site.url))])
    def attempt(
        request: Request,
        typed: Annotated[Trial, Depends(_typed)],
        file: Annotated[bytes, File()] = b"",
    ) -> Response:
        now = desk.clock()
        if wait := pace.wait(network(client(request)), now):
            return desk.asked(wait)
        try:
            with places.one():
                wish, pasted = typed.read(whole(file.decode(errors="replace")))
                tried = desk.shelf.tried(wish, pasted, now)
        except UsageError as error:
            view = TrialPage(typed=typed, problem=said(error, desk.look.language))
            return desk.look.page("try.html", 422, page=view)
        ids = (*(wish.likes or ()), *(entry.ids[0] for entry in pasted))
        wishes = SignUp(
            interests=typed.interests,
            likes="\n".join(dict.fromkeys(ids)),
            shown=robots.stamp(desk.day.links, now),
        )
        agreed = subscriptions.wording(desk.day.settings.site, desk.look.language)
        headers = {"Content-Security-Policy": INLINE_POLICY, "Cache-Control": "no-store"}
        return desk.look.page("try.html", headers=headers, page=_shown(typed, tried, wishes, agreed))


def _typed(interests: Annotated[str, Form()] = "", papers: Annotated[str, Form()] = "") -> Trial:
    return Trial(interests=interests, papers=papers)


def _shown(typed: Trial, tried: Tried | None, wishes: SignUp, wording: str) -> TrialPage:
    content = tried.content if tried else None
    return TrialPage(
        typed=typed,
        wishes=wishes,
        wording=wording,
        digest=in_frame(content.html) if content else "",
        unknown=tried.unknown if tried else 0,
    )
