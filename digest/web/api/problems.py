"""What goes wrong, as RFC 9457 has it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from digest.errors import DigestError, StoreError, TooOften, UsageError
from digest.web.guard import allowed

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


class Flaw(BaseModel):
    """One thing that is wrong with what was sent."""

    model_config = ConfigDict(extra="forbid")

    #: As `body/interests/0/weight` or `query/limit`.
    where: str
    detail: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    #: `about:blank`: the status says it all.
    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[Flaw] | None = None


def problem(
    status: int,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    errors: list[Flaw] | None = None,
) -> Response:
    """The answer."""
    title = HTTPStatus(status).phrase
    told = Problem(title=title, status=status, detail=None if detail == title else detail, errors=errors)
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(told.model_dump_json(exclude_none=True), status, kept, MEDIA_TYPE)


def explain(api: FastAPI) -> None:
    """Answer every error with a problem."""

    @api.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        headers = {"Allow": allowed(api, request)} if error.status_code == 405 else error.headers
        return problem(error.status_code, error.detail, headers)

    @api.exception_handler(RequestValidationError)
    def unreadable(_: Request, error: RequestValidationError) -> Response:
        flaws = [Flaw(where="/".join(map(str, one["loc"])), detail=one["msg"]) for one in error.errors()]
        return problem(422, "what was sent does not fit; see errors", errors=flaws)

    @api.exception_handler(TooOften)
    def too_often(_: Request, error: TooOften) -> Response:
        return problem(429, str(error), {"Retry-After": str(error.seconds)})

    @api.exception_handler(UsageError)
    def unusable(_: Request, error: UsageError) -> Response:
        return problem(422, str(error))

    # An error's words are logged only where they hold no address.
    @api.exception_handler(DigestError)
    def unable(request: Request, error: DigestError) -> Response:
        reason = str(error) if isinstance(error, StoreError) else type(error).__name__
        log.error("page failed", page=f"/api{request.scope['route'].path}", reason=reason)
        return problem(503, headers={"Retry-After": "60"})

    @api.exception_handler(Exception)
    def defect(_: Request, __: Exception) -> Response:
        return problem(500)


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The description with problems for all errors, instead of what FastAPI says of its own."""
    shapes = schema["components"]["schemas"]
    shapes.pop("HTTPValidationError", None)
    shapes.pop("ValidationError", None)
    shapes["Flaw"] = Flaw.model_json_schema()
    shapes["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    shapes["Problem"].pop("$defs")
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"description": "Anything else", "content": content}
    return schema
