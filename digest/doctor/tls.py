"""How long a certificate is still good."""

from __future__ import annotations

import datetime as dt

from digest.doctor.finding import Finding, bad, doubtful, well

#: Certificates are renewed a month before their end, or a third of their life: later than this it was forgotten.
SOON, NOW = dt.timedelta(days=14), dt.timedelta(days=3)


def certificate(name: str, ends: dt.datetime, now: dt.datetime) -> Finding:
    """What is left of it."""
    left = ends - now
    text = f"good until {ends:%Y-%m-%d}"
    if left < NOW:
        return bad(name, text, "Renew it now: without it nobody connects.")
    if left < SOON:
        return doubtful(name, text, "See why it was not renewed.")
    return well(name, text)
