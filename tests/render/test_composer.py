"""A digest says the same in both parts, whatever the papers hold, and whoever else reads them."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html import unescape

import html5lib
import pytest
from factories import a_listed, a_paper, a_pick, a_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from digest.config import shipped
from digest.errors import RenderError
from digest.model import Days, Edition, Link, Listed, Rights, Trend
from digest.render import Composer
from digest.render.composer import LARGEST_HTML
from digest.render.excerpt import wrapped

HOLE = re.compile(r"hole[0-9a-f]{32}")
# What nobody can read: control characters, surrogates, unassigned, and marks that turn the direction.
READABLE = st.text(
    st.characters(
        exclude_categories=["Cc", "Cs", "Cn"],
        exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    ),
    min_size=1,
    max_size=200,
).filter(lambda text: not text.isspace())  # not str.split, which Hypothesis believes to pass always


def tree(html):
    return html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)


def strict_tree(html):
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(html)


def said(element):
    return " ".join("".join(element.itertext()).split())


def papers_of(html):
    return [e.get("data-paper") for e in tree(html).iter() if e.get("data-paper")]


def one_paper(**changes):
    listed = a_listed(1, **changes)
    edition = Edition(id=1, published_at=listed.paper.first_seen, papers=(listed,))
    return edition, a_plan(edition=edition, picks=(a_pick(listed),), also_trending=())


def test_both_parts_list_the_same_papers_in_the_same_order(desk):
    edition = desk.day()
    content = desk.digest(edition, picks=4, trending=3)
    in_text = re.findall(r"https://arxiv\.org/abs/(\S+)", content.text)

    assert papers_of(content.html) == [f"arxiv:{number}" for number in in_text]
    assert papers_of(content.html) == [listed.paper.id for listed in edition.papers]


@pytest.mark.parametrize(
    ("name", "picks", "trending"), [("normal", 4, 3), ("quiet", 0, 3), ("personal", 2, 1)]
)
def test_messages_look_as_they_did(desk, golden, name, picks, trending):
    edition = desk.day()
    links = None if name == "personal" else desk.links
    content = desk.composer.digest(desk.plan_of(edition, picks, trending), edition, links)

    golden(f"{name}.html", content.html)
    golden(f"{name}.txt", f"Subject: {content.subject}\n\n{content.text}")


@settings(max_examples=80, deadline=None)
@given(title=READABLE, author=READABLE, abstract=READABLE)
def test_any_readable_text_comes_out_of_the_html_as_it_went_in(desk, title, author, abstract):
    edition, plan = one_paper(title=title, authors=(author,), abstract=abstract)
    content = desk.composer.digest(plan, edition, desk.links)
    card = next(e for e in strict_tree(content.html).iter() if e.get("data-paper"))
    paragraphs = {e.get("class"): said(e) for e in card.iter("p")}

    assert said(card.find(".//h2")) == " ".join(title.split())
    assert paragraphs["authors meta"] == " ".join(author.split())
    assert not HOLE.search(content.html + content.text + content.subject)
    told = paragraphs.get("prose body", "").removesuffix("…")
    assert told[1:] in " ".join(abstract.split())  # its first letter may have become a capital


def test_only_what_a_machine_wrote_is_labelled_on_its_card_and_the_rest_once_at_the_end(desk):
    listed = (a_listed(1), replace(a_listed(2), summary="A machine says this."))
    edition = Edition(id=1, published_at=listed[0].paper.first_seen, papers=listed)
    plan = a_plan(edition=edition, picks=tuple(map(a_pick, listed)), also_trending=())
    content = desk.composer.digest(plan, edition, desk.links)

    assert content.text.count("A machine says this. AI summary.\n") == content.text.count("AI summary.") == 1
    assert [part.count("marked “AI summary”.") for part in (content.html, content.text)] == [1, 1]
    trending = replace(plan, picks=(), also_trending=plan.picks)
    assert "AI summary" not in desk.composer.digest(trending, edition, desk.links).text


def test_the_same_plan_gives_the_same_bytes_in_every_composer(desk):
    edition = desk.day()
    plan = desk.plan_of(edition, 4, 3)

    assert Composer(desk.site).digest(plan, edition, desk.links) == desk.composer.digest(
        plan, edition, desk.links
    )


def test_an_edition_of_the_same_number_with_other_texts_is_not_mixed_up(desk):
    first, plan = one_paper(title="The first text")
    second, _ = one_paper(title="The second text")
    desk.composer.digest(plan, first, desk.links)

    assert "The second text" in desk.composer.digest(plan, second, desk.links).html


HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{ 7*7 }} {% raise %} {# gone #}",
    "hole0123456789abcdef0123456789abcdef-rank-hole0123456789abcdef0123456789abcdef",
    "</td></tr></table><style>*{display:none}</style>",
    "<!--[if mso]> --> ]]> &amp;lt; &#x3c;",
    "בינה מלאכותית עם LLM של 7B",
    "大规模语言模型的稀疏路由与规划能力研究综述以及若干开放问题" * 2,
    "🦜🦜🦜 parrots 👩🏽‍🔬",
    "word " * 400,
    "x" * 2000,
]


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_titles_stay_text(desk, title):
    edition, plan = one_paper(
        title=title,
        abstract=title,
        authors=tuple(f"{title[:30]} {n}" for n in range(3000)),
        categories=(title[:40],),
    )
    content = desk.composer.digest(plan, edition, desk.links)
    page = strict_tree(content.html)

    assert said(page.find(".//h2")) == " ".join(title.split())
    assert not [e for e in page.iter() if e.tag in {"script", "img", "svg"}]
    assert len(list(page.iter("style"))) == 1
    assert len(content.subject) <= 78
    assert len(content.html.encode()) < 20_000
    assert " ".join(wrapped(title).split())[:20] in " ".join(content.text.split())


def test_marks_that_turn_the_reading_direction_are_taken_out(desk):
    edition, plan = one_paper(title="safe \u202etxt.exe\u202c\x00 title")
    content = desk.composer.digest(plan, edition, desk.links)

    assert "safe txt.exe title" in content.html
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", content.html + content.text + content.subject)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "https://a b/", "//example.org/x", "mailto:a@b.c",
     "https://user:pw@example.org/", "http://[bad/", "https:///nohost", "https://example.org:99999/", "java\nscript:x"],
)  # fmt: skip
def test_only_web_addresses_are_linked(desk, url):
    links = tuple(Link(rel=rel, url=url) for rel in ("abstract", "pdf", "code"))
    listed = replace(a_listed(1, links=links), mentions=())
    edition = Edition(id=1, published_at=listed.paper.first_seen, papers=(listed,))
    content = desk.composer.digest(
        a_plan(edition=edition, picks=(a_pick(listed),), also_trending=()), edition, desk.links
    )
    targets = {a.get("href") for a in tree(content.html).iter("a")}

    assert targets == {desk.links.unsubscribe, desk.links.preferences, f"mailto:{desk.site.contact}"}
    assert url not in content.text


def test_odd_characters_in_an_address_are_encoded_once(desk):
    edition, plan = one_paper(links=(Link(rel="abstract", url='https://doi.org/10.1/a<b>"%3C&x=é'),))
    content = desk.composer.digest(plan, edition, desk.links)
    encoded = "https://doi.org/10.1/a%3Cb%3E%22%3C&x=%C3%A9"

    assert tree(content.html).find(".//h2/a").get("href") == encoded
    assert f"    {encoded}\n" in content.text


def test_what_is_not_known_leaves_no_trace(desk):
    paper = a_paper(1, abstract="", authors=(), categories=(), links=())
    listed = Listed(paper=paper, mentions=(), trend=Trend(score=0.1))
    edition = Edition(id=1, published_at=paper.first_seen, papers=(listed,))
    plan = a_plan(edition=edition, picks=(a_pick(listed)._replace(reasons=()),), also_trending=())
    content = desk.composer.digest(plan, edition, desk.links)
    card = next(e for e in tree(content.html).iter() if e.get("data-paper"))

    assert said(card) == "1 A paper about thing 1"
    assert "1.  A paper about thing 1\n\n" in content.text


def test_text_lines_fit_and_addresses_stand_alone(desk):
    content = desk.digest(desk.day(), 4, 3)

    assert max(len(line) for line in content.text.split("\n") if "https://" not in line) <= 72
    assert all(line.split() == [line.strip()] for line in content.text.split("\n") if "https://" in line)
    assert content.text == unescape(content.text)


def with_template(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_an_operator_replaces_one_file_and_keeps_the_rest(desk, tmp_path):
    theirs = Composer(desk.site, with_template(tmp_path, "line.txt", "* {{ line.title }}\n"))
    edition = desk.day()
    ours = desk.digest(edition, 4, 1)
    content = theirs.digest(desk.plan_of(edition, 4, 1), edition, desk.links)

    assert "* What parrots do not repeat\n" in content.text
    assert content.html == ours.html
    assert theirs.fingerprint != desk.composer.fingerprint == Composer(desk.site).fingerprint


def failing_card(tmp_path):
    card = shipped("templates", "email", "card.txt").read_text(encoding="utf-8")
    return with_template(tmp_path, "card.txt", card + "{% if 'clock' in card.title %}{{ 1 / 0 }}{% endif %}")


def test_a_card_that_fails_is_left_out_of_both_parts_and_of_the_counts(desk, tmp_path):
    composer = Composer(desk.site, failing_card(tmp_path))
    edition = desk.day()
    with capture_logs() as logs:
        content = composer.digest(desk.plan_of(edition, 5), edition, desk.links)

    assert "clock" not in content.html + content.text + content.subject
    assert content.subject.endswith("and 3 more papers")
    assert "4 papers" in content.text
    assert [e for e in papers_of(content.html) if e == "arxiv:2604.00002"] == []
    assert [(line["event"], line["paper"]) for line in logs] == [("card failed", "arxiv:2604.00002")]
    assert "card.txt:" in logs[0]["reason"]


def test_a_digest_whose_every_card_fails_is_an_error(desk, tmp_path):
    composer = Composer(desk.site, with_template(tmp_path, "card.html", "{{ card.nothing }}"))
    edition = desk.day()

    with pytest.raises(RenderError, match="no card of the digest"):
        composer.digest(desk.plan_of(edition, 2), edition, desk.links)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("line one\n{{ shell.nothing }}", r"shell\.txt:2: .*nothing"),
        ("no holes", "a hole too many or too few"),
    ],
)
def test_a_shell_that_fails_names_file_and_line(desk, tmp_path, text, said):
    composer = Composer(desk.site, with_template(tmp_path, "shell.txt", text))
    edition = desk.day()

    with pytest.raises(RenderError, match=said):
        composer.digest(desk.plan_of(edition, 2), edition, desk.links)


def test_a_template_with_a_mistake_is_refused_at_once(desk, tmp_path):
    with pytest.raises(RenderError, match=r"shell\.html:2"):
        Composer(desk.site, with_template(tmp_path, "shell.html", "\n{% if %}"))


def test_a_folder_of_templates_that_is_not_there_is_an_error(desk, tmp_path):
    with pytest.raises(RenderError, match="does not exist"):
        Composer(desk.site, tmp_path / "gone")


def big_edition(papers, words_each):
    abstract = " ".join(
        ["Every finding is stated with a number and a comparison to the one before it."] * words_each
    )
    listed = tuple(a_listed(n, title=f"A title of usual length about thing {n} and its many uses", abstract=abstract)
                   for n in range(1, papers + 1))  # fmt: skip
    return Edition(id=1, published_at=listed[0].paper.first_seen, papers=listed)


def test_fifty_papers_are_not_clipped(desk):
    edition = big_edition(50, 12)
    plan = a_plan(edition=edition, picks=tuple(map(a_pick, edition.papers)), also_trending=())
    content = desk.composer.digest(plan, edition, desk.links)

    assert len(content.html.encode()) <= LARGEST_HTML
    assert len(papers_of(content.html)) == 50


def test_summaries_give_way_before_papers_do(desk):
    edition = big_edition(70, 12)
    plan = a_plan(edition=edition, picks=tuple(map(a_pick, edition.papers)), also_trending=())
    content = desk.composer.digest(plan, edition, desk.links)

    assert len(content.html.encode()) <= LARGEST_HTML
    assert len(papers_of(content.html)) == 70
    assert (
        desk.composer.digest(replace(plan, picks=plan.picks[:5]), edition, desk.links).text.count("Every")
        == 10
    )
    assert content.text.count("Every") < 70 * 2


def test_links_give_way_before_a_mail_looks_like_spam(desk):
    rels = ("abstract", "pdf", "discussion", "code")
    links = tuple(Link(rel=rel, url=f"https://papers.example.org/{rel}") for rel in rels)
    listed = tuple(a_listed(n, links=links, abstract="") for n in range(1, 51))
    edition = Edition(id=1, published_at=listed[0].paper.first_seen, papers=listed)
    plan = a_plan(edition=edition, picks=tuple(map(a_pick, listed)), also_trending=())
    few = replace(plan, picks=plan.picks[:30])

    assert desk.composer.digest(few, edition, desk.links).html.count("<a ") == 30 * 4 + 3
    assert desk.composer.digest(plan, edition, desk.links).html.count("<a ") == 50 * 2 + 3


def test_each_link_under_a_card_keeps_to_itself_where_lines_run_from_right_to_left(desk):
    edition = desk.day()
    plan = desk.plan_of(edition, 1)
    plan = replace(plan, reader=replace(plan.reader, language="ar"))
    found = tree(desk.composer.digest(plan, edition, desk.links).html)
    (acts,) = [p for p in found.iter("p") if p.get("class") == "acts meta"]

    assert [a.get("dir") for a in acts.iter("a")] == [
        "auto"
    ] * 3  # else "(★ 1.2K)" would move to its neighbour


@pytest.mark.parametrize(("days", "span"), [("daily", "today"), ("weekly:fri", "this week")])
def test_a_digest_of_nothing_at_all_says_so(desk, days, span):
    edition = desk.day()
    plan = desk.plan_of(edition, 0)
    schedule = replace(plan.reader.schedule, days=Days(days))
    plan = replace(plan, reader=replace(plan.reader, schedule=schedule))
    content = desk.composer.digest(plan, edition, desk.links)

    assert content.subject == f"Nothing new for you {span}"
    assert "Friday 10 April 2026 · 0 papers\n" in content.text
    assert content.text.count(f"Nothing new for you {span}: no paper close to your interests") == 1
    assert papers_of(content.html) == []


def test_a_paper_in_both_lists_is_shown_once(desk):
    edition = desk.day()
    plan = desk.plan_of(edition, 3, 1)
    content = desk.composer.digest(replace(plan, also_trending=plan.picks[:2]), edition, desk.links)

    assert len(papers_of(content.html)) == 3


def test_personal_mode_says_how_to_stop_and_links_nowhere_back(desk):
    edition = desk.day()
    content = desk.composer.digest(desk.plan_of(edition, 4), edition, None)

    for part in (content.html, content.text):
        assert "digest subscribers remove" in " ".join(part.split())
        assert "paperpost.org/" not in part
        assert "nsubscribe" not in part


def test_excerpts_give_two_sentences_at_most(desk):
    abstract = " ".join(f"Number {n} is here for all to see." for n in range(9))
    edition, plan = one_paper(abstract=abstract, rights=Rights.EXCERPT)
    content = desk.composer.digest(plan, edition, desk.links)

    assert content.html.count("is here for all") == content.text.count("is here for all") == 2


def test_the_confirmation_holds_one_link_and_says_what_happens_without_it(desk):
    url = "https://digest.paperpost.org/confirm/u7Qm3xkT9vLr2Nw8ZcYb5HdE"
    reader = replace(desk.reader(), name="Buy now at https://spam.example")
    content = desk.composer.confirmation(reader, url)

    assert [a.get("href") for a in tree(content.html).iter("a")] == [url, "mailto:hello@paperpost.org"]
    assert re.findall(r"https?://\S+", content.text) == [url]
    assert "spam" not in content.html + content.text + content.subject
    for part in (content.html, content.text):
        assert "48 hours" in part
        assert "not you, ignore" in " ".join(part.split())


def test_the_shipped_templates_can_be_copied_and_changed(desk, tmp_path):
    copied = shutil.copytree(shipped("templates", "email"), tmp_path / "email")

    assert Composer(desk.site, copied).fingerprint == desk.composer.fingerprint
