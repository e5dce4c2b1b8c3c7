"""Each rule finds what it is for, at its place, and nothing in a message as it is shipped."""

from __future__ import annotations

import base64
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import config
from digest.model.content import quoted_printable
from digest.preview.checks import Finding, Part, Post, Severity, findings, inspect
from digest.preview.checks.rules import RULES
from digest.preview.checks.specimen import Specimen
from digest.preview.checks.structure import MOST_SLIPS
from digest.preview.fixtures import fixtures, stage

MUCH = "A sentence that is there to take room. " * 3000


@cache
def good() -> bytes:
    """The ordinary digest, as the shipped templates make it."""
    with stage(config.load(config.shipped("config", "demo.toml"), {})) as day:
        normal = next(one for one in fixtures() if one.name == "normal")
        return normal.message(day, "en").content


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A message taken apart, to be changed and put together again."""

    head: str
    text: str
    html: str

    @classmethod
    def of(cls, content: bytes) -> Parts:
        seen = Specimen.of(content, Post.LIST)
        return cls(head=content.partition(b"\r\n\r\n")[0].decode(), text=seen.text, html=seen.html)

    def joined(self) -> bytes:
        boundary = re.search(r'boundary="([^"]+)"', self.head)
        assert boundary
        bodies = "".join(
            f"--{boundary[1]}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{quoted_printable(body).decode()}\r\n"
            for kind, body in (("plain", self.text), ("html", self.html))
        )
        return f"{self.head}\r\n\r\n{bodies}--{boundary[1]}--\r\n".encode()


@cache
def good_parts() -> Parts:
    return Parts.of(good())


def change(part: str, old: str, new: str, *, every: bool = False) -> Callable[[Parts], Parts]:
    """Replace a pattern in one part, once unless `every`; it must be there."""

    def changed(parts: Parts) -> Parts:
        before = getattr(parts, part)
        after = re.sub(old, lambda found: found.expand(new), before, count=0 if every else 1, flags=re.DOTALL)
        assert after != before
        return Parts(**{**{name: getattr(parts, name) for name in ("head", "text", "html")}, part: after})

    return changed


def html(old: str, new: str, *, every: bool = False) -> Callable[[Parts], Parts]:
    return change("html", old, new, every=every)


def head(old: str, new: str) -> Callable[[Parts], Parts]:
    return change("head", old, new)


def text(old: str, new: str, *, every: bool = False) -> Callable[[Parts], Parts]:
    return change("text", old, new, every=every)


def inserted(markup: str) -> Callable[[Parts], Parts]:
    """Before the foot's last paragraph."""
    return html(r"(<p class=\"small meta\")", markup.replace("\\", r"\\") + r"\1")


SUBJECT = r"Subject: .*?(?=\r\nDate:)"
#: What was broken, the rule that must find it, and how bad that rule calls it.
BROKEN: tuple[tuple[str, str, str, Callable[[Parts], Parts]], ...] = (
    ("no subject", "H05", "fail", head(SUBJECT, "Subject: ")),
    ("a fake reply", "H05", "fail", head(SUBJECT, "Subject: Re: your papers of today, as promised")),
    ("a subject that shouts", "H05", "fail", head(SUBJECT, "Subject: SEVEN PAPERS THAT YOU NEED TO READ NOW")),
    ("a subject too long", "H05", "fail", head(SUBJECT, "Subject: " + "a word and " * 12)),
    ("no List-Unsubscribe", "H09", "fail", head(r"List-Unsubscribe: .*?\r\n(?=\S)", "")),
    ("http in List-Unsubscribe", "H09", "fail", head("List-Unsubscribe: <https", "List-Unsubscribe: <http")),
    ("an encoded word in List-Unsubscribe", "H09", "fail", head(r"(List-Unsubscribe: )<\S+", r"\1=?utf-8?q?=3Chttps?=")),
    ("an unsubscribe URI to be guessed", "H09", "fail", head(r"(List-Unsubscribe: <https://[^/]+/unsubscribe/)[^>]+", r"\g<1>7")),
    ("another List-Unsubscribe-Post", "H10", "fail", head("=One-Click", "=one-click")),
    ("a List-Id without dots", "H11", "fail", head(r"(List-Id: .*?<)[^>]+", r"\1daily")),
    ("an automatic reply", "H12", "fail", head("auto-generated", "auto-replied")),
    ("no Precedence", "H12", "warning", head(r"Precedence: bulk\r\n", "")),
    ("no doctype", "W01", "fail", html("<!DOCTYPE html>", "")),
    ("no charset", "W02", "fail", html(r"<meta charset=\"utf-8\">", "")),
    ("no zooming", "W02", "fail", html("initial-scale=1", "initial-scale=1,maximum-scale=1")),
    ("too much HTML", "W03", "fail", inserted(f'<p style="color:#1c1917;font:16px/26px Georgia,serif">{MUCH}</p>')),
    ("a script", "W04", "fail", inserted("<script>1</script>")),
    ("a form", "W04", "fail", inserted('<form action="https://example.org/"><input name="a"></form>')),
    ("an event handler", "W04", "fail", html("<h1 ", '<h1 onclick="go()" ')),
    ("a javascript: link", "W04", "fail", html(r"href=\"https://papers", 'href="javascript:go()//papers')),
    ("a style sheet from elsewhere", "W05", "fail", html("</head>", '<link rel="stylesheet" href="https://example.org/a.css"></head>')),
    ("a web font", "W05", "fail", html("</style>", "@font-face { font-family: a; src: url(https://example.org/a.woff2) }</style>")),
    ("styles that were not inlined", "W06", "fail", html(r" style=\"[^\"]*\"", "", every=True)),
    ("a large style", "W07", "fail", html("</style>", ".a { color: #1c1917 } " * 1000 + "</style>")),
    ("a nested at-rule", "W07", "fail", html("</style>", "@media screen { @media (max-width: 9px) { .a { color: #000000 } } }</style>")),
    ("rgb with spaces", "W07", "fail", html("color:#1c1917", "color:rgb(28 25 23)")),
    ("a style in the body", "W07", "fail", inserted("<style>.a { color: #1c1917 }</style>")),
    ("a bare sign in the text", "W09", "fail", inserted('<p style="color:#1c1917;font:16px/26px Georgia">if a < b & c</p>')),
    ("a tag that ends nothing", "W09", "fail", html("</h1>", "</h1></h1>")),
    ("a paragraph between rows", "W09", "fail", html('<tr><td class="foot', '<p>lost</p><tr><td class="foot')),
    ("tables too deep", "W10", "warning", inserted('<table role="presentation"><tr><td>' * 7 + "x" + "</td></tr></table>" * 7)),
    ("flex", "C01", "fail", html("max-width:600px", "max-width:600px;display:flex")),
    ("a variable", "C01", "fail", html("padding:36px 32px 24px", "padding:var(--a)")),
    ("a picture in SVG", "C01", "fail", inserted('<img src="https://example.org/a.svg" alt="A curve" width="100">')),
    ("no language", "A01", "fail", html(r"<html lang=\"en\"", "<html")),
    ("no language inside", "A02", "warning", html(r"<div lang=\"en\"", "<div")),
    ("no title", "A03", "fail", html("<title>.*?</title>", "")),
    ("a table without a role", "A04", "fail", html(r" role=\"presentation\"", "")),
    ("a picture without alt", "A05", "fail", inserted('<img src="https://example.org/a.png" width="100">')),
    ("an alt that says nothing", "A05", "warning", inserted('<img src="https://example.org/a.png" width="100" alt="logo">')),
    ("no h1", "A06", "fail", html(r"<h1( [^>]*>.*?)</h1>", r"<p\1</p>")),
    ("a skipped level", "A06", "fail", html(r"<h2( [^>]*>.*?)</h2>", r"<h4\1</h4>")),
    ("pale text", "A07", "fail", html("color:#6a635b", "color:#a9a29a")),
    ("dark text on a dark panel", "A07", "fail", html(r"<td class=\"top pad\"", '<td class="top pad" bgcolor="#333333"')),
    ("pale text in dark", "A08", "fail", html(r"\.meta \{ color: #a9a29a", ".meta { color: #4a4a4a")),
    ("no dark theme", "A08", "warning", html(r"@media \(prefers-color-scheme: dark\)", "@media print")),
    ("tiny text", "A09", "fail", html("font:13px/20px", "font:10px/20px")),
    ("click here", "A10", "fail", inserted('<p style="color:#1c1917;font:16px/26px Georgia"><a href="https://example.org/a" style="color:#1d4ed8">Click here</a></p>')),
    ("a link without text", "A10", "fail", inserted('<a href="https://example.org/a"></a>')),
    ("links all alike", "A10", "warning", html(r" aria-label=\"PDF[^\"]*\"", "", every=True)),
    ("a link told by colour", "A11", "warning", inserted('<p style="color:#1c1917;font:16px/26px Georgia">A sentence of some length, which nobody needs, leads to <a href="https://example.org/a" style="color:#1d4ed8;text-decoration:none">that page</a>.</p>')),
    ("no text", "T01", "fail", text(".+", "")),
    ("half of the text", "T01", "fail", text(r"\n4\. .*", "\n")),
    ("a heading's link lost from the text", "T02", "fail", text(r"    https://papers\S+\n", "", every=False)),
    ("a tag in the text", "T03", "fail", text(r"\n\n", "\n\n<p>New</p>\n\n")),
    ("padding in the text", "T03", "fail", text(r"\n\n", "\n\u2007\u034f \u2007\u034f\n")),
    ("long lines of text", "T04", "warning", text(r"\n\n", "\n\n" + "some words " * 12 + "\n\n")),
    ("no preheader", "P01", "fail", html(r"<div class=\"preheader\".*?</div>", "")),
    ("a short preheader", "P01", "warning", html(r"(<div class=\"preheader\"[^>]*>).*?(?=</div>)", r"\1News")),
    ("a relative link", "L01", "fail", html(r"href=\"https://papers\.example\.org", 'href="')),
    ("an empty link", "L01", "fail", html(r"href=\"https://papers[^\"]*\"", 'href=""')),
    ("a link to None", "L02", "fail", html(r"href=\"https://papers\.example\.org/[^\"]*\"", 'href="https://papers.example.org/None"')),
    ("a private host", "L02", "fail", html(r"https://papers\.example\.org", "https://192.168.0.7")),
    ("http", "L02", "warning", html(r"href=\"https://papers", 'href="http://papers')),
    ("a paper that stands twice", "L03", "fail", html(r"(<table[^>]*data-paper=.*?</table>)", r"\1\1")),
    ("no unsubscribe link", "L04", "fail", html(r"href=\"[^\"]*/unsubscribe/[^\"]*\"", 'href="https://example.org/"')),
    ("a hidden unsubscribe link", "L04", "fail", html(r"(<a [^>]*href=\"[^\"]*/unsubscribe/[^\"]*\"[^>]*style=\")", r"\1display:none;")),
    ("no unsubscribe link in the text", "L04", "fail", text(r"https?://\S*/unsubscribe/\S+", "")),
    ("no preferences link", "L04", "warning", html(r"/preferences/", "/elsewhere/")),
    ("a link that lies", "L05", "fail", inserted('<p style="color:#1c1917;font:16px/26px Georgia"><a href="https://example.org/" style="color:#1d4ed8">arxiv.org</a></p>')),
    ("a shortened link", "L06", "fail", html(r"https://papers\.example\.org/[^\"]*", "https://bit.ly/3xYz")),
    ("a picture over http", "I01", "fail", inserted('<img src="images/a.png" alt="A curve" width="100">')),
    ("a pixel", "V01", "fail", inserted('<img src="https://example.org/a.png" alt="" width="1" height="1">')),
    ("a counted link", "V02", "fail", html(r"https://papers\.example\.org/[^\"]*", "https://example.org/click?url=https://arxiv.org/abs/1")),
    ("a campaign", "V02", "warning", html(r"(https://papers\.example\.org/[^\"]*)", r"\1?utm_source=digest")),
    ("the reader's address in a link", "V03", "fail", html(r"(https://papers\.example\.org/[^\"]*)", r"\1?to=reader%40example.org")),
    ("the same in base64", "V03", "fail", html(r"(https://papers\.example\.org/[^\"]*)", r"\1?to=" + base64.b64encode(b"reader@example.org").decode())),
    ("TeX", "X01", "fail", inserted('<p style="color:#1c1917;font:16px/26px Georgia">It takes $O(n^2)$ steps.</p>')),
    ("a TeX command", "X01", "fail", inserted(r'<p style="color:#1c1917;font:16px/26px Georgia">The \alpha of it.</p>')),
    ("escaped twice", "X03", "fail", html("(<h1[^>]*>)", r"\1A &amp;amp; B, ")),
    ("a tag that is read", "X03", "fail", html("(<h1[^>]*>)", r"\1&lt;i&gt;A&lt;/i&gt; ")),
    ("a hole that was not filled", "X04", "fail", html("(<h1[^>]*>)", r"\1{{ site.name }} ")),
    ("a value that was not there", "X04", "fail", html("(<h1[^>]*>)[^<]*", r"\1None")),
)  # fmt: skip


def broken(alter: Callable[[Parts], Parts]) -> bytes:
    return alter(good_parts()).joined()


def of_rule(found: tuple[Finding, ...], rule: str) -> list[Finding]:
    return [one for one in found if one.rule == rule]


def test_nothing_is_found_in_a_message_as_shipped() -> None:
    assert findings(good(), Post.LIST) == ()


def test_nothing_is_found_in_a_message_that_was_taken_apart_and_joined_again() -> None:
    assert findings(good_parts().joined(), Post.LIST) == ()


@pytest.mark.parametrize(
    ("rule", "severity", "alter"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN]
)
def test_a_rule_finds_what_it_is_for(rule: str, severity: str, alter: Callable[[Parts], Parts]) -> None:
    found = of_rule(findings(broken(alter), Post.LIST), rule)

    assert severity in {one.severity for one in found}


def test_every_rule_but_the_mean_of_support_is_tried() -> None:
    assert {rule.id for rule in RULES} - {one[1] for one in BROKEN} == {"C02"}


def test_much_that_clients_lack_lowers_the_mean_of_support() -> None:
    lacking = "<dialog>a</dialog><meter></meter><audio></audio><video></video><marquee>b</marquee><progress></progress>"
    content = broken(inserted(lacking * 2))

    assert [one.severity for one in of_rule(findings(content, Post.LIST), "C02")] != []


def test_rules_say_what_they_ask_for_and_who_asks() -> None:
    for rule in RULES:
        assert rule.title.endswith("."), rule.id
        assert rule.source, rule.id


# --- beside the outside judge ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def judge(shared) -> Iterator[Callable[[bytes], set[str]]]:
    path = shared / "emailcheck" / "check_eml.py"
    spec = importlib.util.spec_from_file_location("check_eml_beside_ours", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    spec.loader.exec_module(module)
    sys.dont_write_bytecode = written

    def told(content: bytes) -> set[str]:
        report = module.check_message(content, "broken", module.parser_args(["--strict"]))
        return {one.id for one in report.failures + report.warnings}

    yield told
    del sys.modules[spec.name]


def test_the_judge_finds_nothing_in_the_good_message_either(judge) -> None:
    assert judge(good()) == set()


@pytest.mark.parametrize(
    ("rule", "alter"), [(one[1], one[3]) for one in BROKEN], ids=[one[0] for one in BROKEN]
)
def test_what_the_judge_finds_by_a_rule_that_we_have_we_find_too(judge, rule, alter) -> None:
    content = broken(alter)
    ours = {one.rule for one in findings(content, Post.LIST)}

    # C02 is a mean over clients, which the judge weighs by how many people it thinks read with them.
    assert judge(content) & {one.id for one in RULES} - {"C02"} <= ours


# --- places ---------------------------------------------------------------------------------------


def test_a_place_names_the_line_and_one_element() -> None:
    content = broken(html("font:13px/20px", "font:9px/20px"))
    [found] = of_rule(findings(content, Post.LIST), "A09")
    line = Specimen.of(content, Post.LIST).html.splitlines()[(found.where.line or 0) - 1]

    assert "font:9px/20px" in line
    assert found.where.part is Part.HTML
    assert found.where.selector.endswith("> p:nth-of-type(1)")


def test_a_selector_finds_its_element_in_a_browser(browser) -> None:
    content = broken(html("font:13px/20px", "font:10px/20px", every=True))
    found = [one for one in findings(content, Post.LIST) if one.where.selector]
    good_one = Specimen.of(good(), Post.LIST)
    page = browser.new_context(java_script_enabled=True).new_page()
    page.set_content(Specimen.of(content, Post.LIST).html)

    assert found
    assert [page.locator(one.where.selector).count() for one in found] == [1] * len(found)
    links = [(good_one.page.place(one.element).selector, one.url) for one in good_one.anchors]
    assert [page.locator(selector).get_attribute("href") for selector, _ in links] == [
        url for _, url in links
    ]
    page.context.close()


def test_a_contrast_is_what_the_browser_paints(browser) -> None:
    """Our cascade against a real one: the colours and sizes of every text, in light and in dark."""
    page = browser.new_context().new_page()
    page.set_content(Specimen.of(good(), Post.LIST).html)
    seen = inspect(good(), Post.LIST).contrasts
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for one in [one for one in seen if one.mode == scheme]:
            painted = page.locator(one.where.selector).evaluate("e => getComputedStyle(e).color")
            numbers = [int(n) for n in re.findall(r"\d+", painted)][:3]
            assert str(one.text) == "#" + "".join(f"{n:02x}" for n in numbers), (scheme, one)
    page.context.close()


# --- kinds of mail, quotes, and anything at all ---------------------------------------------------


def test_a_digest_without_public_pages_needs_no_way_back_to_them() -> None:
    without = head(r"List-Unsubscribe(-Post)?: .*?\r\n(?=\S)", "")
    content = broken(lambda parts: without(without(parts)))

    assert [one.rule for one in findings(content, Post.PERSONAL) if one.severity is Severity.FAIL] == []
    assert {one.rule for one in findings(content, Post.LIST)} == {"H09", "H10"}


def test_what_a_paper_says_itself_is_no_fault_of_a_template() -> None:
    content = broken(html("(<h1[^>]*>)", r"\1Sets {{ a }} and the &lt;b&gt; tag, "))

    assert {one.rule for one in findings(content, Post.LIST)} == {"X03", "X04"}
    assert findings(content, Post.LIST, ["Sets {{ a }} and the <b> tag"]) == ()


def test_any_depth_is_checked() -> None:
    found = of_rule(findings(broken(inserted("<div>" * 3000)), Post.LIST), "W09")

    assert len(found) == MOST_SLIPS


@given(st.binary(max_size=400))
def test_any_bytes_are_checked(content: bytes) -> None:
    assert isinstance(findings(content, Post.LIST), tuple)


@given(st.text(alphabet=st.sampled_from("<>/&;!-=\"' abtdprhlstyle{}:#0@\n"), max_size=200))
def test_any_html_is_checked(body: str) -> None:
    parts = good_parts()
    content = Parts(head=parts.head, text="", html=body).joined()

    assert isinstance(inspect(content, Post.LIST).findings, tuple)
