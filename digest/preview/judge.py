"""Where the pages ask the checker: what it says, in the values that the pages show."""

from __future__ import annotations

from digest.preview.checks import Post, inspect
from digest.preview.checks.access import Contrast
from digest.preview.checks.clients import MAIN, Answer, facts
from digest.preview.checks.detector import Use
from digest.preview.checks.finding import Finding as Found
from digest.preview.checks.rules import RULES
from digest.preview.checks.spam import spam_score
from digest.preview.look import Mode
from digest.preview.report import ClientRow, ContrastRow, Finding, Report, Spam
from digest.preview.sheet import Sheet


class Checker:
    """The rules of `digest.preview.checks`."""

    def report(self, sheet: Sheet) -> Report:
        """What they find in a message."""
        post = Post.of(sheet.kind, personal=sheet.personal)
        found = inspect(sheet.raw, post, sheet.quoted)
        asks = {rule.id: rule.title for rule in RULES}
        return Report(
            findings=tuple(_finding(one, asks[one.rule]) for one in found.findings),
            contrast=tuple(map(_contrast, found.contrasts)),
            clients=tuple(row for use in found.support.uses if (row := _client(use))),
            support=found.support.main,
        )

    def spam(self, sheet: Sheet) -> Spam | None:
        """What SpamAssassin says of it."""
        found = spam_score(sheet.raw)
        if found is None:
            return None
        return Spam(score=found.score, rules=tuple((one.name, one.points, one.text) for one in found.rules))


def _finding(found: Found, asks: str) -> Finding:
    where = found.where
    return Finding(
        rule=found.rule,
        asks=asks,
        severity=found.severity.value,
        message=found.message,
        part=where.part.value,
        selector=where.selector,
        line=where.line,
    )


def _contrast(found: Contrast) -> ContrastRow:
    return ContrastRow(
        mode=Mode(found.mode.value),
        sample=found.sample,
        ink=str(found.text),
        ground=str(found.ground),
        ratio=found.ratio,
        needed=found.needed,
        selector=found.where.selector,
    )


def _client(use: Use) -> ClientRow | None:
    """A feature that some main mail program has not, or in part; None if all have it."""
    feature, names = use.feature, facts().clients
    without = tuple(names[one] for one in feature.lacking(MAIN))
    partly = tuple(names[one] for one in MAIN if feature.answers[one] is Answer.PARTLY)
    place = next(iter(use.places), None)
    if not without and not partly:
        return None
    return ClientRow(
        feature=feature.title,
        url=feature.url,
        without=without,
        partly=partly,
        selector=place.selector if place else "",
        line=place.line if place else None,
    )
