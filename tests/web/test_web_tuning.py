"""A reader's settings, over HTTP: what the form holds is saved, its preview saves nothing, and errors are in their language."""

from __future__ import annotations

import datetime as dt
import html
import re
import uuid

import pytest

from digest.links import Purpose
from digest.model import DAY_NAMES, Days, Interest, InterestKind, Opinion, Subject, SubscriberState

FORM = {
    "interests": "video generation=2\r\n\r\n3D scenes",
    "excludes": "survey",
    "rhythm": "days",
    "days": ["mon", "thu"],
    "weekday": "fri",
    "send_at": "06:30",
    "timezone": "Asia/Kolkata",
    "papers": "12",
}


@pytest.fixture
def name() -> str:
    """Somebody whom no other test knows."""
    return f"t{uuid.uuid4().hex[:12]}"


def multipart(fields: dict, file: str = "") -> tuple[bytes, str]:
    """What a browser sends: the body and its Content-Type."""
    parts = [
        f'Content-Disposition: form-data; name="{key}"\r\n\r\n{one}'
        for key, value in fields.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    parts.append(
        f'Content-Disposition: form-data; name="file"; filename="{"list.bib" if file else ""}"\r\n\r\n{file}'
    )
    body = "".join(f"--edge\r\n{part}\r\n" for part in parts) + "--edge--\r\n"
    return body.encode(), "multipart/form-data; boundary=edge"


def asked(reader, kind: InterestKind) -> list[str]:
    return [one.value for one in reader.asked(kind)]


def framed(page) -> str:
    """The digest in a page's frame."""
    return html.unescape(page.text.partition('<iframe srcdoc="')[2].partition('"')[0])


def test_saving_changes_what_was_changed_and_says_when_the_next_digest_comes(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    page = site.post(path, FORM)
    assert page.status == 200
    # It is Thursday afternoon there, so today's is due and was not prepared yet.
    assert 'role="status">Saved. Your next digest comes within the next minutes.' in page.text
    site.clock.now += dt.timedelta(days=1)
    assert "Your next digest comes on Monday 20 April 2026 at 06:30 (Asia/Kolkata)." in site.get(path).text
    saved = site.now(name)
    assert [(i.value, i.weight) for i in saved.asked(InterestKind.PHRASE)] == [
        ("video generation", 2),
        ("3D scenes", 1),
    ]
    assert [i.value for i in saved.asked(InterestKind.EXCLUDE)] == ["survey"]
    assert (saved.papers, saved.schedule.timezone, saved.schedule.send_at) == (
        12,
        "Asia/Kolkata",
        dt.time(6, 30),
    )
    assert saved.schedule.days == Days("mon,thu")
    again = site.get(path).text
    assert "video generation=2\n3D scenes</textarea>" in again
    assert '<option value="Asia/Kolkata" selected>' in again
    assert re.findall(r'name="days" value="(\w+)" [^>]* checked', again) == ["mon", "thu"]


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        ({"rhythm": "weekly"}, "weekly:fri"),
        ({"days": ["mon", "tue", "wed", "thu", "fri"]}, "weekdays"),
        ({"days": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]}, "daily"),
    ],
)
def test_days_are_stored_as_they_were_chosen(site, name: str, change: dict, stored: str) -> None:
    site.post(site.path(Purpose.PREFERENCES, site.reader(name)), FORM | change)
    assert str(site.now(name).schedule.days) == stored


@pytest.mark.parametrize(
    "change",
    [
        {"papers": "0"},
        {"papers": "51"},
        {"papers": "many"},
        {"send_at": "25:00"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"days": []},
        {"rhythm": "weekly", "weekday": "someday"},
        {"interests": "video=1000"},
        {"interests": "x" * 301},
        {"interests": "\n".join(f"topic {n}" for n in range(201))},
        {"excludes": "a\x07b"},
        {"muted": "m" * 301},
        {"more": "no id"},
        {"paused_until": "tomorrow"},
    ],
    ids=lambda change: f"{change}"[:40],
)
def test_what_cannot_be_saved_is_said_and_nothing_typed_is_lost(site, name: str, change: dict) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    before = site.rows()
    page = site.post(path, FORM | {"excludes": "typed <here>"} | change)
    assert page.status == 422
    assert 'role="alert" tabindex="-1" autofocus>Nothing was saved.' in page.text
    typed = FORM | change
    assert f'value="{typed["send_at"]}"' in page.text
    assert f'<option value="{typed["timezone"]}" selected>' in page.text
    assert "excludes" in change or "typed &lt;here&gt;</textarea>" in page.text
    assert "interests" in change or "3D scenes</textarea>" in page.text
    assert site.rows() == before


def test_a_blank_list_of_interests_means_none(site, name: str) -> None:
    site.post(site.path(Purpose.PREFERENCES, site.reader(name)), FORM | {"interests": "", "excludes": " "})
    assert site.now(name).interests == ()


def test_the_next_digest_follows_the_saved_interests(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name, interests=()))
    before = site.get(f"{path}/digest")
    site.post(path, FORM | {"interests": "auctions and equilibria", "excludes": ""})
    after = site.get(f"{path}/digest")
    assert "auctions and equilibria" not in before.text
    assert "matches “auctions and equilibria”" in after.text
    assert "sandbox" in after.headers["content-security-policy"]
    assert after.headers["cache-control"] == "no-store"


def test_without_papers_the_next_digest_is_a_kind_sentence(below, name: str) -> None:
    path = below.path(Purpose.PREFERENCES, below.reader(name))
    page = below.get(f"{path}/digest")
    assert page.status == 200
    assert "Nothing to show yet" in page.text
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SubscriberState.PAUSED, "are paused"),
        (SubscriberState.UNSUBSCRIBED, "subscribe again"),
        (SubscriberState.PENDING, "not confirmed yet"),
        (SubscriberState.SUPPRESSED, "came back"),
    ],
)
def test_who_gets_no_digests_is_told_why_and_what_to_do(
    site, name: str, state: SubscriberState, words: str
) -> None:
    page = site.get(site.path(Purpose.PREFERENCES, site.reader(name, state=state))).text
    assert words in page
    assert "next digest comes" not in page
    assert "<iframe" not in page


def test_a_foreign_form_cannot_change_settings(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    before = site.rows()
    assert site.post(path, FORM, Origin="https://evil.example.net").status == 403
    assert site.rows() == before


@pytest.mark.parametrize("body", [b"", b"List-Unsubscribe=One-Click", {"interests": "other things"}])
def test_a_post_that_is_not_the_form_saves_nothing(site, name: str, body) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    before = site.now(name)
    page = site.post(path, body, Content_Type="application/x-www-form-urlencoded")
    assert (page.status, "Nothing was saved" in page.text) == (422, True)
    assert site.now(name) == before


def test_a_readers_pages_speak_the_language_that_they_chose(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    assert '<html lang="en" dir="ltr">' in site.get(path).text
    saved = site.post(path, FORM | {"language": "de"})
    assert '<html lang="de" dir="ltr">' in saved.text
    assert "Gespeichert. Ihr nächster Digest kommt in den nächsten Minuten." in saved.text
    assert '<option value="de" lang="de" selected>Deutsch</option>' in saved.text
    assert site.now(name).language == "de"
    leaving = site.get(site.path(Purpose.UNSUBSCRIBE, site.now(name)))
    assert "Drücken Sie den Knopf" in leaving.text
    assert site.post(path, FORM).status == 200
    assert site.now(name).language == "de"


def test_a_language_that_is_not_there_is_said_and_nothing_is_saved(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    refused = site.post(path, FORM | {"language": "tlh"})
    assert refused.status == 422
    assert "The languages are en, de, es, fr, zh" in refused.text
    assert site.now(name).language == "en"


def test_a_preview_shows_the_settings_in_the_form_and_saves_nothing(site, name: str) -> None:
    settings = site.path(Purpose.PREFERENCES, site.reader(name))
    before = site.rows()
    page = site.post(f"{settings}/preview", FORM | {"papers": "3", "interests": "video generation"})
    assert site.rows() == before
    assert page.status == 200
    assert 'name="papers" type="number" min="1" max="50" required value="3"' in page.text
    digest = html.unescape(page.text.partition('<iframe srcdoc="')[2].partition('"')[0])
    assert "matches “video generation”" in digest
    assert digest.count("data-paper=") == 3 + 5  # and what is also trending
    assert "Nothing is saved yet" in page.text


def test_a_preview_of_what_cannot_be_read_says_so(site, name: str) -> None:
    settings = site.path(Purpose.PREFERENCES, site.reader(name))
    page = site.post(f"{settings}/preview", FORM | {"papers": "many"})
    assert page.status == 422
    assert "<iframe srcdoc" not in page.text


# --- all that can be said -------------------------------------------------------------------------


def test_the_form_holds_everything_and_gives_it_back(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    given = {
        "categories": "cs.CL\r\nq-bio=2",
        "authors": "Ada Author\r\nBo Writer",
        "muted": "Loud Author",
        "more": "2604.07429\r\nhttps://doi.org/10.1000/Example",
        "format": "text",
        "paused_until": "2026-05-01",
    }
    page = site.post(path, FORM | given)
    assert page.status == 200
    saved = site.now(name)
    assert [(i.value, i.weight) for i in saved.asked(InterestKind.CATEGORY)] == [("cs.CL", 1), ("q-bio", 2)]
    assert asked(saved, InterestKind.AUTHOR) == ["Ada Author", "Bo Writer"]
    assert asked(saved, InterestKind.LIKE) == ["arxiv:2604.07429", "doi:10.1000/example"]
    assert (saved.plain_text, saved.schedule.paused_until) == (True, dt.date(2026, 5, 1))
    (said,) = site.day.store.opinions.of([saved.id])[saved.id]
    assert (said.opinion, said.subject, said.value) == (Opinion.MUTE, Subject.AUTHOR, "Loud Author")
    assert "Paused until Friday 1 May 2026" in page.text
    assert "q-bio=2</textarea>" in page.text
    assert "Loud Author</textarea>" in page.text
    assert '<option value="text" selected>' in page.text
    kept = re.findall(r'name="likes" value="([^"]+)" checked', page.text)
    assert kept == ["arxiv:2604.07429", "doi:10.1000/example"]

    site.post(path, FORM | {"likes": kept[:1]})
    again = site.now(name)
    assert asked(again, InterestKind.LIKE) == kept[:1]
    assert (asked(again, InterestKind.AUTHOR), asked(again, InterestKind.CATEGORY)) == ([], [])
    assert (again.plain_text, again.schedule.paused_until) == (False, None)
    assert again.id not in site.day.store.opinions.of([again.id])


def test_an_example_that_is_known_is_shown_by_its_title(site, name: str) -> None:
    paper = site.day.store.editions.latest().papers[0].paper
    like = Interest(kind=InterestKind.LIKE, value=paper.id)
    page = site.get(site.path(Purpose.PREFERENCES, site.reader(name, interests=(like,)))).text
    assert html.escape(paper.title, quote=False) in html.unescape(page).replace("&", "&amp;")


def test_what_was_said_of_other_things_stays_when_authors_are_muted(site, name: str) -> None:
    reader = site.reader(name)
    site.day.store.opinions.say(reader.id, Opinion.MORE, Subject.AUTHOR, "Ada Author", site.clock())
    site.day.store.opinions.say(reader.id, Opinion.MUTE, Subject.TOPIC, "surveys", site.clock())
    site.post(site.path(Purpose.PREFERENCES, reader), FORM | {"muted": "Loud Author"})
    said = {one.value: one.opinion for one in site.day.store.opinions.of([reader.id])[reader.id]}
    assert said == {"Ada Author": Opinion.MORE, "surveys": Opinion.MUTE, "Loud Author": Opinion.MUTE}


@pytest.mark.parametrize("uploaded", [True, False])
def test_a_reading_list_becomes_examples_and_tells_nobody_else_of_its_texts(
    site, name: str, uploaded: bool
) -> None:
    known = site.day.store.editions.latest().papers[0].paper
    title = f"A paper of {name} about auctions"
    bibtex = f"@article{{a, title={{{title}}}, doi={{10.1000/{name}}}}} @article{{b, title={{False}}, eprint={{{known.id[6:]}}}, archiveprefix={{arXiv}}}}"
    body, kind = multipart(FORM | {"more": "" if uploaded else bibtex}, bibtex if uploaded else "")
    page = site.post(site.path(Purpose.PREFERENCES, site.reader(name)), body, Content_Type=kind)
    assert page.status == 200
    made, liked = asked(site.now(name), InterestKind.LIKE)
    assert liked == known.id
    assert title in page.text
    assert site.day.store.papers.get(known.id)[0].title == known.title
    assert site.day.store.papers.get(f"doi:10.1000/{name}") is None
    assert site.get(f"/papers/{made}").status == 404


def test_a_list_that_cannot_be_read_keeps_nothing(site, name: str) -> None:
    reader = site.reader(name)
    before = site.rows()
    body, kind = multipart(FORM, "no reference at all")
    page = site.post(site.path(Purpose.PREFERENCES, reader), body, Content_Type=kind)
    assert page.status == 422
    assert "The reading list cannot be read" in page.text
    body, kind = multipart(FORM | {"papers": "many"}, "@article{a, title={Kept by nobody}}")
    assert site.post(site.path(Purpose.PREFERENCES, reader), body, Content_Type=kind).status == 422
    assert site.rows() == before


def test_a_pause_that_is_over_is_none(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name))
    # It is Thursday 16 April, in the afternoon there.
    saved = site.post(path, FORM | {"days": list(DAY_NAMES), "paused_until": "2026-04-18"}).text
    assert "Your next digest comes on Saturday 18 April 2026 at 06:30 (Asia/Kolkata)." in saved
    assert 'value="2026-04-18"' in saved
    site.clock.now += dt.timedelta(days=2)
    later = site.get(path).text
    assert "Paused until" not in later
    assert 'name="paused_until" type="date" value=""' in later


# --- the preview ----------------------------------------------------------------------------------


def test_a_preview_shows_all_that_is_edited(site, name: str) -> None:
    reader = site.reader(name)
    path = f"{site.path(Purpose.PREFERENCES, reader)}/preview"
    paper = next(one.paper for one in site.day.store.editions.latest().papers if len(one.paper.authors) > 2)
    shown = FORM | {
        "interests": "",
        "excludes": "",
        "days": list(DAY_NAMES),
        "papers": "50",
    }
    before = site.rows()
    author = html.escape(paper.authors[0])
    assert author in framed(site.post(path, shown | {"authors": paper.authors[0]}))
    assert author not in framed(site.post(path, shown | {"muted": paper.authors[0]}))
    assert "this week" in framed(site.post(path, shown | {"rhythm": "weekly"}))
    assert "<pre>" in framed(site.post(path, shown | {"format": "text"}))
    body, kind = multipart(FORM, "@article{a, title={Auctions}, abstract={An auction is a market.}}")
    assert site.post(path, body, Content_Type=kind).status == 200
    assert site.rows() == before


def test_who_wants_plain_text_sees_it_as_their_next_digest(site, name: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.reader(name, plain_text=True))
    page = site.get(f"{path}/digest").text
    assert "<pre>" in page
    assert "Unsubscribe\n" in page


def test_a_network_previews_so_often_an_hour(site, name: str) -> None:
    path = f"{site.path(Purpose.PREFERENCES, site.reader(name))}/preview"
    asked = [site.post(path, X_Forwarded_For="203.0.113.77").status for _ in range(301)]
    assert asked == [422] * 300 + [429]
    assert site.post(path).status == 422


def test_only_the_settings_page_runs_a_script_and_it_is_ours(site, name: str) -> None:
    page = site.get(site.path(Purpose.PREFERENCES, site.reader(name)))
    assert "script-src 'self'; connect-src 'self'" in page.headers["content-security-policy"]
    (script,) = re.findall(r'<script src="([^"]+)" defer></script>', page.text)
    assert site.get(script).headers["content-type"] == "text/javascript; charset=utf-8"
    for path in ("/", "/try", "/archive"):
        assert "script-src" not in site.get(path).headers["content-security-policy"]


# --- in their language ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"papers": "99"}, "Ein Digest hat 1 bis 50 Paper: 99."),
        ({"papers": "many"}, "Die Zahl der Paper ist eine ganze Zahl: &#39;many&#39;."),
        ({"days": []}, "Wählen Sie mindestens einen Tag oder einmal in der Woche."),
        ({"send_at": "7"}, "Eine Uhrzeit ist HH:MM, etwa 07:00: &#39;7&#39;."),
        ({"paused_until": "soon"}, "Ein Datum ist JJJJ-MM-TT, etwa 2026-12-24: &#39;soon&#39;."),
        ({"paused_until": "9999-12-31"}, "Eine Pause endet vor dem Jahr 3000: &#39;9999-12-31&#39;."),
        ({"interests": "video=0"}, "Das Gewicht eines Interesses ist größer als 0 und höchstens 100: &#39;video=0&#39;."),
        ({"more": "not an id"}, "Ein Beispiel ist eine arXiv-Kennung, eine DOI oder ein Link zu einer von beiden"),
        ({"muted": "a\x07b"}, "Ein Interesse hat 1 bis 300 druckbare Zeichen"),
    ],
)  # fmt: skip
def test_a_german_reader_is_told_in_german_what_is_wrong(site, name: str, change: dict, words: str) -> None:
    reader = site.reader(name, language="de")
    page = site.post(site.path(Purpose.PREFERENCES, reader), FORM | {"language": "de"} | change)
    assert page.status == 422
    assert words in page.text
    assert site.now(name) == reader


def test_zones_are_named_in_the_readers_language(site, name: str) -> None:
    page = site.get(site.path(Purpose.PREFERENCES, site.reader(name, language="de"))).text
    assert '<optgroup label="Asien">' in page
    assert '<option value="Europe/Brussels">Brüssel</option>' in page
    assert page.count(">Kolkata</option>") == 1
