"""The one door for httpcore. Which machines may be dialled: a name is resolved once, and the very address that was checked is dialled.

Rule 1. Checking a name, or an address before the connection asks for it again, is no check: the second answer
        of a name server may differ from the first (rebinding).
Rule 2. Whoever may not be dialled is not dialled: no packet leaves for them.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from typing import TypeAlias

import httpcore2

Address: TypeAlias = IPv4Address | IPv6Address
#: The addresses of a name, in the order in which to try them; OSError if it has none.
Resolve: TypeAlias = Callable[[str], list[str]]

#: Where the public internet lives in IPv6 (RFC 4291, 2.4), and how IPv4 is reached from there (RFC 6052).
PUBLIC_V6 = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
#: Not public by IANA's special-purpose registries (RFC 6890, 7526, 9637), but by some Pythons' `is_global`.
SPECIAL_V4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
SPECIAL_V6 = IPv6Network("3fff::/20")


def public(address: Address) -> bool:
    """Whether an address belongs to the public internet, whatever IPv4 address is wrapped in it included."""
    if isinstance(address, IPv4Address):
        special = any(address in network for network in SPECIAL_V4)
        return address.is_global and not address.is_multicast and not special
    if address.ipv4_mapped:
        return public(address.ipv4_mapped)
    if address in NAT64:
        return public(IPv4Address(int(address) & 0xFFFFFFFF))
    tunnelled = address.sixtofour is not None or address.teredo is not None
    return address in PUBLIC_V6 and address not in SPECIAL_V6 and address.is_global and not tunnelled


def anywhere(_address: Address) -> bool:
    """`fetch.allow_private_networks`: every address will do."""
    return True


def system(host: str) -> list[str]:
    """What the operating system resolves a name to; numbers in every spelling (`0x7f.1`) are names to it."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Dialler(httpcore2.SyncBackend):
    """httpcore's way to the network, by addresses that are permitted only, and all of it within one time."""

    def __init__(self, permitted: Callable[[Address], bool], resolve: Resolve) -> None:
        super().__init__()
        self._permitted = permitted
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Dial the first permitted address that answers; PermissionError if none is permitted."""
        ends = time.monotonic() + (timeout or 0)
        refused: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in self.addresses(host, timeout):
            try:
                left = max(ends - time.monotonic(), 0.001)
                return super().connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                refused = error
        raise refused or httpcore2.ConnectError(f"no address: {host!r}")

    def addresses(self, host: str, seconds: float | None) -> list[str]:
        """The permitted addresses of a host."""
        found = [one.partition("%")[0] for one in within(seconds, lambda: self._resolve(host))]
        permitted = [one for one in found if self._permitted(ip_address(one))]
        if found and not permitted:
            raise PermissionError(
                f"{host} is not on the public internet; if that is meant, set fetch.allow_private_networks: {found[0]!r}"
            )
        return permitted


def connections(
    tls: ssl.SSLContext, permitted: Callable[[Address], bool], resolve: Resolve
) -> httpcore2.ConnectionPool:
    """Connections to permitted addresses only."""
    return httpcore2.ConnectionPool(ssl_context=tls, network_backend=Dialler(permitted, resolve))


def within(seconds: float | None, resolve: Callable[[], list[str]]) -> list[str]:
    """What a name resolves to, or ConnectTimeout: the system's resolver knows no deadline of ours."""
    answers: SimpleQueue[list[str] | OSError | UnicodeError] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve())
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise httpcore2.ConnectTimeout("the name was not resolved in time") from None
    if isinstance(answer, Exception):
        raise httpcore2.ConnectError(str(answer)) from answer
    return answer
