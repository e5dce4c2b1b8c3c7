"""What somebody agrees to, and what is kept of it."""

from __future__ import annotations

import datetime as dt
import ipaddress

from digest.config import Site
from digest.languages import Language
from digest.model import Consent, ConsentMethod

#: Where a form came from is kept for so long, and as coarsely as this: the length of a prefix by IP version.
NETWORK_LIFETIME = dt.timedelta(days=30)
KEPT_BITS = {4: 24, 6: 48}
#: What a consent rests on that the operator vouches for.
VOUCHED = {
    ConsentMethod.OPERATOR: "added as confirmed by the operator",
    ConsentMethod.IMPORT: "imported as confirmed by the operator",
    ConsentMethod.API: "added as confirmed through the API",
    ConsentMethod.CONFIGURATION: "listed under [[readers]] by the operator",
}


def wording(site: Site, language: Language) -> str:
    """What stands at the form and at the button that confirms, word for word."""
    return language.gettext(
        "You agree that %(site)s mails you its digest, at most once a day, until you unsubscribe, and keeps for"
        " this what its privacy page says.",
        site=site.name,
    )


def by_form(site: Site, language: Language, page: str, network: str, now: dt.datetime) -> Consent:
    """Somebody sent a form to that page of ours, from that network."""
    return Consent(
        at=now,
        method=ConsentMethod.FORM,
        wording=wording(site, language),
        url=f"{site.url}/{page}",
        network=truncated(network),
    )


def vouched(method: ConsentMethod, now: dt.datetime, basis: str = "") -> Consent:
    """The operator says that they agreed, and on what it rests if they know."""
    return Consent(at=now, method=method, wording=basis or VOUCHED[method], confirmed_at=now)


def truncated(network: str) -> str:
    """The /24 or /48 around an address or a network; empty for what is neither."""
    try:
        known = ipaddress.ip_network(network, strict=False)
    except ValueError:
        return ""
    kept = KEPT_BITS[known.version]
    return str(known.supernet(new_prefix=kept) if known.prefixlen > kept else known)
