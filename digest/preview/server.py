"""Serves the preview to this machine, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable

import uvicorn

from digest.errors import UsageError
from digest.listening import is_loopback, listen, url_of
from digest.preview.app import app
from digest.preview.bench import Bench


def serve(bench: Bench, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; UsageError for an address that is not loopback or a port that is taken."""
    if not is_loopback(host):
        raise UsageError(f"the preview shows everybody's digest, so it listens on loopback only: {host!r}")
    listening = listen("127.0.0.1" if host == "localhost" else host, port)
    ready(url_of(listening))
    uvicorn.Server(uvicorn.Config(app(bench), log_level="warning", timeout_graceful_shutdown=5)).run(
        sockets=[listening]
    )
