"""What tells a program that fills in the form from a person: a field that nobody sees, and haste.

Rule 1. A program is answered as everybody is, and nothing of it is kept.
Rule 2. Only what is certain counts: a form that is old, was kept by a browser or never saw our page is a person's.
"""

from __future__ import annotations

import datetime as dt

from digest.links import Links
from digest.web.forms import SignUp

#: Nobody reads a page and types an address within this.
LEAST = dt.timedelta(seconds=2)


def stamp(links: Links, now: dt.datetime) -> str:
    """When a form was shown, signed: it goes with the form and comes back with it."""
    at = str(round(now.timestamp() * 1000))
    return f"{at}.{links.fingerprint('shown', at)}"


def by_machine(typed: SignUp, links: Links, now: dt.datetime) -> bool:
    """Whether a program filled in that form, for all that can be told."""
    return bool(typed.homepage) or _hasty(typed.shown, links, now)


def _hasty(shown: str, links: Links, now: dt.datetime) -> bool:
    at, _, signature = shown.partition(".")
    # A clock that was ahead when the form was shown says nothing.
    return (
        links.vouches(signature, "shown", at)
        and 0 <= now.timestamp() - int(at) / 1000 < LEAST.total_seconds()
    )
