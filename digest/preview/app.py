"""Pages of the preview: the lists, and each message as HTML at two widths, text, headers and raw bytes.

Rule 1. What is shown is parsed back from the message's bytes, not rendered a second time.
Rule 2. The message's HTML runs in a sandboxed frame without scripts, under a policy that fetches nothing.
Rule 3. Loopback only: anybody who can open a page can read everybody's digest.
Rule 4. There are only GETs, and none of them stores anything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Protocol
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint

from digest.config import shipped
from digest.errors import ConfigError, DigestError, UsageError
from digest.listening import names_loopback
from digest.preview.bench import Bench
from digest.preview.gallery import Gallery, NotThere
from digest.preview.views import GMAIL_SHOWS, Problem, Shown

#: Pages of the tool itself: own style, frames and the one script that reloads; nothing from outside.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: A message in its frame: inline styles only. Of this origin, without scripts: so the page around it can keep
#: where it was scrolled to, and it can do nothing with that.
MESSAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "sandbox allow-same-origin; frame-ancestors 'self'"
)


class Render(Protocol):
    """Fills one of the pages' templates."""

    def __call__(self, name: str, *, version: str, **views: object) -> str:
        """The page's HTML; `version` is of what the page was made from."""


def app(bench: Bench) -> FastAPI:
    """The preview of what is on the bench, which is read anew for every page."""
    pages = FastAPI(title="Daily Digest preview", docs_url=None, redoc_url=None, openapi_url=None)
    gallery, render = Gallery(bench), _renderer()
    _guard(pages, bench)
    _problems(pages, render)

    @pages.get("/", response_class=HTMLResponse)
    def index(request: Request) -> str:
        return render("index.html", version=_version(request), index=gallery.index())

    @pages.get("/version")
    def version(request: Request) -> PlainTextResponse:
        return PlainTextResponse(_version(request))

    for name in ("style.css", "reload.js"):
        pages.add_api_route(f"/{name}", _file(name), methods=["GET"])
    _messages(pages, "/digests/{delivery}", lambda request: _sent(gallery, request), render)
    _messages(pages, "/subscribers/{subscriber}", lambda request: _ahead(gallery, request), render)
    return pages


# --- a message and its parts ----------------------------------------------------------------------


def _messages(pages: FastAPI, root: str, shown: Callable[[Request], Shown], render: Render) -> None:
    """The page of a message and its parts."""

    @pages.get(root, response_class=HTMLResponse)
    def page(request: Request) -> str:
        return render("message.html", version=_version(request), shown=shown(request), limit=GMAIL_SHOWS)

    @pages.get(f"{root}/html")
    def html(request: Request) -> HTMLResponse:
        return HTMLResponse(shown(request).sheet.html, headers={"Content-Security-Policy": MESSAGE_POLICY})

    @pages.get(f"{root}/raw")
    def raw(request: Request) -> PlainTextResponse:
        return PlainTextResponse(shown(request).sheet.raw)

    @pages.get(f"{root}/message.eml")
    def eml(request: Request) -> Response:
        found = shown(request)
        attachment = {"Content-Disposition": f'attachment; filename="{found.file_name}"'}
        return Response(found.sheet.raw, media_type="message/rfc822", headers=attachment)


def _sent(gallery: Gallery, request: Request) -> Shown:
    number = str(request.path_params["delivery"])
    if not (number.isascii() and number.isdecimal() and len(number) < 19):  # what a database's integer holds
        raise NotThere(f"a delivery has a number: {number[:40]!r}")
    delivery = int(number)
    return Shown(root=f"/digests/{delivery}", sheet=gallery.sent(_version(request), delivery))


def _ahead(gallery: Gallery, request: Request) -> Shown:
    """The parts of a page name its instant, so that they all show the same bytes."""
    subscriber = str(request.path_params["subscriber"])
    at = _instant(request.query_params.get("at"))
    sheet = gallery.ahead(_version(request), subscriber, at)
    return Shown(root=f"/subscribers/{quote(subscriber, safe='')}", sheet=sheet, at=at)


def _instant(text: str | None) -> dt.datetime:
    if text is None:
        return dt.datetime.now(dt.UTC).replace(microsecond=0)
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise NotThere(f"an instant is ISO 8601, as 2026-04-10T10:00:00Z: {text!r}") from None


# --- around every page ----------------------------------------------------------------------------


def _guard(pages: FastAPI, bench: Bench) -> None:
    @pages.middleware("http")
    async def _headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
        # A page of another site could point its name at this address (DNS rebinding) and read along.
        if not names_loopback(request.headers.getlist("host")):
            return PlainTextResponse("the preview answers to loopback names only", status_code=403)
        # Looked at before anything is made: what changes meanwhile is then seen as a change.
        request.state.version = await run_in_threadpool(bench.version)
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


def _problems(pages: FastAPI, render: Render) -> None:
    def page(request: Request, problem: Problem, status: int) -> HTMLResponse:
        text = render("problem.html", version=_version(request), problem=problem)
        return HTMLResponse(text, status_code=status)

    @pages.exception_handler(DigestError)
    def _error(request: Request, error: DigestError) -> HTMLResponse:
        # What was asked for is not there; or it is, and cannot be shown until something is mended.
        missing = isinstance(error, UsageError) and not isinstance(error, ConfigError)
        return page(request, Problem.of(error), 404 if missing else 500)

    @pages.exception_handler(HTTPException)
    def _refused(request: Request, error: HTTPException) -> HTMLResponse:
        return page(request, Problem(title="Nothing to show", text=str(error.detail)), error.status_code)


def _renderer() -> Render:
    environment = Environment(
        loader=FileSystemLoader(shipped("templates", "preview")),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def render(name: str, *, version: str, **views: object) -> str:
        return environment.get_template(name).render(version=version, **views)

    return render


def _file(name: str) -> Callable[[], FileResponse]:
    return lambda: FileResponse(shipped("templates", "preview", name))


def _version(request: Request) -> str:
    return str(request.state.version)
