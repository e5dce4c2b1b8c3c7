"""A message taken apart shows what a mail program would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.config import Settings
from digest.model import Message
from digest.preview.checks.structure import CLIP
from digest.preview.fixtures import fixtures, stage
from digest.preview.sheet import Leaving, Sheet

HEAD = "From: Papers <papers@example.org>\r\nTo: reader@example.org\r\nSubject: S\r\n"


def a_sheet(html: str = "<p>x</p>", more: str = "") -> Sheet:
    raw = f"{HEAD}{more}Content-Type: text/html; charset=utf-8\r\n\r\n{html}"
    return Sheet(
        message=Message(
            id="<1@example.org>", sender="p@example.org", recipient="reader@example.org", content=raw.encode()
        )
    )


@pytest.fixture(scope="module")
def normal() -> Sheet:
    with stage(Settings()) as day:
        return Sheet(message=fixtures()[0].message(day, "en"))


@pytest.mark.parametrize(
    ("headers", "leaving"),
    [
        ("", Leaving(page="", mailbox="", one_click=False)),
        (
            "List-Unsubscribe: <https://e.org/u>\r\n",
            Leaving(page="https://e.org/u", mailbox="", one_click=False),
        ),
        (
            "List-Unsubscribe: <https://e.org/u>, <mailto:u@e.org>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            Leaving(page="https://e.org/u", mailbox="u@e.org", one_click=True),
        ),
        (
            "List-Unsubscribe: <http://e.org/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            Leaving(page="", mailbox="", one_click=False),
        ),
    ],
)
def test_one_click_needs_an_https_page_and_the_post_header(headers: str, leaving: Leaving) -> None:
    assert a_sheet(more=headers).leaving == leaving


def test_a_link_tells_its_text_its_host_and_what_is_odd_about_it() -> None:
    sheet = a_sheet(
        '<body><a href="https://a.example.org/x" aria-label="PDF: X"><b>PDF</b></a>'
        '<a href="http://b.example.org/?to=reader%40example.org"><img alt="Logo"></a>'
        '<a href="https://a.example.org/x">again</a><a href="mailto:us@example.org">us</a><a name="no-link">-</a>'
    )
    first, second, third, fourth = sheet.anchors
    assert (first.text, first.label, first.host) == ("PDF", "PDF: X", "a.example.org")
    assert first.notes == third.notes == ("stands here 2 times",)
    assert (second.text, second.notes) == ("Logo", ("not encrypted", "holds the reader's address"))
    assert (fourth.host, fourth.notes) == ("us@example.org", ())


def test_the_preheader_ends_where_its_padding_begins() -> None:
    padding = "&#8199;&#847; " * 20
    assert a_sheet(
        f"<head><title>No</title></head><body><div>Three facts.{padding}</div><p>More"
    ).preheader == ("Three facts.")
    assert a_sheet("<body><p>The first words</p><p>and others").preheader == "The first wordsand others"


def test_the_preheader_of_a_digest_is_the_one_that_was_written(normal: Sheet) -> None:
    assert 35 <= len(normal.preheader) <= 140
    assert "Daily Digest" not in normal.preheader


def test_room_is_counted_in_cards_of_its_own_size(normal: Sheet) -> None:
    assert normal.card_bytes
    assert normal.room == (CLIP - normal.html_bytes) // normal.card_bytes
    assert a_sheet("<p>no cards").room is None


def test_a_message_that_is_too_large_has_no_room() -> None:
    card = '<div data-paper="x"><h2>T</h2>' + "x" * 1000 + "</div>"
    assert a_sheet(card * 200).room == 0


def test_the_address_is_masked_wherever_a_page_shows_it(normal: Sheet) -> None:
    address = normal.message.recipient
    assert address in normal.raw.decode()
    for shown in (normal.to, normal.source, *(value for _, value in normal.headers)):
        assert address not in shown


def test_other_bytes_have_another_stamp(normal: Sheet) -> None:
    other = Sheet(message=replace(normal.message, content=normal.raw + b" "))
    assert normal.stamp == Sheet(message=normal.message).stamp != other.stamp


def test_the_parts_stand_after_the_one_that_holds_them(normal: Sheet) -> None:
    assert [(one.depth, one.type) for one in normal.tree] == [
        (0, "multipart/alternative"),
        (1, "text/plain"),
        (1, "text/html"),
    ]
    assert normal.tree[2].bytes == normal.html_bytes
