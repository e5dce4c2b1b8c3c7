"""The values that settings hold, as a person writes them; each checked when loaded."""

from __future__ import annotations

import datetime as dt
import re
from importlib.metadata import entry_points
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from digest import address
from digest.errors import UsageError
from digest.model import SourceKind

#: The group of entry points by which installed packages add kinds of sources (README, "A source of your own").
EXTENSIONS = "daily_digest.sources"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def duration(value: object) -> object:
    """`90s`, `30m`, `18h`, `7d` or `1w` as a timedelta; other values are left for pydantic to refuse."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+)([smhdw])", value)):
        return dt.timedelta(seconds=int(match[1]) * UNITS[match[2]])
    if isinstance(value, dt.timedelta):
        return value
    raise ValueError("a duration is a whole number and s, m, h, d or w, as 18h")


Duration = Annotated[dt.timedelta, BeforeValidator(duration)]


def source_kind(value: object) -> str:
    """A kind of source, ours or an installed package's; ValueError names them all."""
    kinds = [*SourceKind, *sorted({point.name for point in entry_points(group=EXTENSIONS)} - {*SourceKind})]
    if value not in kinds:
        raise ValueError(f"the kinds of source are {', '.join(kinds)}")
    return str(value)


def mailbox(value: str) -> str:
    """A mailbox as `Name <local@domain>`, checked when loaded."""
    try:
        address.mailbox(value)
    except UsageError as error:
        raise ValueError(str(error)) from None  # pydantic collects ValueErrors only
    return value


def bare_address(value: str) -> str:
    """A bare address, checked when loaded."""
    try:
        return address.normalised(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


def optional_address(value: str) -> str:
    """A bare address or nothing."""
    return bare_address(value) if value else value


def is_address(url: str) -> bool:
    """Whether a source can be asked there."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port or an IPv6 address that is none
        return False
