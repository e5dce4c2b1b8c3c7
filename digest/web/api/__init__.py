"""`/api/v1`: what other programs may ask and change, with a key of the command line's. Off (404) until there is one.

Rule 1. Whatever a page or a command does is done here by the same function, under the same limits.
Rule 2. A key is asked for before anything else is read; a wrong one is answered like none at all.
Rule 3. Every error is a problem of RFC 9457.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Response

from digest import __version__
from digest.languages import ENGLISH
from digest.web.api import problems, reading, subscribers
from digest.web.api.key import ROOT, Doorkeeper
from digest.web.api.page import sections
from digest.web.desk import Desk


def add(pages: FastAPI, desk: Desk) -> None:
    """The API, its description, and a page made from that."""
    api = Api(
        title=f"{desk.day.settings.site.name}: API",
        version=__version__,
        servers=[{"url": f"{desk.look.base}{ROOT}"}],
        root_path_in_servers=False,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    subscribers.add(api, desk)
    reading.add(api, desk)

    @api.get("/docs", include_in_schema=False)
    def docs() -> Response:
        return desk.look.page("api.html", language=ENGLISH, page=sections(api.openapi()))

    problems.explain(api)
    pages.add_middleware(Doorkeeper, api=api, desk=desk)


class Api(FastAPI):
    """FastAPI, told that whatever goes wrong is a problem, which it would describe otherwise."""

    def openapi(self) -> dict[str, Any]:
        """The description, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = problems.described(super().openapi())
        return self.openapi_schema
