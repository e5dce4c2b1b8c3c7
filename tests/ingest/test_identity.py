from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.ingest.identity import SHORTEST_KEY, better_text, names, resolve, surname, title_id, title_key
from digest.ingest.ids import canonical_ids, version_of
from digest.ingest.text import readable
from digest.model import Announcement, Entry, Link, Paper, Resolved, Rights, Signals

NOW = dt.datetime(2026, 4, 14, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TITLE = "A Patient Study of Resolving Papers"
ABSTRACT = "We resolve papers, and we are patient. " * 12


def an_entry(*ids: str, **changes: object) -> Entry:
    entry = Entry(
        source="arxiv", ids=ids, title=TITLE, abstract=ABSTRACT, authors=("Ada Author", "Bo Writer")
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


def resolved(*entries: Entry, known: tuple[Paper, ...] = (), now: dt.datetime = NOW) -> Resolved:
    return resolve(entries, known, {}, now)


def one(*entries: Entry, known: tuple[Paper, ...] = ()) -> Paper:
    [paper] = resolved(*entries, known=known).papers
    return paper


# --- ids


@pytest.mark.parametrize(
    ("text", "ids", "version"),
    [
        ("2604.07429", "arxiv:2604.07429", None),
        ("2604.07429v12", "arxiv:2604.07429", 12),
        ("0704.0001", "arxiv:0704.0001", None),
        ("oai:arXiv.org:2604.07429v1", "arxiv:2604.07429", 1),
        ("http://arxiv.org/abs/2604.07429v2", "arxiv:2604.07429", 2),
        ("https://export.arxiv.org/abs/math.GT/0309136v2", "arxiv:math/0309136", 2),
        ("hep-th/9901001", "arxiv:hep-th/9901001", None),
        ("https://arxiv.org/pdf/2604.07429v2.pdf?context=cs.CL", "arxiv:2604.07429", 2),
        ("https://arxiv.org/html/2604.07429v1#S2", "arxiv:2604.07429", 1),
        ("https://ar5iv.labs.arxiv.org/html/0704.0001", "arxiv:0704.0001", None),
        ("https://www.alphaxiv.org/abs/2604.07429", "arxiv:2604.07429", None),
        ("https://huggingface.co/papers/2604.07429", "arxiv:2604.07429", None),
        ("https://tldr.takara.ai/p/2604.07429", "arxiv:2604.07429", None),
        ("https://doi.org/10.48550/arXiv.2604.07429", "arxiv:2604.07429", None),
        ("doi:10.48550/ARXIV.math/0309136", "arxiv:math/0309136", None),
        ("A title. (arXiv:1805.09166v1 [hep-ex] CROSS LISTED)", "arxiv:1805.09166", 1),
        ("doi:10.1000/ABC", "doi:10.1000/abc", None),
        ("https://dx.doi.org/10.1000%2FABC.", "doi:10.1000/abc", None),
        ("https://pub.example.org/doi/full/10.1000/x(20)3?af=R", "doi:10.1000/x(20)3", None),
        ("(10.1000/x(20)3)", "doi:10.1000/x(20)3", None),
        (
            "https://www.biorxiv.org/content/10.1101/2023.12.16.571984v2.full.pdf",
            "doi:10.1101/2023.12.16.571984",
            None,
        ),
        (
            "http://biorxiv.org/cgi/content/short/2023.12.16.571984v1?rss=1",
            "doi:10.1101/2023.12.16.571984",
            None,
        ),
        (
            "http://medrxiv.org/cgi/content/short/2026.08.01.261234v1?rss=1",
            "doi:10.64898/2026.08.01.261234",
            None,
        ),
        ("10.64898/2026.08.01.261234v3", "doi:10.64898/2026.08.01.261234", None),
        ("10.1101/123456v2", "doi:10.1101/123456", None),
        ("10.1101/gr.275658.121", "doi:10.1101/gr.275658.121", None),
        ("https://arxiv.org/abs/2613.07429", None, None),  # there is no 13th month
        ("1405.12345", None, None),  # five digits came in 2015
        ("1505.1234", None, None),
        ("https://notarxiv.org/abs/2604.07429", None, None),
        ("https://example.org/2604.07429/", None, None),
        ("3.14159", None, None),
        ("", None, None),
    ],
)
def test_ids_are_read_from_urls_guids_dois_and_titles(text, ids, version):
    assert canonical_ids(text) == ((ids,) if ids else ())
    assert version_of(text) == version


def test_one_text_can_name_several_ids_the_strongest_first():
    text = "doi:10.1000/abc, preprint https://arxiv.org/abs/2604.07429v2"
    assert canonical_ids(text) == ("arxiv:2604.07429", "doi:10.1000/abc")


@given(st.text() | st.from_regex(r"(arxiv:|10\.\d{4}/|doi:)[\x00-\x7f]*"))
def test_any_text_can_be_asked_for_ids(text):
    for found in canonical_ids(text):
        assert canonical_ids(found) == (found,)
    version_of(text)
    title_key(text)


def test_spellings_of_one_title_have_one_key():
    spellings = ["Élan: $k$-NN for {G}raphs", "\\'Elan:  K-NN for graphs", "ÉLAN – k–nn for Graphs."]
    assert {title_key(spelling) for spelling in spellings} == {"élanknnforgraphs"}


def test_a_title_id_is_short_and_certain():
    assert title_id("abc") == "title:ba7816bf8f01cfea"


@pytest.mark.parametrize(
    "author", ["Jürgen Müller", "Müller, Jürgen", "J. Muller", "Muller J", "MÜLLER, J.", "Jürgen Müller Jr."]
)
def test_spellings_of_one_name_have_one_surname(author):
    assert surname(author) == "muller"


def test_names_hold_ids_and_long_titles_of_titled_entries():
    found = names(
        [
            an_entry("arxiv:2604.00001"),
            an_entry("doi:10.1/x", title="Erratum"),
            an_entry("doi:10.1/y", title=" "),
        ]
    )
    assert found.ids == {"arxiv:2604.00001", "doi:10.1/x"}
    assert found.title_keys == {title_key(TITLE)}


# --- one work, or two


def test_one_paper_in_all_its_forms_is_one_paper():
    arxiv = "arxiv:2604.00001"
    abstract = Link(rel="abstract", url="https://huggingface.co/papers/2604.00001")
    forms = [
        an_entry(arxiv, version=1, categories=("cs.CL",)),
        an_entry(arxiv, version=2, categories=("cs.CL",), announcement=Announcement.REPLACE),
        an_entry(arxiv, version=1, categories=("cs.LG",), announcement=Announcement.CROSS),
        an_entry(arxiv, source="hf", links=(abstract,), signals=Signals(votes=3)),
        an_entry(*canonical_ids("https://doi.org/10.48550/arXiv.2604.00001"), source="blog", authors=()),
        an_entry(arxiv, "doi:10.1000/journal", source="api"),
        an_entry("doi:10.1000/journal", source="journal", title="Another title in the journal, revised"),
        an_entry(source="listing", authors=()),
    ]
    paper = one(*forms)
    assert paper.id == arxiv
    assert paper.aliases[0] == arxiv
    assert {"doi:10.1000/journal", title_id(title_key(TITLE))} <= set(paper.aliases)
    assert (paper.version, paper.title) == (2, TITLE)
    assert set(paper.categories) == {"cs.CL", "cs.LG"}


def test_two_dois_of_one_title_are_one_paper_only_by_their_authors() -> None:
    """Every journal has an "Editorial Board"."""
    one = an_entry("doi:10.1000/x", authors=())
    assert len(resolved(one, an_entry("doi:10.2000/y", authors=())).papers) == 2
    assert len(resolved(one, an_entry("doi:10.2000/y")).papers) == 2
    named = an_entry("doi:10.1000/x")
    assert len(resolved(named, an_entry("doi:10.2000/y")).papers) == 1


def test_a_doi_that_is_cut_at_an_angle_bracket_is_none() -> None:
    assert canonical_ids("10.1002/(SICI)1097-0258(19980815/30)17:15/16<1661::AID-SIM968>3.0.CO;2-2") == ()


@pytest.mark.parametrize(
    ("other", "papers"),
    [
        (an_entry("doi:10.1000/x"), 1),
        (an_entry("doi:10.1000/x", authors=()), 1),
        (an_entry("doi:10.1000/x", authors=("A. Author",)), 1),
        (an_entry("doi:10.1000/x", authors=("Cy Other",)), 2),
        (an_entry("doi:10.1000/x", published=NOW - 30 * DAY), 1),
        (an_entry("doi:10.1000/x", published=NOW - 500 * DAY), 2),
        (an_entry("arxiv:2604.00002"), 2),
        (an_entry(), 1),
        (an_entry(authors=("Cy Other",)), 2),
        (an_entry("doi:10.1000/x", title="A patient study of resolving papers!"), 1),
        (an_entry("doi:10.1000/x", title="A patient study of resolving people"), 2),
    ],
)
def test_a_long_title_joins_only_works_that_agree(other, papers):
    first = an_entry("arxiv:2604.00001", published=NOW)
    assert len(resolved(first, other).papers) == papers
    known = resolved(first).papers
    assert len({*(p.id for p in known), *(p.id for p in resolved(other, known=known).papers)}) == papers


def test_short_titles_never_join():
    errata = [an_entry(f"doi:10.1000/{n}", title="Erratum", authors=()) for n in range(3)]
    assert len(resolved(*errata).papers) == 3
    assert len(title_key("Erratum")) < SHORTEST_KEY
    nameless = [an_entry(source=source, title="Editorial", authors=()) for source in ("one", "two")]
    assert len(resolved(*nameless).papers) == 2


def test_two_preprints_are_two_papers_whatever_their_prefix():
    one_day, other_day = "2025.11.30.261234", "2025.12.02.265678"
    apart = [an_entry(f"doi:10.1101/{one_day}"), an_entry(f"doi:10.64898/{other_day}")]
    assert len(resolved(*apart).papers) == 2
    same = [an_entry(f"doi:10.1101/{one_day}"), an_entry(f"doi:10.64898/{one_day}")]
    assert len(resolved(*same).papers) == 1


def test_who_could_be_either_of_two_papers_stays_alone():
    ada, cy = an_entry("arxiv:2604.00001"), an_entry("arxiv:2604.00002", authors=("Cy Other",))
    assert len(resolved(ada, cy, an_entry(source="listing", authors=())).papers) == 3


def test_a_title_that_very_many_works_bear_joins_none():
    columns = [an_entry(f"doi:10.1000/{n}", authors=()) for n in range(30)]
    assert len(resolved(*columns).papers) == 30


def test_a_doi_that_two_preprints_claim_belongs_to_one():
    papers = resolved(
        an_entry("arxiv:2604.00002", "doi:10.1/p", title="B"),
        an_entry("arxiv:2604.00001", "doi:10.1/p", title="A"),
    ).papers
    assert [p.aliases for p in papers] == [("arxiv:2604.00001", "doi:10.1/p"), ("arxiv:2604.00002",)]
    later = resolved(an_entry("arxiv:2603.00001", "doi:10.1/p", title="C"), known=papers).papers
    assert [p.aliases for p in later] == [("arxiv:2603.00001",)]


def test_an_entry_that_names_two_preprints_is_the_first_of_them():
    two = an_entry("arxiv:2604.00001", "arxiv:2604.00002", title="A post on both")
    assert one(two).aliases == ("arxiv:2604.00001",)
    assert len(resolved(two, an_entry("arxiv:2604.00002")).papers) == 2


# --- the merge


def test_a_known_paper_gives_its_id_up_for_a_stronger_one_and_keeps_it_as_alias():
    known = resolved(an_entry()).papers + resolved(an_entry("doi:10.1/j", title="In the journal")).papers
    result = resolved(an_entry("arxiv:2604.00001", "doi:10.1/j", version=1), known=known)
    [paper] = result.papers
    assert paper.id == "arxiv:2604.00001"
    assert result.joined == {old.id: paper.id for old in known}
    assert set(paper.aliases) >= {old.id for old in known}


def test_arxivs_text_is_preferred_and_a_newer_version_replaces_it():
    ours, cleaned = ABSTRACT + "alpha", ABSTRACT + "alpha, and an ending that is longer"
    arxiv = an_entry("arxiv:2604.00001", abstract=ours, categories=("cs.CL",), version=1)
    other = an_entry("arxiv:2604.00001", abstract=cleaned, source="hf")
    paper = one(arxiv, other)
    assert paper.abstract == ours
    newer = replace(arxiv, abstract=ABSTRACT + "beta", version=2, announcement=Announcement.REPLACE)
    result = resolved(newer, known=(paper,))
    assert result.papers[0].abstract == ABSTRACT + "beta"
    assert result.mentions == ()


@pytest.mark.parametrize("thin", ["", "Short.", "arXiv:2604.00001"])
def test_a_whole_abstract_is_not_replaced_by_a_thin_one(thin):
    paper = one(an_entry("arxiv:2604.00001"))
    thinner = an_entry("arxiv:2604.00001", abstract=thin, version=3, categories=("cs.CL",))
    assert one(thinner, known=(paper,)).abstract == ABSTRACT


def test_a_page_around_an_abstract_does_not_beat_it():
    arxiv = an_entry("arxiv:2604.00001", categories=("cs.CL",))
    page = an_entry("arxiv:2604.00001", abstract=ABSTRACT * 20, source="blog")
    assert better_text([page, arxiv])[0] == arxiv


def test_rights_are_those_of_the_text_that_is_kept():
    excerpt = an_entry("doi:10.1/x", rights=Rights.EXCERPT, source="journal")
    assert one(excerpt).rights is Rights.EXCERPT
    assert one(excerpt, an_entry("doi:10.1/x")).rights is Rights.OPEN


def test_people_and_dates_are_the_fullest_and_the_earliest():
    early = an_entry("doi:10.1/x", published=NOW - 3 * DAY, listed_at=NOW - DAY, authors=())
    late = an_entry("doi:10.1/x", published=NOW - DAY, listed_at=NOW + DAY)
    paper = one(early, late)
    assert paper.authors == late.authors
    assert paper.published == early.published
    assert paper.first_seen == NOW - DAY
    assert one(late).first_seen == NOW


def test_links_follow_from_ids_and_the_discussion_only_where_it_was_named():
    paper = one(an_entry("arxiv:2604.00001", links=(Link(rel="code", url="https://example.org/code"),)))
    assert [(link.rel, link.url) for link in paper.links] == [
        ("abstract", "https://arxiv.org/abs/2604.00001"),
        ("pdf", "https://arxiv.org/pdf/2604.00001"),
        ("code", "https://example.org/code"),
    ]
    discussion = Link(rel="discussion", url="https://huggingface.co/papers/2604.00001")
    assert one(an_entry("arxiv:2604.00001", links=(discussion,))).link("discussion") == discussion.url
    assert one(an_entry("doi:10.1/x")).link("abstract") == "https://doi.org/10.1/x"


def test_a_replacement_makes_neither_a_paper_nor_a_mention():
    for announcement in (Announcement.REPLACE, Announcement.REPLACE_CROSS):
        result = resolved(an_entry("arxiv:2604.00001", announcement=announcement))
        assert (result.papers, result.mentions) == ((), ())


def test_an_entry_without_a_title_is_left_out():
    assert resolved(an_entry("arxiv:2604.00001", title="  ")).papers == ()


# --- mentions


def test_a_source_and_day_give_one_mention_with_the_larger_signals():
    monday, tuesday = NOW - DAY, NOW
    link = Link(rel="discussion", url="https://huggingface.co/papers/2604.00001")
    hf = an_entry("arxiv:2604.00001", source="hf", links=(link,), listed_at=monday)
    entries = [
        replace(hf, signals=Signals(votes=0, stars=7)),
        replace(hf, signals=Signals(votes=5), listed_at=monday + dt.timedelta(hours=1)),
        replace(hf, signals=Signals(votes=9), listed_at=tuesday),
        an_entry("arxiv:2604.00001", listed_at=NOW + 5 * DAY),
    ]
    mentions = resolve(entries, (), {"hf": 2.0}, NOW).mentions
    assert [(m.source, m.listed_at, m.weight, m.signals) for m in mentions] == [
        ("arxiv", NOW, 1.0, Signals()),
        ("hf", monday, 2.0, Signals(votes=5, stars=7)),
        ("hf", tuesday, 2.0, Signals(votes=9)),
    ]
    assert mentions[0].url == "https://arxiv.org/abs/2604.00001"
    assert {m.url for m in mentions[1:]} == {link.url}
    assert {m.as_of for m in mentions} == {NOW}


def test_an_undated_entry_is_not_listed_anew_every_day():
    undated = an_entry("doi:10.1/x", source="journal")
    first = resolved(undated)
    again = resolved(undated, known=first.papers, now=NOW + 3 * DAY)
    assert [m.listed_at for m in again.mentions] == [m.listed_at for m in first.mentions] == [NOW]


# --- laws


TITLES = st.sampled_from([TITLE, TITLE.upper(), "Another Long Title About Other Things", "Erratum"])
IDS = st.sampled_from(
    [
        "arxiv:2604.00001",
        "arxiv:2604.00002",
        "doi:10.1/a",
        "doi:10.1/b",
        "doi:10.1101/2024.01.02.123456",
        "doi:10.64898/2026.01.02.1",
    ]
)
ENTRIES = st.lists(
    st.builds(
        Entry,
        source=st.sampled_from(["arxiv", "hf", "feed"]),
        ids=st.lists(IDS, max_size=3, unique=True).map(lambda ids: tuple(sorted(ids))),
        title=TITLES,
        abstract=st.sampled_from(["", "Short.", ABSTRACT, ABSTRACT + "More."]),
        authors=st.sampled_from([(), ("Ada Author",), ("A. Author", "Bo Writer"), ("Cy Other",)]),
        categories=st.sampled_from([(), ("cs.CL",), ("cs.LG", "cs.CL")]),
        published=st.sampled_from([None, NOW - DAY, NOW - 400 * DAY]),
        listed_at=st.sampled_from([None, NOW - 2 * DAY, NOW + DAY]),
        version=st.sampled_from([None, 1, 2]),
        signals=st.builds(Signals, votes=st.sampled_from([None, 0, 4])),
        announcement=st.sampled_from(list(Announcement)),
        rights=st.sampled_from(list(Rights)),
    ),
    max_size=7,
)


@settings(deadline=None)
@given(ENTRIES, ENTRIES, st.randoms(use_true_random=False))
def test_order_does_not_matter(first, second, chance):
    known = list(resolved(*first).papers)
    expected = resolved(*second, known=tuple(known))
    shuffled = chance.sample(second, len(second))
    chance.shuffle(known)
    assert resolved(*shuffled, known=tuple(known)) == expected


@settings(deadline=None)
@given(ENTRIES, ENTRIES)
def test_resolving_again_changes_nothing(first, second):
    before = resolved(*first).papers
    result = resolved(*second, known=before)
    gone = {*result.joined, *(p.id for p in result.papers)}
    known = (*result.papers, *(p for p in before if p.id not in gone))
    again = resolved(*second, known=known)
    assert (again.papers, again.joined) == ((), {})
    assert again.mentions == result.mentions
    assert resolved(known=known).papers == ()


@settings(deadline=None)
@given(ENTRIES)
def test_no_id_belongs_to_two_papers_and_no_paper_has_two_arxiv_ids(entries):
    papers = resolved(*entries).papers
    aliases = Counter(alias for paper in papers for alias in paper.aliases)
    assert set(aliases.values()) <= {1}
    for paper in papers:
        assert paper.id == paper.aliases[0]
        assert sum(alias.startswith("arxiv:") for alias in paper.aliases) <= 1
        assert paper.title.strip()
        assert paper.first_seen <= NOW


@settings(deadline=None)
@given(ENTRIES.filter(lambda e: len(e) >= 2))
def test_whether_two_entries_are_one_paper_is_symmetric(entries):
    for a, b in itertools.combinations(entries, 2):
        assert resolved(a, b) == resolved(b, a)


def test_a_day_of_captured_documents_merges_what_it_shares(shared):
    day = dt.datetime(2026, 4, 14, tzinfo=dt.UTC)
    listed = [
        json.loads(line)
        for line in (shared / "feeds/arxiv-daily-jsonl/2026-04-14.jsonl").read_text("utf-8").splitlines()
    ]
    featured = [
        item["paper"] for item in json.loads((shared / "feeds/hf/2026-04-14.json").read_text("utf-8"))
    ]
    entries = [
        an_entry(
            *canonical_ids(e["abs"]),
            title=readable(e["title"]),
            abstract=readable(e["summary"]),
            authors=tuple(map(readable, e["authors"])),
            categories=tuple(e["categories"]),
            listed_at=day,
        )
        for e in listed
    ] + [
        an_entry(
            *canonical_ids(p["id"]),
            source="hf",
            title=readable(p["title"]),
            abstract=readable(p["summary"]),
            authors=tuple(a["name"] for a in p["authors"]),
            signals=Signals(votes=p["upvotes"]),
            listed_at=day,
        )
        for p in featured
    ]
    both = {e["id"] for e in listed} & {p["id"] for p in featured}
    every = {e["id"] for e in listed} | {p["id"] for p in featured}
    assert len(both) >= 5
    random.Random(1).shuffle(entries)
    result = resolved(*entries)
    assert {paper.id for paper in result.papers} == {f"arxiv:{i}" for i in every}
    sources = Counter(mention.paper for mention in result.mentions)
    assert {paper for paper, count in sources.items() if count == 2} == {f"arxiv:{i}" for i in both}
