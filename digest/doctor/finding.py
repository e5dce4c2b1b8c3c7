"""What one check found: Finding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"  #: it works, and should be looked at
    BAD = "bad"  #: it does not work, or will not for long


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    #: What, as `spf`.
    name: str
    verdict: Verdict
    #: How it is.
    text: str
    #: What to do; empty if it is well.
    advice: str = ""


def well(name: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(name=name, verdict=Verdict.OK, text=text)


def doubtful(name: str, text: str, advice: str) -> Finding:
    """It should be looked at."""
    return Finding(name=name, verdict=Verdict.WARN, text=text, advice=advice)


def bad(name: str, text: str, advice: str) -> Finding:
    """It is broken."""
    return Finding(name=name, verdict=Verdict.BAD, text=text, advice=advice)
