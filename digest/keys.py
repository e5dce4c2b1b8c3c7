"""Keys to the API: made once, shown once, and recognised ever after by their hash."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets

from digest.errors import UsageError
from digest.model import ApiKey, Scope
from digest.service import Service

#: So that scanners of source code can tell what somebody has put there by mistake.
PREFIX = "digest_"
#: 256 bits.
OCTETS = 32


def add(day: Service, name: str, scope: Scope, now: dt.datetime) -> str:
    """A new key, which is kept nowhere; UsageError if the name is taken, or none."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", name):
        raise UsageError(
            f"the name of a key is 1 to 40 letters, digits, dots, dashes or underscores: {name!r}"
        )
    key = PREFIX + secrets.token_urlsafe(OCTETS)
    day.store.keys.add(ApiKey(name=name, scope=scope, created_at=now), hashed(key))
    return key


def holder(day: Service, key: str) -> ApiKey | None:
    """Whose key that is, if it is one."""
    return day.store.keys.of(hashed(key))


def hashed(key: str) -> str:
    """What is kept of a key. A plain hash will do: nobody can try 256 random bits."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
