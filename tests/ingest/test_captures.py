"""Every captured document is read, or refused with a reason."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from pathlib import Path

import pytest

from digest.errors import DocumentError
from digest.ingest import read
from digest.model import Announcement, Reading, Source, SourceKind

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
REFUSED = {
    "arxiv-announce-json",  # not arXiv's
    "arxiv-daily-jsonl",  # not arXiv's
    "oai",
    "opml",
}


def kind_of(path: Path) -> SourceKind:
    if path.parent.name in {"hf", "hf-oldschema"} or "stringified" in path.name:
        return SourceKind.HUGGINGFACE
    if path.parent.name.startswith("arxiv-"):
        return SourceKind.ARXIV
    return SourceKind.LISTING if path.parent.name == "seed" else SourceKind.FEED


def reading(path: Path) -> Reading:
    kind = kind_of(path)
    source = Source(name=kind.value, kind=kind, location=str(path), every=dt.timedelta(hours=1))
    return read(source, path.read_bytes(), NOW)


def test_every_capture_is_read_or_refused_with_a_reason(shared: Path) -> None:
    paths = sorted(path for path in (shared / "feeds").glob("*/*") if path.is_file())
    assert len(paths) > 100
    refused: Counter[str] = Counter()
    began = time.monotonic()

    for path in paths:
        try:
            result = reading(path)
        except DocumentError as error:
            refused[path.parent.name] += bool(str(error))
        else:
            assert not [e for e in result.entries if e.title == "Error" or not e.title], path
            assert not [e for e in result.entries if e.listed_at and e.listed_at > NOW], path

    assert time.monotonic() - began < 120  # a hang, not a speed
    folders = Counter(path.parent.name for path in paths)
    assert {name: refused[name] for name in REFUSED} == {name: folders[name] for name in REFUSED}
    # Beside these: arXiv's error answer, bioRxiv's API, and what is broken on purpose.
    assert set(refused) - REFUSED == {"arxiv-api", "biorxiv", "nasty"}
    assert (refused["arxiv-api"], refused["biorxiv"]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("feeds/arxiv-rss/stat-2024-03-26-full.xml", 123),
        ("feeds/arxiv-rss/cs-2026-03-29-empty-sunday.xml", 0),
        ("feeds/arxiv-api/q_testing_s0_m100.xml", 100),
        ("feeds/arxiv-api/id_0808.05394_s0_m100.xml", 0),
        ("feeds/arxiv-old-rdf/hep-ex-2018-05-23-trimmed.xml", 3),
        ("feeds/hf/2026-04-10.json", 35),
        ("feeds/hf-oldschema/2024-05-28.json", 15),
        ("feeds/general/DaringFireball.json", 48),
        ("feeds/general/DuplicateContentAtomFeed.xml", 10),
        ("feeds/general/SamRuby.xml", 20),
        ("feeds/nasty/saxerror.xml", 3),
        ("seed/papers-page.txt", 119),
    ],
)
def test_known_documents_give_all_of_their_entries(shared: Path, name: str, entries: int) -> None:
    result = reading(shared / name)

    assert (len(result.entries), result.refused) == (entries, ())


def test_a_whole_day_of_arxiv_keeps_its_announcements_ids_and_day(shared: Path) -> None:
    entries = reading(shared / "feeds/arxiv-rss/stat-2024-03-26-full.xml").entries

    assert len({entry.ids[0] for entry in entries}) == 123
    assert {entry.listed_at for entry in entries} == {dt.datetime(2024, 3, 26, 4, tzinfo=dt.UTC)}
    assert set(Announcement) - {Announcement.SIGNAL} == {entry.announcement for entry in entries}
    assert not [e for e in entries if "Announce Type" in e.abstract or not e.authors or not e.version]


def test_the_old_rdf_says_in_its_titles_what_is_new(shared: Path) -> None:
    entries = reading(shared / "feeds/arxiv-old-rdf/hep-ex-2018-05-23-trimmed.xml").entries

    assert [(e.announcement, e.version) for e in entries] == [("new", 1), ("cross", 1), ("replace", 2)]
    assert entries[0].authors == ("Christopher Dilks",)
    assert "2.6<η<4" in entries[0].abstract
    assert "arXiv:" not in entries[0].title


def test_the_seed_begins_and_ends_with_its_own_papers(shared: Path) -> None:
    entries = reading(shared / "seed/papers-page.txt").entries

    assert entries[0].title.startswith("EnergonAI: ")
    assert entries[-1].title.startswith("Astraios: ")
    assert min(len(entry.abstract) for entry in entries) > 400
