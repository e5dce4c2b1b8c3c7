"""The version changes with everything that a message is made from, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest import config
from digest.preview import Bench

MINIMAL = '[site]\nname = "Paper Post"\nsecret = "first secret of this site"\n'


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "digest.toml").write_text(MINIMAL)
    (tmp_path / "templates").mkdir()
    return Bench(settings=lambda: config.load(tmp_path / "digest.toml", {}), templates=tmp_path / "templates")


def test_the_version_stays_while_nothing_changes(bench: Bench) -> None:
    assert bench.version() == bench.version()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("templates/card.html", "{# mine #}"),
        ("templates/style.css", ".page { margin: 1px }"),
        ("templates/confirm.txt", "{% broken"),
        ("templates/parts/button.html", "{# included by another #}"),
        ("digest.toml", MINIMAL.replace("Paper Post", "Paper Mail")),
        ("digest.toml", MINIMAL.replace("first", "second")),
        ("digest.toml", "not TOML at all"),
    ],
)
def test_the_version_changes_with_templates_style_and_configuration(
    bench: Bench, tmp_path: Path, name: str, text: str
) -> None:
    before = bench.version()
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert bench.version() != before


def test_the_version_comes_back_when_a_change_is_taken_back(bench: Bench, tmp_path: Path) -> None:
    before = bench.version()
    (tmp_path / "templates" / "card.html").write_text("broken {{")
    (tmp_path / "templates" / "card.html").unlink()
    assert bench.version() == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("templates/.card.html.swp", "an editor's"),
        ("templates/card.html~", "an editor's"),
        ("digest.toml", f"# a comment\n{MINIMAL}"),
    ],
)
def test_the_version_ignores_what_no_message_is_made_from(
    bench: Bench, tmp_path: Path, name: str, text: str
) -> None:
    before = bench.version()
    (tmp_path / name).write_text(text)
    assert bench.version() == before


def test_a_folder_that_is_gone_has_a_version_too(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "templates" / "card.html").write_text("mine")
    before = bench.version()
    (tmp_path / "templates" / "card.html").unlink()
    (tmp_path / "templates").rmdir()
    assert bench.version() != before
