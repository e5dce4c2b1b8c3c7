"""Checks every fixture in every language, with the renderer that makes real messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from digest.config import Settings
from digest.model import DeliveryKind, Message
from digest.preview.checks import Finding, Post, Severity, findings
from digest.preview.fixtures import Fixture, fixtures, stage
from digest.preview.proof import proofread

#: In which fixtures are made.
LANGUAGES = ("en",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A fixture's message in a language, and what the rules find in it."""

    fixture: Fixture
    language: str
    message: Message
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """As `quiet.en`."""
        return f"{self.fixture.name}.{self.language}"

    @property
    def failures(self) -> int:
        """How many findings must be mended."""
        return sum(one.severity is Severity.FAIL for one in self.findings)


def sweep(
    settings: Settings, templates: Path | None, languages: Iterable[str] = LANGUAGES
) -> Iterator[Checked]:
    """Every fixture in each language; the first RenderError if a template is broken, a card's too."""
    proofread(templates)
    with stage(settings, templates) as day:
        for fixture in fixtures():
            post = Post.of(fixture.kind, personal=fixture.personal)
            quoted = tuple(_quoted(fixture))
            for language in languages:
                message = fixture.message(day, language)
                found = findings(message.content, post, quoted)
                yield Checked(fixture=fixture, language=language, message=message, findings=found)


def _quoted(fixture: Fixture) -> Iterator[str]:
    """What a fixture's papers say themselves."""
    if fixture.kind is DeliveryKind.DIGEST:
        for listed in (*fixture.picked(), *fixture.trending()):
            yield listed.paper.title
            yield listed.paper.abstract
            yield from listed.paper.authors
