"""A reading list becomes examples: remembered, compared with, and never news itself."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from factories import NOON

from digest import collecting, config, ranking, subscriptions
from digest.errors import UsageError
from digest.model import Collected, Entry, InterestKind, Source, SourceState
from digest.service import open_service
from digest.subscriptions import Wish

#: Written for this test.
LIST = """
@article{a, title={Faster sampling of video diffusion}, abstract={We distil a video model.}, eprint={2601.00001},
  archiveprefix={arXiv}, year={2026}}
@article{b, title={A book without an id}, year={1999}}
"""


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    (tmp_path / "digest.toml").write_text("", encoding="utf-8")
    return config.load(tmp_path / "digest.toml", {})


def test_a_reading_list_becomes_examples_that_are_known_and_no_news(settings: config.Settings) -> None:
    with open_service(settings) as day:
        wish = subscriptions.with_references(day, Wish(likes=("2602.00002",)), LIST, ".bib", NOON)
        reader = subscriptions.add(day, "vision@example.org", wish, NOON, confirmed=True)
        liked = [interest.value for interest in reader.asked(InterestKind.LIKE)]
        assert liked[:2] == ["arxiv:2602.00002", "arxiv:2601.00001"]
        assert liked[2].startswith("title:")
        known = ranking.examples(day, [reader], {})
        assert known["arxiv:2601.00001"].title == "Faster sampling of video diffusion"
        assert liked[2] in known
        assert day.store.papers.pool(NOON - dt.timedelta(days=7), NOON) == []

        again = subscriptions.with_references(day, Wish(), LIST, ".bib", NOON)
        assert again.likes == tuple(liked[1:])


@pytest.mark.parametrize("listed_at", [None, NOON + dt.timedelta(hours=1)])
def test_what_a_list_knew_is_news_when_a_source_speaks_of_it(
    settings: config.Settings, listed_at: dt.datetime | None
) -> None:
    """An import by one reader must not keep a paper from all others."""
    later = NOON + dt.timedelta(hours=2)
    source = Source(name="blog", kind="feed", location="x", every=dt.timedelta(hours=1))
    entry = Entry(
        source="blog",
        ids=("arxiv:2601.00001",),
        title="Faster sampling of video diffusion",
        abstract="We distil a video model.",
        listed_at=listed_at,
    )
    with open_service(settings) as day:
        subscriptions.with_references(day, Wish(), LIST, ".bib", NOON)
        told = Collected(source=source, at=later, state=SourceState.FRESH, reason="", entries=(entry,))
        collecting.absorb(day, told, {}, later)
        ((paper, mentions),) = day.store.papers.pool(later - dt.timedelta(days=7), later)
    assert paper.first_seen == mentions[0].listed_at == (listed_at or later)


@pytest.mark.parametrize(("text", "suffix"), [("%PDF", ".pdf"), ("[{", ".json")])
def test_a_list_that_cannot_be_read_changes_nothing(
    settings: config.Settings, text: str, suffix: str
) -> None:
    with open_service(settings) as day:
        with pytest.raises(UsageError, match="cannot be read"):
            subscriptions.with_references(day, Wish(), text, suffix, NOON)
        assert day.store.papers.list(None) == []
