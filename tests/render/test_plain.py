"""What is joined from prepared pieces is what the plain way makes: the same subject, page and text."""

from __future__ import annotations

import email
import email.policy
import xml.etree.ElementTree as ET
from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage

import html5lib
import pytest
from factories import a_listed, a_pick, a_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from oddities import EDITIONS
from plain import Plain

from digest import languages
from digest.config import Site
from digest.deliver import Letterhead, pack
from digest.links import Links
from digest.model import Content, Edition, Link, Plan, Reason, ReasonKind, piece
from digest.model.content import LINE
from digest.render import Composer
from digest.render.excerpt import Length
from digest.render.summary import summary

LETTERHEAD = Letterhead(name="Paper Post", sender=Address("Paper Post", "digest", "paperpost.org"))
LINKS = Links(base="https://digest.paperpost.org", secrets=("a secret of the tests",))
#: What a title, a name or a reason may be made of to break something.
NASTY = st.text(
    st.sampled_from(". =\n\r\t\0<>&\"'é大א🦜\u202e\u0301-_:/?#%{}[]")
    | st.characters(exclude_categories=["Cs"]),
    max_size=120,
)


def parsed(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not [defect for part in found.walk() for defect in part.defects]
    return found


def said(message: EmailMessage) -> tuple[str, bytes, str]:
    """Subject, page and text; the page as the tree that a browser makes of it."""
    page = html5lib.parse(part(message, "html"), namespaceHTMLElements=False)
    return message["Subject"], ET.tostring(page), part(message, "plain")


def part(message: EmailMessage, kind: str) -> str:
    """As it was; but EmailMessage writes no text without a line end at its end."""
    found = message.get_body((kind,))
    assert found
    return found.get_content().replace("\r\n", "\n").rstrip("\n")


def assert_as_plain(composer: Composer, site: Site, plan: Plan, edition: Edition, links: Links) -> None:
    given = links.of_reader(plan.reader, asked=True)
    content = composer.digest(plan, edition, given)
    raw = pack(content, plan, LETTERHEAD, given, edition.published_at).content
    language = composer._language(plan.reader.language)
    cards = composer._cards_of(edition, plan.reader.language, given.feedback if given else None)

    assert said(parsed(raw)) == said(
        parsed(Plain(site, language, cards).message(plan, edition, given).as_bytes())
    )
    assert_within_limits(raw.partition(b"\r\n\r\n")[2])


def assert_within_limits(body: bytes) -> None:
    assert body.isascii()
    assert body.count(b"\r") == body.count(b"\n") == body.count(b"\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= LINE
    assert not body.startswith(b".")
    assert b"\n." not in body


@pytest.mark.parametrize("links", [LINKS, replace(LINKS, base="")], ids=["linked", "personal"])
@pytest.mark.parametrize("code", [*languages.codes(), "ar"])
@pytest.mark.parametrize("name", EDITIONS)
def test_odd_digests_are_as_the_plain_way_makes_them(desk, name, code, links):
    edition, reader = EDITIONS[name], replace(desk.reader(), language=code)
    plan = a_plan(edition=edition, reader=reader, picks=tuple(map(a_pick, edition.papers)), also_trending=())

    assert_as_plain(desk.composer, desk.site, plan, edition, links)


@pytest.mark.parametrize(("picks", "trending"), [(4, 3), (5, 0), (0, 3)])
def test_usual_digests_are_as_the_plain_way_makes_them(desk, picks, trending):
    edition = desk.day()

    assert_as_plain(desk.composer, desk.site, desk.plan_of(edition, picks, trending), edition, LINKS)


@settings(max_examples=60, deadline=None)
@given(title=NASTY, name=NASTY, abstract=NASTY, subject=NASTY, path=NASTY)
def test_any_text_anywhere_is_as_the_plain_way_makes_it(desk, title, name, abstract, subject, path):
    links = (Link(rel="abstract", url=f"https://example.org/{path}"),)
    listed = a_listed(1, title=title, authors=(name,), abstract=abstract, categories=(name,), links=links)
    edition = Edition(id=1, published_at=listed.paper.first_seen, papers=(listed,))
    why = (Reason(kind=ReasonKind.PHRASE, subject=subject), Reason(kind=ReasonKind.LIKED, subject=title))
    plan = a_plan(edition=edition, picks=(a_pick(listed)._replace(reasons=why),), also_trending=())

    assert_as_plain(desk.composer, desk.site, plan, edition, LINKS)


@pytest.mark.parametrize("kind", ["confirmation", "link", "welcome", "goodbye", "report"])
@pytest.mark.parametrize("code", languages.codes())
def test_mails_beside_the_digest_come_out_as_they_went_in(desk, kind, code):
    content = desk.note(kind, code)
    found = parsed(pack(content, a_plan(), LETTERHEAD, None, None).content)

    assert found["Subject"] == content.subject
    assert part(found, "html") == content.html.rstrip("\n")
    assert part(found, "plain") == content.text.rstrip("\n")


@given(st.lists(NASTY | st.from_regex(r"[a-z./:=-]{60,240}", fullmatch=True), max_size=8))
def test_pieces_side_by_side_are_their_texts_side_by_side(texts):
    octets = b"".join(map(piece, texts))
    whole = Content(subject="s", html_piece=octets, text_piece=octets)
    found = parsed(pack(whole, a_plan(), LETTERHEAD, None, None).content)
    together = "".join(text.replace("\r\n", "\n").replace("\r", "\n") for text in texts)

    assert_within_limits(octets)
    assert found.get_body(("html",)).get_payload(decode=True).decode() == together.replace("\n", "\r\n")
    assert whole.html == whole.text == together
    # What the composer counts on when it does not count.
    assert len(whole.html_piece) >= len(whole.html.encode())


def test_each_card_leads_to_its_papers_feedback_and_nobody_is_asked_in_personal_mode(desk):
    edition = desk.day()
    plan = desk.plan_of(edition, 4, 3)
    links = LINKS.of_reader(plan.reader, asked=True)
    content, personal = (desk.composer.digest(plan, edition, given) for given in (links, None))

    for url in (links.feedback[pick.paper] for pick in plan.picks):
        assert content.html.count(url) == content.text.count(url) == 1
    assert content.text.count("More or less like this?") == 4
    assert "More or less" not in personal.html + personal.text


def test_fifty_papers_keep_their_summaries_rather_than_be_asked_about(desk):
    edition = EDITIONS["fifty"]
    plan = a_plan(edition=edition, picks=tuple(map(a_pick, edition.papers)), also_trending=())
    content = desk.composer.digest(plan, edition, LINKS.of_reader(plan.reader, asked=True))

    text = " ".join(content.text.split())
    assert all(summary(one.paper.abstract, Length.SHORT)[:40] in text for one in edition.papers)
    assert "More or less" not in content.html + content.text
    assert len(content.html.encode()) < 104_448
