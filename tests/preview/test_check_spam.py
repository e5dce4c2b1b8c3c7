"""SpamAssassin's report is read; a real one, where it is installed, has nothing against our messages."""

from __future__ import annotations

import shutil

import pytest

from digest import config
from digest.preview.checks.spam import SpamRule, read_score, spam_score
from digest.preview.fixtures import fixtures, stage

#: In the form of SpamAssassin's report; written for this test.
REPORT = """Subject: A mail that says: Content analysis details:   (99.0 points, 5.0 required)

Content analysis details:   (-0.9 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
 0.1 HTML_SOMETHING         BODY: HTML in the message, described at such a length
                            that it goes on
-1.0 MAILING_LIST_MULTI     Multiple indicators imply a list

"""


def test_the_report_is_read_with_its_rules() -> None:
    found = read_score(REPORT)

    assert found
    assert found.score == -0.9
    assert found.rules == (
        SpamRule(
            name="HTML_SOMETHING",
            points=0.1,
            text="BODY: HTML in the message, described at such a length that it goes on",
        ),
        SpamRule(name="MAILING_LIST_MULTI", points=-1.0, text="Multiple indicators imply a list"),
    )


def test_without_a_report_there_is_no_score() -> None:
    assert read_score("perl: cannot open anything") is None


def test_without_spamassassin_there_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert spam_score(b"Subject: a\r\n\r\nb") is None


def test_spamassassin_has_nothing_against_our_messages() -> None:
    if shutil.which("spamassassin") is None:
        pytest.skip("SpamAssassin is not installed; on Debian: apt-get install spamassassin")
    with stage(config.load(config.shipped("config", "demo.toml"), {})) as day:
        normal = next(one for one in fixtures() if one.name == "normal")
        found = spam_score(normal.message(day, "en").content)

    assert found
    assert found.score <= 0
