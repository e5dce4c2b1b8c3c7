"""Serves the preview to this machine, until Ctrl-C."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import uvicorn

from digest.errors import UsageError
from digest.preview.app import app, is_loopback
from digest.preview.bench import Bench


def serve(bench: Bench, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; UsageError for an address that is not loopback or a port that is taken."""
    if not is_loopback(host):
        raise UsageError(f"the preview shows everybody's digest, so it listens on loopback only: {host!r}")
    place = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    family = socket.AF_INET6 if place.version == 6 else socket.AF_INET
    try:
        listening = socket.create_server((str(place), port), family=family)
    except OSError as error:
        raise UsageError(
            f"cannot listen there ({error.strerror}); give another --port: {host}:{port}"
        ) from None
    name = f"[{place}]" if place.version == 6 else host
    ready(f"http://{name}:{listening.getsockname()[1]}/")
    uvicorn.Server(uvicorn.Config(app(bench), log_level="warning", timeout_graceful_shutdown=5)).run(
        sockets=[listening]
    )
