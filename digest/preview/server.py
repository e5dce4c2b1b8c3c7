"""Serves the preview until Ctrl-C: to this machine, or to whoever has the token."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import uvicorn

from digest.listening import is_loopback, listen, url_of
from digest.preview.app import app
from digest.preview.bench import Bench
from digest.preview.gate import Gate
from digest.preview.judge import Checker


def serve(bench: Bench, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; `ready` is given the address to open. UsageError for a port that is taken.

    On any address but loopback the pages ask for a token, which stands in that address; it is new each time.
    """
    token = "" if is_loopback(host) else secrets.token_urlsafe(24)
    listening = listen("127.0.0.1" if host == "localhost" else host, port)
    ready(url_of(listening) + (f"?token={token}" if token else ""))
    pages = app(bench, Gate(token=token), Checker())
    uvicorn.Server(uvicorn.Config(pages, log_level="warning", timeout_graceful_shutdown=5)).run(
        sockets=[listening]
    )
