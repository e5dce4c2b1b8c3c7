"""The door of /admin: off without a password, one way in, and a session that ends.

Rule 1. Nothing behind it is reached without a session: it is asked before any route is.
Rule 2. What changes something comes from our own pages, and says so: `Sec-Fetch-Site`, or an Origin that is ours.
        So a form needs no token of its own: SameSite keeps the cookie from other sites, and this keeps out other
        hosts and ports of the same site, for which the cookie is not kept back.
Rule 3. A session is signed, not stored. What it is signed over changes with the password, and when anybody logs out.
"""

from __future__ import annotations

import datetime as dt
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import structlog
from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest import passwords
from digest.errors import StoreError
from digest.links import Links
from digest.store import Limit, Lock
from digest.web.admin.office import Office, framed
from digest.web.desk import READ, Desk, client
from digest.web.forms import Typed
from digest.web.guard import is_foreign, network

log = structlog.get_logger()

ROOT = "/admin"
LOGIN = f"{ROOT}/login"
#: What is shown to whoever is not logged in.
OPEN = {LOGIN, f"{ROOT}/style.css"}
COOKIE = "digest_admin"
LIFE = dt.timedelta(hours=12)
#: Attempts to log in, right or wrong: of one network, and of all together.
PER_NETWORK = ((5, dt.timedelta(minutes=15)),)
IN_ALL = ((30, dt.timedelta(minutes=15)),)
#: Pages are kept nowhere; and our forms tell where they come from, which `no-referrer` would hide.
PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens sessions and knows them again: `expiry.random.signature`."""

    links: Links

    def open(self, lock: Lock, now: dt.datetime) -> str:
        """A new one, never the same twice."""
        said = f"{int((now + LIFE).timestamp())}.{secrets.token_urlsafe(16)}"
        return f"{said}.{self.links.fingerprint(*self._parts(said, lock))}"

    def holds(self, session: str, lock: Lock, now: dt.datetime) -> bool:
        """Whether it was opened here, under this lock, and is not over."""
        said, _, signature = session.rpartition(".")
        if len(signature) != 26 or not self.links.vouches(signature, *self._parts(said, lock)):
            return False
        left = int(said.partition(".")[0]) - now.timestamp()
        return 0 < left <= LIFE.total_seconds()

    def _parts(self, said: str, lock: Lock) -> tuple[str, ...]:
        return "admin session", lock.password, lock.sessions, said


class Door:
    """Stands before every route: a page that does not exist, a login, or what was asked for."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app, self._desk, self._sessions = app, desk, Sessions(desk.day.links)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on whoever may come in, and keep their page out of every cache."""
        if scope["type"] != "http" or not f"{scope['path']}/".startswith(f"{ROOT}/"):
            await self._app(scope, receive, send)
            return
        try:
            lock = await run_in_threadpool(self._desk.day.store.locks.get)
        except StoreError as error:
            log.error("page failed", page=ROOT, reason=str(error))  # noqa: TRY400 (one line says it all)
            await self._desk.look.problem(503, {"Retry-After": "60"})(scope, receive, send)
            return
        if lock is None:
            await self._desk.look.problem(404)(scope, receive, send)
            return
        answer = self._refusal(Request(scope), lock) or self._app
        await answer(scope, receive, _private(send))

    def _refusal(self, request: Request, lock: Lock) -> Response | None:
        desk, session = self._desk, request.cookies.get(COOKIE, "")
        if request.method not in READ and not is_ours(request.headers, desk.day.settings.site.url):
            return desk.look.problem(403)
        if request.scope["path"] in OPEN or self._sessions.holds(session, lock, desk.clock()):
            return None
        return RedirectResponse(f"{desk.look.base}{LOGIN}", 303)


def _private(send: Send) -> Send:
    async def kept_nowhere(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = MutableHeaders(scope=message)
            for name, value in PRIVATE.items():
                given.setdefault(name, value)
        await send(message)

    return kept_nowhere


def is_ours(headers: Mapping[str, str], site: str) -> bool:
    """Whether one of our own pages sent this form, and says so; who says nothing is not believed."""
    if fetched := headers.get("sec-fetch-site"):
        return fetched == "same-origin"
    return headers.get("origin", "null") != "null" and not is_foreign(headers, site)


def add(web: FastAPI, desk: Desk, office: Office) -> None:
    """The door, with the login."""
    web.add_middleware(Door, desk=desk)
    sessions, turn = Sessions(desk.day.links), threading.Lock()
    cookie_path = f"{desk.look.base}{ROOT}"
    https = desk.day.settings.site.url.startswith("https:")

    @web.api_route(LOGIN, methods=READ)
    def login_page() -> Response:
        return office.bare("login.html", problem="")

    @web.post(LOGIN)
    def login(request: Request, password: Annotated[Typed, Form()] = "") -> Response:
        now, lock = desk.clock(), desk.day.store.locks.get()
        if wait := desk.day.store.limits.take(_limits(desk.day.links, network(client(request))), now):
            log.warning("login refused", reason="too many attempts")
            minutes = int(wait.total_seconds() // 60) + 1
            problem = f"That was tried too often. Wait {minutes} minutes; the command line works meanwhile."
            return office.bare("login.html", 429, {"Retry-After": str(minutes * 60)}, problem=problem)
        with turn:  # each takes 32 MiB for a moment
            right = lock is not None and passwords.matches(password, lock.password)
        if lock is None or not right:
            log.warning("login refused", reason="wrong password")
            return office.bare("login.html", 403, problem="That is not the password.")
        log.info("login accepted")
        answer = RedirectResponse(cookie_path, 303)
        answer.set_cookie(
            COOKIE,
            sessions.open(lock, now),
            max_age=int(LIFE.total_seconds()),
            path=cookie_path,
            secure=https,
            httponly=True,
            samesite="strict",
        )
        return answer

    @web.post(f"{ROOT}/logout")
    def logout() -> Response:
        if lock := desk.day.store.locks.get():
            desk.day.store.locks.put(replace(lock, sessions=secrets.token_urlsafe()))
        answer = RedirectResponse(f"{desk.look.base}{LOGIN}", 303)
        answer.delete_cookie(COOKIE, path=cookie_path, secure=https, httponly=True, samesite="strict")
        return answer

    @web.api_route(f"{ROOT}/style.css", methods=READ)
    def style() -> Response:
        return framed(office.style)


def _limits(links: Links, asking: str) -> list[Limit]:
    return [
        Limit(key=links.fingerprint("login", asking), rates=PER_NETWORK),
        Limit(key=links.fingerprint("login"), rates=IN_ALL),
    ]
