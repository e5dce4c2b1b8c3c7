"""The facts about mail programs are caniemail's, and what uses a feature is found where it is used."""

from __future__ import annotations

import json

import pytest
from factories import NOON

from digest import config
from digest.errors import UsageError
from digest.model.content import quoted_printable
from digest.preview.checks import Post, inspect
from digest.preview.checks.clients import MAIN, Answer, Effect, facts
from digest.preview.checks.reduce import reduced, signs

#: In the form of caniemail's data; written for this test.
MADE_UP = {
    "last_update_date": f"{NOON:%Y-%m-%d} 10:00:00 +0000",
    "nicenames": {"family": {"post": "Post"}, "platform": {"ios": "iOS"}},
    "data": [
        {
            "slug": slug,
            "title": slug,
            "url": f"https://example.org/{slug}",
            "stats": {"post": {"ios": {"1": "n", "2": "a #2 #1"}, "web": {"2020-01": "y"}}},
            "notes_by_num": {"1": "One.", "2": "Two.", "3": "Of an older version."},
        }
        for slug, _, _ in signs()
    ],
}


def test_a_reduced_fact_holds_the_newest_answer_and_the_notes_that_it_names() -> None:
    table = reduced(json.dumps(MADE_UP).encode())

    assert table["date"] == "2026-04-10"
    assert table["clients"] == {"post/ios": "Post, iOS", "post/web": "Post, web"}
    first = table["features"][0]
    assert (first["support"], first["notes"]) == ("a2,1 y", {"1": "One.", "2": "Two."})


def test_a_feature_that_caniemail_no_longer_has_is_refused() -> None:
    data = {**MADE_UP, "data": MADE_UP["data"][1:]}

    with pytest.raises(UsageError, match="no such feature"):
        reduced(json.dumps(data).encode())


def test_the_shipped_table_is_what_the_data_is_reduced_to(shared) -> None:
    raw = (shared / "emailcheck" / "data" / "caniemail.json").read_bytes()
    shipped = config.shipped("digest", "preview", "data", "clients.json").read_bytes()

    assert json.loads(shipped) == reduced(raw)


def test_every_feature_is_looked_for_once_and_every_main_client_is_known() -> None:
    slugs = [slug for slug, _, _ in signs()]

    assert len(slugs) == len(set(slugs))
    assert set(MAIN) <= set(facts().clients)


def test_a_share_counts_the_clients_that_are_known() -> None:
    flex = next(one for one in facts().features if one.slug == "css-display-flex")
    known = [one for one in MAIN if flex.answers[one] is not Answer.UNKNOWN]

    assert "outlook/windows" in flex.lacking(MAIN)
    assert flex.share(MAIN) == 1 - len(flex.lacking(MAIN)) / len(known)
    assert flex.effect is Effect.BREAKS
    assert flex.notes["gmail/ios"] == ("Not supported with non Google accounts.",)


USED = {
    '<p style="display:inline-flex">a</p>': "css-display-flex",
    '<p style="margin-left:1px">a</p>': "css-margin",
    '<p style="width:calc(1px + 2vw)">a</p>': "css-unit-calc",
    '<p style="width: 50vw">a</p>': "css-unit-vw",
    '<p style="color: oklch(0.5 0.1 20)">a</p>': "css-modern-color",
    '<p style="--a: 1px">a</p>': "css-variables",
    "<style>.a > b:hover { color: #000000 !important }</style>": "css-pseudo-class-hover",
    "<style>.a > b { color: #000000 }</style>": "css-selector-child",
    "<style>.a { b { color: #000000 } }</style>": "css-nesting",
    "<style>@media (prefers-reduced-motion) { .a { color: #000000 } }</style>": "css-at-media-prefers-reduced-motion",
    "<style>@import 'a.css';</style>": "css-at-import",
    '<ol type="a"><li>a</ol>': "html-lists",
    '<input type="checkbox">': "html-input-checkbox",
    '<img src="https://example.org/a.webp?b" alt="">': "image-webp",
    '<img src="data:image/png;base64,AA" alt="">': "image-base64",
    '<a href="#top">a</a>': "html-anchor-links",
    '<a href="mailto:a@example.org">a</a>': "html-mailto-links",
    '<meta name="color-scheme" content="light">': "html-meta-color-scheme",
    '<p aria-label="a">a</p>': "html-aria-label",
}


def used(html: str) -> set[str]:
    body = quoted_printable(html).decode()
    content = (
        f"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{body}"
    )
    return {use.feature.slug for use in inspect(content.encode(), Post.NOTICE).support.uses}


@pytest.mark.parametrize(("markup", "slug"), USED.items(), ids=USED.values())
def test_a_feature_is_recognised(markup: str, slug: str) -> None:
    assert slug in used(markup)


def test_what_stands_in_a_string_or_a_url_is_no_feature() -> None:
    found = used("""<p style="font-family:'calc(1vw)';background:url(https://example.org/10vh)">a</p>""")

    assert not found & {"css-unit-calc", "css-unit-vw", "css-unit-vh"}
