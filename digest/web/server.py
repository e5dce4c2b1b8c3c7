"""Serving: one process, one port, until it is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from digest.listening import listen, url_of

#: Who may tell us a client's address, in X-Forwarded-For, unless it is said: a proxy on this machine, nobody else.
BESIDE_US = ("127.0.0.1",)
#: Seconds for requests that are under way when we are told to stop.
GRACE = 3


def serve(
    application: FastAPI,
    host: str,
    port: int,
    announce: Callable[[str], None],
    proxies: Collection[str] = BESIDE_US,
) -> None:
    """Serve until SIGTERM or SIGINT, then return; `announce` is told the URL once we listen.

    Access is not logged: paths hold tokens. Raises UsageError if host and port cannot be had.
    """
    listening = listen(host, port)
    server = uvicorn.Server(configured(application, proxies))
    with _signals_end_only(server):
        announce(url_of(listening))
        server.run(sockets=[listening])


def configured(application: FastAPI, proxies: Collection[str] = BESIDE_US) -> uvicorn.Config:
    """How we serve: no access log, a client's address from these proxies only, no Server header."""
    return uvicorn.Config(
        application,
        access_log=False,
        log_level="warning",
        log_config=None,  # its lines are whoever runs us to format
        proxy_headers=True,
        forwarded_allow_ips=list(proxies),
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


@contextmanager
def _signals_end_only(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal end the server and not the process: uvicorn raises it once more when it is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
