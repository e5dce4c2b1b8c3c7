"""All that is known of one message: what the rules find, how large it is, how it is read, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from digest.preview.checks.access import Contrast, contrasts
from digest.preview.checks.clients import MAIN, facts
from digest.preview.checks.compatibility import support
from digest.preview.checks.detector import Use, uses
from digest.preview.checks.finding import Finding, Place, Severity
from digest.preview.checks.page import CardSize
from digest.preview.checks.rules import RULES
from digest.preview.checks.specimen import Post, Specimen
from digest.preview.checks.structure import CLIP
from digest.preview.checks.style import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the HTML is, decoded: what Gmail counts."""

    bytes: int
    #: From here on it is hidden.
    limit: int = CLIP
    #: Each paper with what it takes, in order.
    cards: tuple[CardSize, ...]

    @property
    def room(self) -> int | None:
        """How many papers of the mean size would still fit; None if there is none to go by."""
        if not self.cards:
            return None
        mean = sum(card.bytes for card in self.cards) / len(self.cards)
        return max(0, int((self.limit - 1 - self.bytes) // mean))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSeen:
    """A link of the HTML, and where it goes."""

    text: str
    url: str
    shown: bool
    where: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What mail programs make of the message, by caniemail's facts; an approximation."""

    #: Percent over the main clients, and over all that caniemail knows; None if the message uses nothing known.
    main: float | None
    all: float | None
    #: Client's name: percent of what the message uses that it supports, at least in part.
    clients: tuple[tuple[str, float], ...]
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is told of a message."""

    findings: tuple[Finding, ...]
    size: Size
    contrasts: tuple[Contrast, ...]
    links: tuple[LinkSeen, ...]
    support: Support

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Those that must be mended."""
        return tuple(one for one in self.findings if one.severity is Severity.FAIL)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Those that should be."""
        return tuple(one for one in self.findings if one.severity is Severity.WARNING)


def findings(content: bytes, post: Post, quoted: Iterable[str] = ()) -> tuple[Finding, ...]:
    """What the rules find in a message, in the order of the rules; never an error, whatever the bytes are.

    `quoted`: texts that the message shows as they are, as the titles of its papers; what they hold is no fault.
    """
    return _findings(Specimen.of(content, post, quoted))


def inspect(content: bytes, post: Post, quoted: Iterable[str] = ()) -> Report:
    """The findings, as `findings` has them, and everything that the preview shows beside them."""
    seen = Specimen.of(content, post, quoted)
    anchors = seen.anchors
    return Report(
        findings=_findings(seen),
        size=Size(bytes=len(seen.html.encode()), cards=seen.page.spelling.cards),
        contrasts=tuple(one for mode in Mode for one in contrasts(seen, mode)),
        links=tuple(
            LinkSeen(text=one.text, url=one.url, shown=one.shown, where=seen.page.place(one.element))
            for one in anchors
        ),
        support=_support(uses(seen)),
    )


def _findings(seen: Specimen) -> tuple[Finding, ...]:
    return tuple(
        Finding(rule=rule.id, severity=fault.severity, message=fault.message, where=fault.where)
        for rule in RULES
        for fault in rule.look(seen)
    )


def _support(used: tuple[Use, ...]) -> Support:
    clients = facts().clients
    each = ((name, support(used, [one])) for one, name in clients.items())
    return Support(
        main=support(used, MAIN),
        all=support(used, clients),
        clients=tuple((name, share) for name, share in each if share is not None),
        uses=used,
    )
