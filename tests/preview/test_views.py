"""What each view of a message says, and what is left of it when a template is broken."""

from __future__ import annotations

import re
from html import unescape

import pytest

from digest.preview.fixtures import fixtures
from digest.preview.views import View

FIXTURE = "/fixtures/normal"


def body(desk, path: str) -> str:
    status, _, page = desk.get(path)
    assert status == 200, path
    return unescape(page.decode())


@pytest.mark.parametrize("view", View)
def test_every_view_is_one_of_nine_tabs_and_says_which(desk, view: View) -> None:
    page = body(desk, f"{FIXTURE}?view={view}")
    tabs = page.partition('<nav class="tabs"')[2].partition("</nav>")[0]
    assert tabs.count("<a ") == 9
    assert re.search(rf'aria-current="page">{view.label}</a>', tabs)


def test_a_view_that_is_none_is_the_html(desk) -> None:
    assert "<iframe" in body(desk, f"{FIXTURE}?view=nothing")


def test_side_by_side_has_a_frame_for_every_width_of_the_same_bytes(desk) -> None:
    page = body(desk, f"{FIXTURE}?width=all&mode=dark")
    assert re.findall(r'title="HTML at (\d+) pixels"', page) == ["320", "375", "414", "600", "768", "1024"]
    assert len(set(re.findall(r"[?&]of=(\w+)", page))) == 1


def test_images_are_fetched_only_when_they_are_asked_for(desk) -> None:
    policies = [
        desk.get(f"{FIXTURE}/html{query}")[1]["content-security-policy"] for query in ("", "?images=on")
    ]
    assert "img-src" not in policies[0]
    assert "img-src https: data:" in policies[1]
    assert all("allow-scripts" not in policy and "default-src 'none'" in policy for policy in policies)


def test_the_inbox_shows_sender_subject_and_preheader_and_how_to_leave(desk) -> None:
    page = body(desk, f"{FIXTURE}?view=inbox")
    assert page.count('class="preheader">') == 3
    assert "One click, and it asks nothing more" in page
    assert "the message has no List-Unsubscribe" in body(desk, "/fixtures/personal?view=inbox")


def test_the_links_are_listed_and_none_is_a_link(desk) -> None:
    page = body(desk, f"{FIXTURE}?view=links").partition("<tbody>")[2].partition("</tbody>")[0]
    assert "https://papers.example.org/pdf/8001.00001" in page
    assert "/unsubscribe/" in page
    assert "<a " not in page


def test_findings_name_rule_and_place_and_lead_to_element_and_line(desk) -> None:
    page = body(desk, f"{FIXTURE}?view=findings")
    assert f'href="{FIXTURE}?mark=h2"' in page
    assert f'href="{FIXTURE}?view=text&line=2#line"' in page
    assert "-1.0 points" in page
    assert "1 to mend, 1 warning" in page
    assert '<mark id="line">' in body(desk, f"{FIXTURE}?view=text&line=2")


def test_contrast_and_clients_lead_to_the_element_in_its_mode(desk) -> None:
    assert f'href="{FIXTURE}?mode=dark&mark=h1"' in body(desk, f"{FIXTURE}?view=contrast")
    assert "87 % of what the message uses" in body(desk, f"{FIXTURE}?view=clients")


def test_without_a_checker_the_pages_say_that_nothing_was_checked(guarded) -> None:
    cookie = guarded.get("/?token=token-of-these-tests")[1]["set-cookie"].partition(";")[0]
    for view in ("findings", "contrast", "clients"):
        _, _, page = guarded.get(f"{FIXTURE}?view={view}", Cookie=cookie)
        assert b"Nothing was checked" in page


def test_the_matrix_shows_every_fixture_in_every_mode_with_its_score(desk) -> None:
    page = body(desk, "/matrix?language=de")
    for fixture in fixtures():
        root = f"/fixtures/{fixture.name}"
        assert len(re.findall(rf'src="{root}/html\?', page)) == 6
        assert f'href="{root}?language=de&view=findings">1 to mend' in page


def test_a_fixture_is_shown_in_the_language_that_is_asked_for(desk) -> None:
    assert "Abbestellen" in body(desk, f"{FIXTURE}/html?language=de") or "abbestellen" in body(
        desk, f"{FIXTURE}/html?language=de"
    )
    assert 'dir="rtl"' in body(desk, "/fixtures/rtl/html")


@pytest.mark.parametrize("path", [FIXTURE, f"{FIXTURE}/html", "/matrix"])
@pytest.mark.parametrize("language", ["xx", "", "../de", "DE"])
def test_a_language_that_is_none_of_ours_is_not_taken_for_english(desk, path: str, language: str) -> None:
    status, _, page = desk.get(f"{path}?language={language}")
    assert status == 404
    assert "the languages are en, de" in page.decode()


def test_the_pages_of_a_list_lead_to_the_one_before_and_after(desk) -> None:
    names = [one.name for one in fixtures()]
    page = body(desk, f"/fixtures/{names[1]}")
    assert f'rel="prev" href="/fixtures/{names[0]}"' in page
    assert f'rel="next" href="/fixtures/{names[2]}"' in page
    assert 'rel="prev"' not in body(desk, f"/fixtures/{names[0]}")
    assert 'rel="next"' not in body(desk, f"/fixtures/{names[-1]}")


# --- beside another -------------------------------------------------------------------------------


def test_a_digest_is_compared_with_the_one_that_its_reader_got_before(desk) -> None:
    first = desk.subscribers()[0]
    path = f"/subscribers/{first.id}?view=compare"
    chosen = re.search(r'<option value="(/digests/\d+)" selected>', body(desk, path))
    assert chosen
    assert "<ins>" in body(desk, path)


def test_two_messages_are_shown_side_by_side_with_changed_words_marked(desk) -> None:
    page = body(desk, "/fixtures/quiet?view=compare&with=/fixtures/one")
    assert "<ins>2</ins>" in page
    assert "<del>1</del>" in page
    assert page.count("<iframe") == 2


def test_a_fixture_is_compared_with_itself_before_the_last_change(desk) -> None:
    body(desk, "/fixtures/bad-day?view=compare")
    desk.edit("shell.txt", "{{ shell.lede | wrap }}", "{{ shell.lede | upper | wrap }}")
    page = body(desk, "/fixtures/bad-day?view=compare")
    assert '<option value="before" selected>' in page
    assert "<del>The</del>" in page
    assert "<ins>THE</ins>" in page
    desk.mend()
    assert "<del>THE</del>" in body(desk, "/fixtures/bad-day?view=compare")


# --- while something is broken --------------------------------------------------------------------


def test_the_last_good_rendering_stays_beside_what_is_broken(desk) -> None:
    good = body(desk, "/fixtures/crowd?view=text")
    desk.write("card.txt", "one\ntwo {{ card.nothing }}\nthree\n")
    status, _, answer = desk.get("/fixtures/crowd?view=text")
    page = unescape(answer.decode())
    assert status == 500
    assert "A template is broken" in page
    assert "/templates/card.txt:2<" in page
    assert re.search(r"<mark>\s+2  two \{\{ card\.nothing \}\}</mark>", page)
    assert "three" in page
    assert "A measurement that we made up" in page
    assert good.partition('<pre class="columns"')[2] == page.partition('<pre class="columns"')[2]


def test_a_frame_shows_the_bytes_of_its_page_while_something_is_broken(desk) -> None:
    page = body(desk, "/fixtures/tex")
    source = re.search(r'<iframe [^>]*src="([^"]+)"', page)
    assert source
    desk.write("card.html", "{% if %}")
    assert desk.get(source[1])[0] == 200
    assert desk.get("/fixtures/tex/html")[0] == 500


def test_a_wrong_configuration_leaves_the_last_good_rendering_too(desk) -> None:
    body(desk, "/fixtures/one")
    desk.configuration.write_text("not TOML at all")
    status, _, page = desk.get("/fixtures/one")
    assert status == 500
    assert b"The configuration is wrong" in page
    assert b"<iframe" in page
