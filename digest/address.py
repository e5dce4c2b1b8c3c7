"""E-mail addresses: the one door for email-validator."""

from __future__ import annotations

from email.headerregistry import Address
from email.utils import parseaddr

from email_validator import EmailNotValidError, validate_email

from digest.errors import BadAddress

#: RFC 5321 4.5.3.1.3: a path is at most 256 octets with its angle brackets.
LONGEST_OCTETS = 254


def normalised(text: str) -> str:
    """Return the address as we store and write it: domain in lower case IDNA, local part as given.

    Raises BadAddress for anything that is not one plain ASCII-local-part address: control characters
    (header injection), more than 254 octets, a missing or single-label domain, quoted local parts.
    """
    stripped = text.strip()
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in stripped):
        raise BadAddress(f"an address holds no control characters: {stripped!r}")
    if len(stripped.encode(errors="replace")) > LONGEST_OCTETS:
        raise BadAddress(f"an address has at most {LONGEST_OCTETS} octets: {stripped[:40]!r}…")
    try:
        # Special-use names (.test, .local) are allowed: a lab's own mail system may use them.
        found = validate_email(
            stripped, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise BadAddress(f"not an e-mail address ({str(error).rstrip('.')}): {stripped!r}") from None
    domain = found.ascii_domain.lower()
    if "." not in domain and domain != "localhost":
        raise BadAddress(f"the domain of an address has a dot, as in reader@example.org: {stripped!r}")
    return f"{found.local_part}@{domain}"


def key(address: str) -> str:
    """What two addresses of one person have in common: compared without case."""
    return address.casefold()


def mailbox(text: str) -> Address:
    """Parse `Name <local@domain>` or a bare address, as in `mail.from`. Raises BadAddress."""
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in text):
        raise BadAddress(f"a mailbox holds no control characters: {text!r}")
    name, spec = parseaddr(text)
    local, _, domain = normalised(spec or text).rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def masked(address: str) -> str:
    """An address that a page or a log line may show: `v•••n@example.org`."""
    local, _, domain = address.rpartition("@")
    shown = local[0] + "•••" + (local[-1] if len(local) > 2 else "") if local else "•••"
    return f"{shown}@{domain}"
