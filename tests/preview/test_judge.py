"""What the checker says reaches the pages whole, and its selectors are those of a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from digest.config import Settings
from digest.preview.fixtures import fixtures, stage
from digest.preview.judge import Checker
from digest.preview.look import Mode, is_selector
from digest.preview.sheet import Sheet


def a_sheet(templates: Path | None = None) -> Sheet:
    with stage(Settings(), templates) as day:
        return Sheet(message=fixtures()[0].message(day, "en"))


@pytest.fixture
def broken(tmp_path: Path) -> Sheet:
    """Pale names and pictures without a text."""
    (tmp_path / "line.html").write_text(
        '<p data-paper="{{ line.id }}" style="color:#cccccc">{{ line.title }} <img src="https://example.org/i.png"></p>'
    )
    return a_sheet(tmp_path)


def test_the_shipped_templates_have_nothing_to_mend() -> None:
    assert Checker().report(a_sheet()).failures == 0


def test_every_mode_has_its_pairs_of_colours() -> None:
    assert {one.mode for one in Checker().report(a_sheet()).contrast} == {*Mode}


def test_a_finding_has_its_rule_in_words_and_an_element_that_a_browser_finds(
    broken: Sheet, browser: Browser
) -> None:
    report = Checker().report(broken)
    placed = [one for one in report.findings if one.selector]
    assert {"A05", "A07"} <= {one.rule for one in placed}
    assert all(one.asks for one in report.findings)
    page = browser.new_page()
    page.set_content(broken.html)
    for one in placed:
        assert is_selector(one.selector)
        assert page.locator(one.selector).count() == 1, one.selector
    page.close()
