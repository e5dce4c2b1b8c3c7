"""What every operator's page works with: the frame around it, and the style sheet of its tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Response

from digest.config import shipped
from digest.languages import ENGLISH
from digest.web.desk import Desk
from digest.web.headers import YEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around a page."""

    #: Which part of the pages it belongs to.
    section: str
    #: The pages' own root.
    root: str
    style: str
    #: Since when nothing is sent; empty if it is.
    held_since: str
    #: What has just been done, or could not be, as a sentence.
    done: str
    problem: str


class Office:
    """The desk, for operators."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.day = desk.day
        self.root = f"{desk.look.base}/admin"
        #: The style sheet of these pages, beside the one of all.
        self.style = (shipped("templates", "web") / "admin" / "style.css").read_bytes()
        self._style_path = f"{self.root}/style.css?v={hashlib.sha256(self.style).hexdigest()[:12]}"

    def page(
        self, section: str, view: object, done: str = "", problem: str = "", template: str = ""
    ) -> Response:
        """A page of that section; with a problem its status is 422."""
        since = self.day.store.outbox.held_since()
        frame = Frame(
            section=section,
            root=self.root,
            style=self._style_path,
            held_since=f"{since:%Y-%m-%d %H:%M}Z" if since else "",
            done=done,
            problem=problem,
        )
        return self.desk.look.page(
            f"admin/{template or section}.html",
            422 if problem else 200,
            language=ENGLISH,
            frame=frame,
            page=view,
        )

    def bare(
        self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, *, problem: str
    ) -> Response:
        """A page for whoever is not logged in."""
        return self.desk.look.page(
            f"admin/{template}", status, headers, language=ENGLISH, style=self._style_path, problem=problem
        )

    def path(self, place: str, **asked: object) -> str:
        """A page's address; what is None or empty is left out."""
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{self.root}{place}{'?' if query else ''}{query}"


def framed(style: bytes) -> Response:
    """The style sheet; its address changes with its bytes."""
    kept = {"Cache-Control": f"public, max-age={YEAR}, immutable"}
    return Response(style, media_type="text/css", headers=kept)
