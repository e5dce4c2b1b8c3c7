"""Fixtures go through the code that makes real messages, and hold nothing real."""

from __future__ import annotations

import email
import email.policy
import importlib.util
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from digest import languages
from digest.config import Settings, Site
from digest.errors import LinkError, RenderError
from digest.links import Links, Purpose
from digest.model import DeliveryKind, Matter
from digest.preview.fixtures import Fixture, fixtures, stage
from digest.service import Service

EVERY = pytest.mark.parametrize("fixture", fixtures(), ids=lambda fixture: fixture.name)


def named(name: str) -> Fixture:
    return next(one for one in fixtures() if one.name == name)


def parsed(day: Service, fixture: Fixture) -> EmailMessage:
    return email.message_from_bytes(fixture.message(day, "en").content, policy=email.policy.default)


def html_of(day: Service, fixture: Fixture) -> str:
    return parsed(day, fixture).get_body(("html",)).get_content()


@pytest.fixture(scope="module")
def day() -> Iterator[Service]:
    with stage(Settings()) as opened:
        yield opened


@EVERY
def test_every_fixture_becomes_a_message_to_nobody_real(day: Service, fixture: Fixture) -> None:
    message = parsed(day, fixture)
    assert message.defects == []
    assert message["To"].addresses[0].addr_spec == "reader@example.org"
    assert message["Subject"]
    assert message.get_body(("plain",)).get_content().strip()


@EVERY
def test_a_fixture_is_the_same_bytes_every_time(fixture: Fixture) -> None:
    made = []
    for _ in range(2):
        with stage(Settings()) as day:
            made.append(fixture.message(day, "en").content)
    assert made[0] == made[1]


def test_fixtures_have_names_of_their_own_for_urls_and_say_what_they_show() -> None:
    names = [one.name for one in fixtures()]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and name.isascii() for name in names)
    assert all(one.description.endswith(".") for one in fixtures())
    shown = {(one.kind, one.matter) for one in fixtures() if one.note is None}
    assert {kind for kind, _ in shown} == set(DeliveryKind)
    assert {matter for _, matter in shown} == set(Matter)


def test_a_fixture_shows_every_paper_that_it_was_given(day: Service) -> None:
    for fixture in fixtures():
        papers = [one.paper.id for one in (*fixture.picked(), *fixture.trending())]
        html = html_of(day, fixture)
        assert [html.count(f'data-paper="{paper}"') for paper in papers] == [1] * len(papers), fixture.name


def test_the_links_of_a_fixture_are_none_of_the_sites(day: Service) -> None:
    site = Site(url="https://digest.example.org", secret="the secret of the site itself")  # type: ignore[arg-type]
    with stage(Settings(site=site)) as staged:
        url = parsed(staged, named("normal"))["List-Unsubscribe"].strip("<>")
    token = url.rpartition("/")[2]
    ours = Links(base=site.url, secrets=("the secret of the site itself",))
    with pytest.raises(LinkError):
        ours.claim(Purpose.UNSUBSCRIBE, token)


def test_a_fixture_wears_the_name_of_the_site() -> None:
    with stage(Settings(site=Site(name="Paper Post"))) as day:
        assert "Paper Post" in html_of(day, named("one"))


def test_the_personal_fixture_has_no_way_back_and_the_others_have(day: Service) -> None:
    assert parsed(day, named("personal"))["List-Unsubscribe"] is None
    assert parsed(day, named("normal"))["List-Unsubscribe"].startswith("<https://digest.example.org/")


def test_a_hostile_fixture_keeps_its_tags_as_text(day: Service) -> None:
    html = html_of(day, named("hostile"))
    assert "<script>" not in html
    assert "<svg" not in html
    assert "javascript:" not in html
    assert "name:password" not in html
    assert "&lt;/h2&gt;" in html


def test_own_templates_make_the_fixtures_too(tmp_path: Path) -> None:
    (tmp_path / "line.html").write_text("<p>{{ line.nothing }}</p>")
    (tmp_path / "card.html").write_text(
        '<div data-paper="{{ card.id }}">mine {{ holes.rank }}{{ holes.reasons }}</div>'
    )
    with stage(Settings(), tmp_path) as day:
        assert "mine 1" in html_of(day, named("one"))


def test_a_broken_template_is_said_when_the_stage_is_opened(tmp_path: Path) -> None:
    (tmp_path / "card.html").write_text("{% if %}")
    with pytest.raises(RenderError, match=r"card\.html:1"), stage(Settings(), tmp_path):
        pass


# --- before an outside judge ----------------------------------------------------------------------

#: What the judge cannot know: a paper may speak of tags; nobody can leave what has no pages; a mail that asks is
#: recognised by German and English words; and it compares words and counts characters, where Chinese has no spaces and fewer of them.
KNOWN = {"hostile": {"X03", "T03"}, "personal": {"H09", "H10", "L04"}}
UNSPACED = {"zh": {"T01", "P01"}}
ASKS = {DeliveryKind.CONFIRM, DeliveryKind.LINK}


@pytest.fixture(scope="module")
def judge(shared: Path) -> Iterator[Callable[[bytes, str], set[str]]]:
    spec = importlib.util.spec_from_file_location("check_eml", shared / "emailcheck" / "check_eml.py")
    assert spec
    assert spec.loader
    module = sys.modules["check_eml"] = importlib.util.module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    spec.loader.exec_module(module)
    sys.dont_write_bytecode = written

    def told(content: bytes, profile: str) -> set[str]:
        options = module.parser_args(["--strict", "--profile", profile])
        found = module.check_message(content, "fixture", options)
        return {one.id for one in found.failures + found.warnings}

    yield told
    del sys.modules["check_eml"]


@pytest.mark.parametrize(
    "language",
    [pytest.param(code, marks=[pytest.mark.slow] if code != "en" else []) for code in languages.codes()],
)
@EVERY
def test_the_judge_finds_nothing_in_a_fixture(day: Service, judge, fixture: Fixture, language: str) -> None:
    asks = fixture.kind in ASKS and language in {"en", "de"}
    profile = "confirm" if asks else "digest" if fixture.kind is DeliveryKind.DIGEST else "notice"
    found = judge(fixture.message(day, language).content, profile)

    assert found - UNSPACED.get(language, set()) == KNOWN.get(fixture.name, set())
