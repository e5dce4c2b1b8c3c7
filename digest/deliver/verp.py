"""The envelope's sender names the delivery, so that what comes back says for whom (VERP).

`bounces@example.org` becomes `bounces+{kind}{date}{number}-{subscriber}-{mac}@example.org`: the kind's first letter,
the local date as the number of a day in five hexadecimal digits, the hexadecimal number that tells several of a day
apart, if there is one, the opaque id of the subscriber, and 80 bits of an HMAC under the site's secret. All of it
survives a server that changes case, and nobody else can make one.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from digest.links import SHORTEST, Links
from digest.model import DeliveryKind, Origin, Plan

#: RFC 5321 4.5.3.1.1.
LONGEST_LOCAL_PART = 64

_KINDS = {kind[0]: kind for kind in DeliveryKind}
assert len(_KINDS) == len(DeliveryKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verp:
    """Writes and reads the senders of one bounce address."""

    #: A plain address: `mail.bounce_address`.
    address: str
    links: Links

    def sender(self, plan: Plan) -> str:
        """The envelope's sender of that delivery; the same for every attempt."""
        local, _, domain = self.address.rpartition("@")
        day = f"{plan.kind[0]}{plan.local_date.toordinal():05x}" + (f"{plan.number:x}" if plan.number else "")
        mac = self.links.fingerprint("bounce", day, plan.reader.id)[:SHORTEST]
        return f"{local}+{day}-{plan.reader.id}-{mac}@{domain}"

    def origin(self, recipient: str) -> Origin | None:
        """The delivery that a sender of ours stood for; None if it is not one of ours, or forged."""
        local, _, domain = recipient.strip().lower().rpartition("@")
        ours, _, ours_domain = self.address.lower().rpartition("@")
        if domain != ours_domain or not local.startswith(f"{ours}+"):
            return None
        token, _, mac = local.removeprefix(f"{ours}+").rpartition("-")
        day, _, subscriber = token.partition("-")
        if not self.links.vouches(mac, "bounce", day, subscriber):
            return None
        date = dt.date.fromordinal(int(day[1:6], 16))
        number = int(day[6:] or "0", 16)
        return Origin(subscriber=subscriber, kind=_KINDS[day[0]], local_date=date, number=number)
