"""The newest edition is ranked once, whoever asks and however many at once."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from factories import NOON, a_listed, a_paper

from digest import config
from digest.model import Rights
from digest.service import Service, open_service
from digest.store import upgrade
from digest.web.shelf import Shelf


@pytest.fixture
def day(tmp_path):
    (tmp_path / "digest.toml").write_text('[site]\nurl = "https://digest.example.org"\n', encoding="utf-8")
    settings = config.load(tmp_path / "digest.toml", {})
    upgrade(settings.database_url)
    with open_service(settings) as service:
        yield service


def publish(day: Service, changes: int, *, papers: int = 12, rights: Rights = Rights.OPEN) -> None:
    at = NOON + dt.timedelta(hours=changes)
    listed = [
        replace(a_listed(number), paper=a_paper(number, rights=rights)) for number in range(1, papers + 1)
    ]
    day.store.editions.publish(at, listed, changes)


def test_many_who_come_at_once_are_shown_one_and_the_same(day: Service) -> None:
    publish(day, 1)
    shelf = Shelf(day)
    with ThreadPoolExecutor(8) as visitors:
        shown = list(visitors.map(lambda _: shelf.newest(), range(40)))
    assert shown[0]
    assert {id(one) for one in shown} == {id(shown[0])}


def test_a_newer_edition_takes_the_place_of_the_last(day: Service) -> None:
    shelf = Shelf(day)
    assert shelf.newest() is None
    publish(day, 1)
    first = shelf.newest()
    publish(day, 2, papers=3)
    second = shelf.newest()
    assert first
    assert second
    assert (len(first.case.edition.papers), len(second.case.edition.papers)) == (12, 3)
    assert second.public
    assert second.public.html.count("data-paper=") == 3


def test_texts_that_are_not_ours_to_show_stay_out_of_the_public_digest(day: Service) -> None:
    publish(day, 1, rights=Rights.EXCERPT)
    shown = Shelf(day).newest()
    assert shown
    assert shown.public
    assert "A paper about thing 1" in shown.public.html
    assert "We study thing" not in shown.public.html
