"""`digest preview --check` and `--export`, run as people and CI run them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from digest import config, languages
from digest.cli.checking import rows
from digest.errors import RenderError, UsageError
from digest.preview.checks import Finding, Part, Place, Severity
from digest.preview.export import MARK, Folder
from digest.preview.fixtures import fixtures
from digest.preview.sweep import Checked, sweep

SETTINGS = config.load(config.shipped("config", "demo.toml"), {})
SHIPPED = config.shipped("templates", "email")


def digest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "digest",
        "--config",
        str(config.shipped("config", "demo.toml")),
        "preview",
    ]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def checked() -> tuple[Checked, ...]:
    return tuple(sweep(SETTINGS, None))


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    return folder


def edit(templates: Path, name: str, old: str, new: str) -> None:
    text = (SHIPPED / name).read_text(encoding="utf-8")
    assert old in text
    (templates / name).write_text(text.replace(old, new), encoding="utf-8")


def test_every_fixture_is_checked_and_nothing_has_to_be_mended(checked: tuple[Checked, ...]) -> None:
    made = {(one.fixture.name, one.language) for one in checked}

    assert made == {(one.name, code) for one in fixtures() for code in languages.codes()}
    assert len(made) == len(checked)
    assert [(one.name, one.findings) for one in checked if one.failures] == []


def test_the_command_ends_with_0_for_the_shipped_templates() -> None:
    done = digest("--check")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(fixtures()) * len(languages.codes())} messages: 0 to mend" in done.stdout


def test_a_template_that_breaks_something_ends_it_with_1_and_is_named_by_rule(templates: Path) -> None:
    edit(templates, "card.html", ' role="presentation"', "")
    done = digest("--check", "--templates", str(templates), "--json")
    told = json.loads(done.stdout)

    assert done.returncode == 1
    first = next(one for one in told if one["fixture"] == "normal")
    assert first["failures"] == 5
    assert {one["rule"] for one in first["findings"]} == {"A04"}
    assert first["findings"][0]["part"] == "html"
    assert first["findings"][0]["line"]
    assert first["findings"][0]["selector"].startswith("html > body > ")


def test_the_table_has_one_row_for_what_many_messages_have(checked: tuple[Checked, ...]) -> None:
    where = Place(part=Part.HTML, selector="html > body > div:nth-of-type(2) > p:nth-of-type(1)", line=7)
    faint = Finding(rule="A07", severity=Severity.FAIL, message="too faint", where=where)
    other = replace(faint, rule="A04", message="no role", where=Place(part=Part.TEXT))
    found = rows([replace(one, findings=(faint, faint, other)) for one in checked[:5]])
    names = [one.name for one in checked]

    assert found == [
        ("A04", "fail", "no role", f"{names[0]}, {names[1]}, {names[2]} and 2 more", "text"),
        (
            "A07",
            "fail",
            "too faint",
            f"{names[0]}, {names[1]}, {names[2]} and 2 more",
            "html line 7, div:nth-of-type(2) > p:nth-of-type(1)",
        ),
    ]


def test_a_card_that_fails_is_seen(templates: Path) -> None:
    """A digest leaves such a card out, so that nothing would be found in it."""
    edit(templates, "card.html", "{{ card.title }}", "{{ card.titel }}")

    with pytest.raises(RenderError, match=r"card\.html:\d+"):
        tuple(sweep(SETTINGS, templates))
    assert digest("--check", "--templates", str(templates)).returncode == 1


def test_json_without_a_check_is_wrong_usage() -> None:
    done = digest("--json")

    assert (done.returncode, done.stderr) == (2, "digest: --json goes with --check\n")


# --- the folder -----------------------------------------------------------------------------------


class Targets(HTMLParser):
    """What a page refers to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.found += [value for name, value in attrs if name in {"href", "src"}]


def test_the_folder_holds_the_very_bytes_and_pages_that_lead_to_them(
    checked: tuple[Checked, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    Folder.at(folder).write("Paper <Post>", checked)

    for one in checked:
        assert (folder / one.name / "message.eml").read_bytes() == one.message.content
        assert (folder / one.name / "headers.txt").read_text(encoding="utf-8").startswith("From: ")
    pages = [folder / "index.html", *(folder / one.name / "index.html" for one in checked)]
    for page in pages:
        targets = Targets(page)
        assert targets.scripts == 0
        assert targets.found
        assert all((page.parent / target).is_file() for target in targets.found)
    assert "Paper &lt;Post&gt;" in pages[0].read_text(encoding="utf-8")


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    done = digest("--export", str(tmp_path))

    assert done.returncode == 2
    assert "not empty and not an export" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_export_takes_the_place_of_the_last_one_and_of_nothing_else(
    checked: tuple[Checked, ...], tmp_path: Path
) -> None:
    Folder.at(tmp_path).write("Paper Post", checked[:2])
    (tmp_path / "note.txt").write_text("mine")
    Folder.at(tmp_path).write("Paper Post", checked[1:3])

    assert not (tmp_path / checked[0].name / "message.eml").exists()
    assert (tmp_path / checked[2].name / "message.eml").is_file()
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_a_file_that_somebody_put_where_one_of_ours_goes_is_left_alone(
    checked: tuple[Checked, ...], tmp_path: Path
) -> None:
    Folder.at(tmp_path).write("Paper Post", checked[:1])
    theirs = tmp_path / checked[1].name
    theirs.mkdir()
    (theirs / "message.html").write_text("mine")

    with pytest.raises(UsageError, match="left alone"):
        Folder.at(tmp_path).write("Paper Post", checked[:2])
    assert (theirs / "message.html").read_text() == "mine"


def test_a_mark_that_names_files_outside_of_the_folder_removes_none(
    checked: tuple[Checked, ...], tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "out"
    Folder.at(folder).write("Paper Post", checked[:1])
    with (folder / MARK).open("a") as mark:
        mark.write("../outside.txt\n")
    Folder.at(folder).write("Paper Post", checked[:1])

    assert outside.read_text() == "mine"


def test_nothing_of_a_real_subscriber_is_exported(checked: tuple[Checked, ...], tmp_path: Path) -> None:
    """The configuration has readers of its own; the fixtures' stands in all messages."""
    Folder.at(tmp_path / "out").write("Paper Post", checked)
    written = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*.*") if path.is_file()]

    assert len(written) > 4 * len(checked)
    assert len(SETTINGS.readers) == 4
    for reader in SETTINGS.readers:
        assert not any(reader.address in text for text in written)
