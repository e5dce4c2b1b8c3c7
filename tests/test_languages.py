"""Every language says everything, in the same places, with dates and numbers of its own."""

from __future__ import annotations

import datetime as dt
import io
import re

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import ExtractMessages
from babel.messages.pofile import read_po
from conftest import ROOT

from digest import languages
from digest.languages import CATALOGUE, CATALOGUES, ENGLISH

OTHERS = languages.codes()[1:]
DAY = dt.date(2026, 4, 10)


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> Catalog:
    """What code and templates say, found as the README tells translators to find it."""
    file = tmp_path_factory.mktemp("messages") / "digest.pot"
    extract = ExtractMessages()
    extract.initialize_options()
    extract.mapping_file = str(ROOT / "pyproject.toml")
    extract.input_paths = str(ROOT)
    extract.output_file = str(file)
    extract.finalize_options()
    extract.run()
    return read_po(io.BytesIO(file.read_bytes()))


def catalogue(code: str) -> Catalog:
    with (CATALOGUES / code / CATALOGUE).open("rb") as file:
        return read_po(file)


def forms(message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def ids(message) -> list[str]:
    return [message.id] if isinstance(message.id, str) else list(message.id)


def test_five_languages_are_there() -> None:
    assert languages.codes() == ("en", "de", "es", "fr", "zh")
    assert languages.names() == (
        ("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("fr", "Français"), ("zh", "中文"),
    )  # fmt: skip


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_holds_what_is_said_and_nothing_else(code: str, said: Catalog) -> None:
    theirs = catalogue(code)
    assert {m.id for m in theirs if m.id} == {m.id for m in said if m.id}
    assert not theirs.obsolete
    assert len(said) > 150


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_is_translated_with_its_places_and_its_markup(code: str) -> None:
    for message in catalogue(code):
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        for form in forms(message):
            assert form.strip(), message.id
            for pattern in (r"%\(\w+\)s", r"</?\w[^>]*>"):
                allowed = [sorted(set(re.findall(pattern, one))) for one in ids(message)]
                assert sorted(set(re.findall(pattern, form))) in allowed, form
            assert "&" not in form
            assert re.search("%(?!\\(\\w+\\)s)", form) is None


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_says_what_english_says_with_its_own_plurals(code: str) -> None:
    language = languages.of(code)
    assert language.gettext("Unsubscribe") != ENGLISH.gettext("Unsubscribe")
    for number in (1, 2, 1234):
        assert language.number(number) in language.ngettext("%(number)s paper", "%(number)s papers", number)


@pytest.mark.parametrize(
    ("code", "day", "date", "thousands", "stars", "list_"),
    [
        ("en", "Friday 10 April 2026", "10 April 2026", "12,345", "34K", "A, B and C"),
        ("de", "Freitag, 10. April 2026", "10. April 2026", "12.345", "34000", "A, B und C"),
        ("fr", "Vendredi 10 avril 2026", "10 avril 2026", "12\u202f345", "34\xa0k", "A, B et C"),
        ("es", "Viernes, 10 de abril de 2026", "10 de abril de 2026", "12.345", "34\xa0mil", "A, B y C"),
        ("zh", "2026年4月10日星期五", "2026年4月10日", "12,345", "3.4万", "A、B和C"),
    ],
)
def test_dates_numbers_and_lists_are_said_as_the_language_has_them(
    code: str, day: str, date: str, thousands: str, stars: str, list_: str
) -> None:
    language = languages.of(code)
    assert language.headline(DAY) == day
    assert language.date(DAY) == date
    assert language.number(12_345) == thousands
    assert language.compact(34_567) == stars
    assert language.listing(["A", "B", "C"]) == list_


def test_a_language_that_is_gone_gives_way_to_english() -> None:
    assert languages.of("tlh") is ENGLISH
    assert languages.of("../../../etc") is ENGLISH
