"""What a check says: a rule, how bad it is, what is wrong, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Severity(StrEnum):
    """How bad it is."""

    FAIL = "fail"  #: readers are hurt, or a mailbox provider refuses the message
    WARNING = "warning"  #: worth mending; the message may be sent


class Part(StrEnum):
    """Which part of a message a place is in."""

    HTML = "html"
    TEXT = "text"
    HEADERS = "headers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a message something is."""

    part: Part
    #: A CSS selector that matches one element of the part's document, the same in a browser; empty if it is in none.
    selector: str = ""
    #: Of the part, decoded, the first being 1.
    line: int | None = None

    def __str__(self) -> str:
        line = f" line {self.line}" if self.line else ""
        return f"{self.part}{line}" + (f", {self.selector}" if self.selector else "")


HEADERS = Place(part=Part.HEADERS)
TEXT = Place(part=Part.TEXT)
HTML = Place(part=Part.HTML)


class Fault(NamedTuple):
    """A finding that does not know yet of which rule it is."""

    severity: Severity
    message: str
    where: Place


#: What the check of a rule returns.
Faults: TypeAlias = Iterator[Fault]


def fail(message: str, where: Place) -> Fault:
    """What must be mended."""
    return Fault(Severity.FAIL, message, where)


def warn(message: str, where: Place) -> Fault:
    """What should be mended."""
    return Fault(Severity.WARNING, message, where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule found."""

    #: As `W03`; what the rule asks for is in `rules.RULES`.
    rule: str
    severity: Severity
    #: One line for whoever writes templates.
    message: str
    where: Place
