"""Who asks: the bearer of a key (RFC 6750), and not too often."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated

from fastapi import Depends, HTTPException, Request, Response, params
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from digest import keys, model
from digest.model import ApiKey
from digest.web.api.problems import problem
from digest.web.desk import Desk
from digest.web.pace import Pace

#: What one key may ask of one process.
PER_KEY = (600, dt.timedelta(minutes=1))


class Doorkeeper:
    """Asks for a key before anything of a request is read; while there is none at all, there is nothing here."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app, self._desk = app, desk
        self._pace = Pace(*PER_KEY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on whoever has a key, and everybody to the description."""
        if not await run_in_threadpool(self._desk.day.store.keys.any):
            raise HTTPException(404)
        if scope["path"].removeprefix(scope["root_path"]).startswith("/v1/"):
            holder = await run_in_threadpool(self._holder, Headers(scope=scope).get("authorization", ""))
            if refused := self._refusal(holder):
                await refused(scope, receive, send)
                return
            scope = {**scope, "state": {**scope.get("state", {}), "holder": holder}}
        await self._app(scope, receive, send)

    def _holder(self, said: str) -> ApiKey | None:
        scheme, _, key = said.partition(" ")
        return keys.holder(self._desk.day, key.strip()) if scheme.lower() == "bearer" else None

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
        has: model.Scope = request.state.holder.scope
        if not has.covers(needed):
            refused = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'}
            raise HTTPException(403, f"this key has the scope {has}, and {needed} is needed", refused)

    return [Depends(check)]


EDITIONS, READ, WRITE = map(_asks, model.Scope)
