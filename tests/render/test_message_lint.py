"""An outside judge reads our messages: the linter in the shared captures, at its strictest."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy

import pytest
from factories import a_pick, a_plan
from oddities import EDITIONS

from digest import languages
from digest.config import Brand
from digest.render import Composer


class WirePolicy(EmailPolicy):
    """Lines of 76 octets, and no encoded words in lists of addresses (a URL in one is lost)."""

    def fold_binary(self, name, value):
        if name.lower().startswith("list-"):
            return f"{name}: {value}\r\n".encode()
        return super().fold_binary(name, value)


@pytest.fixture(scope="module")
def linter(shared):
    path = shared / "emailcheck" / "check_eml.py"
    spec = importlib.util.spec_from_file_location("check_eml", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    return module


def addressed(content, links):
    message = EmailMessage(policy=WirePolicy(linesep="\r\n", max_line_length=76))
    message["From"] = Address("Paper Post", "digest", "paperpost.org")
    message["To"] = Address("", "vision", "example.org")
    message["Reply-To"] = "hello@paperpost.org"
    message["Subject"] = content.subject
    message["Date"] = "Fri, 10 Apr 2026 05:00:00 +0000"
    message["Message-ID"] = "<20260410.abcdefghijklmnopqrstuvwxyz@paperpost.org>"
    message["Auto-Submitted"] = "auto-generated"
    message["Precedence"] = "bulk"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    if links:
        message["List-Id"] = "Paper Post <daily.paperpost.org>"
        message["List-Unsubscribe"] = f"<{links.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["Feedback-ID"] = "20260410:daily:digest:paperpost"
    message.set_content(content.text, cte="quoted-printable")
    message.add_alternative(content.html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def faults(linter, content, links, profile="digest"):
    options = linter.parser_args(["--strict", "--profile", profile])
    report = linter.check_message(addressed(content, links), "digest", options)
    return [f"{finding.id}: {finding.msg} ({finding.where})" for finding in report.failures + report.warnings]


LANGUAGES = (*languages.codes(), "ar")


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", EDITIONS)
def test_the_linter_finds_nothing_in_odd_digests(linter, desk, name, code):
    edition = EDITIONS[name]
    reader = replace(desk.reader(), language=code)
    plan = a_plan(edition=edition, reader=reader, picks=tuple(map(a_pick, edition.papers)), also_trending=())

    assert faults(linter, desk.composer.digest(plan, edition, desk.links), desk.links) == []


def test_fifty_papers_of_normal_size_keep_their_summaries(desk):
    edition = EDITIONS["fifty"]
    plan = a_plan(edition=edition, picks=tuple(map(a_pick, edition.papers)), also_trending=())
    content = desk.composer.digest(plan, edition, desk.links)

    assert content.text.count("examples are enough") == 50
    assert len(content.html.encode()) < 104_448


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(("picks", "trending"), [(4, 3), (0, 3), (0, 1), (2, 0)])
def test_the_linter_finds_nothing_in_usual_digests(linter, desk, picks, trending, code):
    edition = without_markup(desk.day())
    plan = desk.plan_of(edition, picks, trending)
    plan = replace(plan, reader=replace(plan.reader, language=code))

    assert faults(linter, desk.composer.digest(plan, edition, desk.links), desk.links) == []


def without_markup(edition):
    """One paper of that day shows markup in its title on purpose, which the linter must call a fault."""
    plain = tuple(
        replace(
            listed,
            paper=replace(listed.paper, title=listed.paper.title.replace("<b>", "").replace("</b>", "")),
        )
        for listed in edition.papers
    )
    return replace(edition, papers=plain)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(
    "kind",
    ["confirmation", "link", "settings", "mine", "new_address", "moved", "welcome", "goodbye", "report"],
)
def test_the_linter_finds_nothing_in_the_mails_beside_the_digest(linter, desk, kind, code):
    content = desk.note(kind, code)

    # Of mails that somebody may not have asked for, the linter knows the words in German and English.
    asked = kind in {"confirmation", "link", "settings", "mine", "new_address"} and code in {"en", "de"}
    assert faults(linter, content, None, "confirm" if asked else "notice") == []
    assert len(content.subject) <= 60


def test_a_brand_of_an_operators_own_passes_the_linter(linter, desk):
    brand = Brand(
        accent="#7a1f5c",
        accent_dark="#ff9ad5",
        logo="https://digest.paperpost.org/logo.png",
        logo_alt="A folded sheet",
        footer="The digest of Example Lab, for its people and their guests.",
    )
    composer = Composer(desk.site, brand=brand)
    edition = without_markup(desk.day())
    content = composer.digest(desk.plan_of(edition, 4, 3), edition, desk.links)

    assert faults(linter, content, desk.links) == []
    assert composer.fingerprint != desk.composer.fingerprint
    for part in (content.html, content.text):
        assert "for its people" in part
