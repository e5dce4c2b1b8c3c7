"""What every page works with."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request, Response

from digest.links import Claim, Purpose
from digest.model import Subscriber
from digest.service import Service
from digest.web.headers import MAIL_POLICY
from digest.web.look import Look
from digest.web.shelf import Shelf

#: The methods of a route that changes nothing; robots and link scanners ask HEAD first.
READ = ["GET", "HEAD"]


@dataclass(frozen=True, slots=True)
class Desk:
    """One open installation, its look, and a clock."""

    day: Service
    clock: Callable[[], dt.datetime]
    look: Look
    shelf: Shelf

    def path(self, purpose: Purpose, token: str) -> str:
        """The path of a link that has that token."""
        return f"{self.look.base}/{purpose}/{token}"

    def path_of(self, purpose: Purpose, reader: Subscriber) -> str:
        """The path of a reader's link for that purpose, one that does not expire."""
        claim = Claim(purpose=purpose, subscriber=reader.id, generation=reader.generation)
        return self.path(purpose, self.day.links.token(claim))

    def asked(self, wait: dt.timedelta | None) -> Response:
        """The answer to whoever asked for a mail: the same bytes for every address, known or not."""
        if wait is None:
            return self.look.page("inbox.html")
        return self.look.problem(429, {"Retry-After": str(max(1, math.ceil(wait.total_seconds())))})


def client(request: Request) -> str | None:
    """The address that the request came from, as a trusted proxy tells it."""
    return request.client.host if request.client else None


def in_frame(html: str) -> str:
    """A mail whose links open beside the page that holds it."""
    return html.replace("<head>", '<head><base target="_blank">', 1)


def framed(html: str) -> Response:
    """A mail for a frame: its links open beside the page, not inside the frame."""
    return Response(in_frame(html), media_type="text/html", headers={"Content-Security-Policy": MAIL_POLICY})
