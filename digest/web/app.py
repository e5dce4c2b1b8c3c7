"""The web pages as one application: routes, headers, and a page for everything that can go wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from digest.errors import DigestError, LinkError, LinkExpired, StoreError
from digest.service import Service
from digest.web import (
    admin,
    api,
    archive,
    feedback,
    feeds,
    hooks,
    leaving,
    mine,
    pages,
    privacy,
    probes,
    reader_pages,
    trial,
    tuning,
)
from digest.web.desk import Desk
from digest.web.guard import BoundedBody, Ending, allowed
from digest.web.headers import Headers, SafeHeaders
from digest.web.look import Look
from digest.web.shelf import Shelf

log = structlog.get_logger()


def app(
    day: Service,
    clock: Callable[[], dt.datetime],
    ready: Callable[[], bool],
    jobs: Callable[[], Mapping[str, float]] = dict,
) -> FastAPI:
    """The pages of this installation, at this clock; `ready` says whether work gets done behind them.

    `jobs`: how many seconds ago each job of this process got on last.
    """
    look = Look(day.settings.site)
    web = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    desk = Desk(day, clock, look, Shelf(day))
    leaving.add(
        web, desk
    )  # first: routes are tried in turn, and after a digest a provider posts for many at once
    pages.add(web, desk)
    reader_pages.add(web, desk)
    tuning.add(web, desk)
    mine.add(web, desk)
    privacy.add(web, desk)
    feedback.add(web, desk)
    trial.add(web, desk)
    archive.add(web, desk)
    feeds.add(web, desk)
    hooks.add(web, desk)
    admin.add(web, desk)
    api.add(web, desk)
    pages.add_for_machines(web, desk)
    probes.add(web, desk, ready, jobs)
    headers = Headers(base=look.base, https=day.settings.site.url.startswith("https:"))
    web.add_middleware(BoundedBody)
    web.add_middleware(Ending, answer=look.problem(503, {"Retry-After": "60"}))
    web.add_middleware(SafeHeaders, headers=headers)
    _explain(web, look, headers)
    return web


def _explain(web: FastAPI, look: Look, headers: Headers) -> None:
    @web.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            return look.problem(405, {"Allow": allowed(web, request)})
        return look.problem(error.status_code, error.headers)

    @web.exception_handler(RequestValidationError)
    def unreadable(_: Request, __: RequestValidationError) -> Response:
        return look.problem(422)

    @web.exception_handler(LinkError)
    def not_ours(_: Request, __: LinkError) -> Response:
        return look.problem(404)

    @web.exception_handler(LinkExpired)
    def too_old(_: Request, __: LinkExpired) -> Response:
        return look.page("old.html", 410)

    # The path is not logged, since it holds the token; an error's words only where they hold no address.
    @web.exception_handler(DigestError)
    def unable(request: Request, error: DigestError) -> Response:
        reason = str(error) if isinstance(error, StoreError) else type(error).__name__
        log.error("page failed", page=_page(request), reason=reason)
        return look.problem(503, {"Retry-After": "60"})

    # The outermost of all: its answer passes no middleware.
    @web.exception_handler(Exception)
    def defect(request: Request, _: Exception) -> Response:
        return look.problem(500, headers.of(headers.inner(request.scope["path"])))


def _page(request: Request) -> str:
    """The route's pattern, as `/confirm/{token}`."""
    return str(getattr(request.scope.get("route"), "path", "unknown"))
