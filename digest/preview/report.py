"""What a checker says of a message, as the pages show it; `judge.py` is where one is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from digest.preview.look import Mode
from digest.preview.sheet import Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule found."""

    #: As `W03`, and what the rule asks for.
    rule: str
    asks: str = ""
    #: `fail` or `warning`.
    severity: str
    message: str
    #: `html`, `text` or `headers`.
    part: str = "html"
    #: A CSS selector of the element; empty if it is in none.
    selector: str = ""
    #: Of the part, the first being 1.
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastRow:
    """How well a text can be read on its ground (WCAG 1.4.3)."""

    mode: Mode
    sample: str
    #: Colours as `#1c1917`.
    ink: str
    ground: str
    ratio: float
    needed: float
    selector: str = ""

    @property
    def passes(self) -> bool:
        """Whether it is enough."""
        return self.ratio >= self.needed


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRow:
    """A feature of HTML or CSS that some mail programs do not have."""

    feature: str
    #: The page that says who has it; empty if there is none.
    url: str = ""
    #: Names of those that lack it, and of those that have it in part.
    without: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
    #: Of an element that needs it; empty if no single one does.
    selector: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spam:
    """What SpamAssassin says, on this machine and without asking another."""

    score: float
    #: Name, points and text of each rule that fired.
    rules: tuple[tuple[str, float, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was found."""

    findings: tuple[Finding, ...] = ()
    contrast: tuple[ContrastRow, ...] = ()
    clients: tuple[ClientRow, ...] = ()
    #: 0..100, of mail programs by how many read with them; None if it was not reckoned.
    support: float | None = None

    @property
    def failures(self) -> int:
        """How many findings must be mended."""
        return sum(one.severity == "fail" for one in self.findings)

    @property
    def warnings(self) -> int:
        """How many should be."""
        return len(self.findings) - self.failures


class Judge(Protocol):
    """Checks a message; never raises for what is in it."""

    def report(self, sheet: Sheet) -> Report:
        """Everything that the rules find in it."""

    def spam(self, sheet: Sheet) -> Spam | None:
        """What SpamAssassin says, which takes seconds; None where it is not installed."""
