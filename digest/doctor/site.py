"""Our own pages as the world sees them: their name, their certificate, and what time it is there."""

from __future__ import annotations

import datetime as dt
import http.client
import ssl
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from digest.config import Site
from digest.doctor.finding import Finding, bad, doubtful, well
from digest.doctor.names import Names
from digest.doctor.tls import certificate
from digest.errors import Silent
from digest.listening import is_loopback

#: Seconds for the connection, and for each answer.
PATIENCE = 10.0
#: A clock that is off by so much sends too early, or finds signatures old.
OFF, FAR_OFF = dt.timedelta(minutes=1), dt.timedelta(minutes=5)


def examine(
    site: Site, names: Names, tls: ssl.SSLContext, clock: Callable[[], dt.datetime]
) -> Iterator[Finding]:
    """All of it, where there are pages."""
    if site.personal:
        yield well("site", "personal mode: no pages, no links back")
        return
    host = urlsplit(site.url).hostname or ""
    yield from pages(site, tls, clock)
    if not is_loopback(host):
        try:
            yield from called(host, names)
        except Silent as silent:
            yield bad("name", str(silent), "See whether it is published, and ask another with --resolver.")


def pages(site: Site, tls: ssl.SSLContext, clock: Callable[[], dt.datetime]) -> Iterator[Finding]:
    """Ask for /healthz: the answer, the certificate, the Date."""
    parts = urlsplit(site.url)
    if parts.scheme == "https":
        asked: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.netloc, timeout=PATIENCE, context=tls
        )
    else:
        asked = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        asked.request("HEAD", f"{parts.path}/healthz")
        # Read before the answer, which may close it.
        ends = ends_of(asked.sock) if isinstance(asked.sock, ssl.SSLSocket) else None
        answer = asked.getresponse()
    except ssl.SSLCertVerificationError as error:
        yield bad("site certificate", error.verify_message, "Nobody can open the pages: renew or replace it.")
        return
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        yield bad(
            "site", f"{site.url} does not answer ({why})", "Start `digest serve`, and see the proxy's log."
        )
        return
    finally:
        asked.close()
    if answer.status == http.client.OK:
        yield well("site", f"{site.url} answers")
    else:
        advice = "See whether the proxy leads to `digest serve`."
        yield bad("site", f"{site.url}/healthz answered {answer.status}", advice)
    if ends:
        yield certificate("site certificate", ends, clock())
    if date := answer.headers.get("Date"):
        yield same_time(date, clock())


def ends_of(connection: ssl.SSLSocket) -> dt.datetime:
    """Until when the other side's certificate is good."""
    ends = str((connection.getpeercert() or {})["notAfter"])
    return dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), dt.UTC)


def same_time(date: str, now: dt.datetime) -> Finding:
    """Our clock beside that of who answered; on one machine they are the same, and this says nothing."""
    try:
        off = abs(now - parsedate_to_datetime(date))
    except (ValueError, TypeError):
        return doubtful("clock", f"cannot read the site's Date {date!r}", "See what stands before it.")
    text = f"{off.total_seconds():.0f} s from the site's"
    if off > FAR_OFF:
        return bad("clock", text, "Set the clock, by NTP: hours and signatures depend on it.")
    return doubtful("clock", text, "Set the clock, by NTP.") if off > OFF else well("clock", text)


def called(host: str, names: Names) -> Iterator[Finding]:
    """Whether the site's name has an address, and the address that name."""
    addresses = names.addresses(host)
    if not addresses:
        yield bad("name", f"{host} has no address", "Publish an A or AAAA record.")
        return
    yield well("name", f"{host} is {', '.join(addresses)}")
    for one in addresses:
        back = names.names(one)
        if not any(one in names.addresses(name) for name in back):
            advice = "It matters only if mail leaves from this address: then ask whoever gave it to you."
            yield doubtful("reverse name", f"{one} is called {', '.join(back) or 'nothing'}", advice)
            return
    yield well("reverse name", "the addresses lead back to names that lead to them")
