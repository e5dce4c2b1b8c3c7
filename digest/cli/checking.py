"""`digest preview --check` and `--export`: every fixture checked or written, without a browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from digest.as_json import Json
from digest.cli.console import announce, say, show
from digest.config import Settings
from digest.preview.checks import Finding
from digest.preview.export import Folder
from digest.preview.sweep import Checked, sweep

#: Fixtures that a row of the table names; the others are counted.
_NAMED = 3
#: The last steps of a selector, which tell an element apart for a reader; all of it is in the JSON.
_STEPS = 2


def fixtures(
    settings: Settings, templates: Path | None, export: Path | None, *, json: bool, told: bool
) -> None:
    """Check all, write them to `export` if it is given, and tell what was found if `told`.

    Ends the command with 1 if it is told that something must be mended.
    """
    folder = Folder.at(export) if export else None  # a foreign folder is refused before anything is made
    checked = tuple(sweep(settings, templates))
    if folder:
        folder.write(settings.site.name, checked)
        announce(f"wrote {len(checked)} messages to {folder.path}")
    if not told:
        return
    if json:
        say(as_json(checked))
    else:
        show("", ("rule", "", "finding", "fixtures", "place"), rows(checked), "")
        typer.echo(summary(checked))
    if any(one.failures for one in checked):
        raise typer.Exit(1)


def summary(checked: Sequence[Checked]) -> str:
    """In one line."""
    failures = sum(one.failures for one in checked)
    warnings = sum(len(one.findings) for one in checked) - failures
    return f"{len(checked)} messages: {failures} to mend, {warnings} warnings"


def rows(checked: Iterable[Checked]) -> list[tuple[str, str, str, str, str]]:
    """A row for each different finding, by rule; the place is that of the first fixture."""
    met: dict[tuple[str, str, str], list[tuple[str, Finding]]] = {}
    for one in checked:
        for finding in one.findings:
            met.setdefault((finding.rule, finding.severity, finding.message), []).append((one.name, finding))
    return [
        (rule, severity, message, _names([name for name, _ in found]), _place(found[0][1]))
        for (rule, severity, message), found in sorted(met.items())
    ]


def _names(names: Iterable[str]) -> str:
    each = list(dict.fromkeys(names))
    more = len(each) - _NAMED
    return ", ".join(each[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _place(finding: Finding) -> str:
    where = finding.where
    line = f" line {where.line}" if where.line else ""
    end = " > ".join(where.selector.split(" > ")[-_STEPS:])
    return f"{where.part}{line}" + (f", {end}" if end else "")


def as_json(checked: Iterable[Checked]) -> Json:
    """All findings, by message."""
    return [
        {
            "fixture": one.fixture.name,
            "language": one.language,
            "kind": one.fixture.kind,
            "failures": one.failures,
            "findings": [
                {
                    "rule": finding.rule,
                    "severity": finding.severity,
                    "message": finding.message,
                    "part": finding.where.part,
                    "line": finding.where.line,
                    "selector": finding.where.selector,
                }
                for finding in one.findings
            ],
        }
        for one in checked
    ]
