"""The values that settings hold, as a person writes them; each checked when loaded."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import re
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from digest import address, languages
from digest.errors import UsageError
from digest.model import Days, SourceKind, clock_time, zone

#: The group of entry points by which installed packages add kinds of sources (README, "A source of your own").
EXTENSIONS = "daily_digest.sources"
#: Characters before the @ of an address to which each message adds a token (`deliver.verp`).
LONGEST_LOCAL_PART = 18
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
#: An instant so far back is still a date.
LONGEST_DAYS = 3660


def duration(value: object) -> dt.timedelta:
    """`90s`, `30m`, `18h`, `7d` or `1w` as a timedelta."""
    if isinstance(value, dt.timedelta):
        return value
    if not isinstance(value, str) or not (match := re.fullmatch(r"(\d{1,12})([smhdw])", value)):
        raise ValueError("a duration is a whole number and s, m, h, d or w, as 18h")
    seconds = int(match[1]) * UNITS[match[2]]
    if seconds > LONGEST_DAYS * UNITS["d"]:
        raise ValueError(f"a duration is at most {LONGEST_DAYS}d")
    return dt.timedelta(seconds=seconds)


def some(value: dt.timedelta) -> dt.timedelta:
    """A duration in which something can happen."""
    if not value:
        raise ValueError("nothing can be done in no time")
    return value


Duration = Annotated[dt.timedelta, BeforeValidator(duration)]
#: A duration that is not zero.
Time = Annotated[Duration, AfterValidator(some)]


def at_least(days: int) -> AfterValidator:
    """A duration of so many days or more."""

    def check(value: dt.timedelta) -> dt.timedelta:
        if value < dt.timedelta(days=days):
            raise ValueError(f"at least {days}d, since it is still needed that long")
        return value

    return AfterValidator(check)


def source_kind(value: object) -> str:
    """A kind of source, ours or an installed package's; ValueError names them all."""
    kinds = [*SourceKind, *sorted({point.name for point in entry_points(group=EXTENSIONS)} - {*SourceKind})]
    if value not in kinds:
        raise ValueError(f"the kinds of source are {', '.join(kinds)}")
    return str(value)


#: What stands before the name of a model of that library in `ranking.embedder`.
NEURAL = "sentence-transformers:"


def known_embedder(value: str) -> str:
    """`default`, or `sentence-transformers:` and the name or folder of a model."""
    if value != "default" and (not value.startswith(NEURAL) or not value.removeprefix(NEURAL).strip()):
        raise ValueError(f"the embedder is default or {NEURAL}MODEL, a model's name or folder")
    return value


def readable_by(read: Callable[[str], object]) -> AfterValidator:
    """A text that stays as it is written, and that `read` can read."""

    def check(value: str) -> str:
        try:
            read(value)
        except UsageError as error:
            raise ValueError(str(error)) from None  # pydantic collects ValueErrors only
        return value

    return AfterValidator(check)


#: `Name <local@domain>`.
Mailbox = Annotated[str, readable_by(address.mailbox)]
Timezone = Annotated[str, readable_by(zone)]
#: `HH:MM`.
TimeOfDay = Annotated[str, readable_by(clock_time)]
#: `daily`, `weekdays`, `weekly:fri` or `mon,thu`.
Weekdays = Annotated[str, readable_by(Days)]


def bare_address(value: str) -> str:
    """A bare address, checked when loaded."""
    try:
        return address.normalised(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


def language(value: object) -> str:
    """The code of a language that is there; ValueError names them all."""
    if value not in (known := languages.codes()):
        raise ValueError(f"the languages are {', '.join(known)}")
    return str(value)


Language = Annotated[str, BeforeValidator(language)]


def one_line(value: str) -> str:
    """Text without control characters."""
    if any(ord(c) < 0x20 for c in value):
        raise ValueError("write it on one line, without control characters")
    return value


#: The grounds of the templates' style sheets (style.css, head.css).
LIGHT, DARK = "#ffffff", "#161514"
#: WCAG 2.2, 1.4.3.
LEAST_CONTRAST = 4.5


def on_light(value: object) -> str:
    """A colour that can be read on the light ground."""
    return _readable(value, LIGHT, "a darker one")


def on_dark(value: object) -> str:
    """A colour that can be read on the dark ground."""
    return _readable(value, DARK, "a lighter one")


def _readable(value: object, ground: str, instead: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError("a colour is written as #1d4ed8")
    if (ratio := contrast(value, ground)) < LEAST_CONTRAST:
        raise ValueError(
            f"its contrast to the ground {ground} is {ratio:.2f}, and text needs {LEAST_CONTRAST}; choose {instead}"
        )
    return value.lower()


def contrast(colour: str, ground: str) -> float:
    """From 1 to 21 (WCAG 2.2, "contrast ratio"); both as `#1d4ed8`."""
    darker, lighter = sorted((_luminance(colour), _luminance(ground)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def several(value: object) -> object:
    """A list as it is; a text, as the environment has it, divided at commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def network(value: str) -> str:
    """An IP address or a network, as 10.0.0.0/8."""
    try:
        return str(ipaddress.ip_network(value)) if "/" in value else str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("write IP addresses or networks, as 127.0.0.1 or 10.0.0.0/8") from None


def optional_address(value: str) -> str:
    """A bare address or nothing."""
    return bare_address(value) if value else value


def short(value: str) -> str:
    """An address whose local part leaves room for a token of 45 characters in 64."""
    if len(value.rpartition("@")[0]) > LONGEST_LOCAL_PART:
        raise ValueError(
            f"at most {LONGEST_LOCAL_PART} characters before the @, since each message adds a token there"
        )
    return value


def is_source_url(url: str) -> bool:
    """Whether a source can be asked there."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port or an IPv6 address that is none
        return False


def signing_key(secret: SecretStr) -> bytes:
    """The octets of a secret of Standard Webhooks; none if it is not base64."""
    try:
        return base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
    except ValueError:
        return b""
