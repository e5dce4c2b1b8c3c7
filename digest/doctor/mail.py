"""Whether mail would leave, and be believed: the relay, and what the DNS says of our names."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator

from digest.config import Settings
from digest.deliver.dkim import Signer
from digest.deliver.message import signer_of
from digest.deliver.smtp import Smtp
from digest.doctor.finding import Finding, bad, doubtful, well
from digest.doctor.names import Names
from digest.doctor.tls import certificate
from digest.errors import DeliveryError, Silent

#: RFC 7208 4.6.4: what costs a lookup, of which there may be ten.
COSTLY = re.compile(r"[+?~-]?(include:|a\b|mx\b|ptr\b|exists:)|redirect=", re.IGNORECASE)
MOST_LOOKUPS = 10


def examine(settings: Settings, names: Names, now: dt.datetime) -> Iterator[Finding]:
    """All of it, where mail leaves at all."""
    mail = settings.mail
    if mail.transport == "files":
        yield doubtful("relay", "nothing is sent: mails are written to files", 'Set mail.transport = "smtp".')
        return
    yield from relay(settings, now)
    if mail.domain in {"example.org", "example.com"}:
        yield bad(
            "sender", f"mail.from is still the example, {mail.sender}", "Set it to an address of yours."
        )
        return
    envelope = mail.bounce_address.rpartition("@")[2] or mail.domain
    checks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("mx", lambda: mx(envelope, names)),
        ("spf", lambda: spf(envelope, names)),
        ("dkim", lambda: dkim(signer_of(settings), names)),
        ("dmarc", lambda: dmarc(mail.domain, names)),
    )
    for name, check in checks:
        try:
            yield check()
        except Silent as silent:
            yield bad(name, str(silent), "See whether the domain exists, and ask another with --resolver.")


def relay(settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    """Connect, secure and log in, and send nothing."""
    mail = settings.mail
    try:
        with Smtp.of(mail) as line:
            how = f"{mail.security}, " + ("logged in" if mail.username else "no login asked for")
            yield well("relay", f"{mail.host} answers ({how})")
            ends = line.certificate_ends()
    except DeliveryError as error:
        yield bad("relay", str(error), "Nothing can be sent until it can be used.")
        return
    if ends:
        yield certificate("relay certificate", ends, now)


def mx(domain: str, names: Names) -> Finding:
    """Whether what comes back finds its way."""
    servers = names.mail_servers(domain)
    if servers and servers != ["."]:
        return well("mx", f"mail to {domain} goes to {servers[0]}")
    if not servers and names.addresses(domain):
        return well("mx", f"mail to {domain} goes to its own address")
    return bad("mx", f"nobody takes mail for {domain}", "Publish an MX record, or bounces are lost.")


def spf(domain: str, names: Names) -> Finding:
    """Who may send for the envelope's domain (RFC 7208)."""
    found = [text for text in names.texts(domain) if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]
    if len(found) != 1:
        advice = 'Publish one TXT record, as "v=spf1 include:RELAY -all"; your relay says which.'
        return bad("spf", f"{domain} has {len(found)} SPF records", advice)
    words = found[0].split()[1:]
    if sum(bool(COSTLY.match(word)) for word in words) > MOST_LOOKUPS:
        return bad("spf", f"more than {MOST_LOOKUPS} lookups: receivers ignore it", "Take some out.")
    if {"+all", "all"} & {word.lower() for word in words}:
        return bad("spf", f"{domain} lets everybody send ({found[0]!r})", "End it with -all.")
    if not re.search(r"[?~-]all\b|redirect=", found[0], re.IGNORECASE):
        return doubtful("spf", f"it has no end ({found[0]!r})", "End it with -all or ~all.")
    return well("spf", found[0])


def dkim(signer: Signer | None, names: Names) -> Finding:
    """Whether what is published is the key that signs (RFC 6376 3.6.1)."""
    if signer is None:
        return well(
            "dkim", "the relay is to sign: not ours to check; `digest send-test` to a mailbox shows it"
        )
    name, value = signer.record
    found = [tags(text) for text in names.texts(name)]
    if not found:
        return bad("dkim", f"there is no record at {name}", "Publish what `digest dkim` prints.")
    if not any(one.get("p") == tags(value)["p"] for one in found):
        return bad(
            "dkim", f"the key at {name} is not the one that signs", "Publish what `digest dkim` prints."
        )
    return well("dkim", f"{name} holds our key")


def dmarc(domain: str, names: Names) -> Finding:
    """What receivers are to do with mail that only says it is ours; the domain's own, or of one above it."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = f"_dmarc.{'.'.join(labels[start:])}"
        found = [tags(text) for text in names.texts(name) if tags(text).get("v") == "DMARC1"]
        if len(found) == 1 and found[0].get("p"):
            return well("dmarc", f"{name} says p={found[0]['p']}")
        if found:
            return bad("dmarc", f"{name} has {len(found)} records or no p=", "Publish one, with a p=.")
    advice = 'Publish TXT "v=DMARC1; p=none; rua=mailto:YOU" at _dmarc; large receivers ask for one.'
    return doubtful("dmarc", f"{domain} has no DMARC record", advice)


def tags(record: str) -> dict[str, str]:
    """A list of tags and values (RFC 6376 3.2)."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip(): re.sub(r"\s", "", value) for name, _, value in pairs}
