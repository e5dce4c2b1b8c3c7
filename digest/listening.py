"""Where pages are served: a port of this machine, opened; and whether only this machine can reach it."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence

from digest.errors import UsageError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. UsageError if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen there ({reason}); give another --host or --port: {host}:{port}"
        ) from None
    # What is accepted inherits it. asyncio would set it only where the socket was made for TCP by number, and without
    # it the second half of an answer waits for the client's delayed ACK: 40 milliseconds.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def url_of(listening: socket.socket) -> str:
    """The URL of what listens there."""
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def names_loopback(hosts: Sequence[str]) -> bool:
    """Whether a request's Host headers are one, and name this machine (RFC 9110 7.2).

    Read here and by no framework: a name that is none, which a browser may send all the same, is refused.
    """
    found = (
        re.fullmatch(r"([a-z0-9.]+|\[[0-9a-f:]+\])(:\d{1,5})?", hosts[0].lower()) if len(hosts) == 1 else None
    )
    return found is not None and is_loopback(found[1].strip("[]"))


def is_loopback(host: str) -> bool:
    """Whether that name or address is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
