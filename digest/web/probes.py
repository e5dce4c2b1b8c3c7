"""What machines of whoever runs this ask: is it alive, does it do its work, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_address, ip_network

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse

from digest import operating
from digest.errors import StoreError
from digest.service import Service
from digest.web.desk import READ, Desk, client


def add(
    pages: FastAPI, desk: Desk, ready: Callable[[], bool], jobs: Callable[[], Mapping[str, float]]
) -> None:
    """All three."""
    day = desk.day

    @pages.api_route("/healthz", methods=READ, response_class=PlainTextResponse)
    def healthz() -> str:
        return "ok"

    @pages.api_route("/readyz", methods=READ)
    def readyz() -> Response:
        reason = "the jobs are not running" if not ready() else unready(day)
        return PlainTextResponse(f"not ready: {reason}", 503) if reason else PlainTextResponse("ready")

    @pages.api_route("/metrics", methods=READ)
    def metrics(request: Request) -> Response:
        if not among(client(request), day.settings.operating.metrics):
            raise HTTPException(404)
        text, kind = operating.exposition(operating.vitals(day, desk.clock()), jobs())
        return Response(text, media_type=kind, headers={"Cache-Control": "no-store"})


def unready(day: Service) -> str:
    """Why work cannot be done, for everybody to read: without a path or a name; empty if it can."""
    try:
        day.store.check_writable()
    except StoreError:
        return "the database cannot be written to"
    full = any(operating.is_full(disk) for disk in operating.disks(day))
    return "a disk is nearly full" if full else ""


def among(host: str | None, networks: Collection[str]) -> bool:
    """Whether that is an address in one of these networks; whoever comes by a Unix socket has none."""
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ip_network(one) for one in networks)
