"""Who is asking, and whether from our own pages; and no more of a body than a form needs."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException, Request, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The longest form: 200 interests of 300 characters, each of up to nine octets when encoded.
LARGEST_BODY = 1_000_000


def network(host: str | None) -> str:
    """What sign-ups are counted by: an IPv4 address, or the /64 of an IPv6 one, which one customer holds.

    Hosts that are no address (a Unix socket) count as one network.
    """
    try:
        address = ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        return str(address.ipv4_mapped)
    return str(address)


def is_foreign(headers: Mapping[str, str], site: str) -> bool:
    """Whether a browser says that another site's page sent this form. Programs say nothing and are let in.

    Under our `Referrer-Policy: no-referrer` browsers send `Origin: null` from our own pages, so null counts
    only where `Sec-Fetch-Site` is missing too. The scheme of the Host's origin is not compared: a proxy may
    end TLS.
    """
    if fetched := headers.get("sec-fetch-site"):
        return fetched not in {"same-origin", "none"}
    origin = headers.get("origin", "null")
    if origin == "null":
        return False
    try:
        asked, ours = urlsplit(origin), urlsplit(site)
    except ValueError:  # `http://[` is nobody's
        return True
    return (asked.scheme, asked.netloc) != (ours.scheme, ours.netloc) and asked.netloc != headers.get("host")


def own_pages_only(site: str) -> Callable[[Request], None]:
    """A dependency of routes that act: 403 for a form of another site."""

    def check(request: Request) -> None:
        if is_foreign(request.headers, site):
            raise HTTPException(403)

    return check


def allowed(web: FastAPI, request: Request) -> str:
    """Every method of the path, which several routes share (RFC 9110 10.2.1)."""
    known = (route for route in web.routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in known for method in getattr(route, "methods", ())}))


class Ending:
    """Answers 503 to whoever is still being served when the process has to end."""

    def __init__(self, app: ASGIApp, answer: Response) -> None:
        self._app, self._answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; a cancellation in the middle of an answer is left to the server."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if begun or scope["type"] != "http":
                raise
            await self._answer(scope, receive, send)


class BoundedBody:
    """Stops reading a body after a megabyte: 413. A route that reads no body never notices."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, counting what is read."""
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > LARGEST_BODY:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)
