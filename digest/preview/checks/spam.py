"""What SpamAssassin says of a message, where it is installed: local rules only, and nothing leaves this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

#: Starting it takes seconds; one that looks for a network that is not there would take minutes.
MOST_SECONDS = 60.0
_SCORE = re.compile(r"^Content analysis details:\s+\((-?[\d.]+) points", re.MULTILINE)
_RULE = re.compile(r"^\s*(-?\d+\.\d+)\s+([A-Z][A-Z0-9_]+)\s+(.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpamRule:
    """A rule that fired."""

    name: str
    #: Less than 0 speaks for the message.
    points: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpamScore:
    """SpamAssassin's opinion; most installations refuse from 5 on."""

    score: float
    rules: tuple[SpamRule, ...]


def spam_score(content: bytes, timeout: float = MOST_SECONDS) -> SpamScore | None:
    """The score of a message; None if SpamAssassin is not installed, or does not answer in that many seconds."""
    program = shutil.which("spamassassin")
    if program is None:
        return None
    # Local tests only, in test mode, and without making a file of preferences for whoever runs this.
    command = [program, "--local", "--test-mode", "--nocreate-prefs"]
    try:
        ended = subprocess.run(command, input=content, capture_output=True, timeout=timeout, check=False)  # noqa: S603 (a fixed command; the message is its input)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return read_score(ended.stdout.decode("utf-8", "replace"))


def read_score(output: str) -> SpamScore | None:
    """The score and the rules in the report that test mode appends; None if there is no report."""
    # A long message holds anything; the report is what stands last.
    found = list(_SCORE.finditer(output))
    if not found:
        return None
    rules: list[SpamRule] = []
    for line in output[found[-1].end() :].splitlines():
        if fired := _RULE.match(line):
            rules.append(SpamRule(name=fired[2], points=float(fired[1]), text=fired[3].strip()))
        elif rules and line.startswith(" " * 20) and line.strip():  # a description goes on
            rules[-1] = SpamRule(
                name=rules[-1].name, points=rules[-1].points, text=f"{rules[-1].text} {line.strip()}"
            )
    return SpamScore(score=float(found[-1][1]), rules=tuple(rules))
