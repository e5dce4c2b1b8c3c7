"""Who asks: the bearer of a key (RFC 6750), and not too often."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated

import structlog
from fastapi import Depends, HTTPException, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from digest import keys, model
from digest.errors import StoreError
from digest.model import ApiKey
from digest.web.api.problems import problem
from digest.web.desk import Desk
from digest.web.pace import Pace

log = structlog.get_logger()

#: Where the API is.
ROOT = "/api"
#: What one key may ask of one process.
PER_KEY = (600, dt.timedelta(minutes=1))


class Doorkeeper:
    """Leads to the API, and asks for a key before anything of a request is read.

    A middleware and no mounted application: routes know no line breaks, which a path may hold.
    """

    def __init__(self, app: ASGIApp, api: ASGIApp, desk: Desk) -> None:
        self._pages, self._api, self._desk = app, api, desk
        self._pace = Pace(*PER_KEY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on: to the pages, which know nothing of an API, while there is no key at all."""
        if scope["type"] != "http" or not scope["path"].startswith(f"{ROOT}/"):
            await self._pages(scope, receive, send)
            return
        try:
            said = Headers(scope=scope).get("authorization", "")
            is_open, holder = await run_in_threadpool(self._looked_up, said)
        except StoreError as error:
            log.error("page failed", page=ROOT, reason=str(error))  # noqa: TRY400 (one line says it all)
            await problem(503, headers={"Retry-After": "60"})(scope, receive, send)
            return
        if not is_open:
            await self._pages(scope, receive, send)
        elif scope["path"].startswith(f"{ROOT}/v1/") and (refused := self._refusal(holder)):
            await refused(scope, receive, send)
        else:
            inside = {**scope, "root_path": scope["root_path"] + ROOT, "state": {"holder": holder}}
            await self._api(inside, receive, send)

    def _looked_up(self, said: str) -> tuple[bool, ApiKey | None]:
        """Whether there is a key at all, and whose was shown."""
        scheme, _, key = said.partition(" ")
        holder = keys.holder(self._desk.day, key.strip()) if scheme.lower() == "bearer" else None
        return holder is not None or self._desk.day.store.keys.any(), holder

    def _refusal(self, holder: ApiKey | None) -> Response | None:
        """401 without a key of ours, 429 with one that came too often."""
        if holder is None:
            asked = {"WWW-Authenticate": "Bearer"}
            return problem(401, "a key is needed, in the header Authorization: Bearer …", asked)
        if wait := self._pace.wait(holder.name, self._desk.clock()):
            later = {"Retry-After": str(max(1, math.ceil(wait.total_seconds())))}
            return problem(429, "this key asks too often", later)
        return None


_described = HTTPBearer(auto_error=False, description="A key that `digest api-keys add` printed.")


def _asks(needed: model.Scope) -> list[params.Depends]:
    """The dependencies of routes for which a key needs that scope: 403 without it."""

    def check(
        request: Request,
        response: Response,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_described)],
    ) -> None:
        response.headers["Cache-Control"] = "no-store"
        refuse_unknown(request)
        has: model.Scope = request.state.holder.scope
        if not has.covers(needed):
            refused = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'}
            raise HTTPException(403, f"this key has the scope {has}, and {needed} is needed", refused)

    return [Depends(check)]


def refuse_unknown(request: Request) -> None:
    """422 for a parameter that does not exist: a misspelt filter would let everything through."""
    route = request.scope["route"]
    known = {one.alias for one in route.dependant.query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": "there is no such parameter"} for name in unknown]
        )


EDITIONS, READ, WRITE = map(_asks, model.Scope)
