"""What the DNS says. The one door for dnspython.

Rule 1. That a name is not there is an answer; that nobody answers is a `Silent`.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import dns.exception
import dns.rdatatype
import dns.resolver
import dns.reversename

from digest.errors import Silent, UsageError

#: Seconds for one question, asked again included.
PATIENCE = 5.0


class Names:
    """One resolver."""

    def __init__(self, resolver: dns.resolver.Resolver) -> None:
        self._resolver = resolver
        self._resolver.lifetime = PATIENCE

    @classmethod
    def of(cls, resolver: str) -> Names:
        """The resolver at `ADDRESS` or `ADDRESS:PORT`, or this machine's own if that is empty."""
        if not resolver:
            try:
                return cls(dns.resolver.Resolver())
            except dns.resolver.NoResolverConfiguration:
                raise UsageError("this machine has no resolver; name one with --resolver ADDRESS") from None
        host, _, port = resolver.rpartition(":") if resolver.count(":") == 1 else (resolver, "", "53")
        try:
            asked = dns.resolver.Resolver(configure=False)
            asked.nameservers, asked.port = [str(ip_address(host))], int(port)
        except ValueError:
            raise UsageError(
                f"a resolver is an address, and perhaps a port, as 9.9.9.9: {resolver!r}"
            ) from None
        return cls(asked)

    def texts(self, name: str) -> list[str]:
        """The TXT records of that name, each as one text (RFC 7208 3.3)."""
        return [b"".join(one.strings).decode("utf-8", "replace") for one in self._ask(name, "TXT")]

    def mail_servers(self, domain: str) -> list[str]:
        """Who takes mail for it, the preferred first; `.` is nobody (RFC 7505)."""
        found = sorted(self._ask(domain, "MX"), key=lambda one: (one.preference, one.exchange))
        return [one.exchange.to_text(omit_final_dot=len(one.exchange) > 1) for one in found]

    def addresses(self, name: str) -> list[str]:
        """Its addresses, of both kinds."""
        return [one.address for kind in ("A", "AAAA") for one in self._ask(name, kind)]

    def names(self, address: str) -> list[str]:
        """What that address is called."""
        reverse = dns.reversename.from_address(address).to_text()
        return [one.target.to_text(omit_final_dot=True) for one in self._ask(reverse, "PTR")]

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver.resolve(name, kind, search=False, raise_on_no_answer=False))
        except dns.resolver.NXDOMAIN:
            return []
        except dns.exception.DNSException as error:
            raise Silent(f"no name server answers for {name} ({type(error).__name__})") from None
