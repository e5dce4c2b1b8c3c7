"""Checks every fixture in every language, with the renderer that makes real messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from digest import languages
from digest.config import Settings
from digest.model import Message
from digest.preview.checks import Finding, Post, Severity, findings
from digest.preview.fixtures import Fixture, fixtures, stage
from digest.preview.proof import proofread


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


def sweep(settings: Settings, templates: Path | None) -> Iterator[Checked]:
    """Every fixture in each language that is there; the first RenderError if a template is broken, a card's too."""
    proofread(templates or settings.templates_directory)
    with stage(settings, templates) as day:
        for fixture in fixtures():
            post = Post.of(fixture.kind, personal=fixture.personal)
            theirs = fixture.quoted
            for language in languages.codes():
                message = fixture.message(day, language)
                found = findings(message.content, post, theirs)
                yield Checked(fixture=fixture, language=language, message=message, findings=found)
