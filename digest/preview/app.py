"""Pages of the preview: a list of digests, and each as HTML at two widths, text, headers and raw bytes.

Rule 1. What is shown is parsed back from the message's bytes, not rendered a second time.
Rule 2. The message's HTML runs in a sandboxed frame without scripts, under a policy that fetches nothing.
Rule 3. Loopback only: anybody who can open a page can read everybody's digest.
"""

from __future__ import annotations

import email
import email.policy
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.middleware.base import RequestResponseEndpoint

from digest.config import Settings, shipped
from digest.errors import UsageError
from digest.messages import compose
from digest.model import Delivery, DeliveryKind, Message
from digest.service import Service, open_service

#: Pages of the tool itself: own style and frames, no scripts, nothing from outside.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'"
)
#: A message in its frame: inline styles only.
MESSAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A digest in the list."""

    id: int
    reader: str
    local_date: str
    state: str
    papers: int
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One digest, taken apart."""

    id: int
    subject: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html_bytes: int
    message_bytes: int


def app(settings: Callable[[], Settings]) -> FastAPI:
    """The preview over the store of these settings, which are read anew for every page."""
    pages = FastAPI(title="Daily Digest preview", docs_url=None, redoc_url=None, openapi_url=None)
    templates = Environment(
        loader=FileSystemLoader(shipped("templates", "preview")),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    @pages.middleware("http")
    async def _headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
        # A page of another site could point its name at this address (DNS rebinding) and read along.
        if not _is_loopback(request.url.hostname or ""):
            return Response("the preview answers to loopback names only", status_code=403)
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @pages.get("/", response_class=HTMLResponse)
    def index() -> str:
        with open_service(settings()) as day:
            rows = [_row(day, one) for one in day.store.outbox.list(limit=200) if _has_message(one)]
        return templates.get_template("index.html").render(rows=rows)

    @pages.get("/digests/{delivery:int}", response_class=HTMLResponse)
    def digest(delivery: int) -> str:
        message = _parsed(_message(settings(), delivery))
        text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
        shown = Shown(
            id=delivery,
            subject=str(message["Subject"]),
            headers=tuple((name, str(value)) for name, value in message.items()),
            text=text.get_content() if text else "",
            html_bytes=len(html.get_content().encode()) if html else 0,
            message_bytes=len(message.as_bytes()),
        )
        return templates.get_template("digest.html").render(digest=shown)

    @pages.get("/digests/{delivery:int}/html")
    def html(delivery: int) -> HTMLResponse:
        body = _parsed(_message(settings(), delivery)).get_body(("html",))
        content = body.get_content() if body else ""
        return HTMLResponse(content, headers={"Content-Security-Policy": MESSAGE_POLICY})

    @pages.get("/digests/{delivery:int}/raw")
    def raw(delivery: int) -> Response:
        return Response(_message(settings(), delivery).content, media_type="text/plain; charset=utf-8")

    @pages.get("/digests/{delivery:int}.eml")
    def eml(delivery: int) -> Response:
        attachment = {"Content-Disposition": f'attachment; filename="digest-{delivery}.eml"'}
        return Response(
            _message(settings(), delivery).content, media_type="message/rfc822", headers=attachment
        )

    return pages


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _has_message(delivery: Delivery) -> bool:
    return delivery.plan.kind is DeliveryKind.DIGEST and not delivery.plan.skipped


def _message(settings: Settings, delivery: int) -> Message:
    with open_service(settings) as day:
        found = day.store.outbox.get(delivery)
        if found is None or not _has_message(found):
            raise HTTPException(404, "no such digest")
        return compose(day, found.plan)


def _parsed(message: Message) -> EmailMessage:
    return email.message_from_bytes(message.content, policy=email.policy.default)


def _row(day: Service, delivery: Delivery) -> Row:
    plan = delivery.plan
    return Row(
        id=delivery.id,
        reader=plan.reader.name or plan.reader.address,
        local_date=plan.local_date.isoformat(),
        state=delivery.state,
        papers=len(plan.picks),
        subject=str(_parsed(compose(day, plan))["Subject"]),
    )


def serve(settings: Callable[[], Settings], host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; UsageError for an address that is not loopback or a port that is taken."""
    if not _is_loopback(host):
        raise UsageError(f"the preview shows everybody's digest, so it listens on loopback only: {host!r}")
    try:
        listening = socket.create_server(("127.0.0.1" if host == "localhost" else host, port))
    except OSError as error:
        raise UsageError(
            f"cannot listen there ({error.strerror}); give another --port: {host}:{port}"
        ) from None
    ready(f"http://{host}:{listening.getsockname()[1]}/")
    uvicorn.Server(uvicorn.Config(app(settings), log_level="warning", timeout_graceful_shutdown=5)).run(
        sockets=[listening]
    )
