"""Kinds of sources beyond the first: preprint servers, signals, lists of feeds, and those of other packages."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from factories import NOON, a_paper

from digest import config
from digest.errors import DocumentError
from digest.ingest import opml, resolve
from digest.ingest.reading import checked, extension, read
from digest.model import Announcement, Entry, Reading, Source, SourceKind

ROOT = Path(__file__).parent.parent.parent
API = "https://api.biorxiv.org/details/biorxiv/{date}/{date}/0"


def reading(kind: str, document: object, location: str = API) -> Reading:
    source = Source(name=kind, kind=kind, location=location, every=dt.timedelta(hours=1))
    content = document if isinstance(document, str) else json.dumps(document)
    return read(source, content.encode(), NOON, None, NOON.date())


# --- bioRxiv and medRxiv --------------------------------------------------------------------------


def a_preprint(**changes: object) -> dict[str, object]:
    return {
        "doi": "10.64898/2026.04.09.712345",
        "title": "A sample preprint about <i>E. coli</i> &amp; time",
        "authors": "Sample, A. B.; Second-Name, C.",
        "date": "2026-04-10",
        "version": "1",
        "category": "microbiology",
        "abstract": "We sample.",
        "published": "NA",
        "server": "bioRxiv",
    } | changes


def a_page(*preprints: dict[str, object], **message: object) -> dict[str, object]:
    return {"messages": [{"status": "ok", **message}], "collection": list(preprints)}


def test_a_preprint_of_the_api_has_its_doi_day_and_page() -> None:
    (entry,) = reading("biorxiv", a_page(a_preprint())).entries

    assert entry.ids == ("doi:10.64898/2026.04.09.712345",)
    assert entry.title == "A sample preprint about E. coli & time"
    assert entry.authors == ("Sample, A. B.", "Second-Name, C.")
    assert (entry.listed_at, entry.announcement) == (dt.datetime(2026, 4, 10, tzinfo=dt.UTC), "new")
    assert entry.links[0].url == "https://www.biorxiv.org/content/10.64898/2026.04.09.712345v1"


def test_a_new_version_is_no_news_and_a_journals_doi_is_one_of_its_names() -> None:
    (entry,) = reading("medrxiv", a_page(a_preprint(version="3", published="10.1000/J.1"))).entries

    assert (entry.announcement, entry.version) == (Announcement.REPLACE, 3)
    assert entry.ids == ("doi:10.64898/2026.04.09.712345", "doi:10.1000/j.1")


@pytest.mark.parametrize(
    ("location", "message", "more"),
    [
        (API, {"cursor": 0, "count": 30, "total": "246"}, API.replace("/0", "/30")),
        (API.replace("/0", "/30"), {"cursor": "30", "count": 30, "total": 246}, API.replace("/0", "/60")),
        (API.removesuffix("/0"), {"cursor": 0, "count": 100, "total": 101}, API.replace("/0", "/100")),
        (API, {"cursor": 240, "count": 6, "total": "246"}, ""),
        (API, {"cursor": 0, "count": 0, "total": "246"}, ""),
        (API, {}, ""),
        ("https://example.org/all", {"cursor": 0, "count": 30, "total": "246"}, ""),
    ],
)
def test_the_next_page_is_asked_for_until_there_is_none(
    location: str, message: dict[str, object], more: str
) -> None:
    found = reading("biorxiv", a_page(a_preprint(), **message), location)

    assert found.more == more.replace("{date}", "2026-04-10")


def test_both_prefixes_name_one_work_in_rss_and_api() -> None:
    rss = (
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'><channel/><item>"
        "<title>A sample preprint about E. coli and time</title>"
        "<link>http://biorxiv.org/cgi/content/short/2026.04.09.712345v2?rss=1</link></item></rdf:RDF>"
    )
    (told,) = reading("biorxiv", rss).entries

    assert told.ids == ("doi:10.64898/2026.04.09.712345",)
    assert (told.version, told.announcement) == (2, Announcement.REPLACE)


def test_the_captured_answers_are_read(shared: Path) -> None:
    api = (shared / "feeds/biorxiv/medrxiv-api-2026-08.json").read_bytes()
    source = Source(name="m", kind=SourceKind.MEDRXIV, location="x", every=dt.timedelta(hours=1))

    found = read(source, api, dt.datetime(2026, 9, 1, tzinfo=dt.UTC))

    assert [entry.version for entry in found.entries] == [2, 2, 2, 3, 2, 2, 1, 1, 1, 1]
    assert all(
        entry.ids[0].startswith(("doi:10.64898/", "doi:10.1101/")) and entry.abstract
        for entry in found.entries
    )


# --- Hacker News ----------------------------------------------------------------------------------


def a_story(url: str | None, points: object = 120, **changes: object) -> dict[str, object]:
    return {
        "objectID": "1234",
        "title": "A sender's own title",
        "url": url,
        "points": points,
        "num_comments": 40,
        "created_at": "2026-04-10T09:00:00.000Z",
    } | changes


def signals(*stories: dict[str, object]) -> tuple[Entry, ...]:
    return reading("hackernews", {"hits": list(stories)}).entries


def test_a_story_counts_for_the_paper_that_it_links_and_changes_nothing_else() -> None:
    known = a_paper(1, title_key="apaperaboutthing1")
    told = signals(
        a_story("https://arxiv.org/pdf/2604.00001v2"), a_story("https://example.org/"), a_story(None)
    )

    resolved = resolve(told, [known], {}, NOON)

    assert (resolved.papers, resolved.joined) == ((), {})
    (mention,) = resolved.mentions
    assert (mention.paper, mention.signals.votes, mention.signals.comments) == (known.id, 120, 40)
    assert mention.url == "https://news.ycombinator.com/item?id=1234"


def test_a_story_about_a_paper_that_nobody_else_told_of_makes_none() -> None:
    resolved = resolve(signals(a_story("https://arxiv.org/abs/2604.00002")), [a_paper(1)], {}, NOON)

    assert (resolved.papers, resolved.mentions) == ((), ())


def test_a_story_without_a_count_is_refused_if_the_count_is_nonsense() -> None:
    found = reading(
        "hackernews", {"hits": [a_story("https://arxiv.org/abs/2604.00001", points=n) for n in (None, 5)]}
    )
    assert [entry.signals.votes for entry in found.entries] == [None, 5]
    with pytest.raises(DocumentError, match="points is not a count"):
        reading("hackernews", {"hits": [a_story("https://arxiv.org/abs/2604.00001", points=-1)]})


def test_a_story_that_names_two_papers_counts_for_neither() -> None:
    two = [a_paper(n, title_key=f"apaperaboutthing{n}") for n in (1, 2)]
    told = signals(a_story("https://arxiv.org/abs/2604.00001?from=https://arxiv.org/abs/2604.00002"))

    assert resolve(told, two, {}, NOON).mentions == ()


# --- arXiv's API ----------------------------------------------------------------------------------


def an_answer(comment: str = "") -> str:
    return (
        "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:arxiv='http://arxiv.org/schemas/atom'><entry>"
        "<id>http://arxiv.org/abs/2604.00001v2</id><title>A sample paper</title><published>2026-04-08T12:00:00Z</published>"
        f"<summary>s</summary><arxiv:comment>{comment}</arxiv:comment></entry></feed>"
    )


def test_what_the_api_finds_for_a_day_was_listed_on_that_day() -> None:
    (entry,) = reading("arxiv", an_answer()).entries

    assert entry.listed_at == dt.datetime(2026, 4, 10, tzinfo=dt.UTC)
    assert entry.published == dt.datetime(2026, 4, 8, 12, tzinfo=dt.UTC)


def test_a_withdrawn_paper_is_no_news() -> None:
    (entry,) = reading("arxiv", an_answer("This paper has been withdrawn by the author")).entries

    assert resolve([entry], [], {}, NOON).papers == ()


# --- OPML -----------------------------------------------------------------------------------------


def test_a_list_of_feeds_is_read_although_it_is_not_well_formed() -> None:
    document = b"""<?xml version="1.0"?><opml><body><outline text="Arts & Letters">
        <outline type="rss" text="R&D" title="Q&A" xmlUrl="https://example.org/a?x=1&y=2"/>
        <outline text="again" xmlUrl="https://example.org/a?x=1&amp;y=2"/>
        <outline text="bad" xmlUrl="javascript:alert(1)"/><outline xmlUrl="http://example.org/b"></outline>"""

    assert opml.read(document) == (
        [("Q&A", "https://example.org/a?x=1&y=2"), ("http://example.org/b", "http://example.org/b")],
        ["javascript:alert(1)"],
    )


def test_an_address_that_is_none_does_not_keep_the_others_out() -> None:
    document = b"""<opml><outline xmlUrl="HTTPS://A.example.org/X"/><outline xmlUrl="https://a.example.org/X"/>
        <outline xmlUrl="http://[::1/"/></opml>"""

    assert opml.read(document) == (
        [("https://a.example.org/X", "https://a.example.org/X")],
        ["http://[::1/"],
    )


def test_a_document_without_feeds_is_no_list_of_feeds() -> None:
    with pytest.raises(DocumentError, match="no feed in it"):
        opml.read(b"<rss version='2.0'/>")


@pytest.mark.parametrize(("name", "feeds"), [("Canada", 10), ("Subs", 207), ("rdmpage-test", 67)])
def test_the_captured_lists_are_read(shared: Path, name: str, feeds: int) -> None:
    assert len(opml.read((shared / f"feeds/opml/{name}.opml").read_bytes())[0]) == feeds


def test_feeds_are_added_to_the_file_once_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "digest.toml"
    path.write_text(
        '# mine\n[[sources]]\nname = "A"\nkind = "feed"\nurl = "https://example.org/a"\n[site]\nname = "S"\n'
    )
    feeds = [
        ("A", "https://example.org/a"),
        ("A", "https://example.org/b"),
        ('q"\\', "https://example.org/c"),
    ]

    assert config.add_feeds(path, feeds) == ["A (2)", 'q"\\']
    assert config.add_feeds(path, feeds) == []

    assert path.read_text().startswith("# mine\n")
    assert [(s.name, s.location[-1]) for s in config.load(path, {}).sources] == [
        ("A", "a"),
        ("A (2)", "b"),
        ('q"\\', "c"),
    ]


def test_feeds_are_added_where_the_environment_completes_the_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "digest.toml"
    path.write_text("[cluster]\nenabled = true\n")
    monkeypatch.setenv("DIGEST_DATABASE__URL", "postgresql+psycopg://digest@db/digest")
    assert config.add_feeds(path, [("A", "https://example.org/a")]) == ["A"]


# --- other packages -------------------------------------------------------------------------------


@pytest.fixture
def talks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's example, installed."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("#### A source of your own")[2]
    module, table = (re.search(rf"```{kind}\n(.*?)```", section, re.DOTALL) for kind in ("python", "toml"))
    assert module
    assert table
    (tmp_path / "talks_source.py").write_text(module[1])
    info = tmp_path / "talks_source-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: talks-source\nVersion: 1\n")
    line = table[1].splitlines()[1].replace('"', "")
    (info / "entry_points.txt").write_text(f"[{config.EXTENSIONS}]\n{line}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "talks_source", raising=False)
    extension.cache_clear()


@pytest.mark.usefixtures("talks")
def test_an_installed_package_adds_a_kind_of_source() -> None:
    talk = {"title": "A talk", "paper": "https://arxiv.org/abs/2604.00001"}

    found = reading("talks", {"talks": [talk, {"title": "none"}]})

    assert [entry.ids for entry in found.entries] == [("arxiv:2604.00001",)]
    assert found.refused == ("entry 2: no paper",)
    assert config.source_kind("talks") == "talks"


def an_entry(**changes: object) -> Entry:
    entry = Entry(source="theirs", ids=("arxiv:2604.00001",), title="A talk", abstract="It is given.")
    return replace(entry, **changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"source": "ours"}, "another source"),
        ({"listed_at": dt.datetime(2026, 4, 14)}, "without a time zone"),  # noqa: DTZ001 (that is the mistake)
        ({"abstract": "half \ud83d"}, "half a character"),
    ],
)
def test_what_another_packages_reader_gives_wrongly_is_refused_alone(
    changes: dict[str, object], why: str
) -> None:
    source = Source(name="theirs", kind="talks", location="x", every=dt.timedelta(hours=1))
    given = Reading(entries=(an_entry(), an_entry(**changes)), refused=())

    found = checked(given, source)

    assert found.entries == (an_entry(),)
    assert len(found.refused) == 1
    assert why in found.refused[0]


def test_a_kind_that_nobody_reads_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"the kinds of source are huggingface, arxiv, biorxiv, .*listing"):
        config.source_kind("nonsense")
    with pytest.raises(DocumentError, match="no installed package"):
        reading("nonsense", "")
