"""All that is known of one message: what the rules find, how it is read, and by what programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from digest.preview.checks.access import Contrast, contrasts
from digest.preview.checks.clients import MAIN
from digest.preview.checks.compatibility import support
from digest.preview.checks.detector import Use, uses
from digest.preview.checks.finding import Finding
from digest.preview.checks.rules import RULES
from digest.preview.checks.specimen import Post, Specimen
from digest.preview.checks.style import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What mail programs make of the message, by caniemail's facts; an approximation."""

    #: Percent over the main clients; None if the message uses nothing known.
    main: float | None
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is told of a message."""

    findings: tuple[Finding, ...]
    contrasts: tuple[Contrast, ...]
    support: Support


def findings(content: bytes, post: Post, quoted: Iterable[str] = ()) -> tuple[Finding, ...]:
    """What the rules find in a message, in the order of the rules; never an error, whatever the bytes are.

    `quoted`: texts that the message shows as they are, as the titles of its papers; what they hold is no fault.
    """
    return _findings(Specimen.of(content, post, quoted))


def inspect(content: bytes, post: Post, quoted: Iterable[str] = ()) -> Report:
    """The findings, as `findings` has them, and everything that the preview shows beside them."""
    seen = Specimen.of(content, post, quoted)
    used = uses(seen)
    return Report(
        findings=_findings(seen),
        contrasts=tuple(one for mode in Mode for one in contrasts(seen, mode)),
        support=Support(main=support(used, MAIN), uses=used),
    )


def _findings(seen: Specimen) -> tuple[Finding, ...]:
    return tuple(
        Finding(rule=rule.id, severity=fault.severity, message=fault.message, where=fault.where)
        for rule in RULES
        for fault in rule.look(seen)
    )
