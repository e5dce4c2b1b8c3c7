"""What each kind of source makes of its documents, on documents written for it."""

from __future__ import annotations

import datetime as dt
import json
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import DocumentError
from digest.ingest import read
from digest.model import Announcement, Entry, Link, Reading, Rights, Signals, Source, SourceKind

NOW = dt.datetime(2026, 4, 14, 12, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 4, 14, 4, tzinfo=dt.UTC)


def a_source(kind: SourceKind, rights: Rights = Rights.OPEN) -> Source:
    return Source(
        name="s", kind=kind, location="http://127.0.0.1/", every=dt.timedelta(hours=1), rights=rights
    )


def reading(kind: str, document: str | bytes | object, day: dt.date | None = None) -> Reading:
    if isinstance(document, list | dict):
        document = json.dumps(document)
    content = document.encode() if isinstance(document, str) else document
    assert isinstance(content, bytes)
    return read(a_source(SourceKind(kind)), content, NOW, day=day)


def only(reading: Reading) -> Entry:
    assert reading.refused == ()
    (entry,) = reading.entries
    return entry


# --- hugging face ---------------------------------------------------------------------------------


def a_feature(number: str = "2604.07429", **paper: object) -> dict[str, object]:
    known: dict[str, object] = {"id": number, "title": "Sparse Maps", "authors": [{"name": "Ada Author"}]}
    return {"paper": known | paper}


def test_a_featured_paper_brings_votes_comments_stars_and_links() -> None:
    feature = a_feature(
        summary="It costs 5% of $x^2$.",
        upvotes=0,
        githubStars=7,
        githubRepo="https://code.example.org/maps",
        projectPage="javascript:alert(1)",
        publishedAt="2026-04-10T00:00:00.000Z",
        submittedOnDailyAt="2026-04-14T01:34:18.710Z",
    ) | {"numComments": 3, "publishedAt": "2026-04-09T20:00:00.000Z"}

    entry = only(reading("huggingface", [feature]))

    assert entry.ids == ("arxiv:2604.07429",)
    assert entry.abstract == "It costs 5% of x²."
    assert entry.signals == Signals(votes=0, comments=3, stars=7)
    assert entry.published == dt.datetime(2026, 4, 10, tzinfo=dt.UTC)
    assert entry.listed_at == dt.datetime(2026, 4, 14, 1, 34, 18, 710000, tzinfo=dt.UTC)
    assert entry.links == (
        Link(rel="abstract", url="https://arxiv.org/abs/2604.07429"),
        Link(rel="pdf", url="https://arxiv.org/pdf/2604.07429"),
        Link(rel="discussion", url="https://huggingface.co/papers/2604.07429"),
        Link(rel="code", url="https://code.example.org/maps"),
    )


def test_missing_votes_are_not_zero_votes() -> None:
    assert only(reading("huggingface", [a_feature()])).signals == Signals()


def test_the_feature_day_is_the_one_asked_for_and_never_the_outer_date() -> None:
    """The outer publishedAt names the day before the arXiv day."""
    feature = a_feature() | {"publishedAt": "2026-04-09T20:00:00.000Z"}

    asked = only(reading("huggingface", [feature], day=dt.date(2026, 4, 13)))
    unasked = only(reading("huggingface", [feature]))

    assert asked.listed_at == dt.datetime(2026, 4, 13, tzinfo=dt.UTC)
    assert unasked.listed_at == dt.datetime(2026, 4, 10, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "bad",
    [
        "a text",
        None,
        {"paper": []},
        a_feature(number="0.1"),
        a_feature(title=""),
        a_feature(title=["x"]),
        a_feature(authors="Ada"),
        a_feature(upvotes="12"),
        a_feature(upvotes=True),
        a_feature(upvotes=-1),
        a_feature(upvotes=2**40),
    ],
)
def test_a_feature_of_the_wrong_type_is_refused_and_the_rest_goes_on(bad: object) -> None:
    result = reading("huggingface", [bad, a_feature()])

    assert [entry.title for entry in result.entries] == ["Sparse Maps"]
    assert len(result.refused) == 1
    assert result.refused[0].startswith("entry 1: ")


def test_an_empty_day_is_no_error() -> None:
    assert reading("huggingface", "[]") == Reading()


@pytest.mark.parametrize(
    "document", ["", "{", '{"error": "rate limit"}', '"x"', '["{}", "{}"]', "[" * 100_000, b"\xff\xfe"]
)
def test_other_answers_are_refused_as_a_whole(document: str | bytes) -> None:
    with pytest.raises(DocumentError):
        reading("huggingface", document)


def test_lone_surrogates_and_nuls_do_not_get_in() -> None:
    entry = only(reading("huggingface", '[{"paper": {"id": "2604.07429", "title": "A\\ud800B\\u0000C"}}]'))

    assert entry.title == "ABC"


# --- arxiv ----------------------------------------------------------------------------------------


def an_item(
    number: str = "2604.07429v1",
    title: str = "Sparse Maps",
    kind: str = "new",
    abstract: str = "We map.",
    creator: str = "Ada Author, Bo Writer",
    extra: str = "",
) -> str:
    bare = number.partition("v")[0]
    return (
        f"<item><title>{escape(title)}</title><link>https://arxiv.org/abs/{bare}</link>"
        f"<description>arXiv:{number} Announce Type: {kind} \nAbstract: {escape(abstract)}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{number}</guid><category>cs.CL</category>'
        f"<arxiv:announce_type>{kind}</arxiv:announce_type><dc:creator>{escape(creator)}</dc:creator>{extra}</item>"
    )


def rss(*items: str, title: str = "cs.CL updates", head: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel>'
        f"<title>{title}</title><link>http://rss.arxiv.org/rss/cs.CL</link>{head}{''.join(items)}</channel></rss>"
    )


DATED = "<pubDate>Tue, 14 Apr 2026 00:00:00 -0400</pubDate>"


def test_an_announcement_is_dated_by_its_day_and_not_by_a_submission() -> None:
    entry = only(reading("arxiv", rss(an_item(number="2604.07429v2", extra=DATED))))

    assert entry.ids == ("arxiv:2604.07429",)
    assert entry.version == 2
    assert (entry.published, entry.listed_at) == (None, MIDNIGHT)
    assert entry.abstract == "We map."
    assert entry.authors == ("Ada Author", "Bo Writer")
    assert entry.categories == ("cs.CL",)
    assert entry.signals == Signals()


def test_undated_items_are_listed_when_their_list_was_made() -> None:
    entry = only(reading("arxiv", rss(an_item(), head=DATED)))

    assert entry.listed_at == MIDNIGHT


@pytest.mark.parametrize("kind", ["new", "cross", "replace", "replace-cross"])
def test_an_entry_keeps_its_announcement(kind: str) -> None:
    assert only(reading("arxiv", rss(an_item(kind=kind)))).announcement == Announcement(kind)


def test_less_than_signs_in_title_and_abstract_survive() -> None:
    entry = only(
        reading(
            "arxiv", rss(an_item(title="When a<b and <SEG> fails", abstract="If $a<b$ and n<m. Then c>d."))
        )
    )

    assert entry.title == "When a<b and <SEG> fails"
    assert entry.abstract == "If a<b and n<m. Then c>d."


@pytest.mark.parametrize(
    ("creator", "authors"),
    [
        ("Ada Author (Lab, City), Bo Writer", ("Ada Author", "Bo Writer")),
        ("Ada Author (Lab (North, 2), City), Bo Writer (X)", ("Ada Author", "Bo Writer")),
        (r"Jos\'e Garc\'ia, Bo Writer", ("José García", "Bo Writer")),
        ("Ada Author", ("Ada Author",)),
        ("", ()),
    ],
)
def test_one_creator_is_split_at_commas_outside_parentheses(creator: str, authors: tuple[str, ...]) -> None:
    assert only(reading("arxiv", rss(an_item(creator=creator)))).authors == authors


def test_a_weekend_feed_holds_nothing_and_is_fine() -> None:
    assert reading("arxiv", rss()) == Reading()


def test_an_unknown_announcement_or_a_missing_id_is_refused_alone() -> None:
    lost = "<item><title>Lost</title><link>https://arxiv.org/help</link></item>"

    result = reading("arxiv", rss(an_item(kind="rumour"), lost, an_item()))

    assert len(result.entries) == 1
    assert [line.partition(":")[0] for line in result.refused] == ["entry 1", "entry 2"]


def atom(*entries: str, title: str = "arXiv Query: all:maps") -> str:
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">'
        f"<title>{title}</title><updated>2026-04-14T00:00:00Z</updated>{''.join(entries)}</feed>"
    )


def test_an_api_result_is_dated_by_its_first_version_and_names_its_journal_doi() -> None:
    entry = only(
        reading(
            "arxiv",
            atom(
                "<entry><id>http://arxiv.org/abs/math.GT/0309136v3</id><title>On\n  Knots</title>"
                "<updated>2026-04-13T00:00:00Z</updated><published>2003-09-08T10:00:00Z</published>"
                "<summary> We knot if a &lt; b. </summary><author><name> The Knot Collaboration</name></author>"
                "<author><name>Ada, of Author</name></author><category term='math.AT'/><category term='57M25, 57N10'/>"
                "<arxiv:primary_category term='math.GT'/><arxiv:doi>10.1000/KNOT</arxiv:doi></entry>"
            ),
        )
    )

    assert entry.ids == ("arxiv:math/0309136", "doi:10.1000/knot")
    assert entry.title == "On Knots"
    assert entry.abstract == "We knot if a < b."
    assert entry.authors == ("The Knot Collaboration", "Ada, of Author")
    assert entry.categories == ("math.GT", "math.AT")
    assert entry.version == 3
    assert entry.published == entry.listed_at == dt.datetime(2003, 9, 8, 10, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "document",
    [
        atom(
            "<entry><id>https://arxiv.org/api/errors#bad_id</id><title>Error</title><summary>bad id</summary></entry>"
        ),
        rss(title='Feed error for query "cs.XX"'),
    ],
)
def test_an_error_of_arxiv_is_never_a_paper(document: str) -> None:
    with pytest.raises(DocumentError, match="arxiv answered with an error"):
        reading("arxiv", document)


# --- any feed -------------------------------------------------------------------------------------


def an_article(title: str = "A Fungus", link: str = "https://j.example.org/1", extra: str = "") -> str:
    return f"<item><title>{title}</title><link>{link}</link>{extra}</item>"


def test_html_of_publishers_becomes_text() -> None:
    entry = only(
        reading(
            "feed",
            rss(
                an_article(
                    title="The &lt;em&gt;A. niger&lt;/em&gt; &amp;amp; CO&lt;sub&gt;2&lt;/sub&gt;",
                    extra="<description>&lt;p&gt;Old &amp;amp; new&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;</description>",
                )
            ),
        )
    )

    assert entry.title == "The A. niger & CO₂"
    assert entry.abstract == "Old & new"


def test_ids_come_from_the_doi_fields_and_links() -> None:
    entry = only(
        reading(
            "feed", rss(an_article(extra="<dc:identifier>doi:10.64898/2026.01.02.700001</dc:identifier>"))
        )
    )

    assert entry.ids == ("doi:10.64898/2026.01.02.700001",)
    assert entry.links == (Link(rel="abstract", url="https://j.example.org/1"),)


@pytest.mark.parametrize(
    ("field", "authors"),
    [
        ("<author>a@example.org (Ada Author)</author>", ("Ada Author",)),
        ("<author>a@example.org</author>", ()),
        ("<dc:creator>Author, Ada</dc:creator>", ("Author, Ada",)),
        ("<dc:creator>AUTHOR, A., Writer, B.-C.</dc:creator>", ("AUTHOR, A.", "Writer, B.-C.")),
        ("<dc:creator>Ada Author, Bo Writer</dc:creator>", ("Ada Author", "Bo Writer")),
        ("<dc:creator>Ada</dc:creator><dc:creator>Bo</dc:creator>", ("Ada", "Bo")),
    ],
)
def test_authors_are_names_without_addresses(field: str, authors: tuple[str, ...]) -> None:
    assert only(reading("feed", rss(an_article(extra=field)))).authors == authors


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "http://"])
def test_a_link_that_is_not_of_the_web_never_gets_in(link: str) -> None:
    result = reading("feed", rss(an_article(link=link), an_article()))

    assert [entry.links[0].url for entry in result.entries] == ["https://j.example.org/1"]
    assert len(result.refused) == 1


def test_a_relative_link_belongs_to_the_feeds_page() -> None:
    entry = only(reading("feed", rss(an_article(link="/abs/1"))))

    assert entry.links[0].url == "http://rss.arxiv.org/abs/1"


def test_an_entry_without_a_title_is_refused_by_its_number() -> None:
    result = reading("feed", rss(an_article(), an_article(title="")))

    assert result.refused == ("entry 2: no title",)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Tue, 14 Apr 2026 00:00:00 -0400", MIDNIGHT),
        ("2026-04-13", dt.datetime(2026, 4, 13, tzinfo=dt.UTC)),
        ("Wed, 15 Apr 2026 09:00:00 GMT", NOW),  # a little ahead counts as now
        ("Wed, 15 Apr 2036 09:00:00 GMT", None),
        ("1777248000", None),
        ("2016/6/29 15:07:41", None),
        ("2026-W17", None),
        ("soon", None),
    ],
)
def test_nonsense_dates_are_no_dates(said: str, meant: dt.datetime | None) -> None:
    entry = only(reading("feed", rss(an_article(extra=f"<pubDate>{said}</pubDate>"))))

    assert entry.listed_at == meant


def test_rights_of_the_source_are_the_entrys() -> None:
    source = a_source(SourceKind.FEED, Rights.EXCERPT)

    (entry,) = read(source, rss(an_article()).encode(), NOW).entries

    assert (entry.rights, entry.source) == (Rights.EXCERPT, "s")


def test_a_document_is_never_taken_for_a_path(tmp_path) -> None:
    """feedparser opens a file of that name if it is given bytes."""
    file = tmp_path / "feed.xml"
    file.write_text(rss(an_article()))

    with pytest.raises(DocumentError):
        reading("feed", str(file))


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "document",
    [
        "",
        " \n",
        "<html><body>503 Service Unavailable</body></html>",
        "<!DOCTYPE html><title>x</title>",
        b"\x1f\x8b\x08\x00",
        "<opml version='2.0'><body/></opml>",
        "<OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'/>",
        '{"items": []}',
        BOMB + rss(an_article(title="&b;")),
        ("<?xml version='1.0' encoding='utf-16'?>" + BOMB + "<rss/>").encode("utf-16"),
        "<!-- <rss> -->" + '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss/>',
        "<!DOCTYPE x [" + " " * 5000 + "]><rss/>",
        '<!DOCTYPE x [<!-- ]> --><!ENTITY a "haha"><!ENTITY b "&a;&a;">]>' + rss(an_article(title="&b;")),
    ],
)
def test_what_is_no_feed_is_refused(document: str | bytes) -> None:
    with pytest.raises(DocumentError):
        reading("feed", document)


def test_a_doctype_that_only_names_characters_is_harmless() -> None:
    head = (
        '<!DOCTYPE rss PUBLIC "-//N//DTD RSS//EN" "http://x.example.org/rss.dtd" [<!ENTITY nbsp "&#160;">]>'
    )
    document = rss(an_article(title="A&nbsp;Fungus")).partition("?>")[2]

    assert only(reading("feed", head + document)).title == "A Fungus"


def test_a_json_feed_is_a_feed() -> None:
    entry = only(
        reading(
            "feed",
            {
                "version": "https://jsonfeed.org/version/1.1",
                "items": [
                    {
                        "id": "1",
                        "url": "https://doi.org/10.1000/X",
                        "title": "A Fungus",
                        "content_html": "<p>It <b>grows</b>.</p>",
                        "date_published": "2026-04-13T10:00:00+02:00",
                        "authors": [{"name": "Ada"}],
                        "tags": ["fungi", 3],
                    }
                ],
            },
        )
    )

    assert entry.ids == ("doi:10.1000/x",)
    assert (entry.abstract, entry.authors, entry.categories) == ("It grows.", ("Ada",), ("fungi",))
    assert entry.published == dt.datetime(2026, 4, 13, 8, tzinfo=dt.UTC)


# --- a listing ------------------------------------------------------------------------------------

LONG = "We study things and find that they are things, by a margin. " * 5


def test_a_listing_alternates_titles_and_abstracts_after_its_invitation() -> None:
    page = f"Get papers!\nEvery day!\nSubscribeFirst Paper\n{LONG}\nSecond Paper\n{LONG}\n"

    result = reading("listing", page)

    assert [entry.title for entry in result.entries] == ["First Paper", "Second Paper"]
    assert result.entries[0].abstract == LONG.strip()
    assert (result.entries[0].ids, result.entries[0].listed_at) == ((), None)


def test_a_title_that_lost_its_abstract_costs_only_itself() -> None:
    result = reading("listing", f"First\n{LONG}\nSecond\nThird\n{LONG}\n\nFourth\n{LONG}\nFooter")

    assert [entry.title for entry in result.entries] == ["First", "Third", "Fourth"]
    assert len(result.refused) == 2


@pytest.mark.parametrize(
    "document", ["", "one\ntwo\nthree", LONG, f"{LONG}\n" * 5, f"<p>{LONG}</p>", b"\x00\x01", b"\xff" * 300]
)
def test_other_text_is_no_listing(document: str | bytes) -> None:
    with pytest.raises(DocumentError):
        reading("listing", document)


# --- anything -------------------------------------------------------------------------------------

SMALL = {
    SourceKind.HUGGINGFACE: json.dumps(
        [a_feature(upvotes=3, summary="We $x$."), a_feature("2604.07430")]
    ).encode(),
    SourceKind.ARXIV: rss(an_item(extra=DATED), an_item(number="2604.07430v2", kind="replace")).encode(),
    SourceKind.FEED: rss(an_article(extra="<description>&lt;p&gt;x&lt;/p&gt;</description>")).encode(),
    SourceKind.LISTING: f"First\n{LONG}\nSecond\n{LONG}".encode(),
}


@settings(max_examples=100, deadline=None)
@given(data=st.data(), kind=st.sampled_from(list(SMALL)), other=st.sampled_from(list(SMALL)))
def test_a_damaged_document_is_read_or_refused_and_nothing_else(
    data: st.DataObject, kind: SourceKind, other: SourceKind
) -> None:
    document = bytearray(SMALL[other])
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, len(document)))
        end = data.draw(st.integers(start, min(start + 40, len(document))))
        document[start:end] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"<", b"&#0;", b"]]>", b'"', b"null"])
        )
    end = data.draw(st.integers(0, len(document)) | st.just(len(document)))

    try:
        result = read(a_source(kind), bytes(document[:end]), NOW)
    except DocumentError:
        pass
    else:
        assert all(entry.title for entry in result.entries)
        assert all(
            link.url.startswith(("http://", "https://")) for entry in result.entries for link in entry.links
        )
