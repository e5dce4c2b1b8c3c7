"""An outside judge reads our messages: the linter in the shared captures, at its strictest."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy

import pytest
from factories import a_listed, a_pick, a_plan

from digest import languages
from digest.config import Brand
from digest.model import Edition, Link
from digest.render import Composer


class WirePolicy(EmailPolicy):
    """Lines of 76 octets, and no encoded words in lists of addresses (a URL in one is lost)."""

    def fold_binary(self, name, value):
        if name.lower().startswith("list-"):
            return f"{name}: {value}\r\n".encode()
        return super().fold_binary(name, value)


@pytest.fixture(scope="module")
def linter(shared):
    path = shared / "emailcheck" / "check_eml.py"
    spec = importlib.util.spec_from_file_location("check_eml", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    return module


def addressed(content, links):
    message = EmailMessage(policy=WirePolicy(linesep="\r\n", max_line_length=76))
    message["From"] = Address("Paper Post", "digest", "paperpost.org")
    message["To"] = Address("", "vision", "example.org")
    message["Reply-To"] = "hello@paperpost.org"
    message["Subject"] = content.subject
    message["Date"] = "Fri, 10 Apr 2026 05:00:00 +0000"
    message["Message-ID"] = "<20260410.abcdefghijklmnopqrstuvwxyz@paperpost.org>"
    message["Auto-Submitted"] = "auto-generated"
    message["Precedence"] = "bulk"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    if links:
        message["List-Id"] = "Paper Post <daily.paperpost.org>"
        message["List-Unsubscribe"] = f"<{links.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["Feedback-ID"] = "20260410:daily:digest:paperpost"
    message.set_content(content.text, cte="quoted-printable")
    message.add_alternative(content.html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def faults(linter, content, links, profile="digest"):
    options = linter.parser_args(["--strict", "--profile", profile])
    report = linter.check_message(addressed(content, links), "digest", options)
    return [f"{finding.id}: {finding.msg} ({finding.where})" for finding in report.failures + report.warnings]


def odd_papers(*changes):
    listed = tuple(a_listed(number, **change) for number, change in enumerate(changes, 1))
    return Edition(id=1, published_at=listed[0].paper.first_seen, papers=listed)


def usual(number):
    """A paper of normal size: three sentences, four links."""
    arxiv = f"2604.{number:05}"
    rels = {
        "abstract": f"https://arxiv.org/abs/{arxiv}",
        "pdf": f"https://arxiv.org/pdf/{arxiv}",
        "discussion": f"https://huggingface.co/papers/{arxiv}",
        "code": f"https://github.com/example-lab/some-repository-{number}",
    }
    return {
        "title": f"A title of usual length about thing {number}, its many uses and its limits",
        "abstract": f"Thing {number} has been studied for years with methods that need much data and more patience. "
        f"We show that {number} examples are enough when they are chosen well, and that choosing takes minutes. "
        "On nine benchmarks this is better than all that came before it, by four points on average.",
        "authors": tuple(f"Given Familyname {n}" for n in range(6)),
        "links": tuple(Link(rel=rel, url=url) for rel, url in rels.items() if rel != "code" or number % 5),
    }


LONG = (
    "A very long title that says what was done, how it was done, to whom, and why nobody did it before: " * 3
)
EDITIONS = {
    "one": odd_papers({}),
    "fifty": odd_papers(*map(usual, range(1, 51))),
    "gaps": odd_papers(
        {"abstract": "", "authors": ()}, {"categories": (), "authors": ()}, {"votes": None, "abstract": ""}, {"votes": None}
    ),
    "long": odd_papers({"title": LONG.strip()}, {"title": "Deoxyribonucleic" * 20}),
    "maths": odd_papers(
        {"title": "Sorting ε-close keys in O(n² log n) for 𝒢 ⊂ ℝᵈ", "abstract": "We prove ‖x‖₂ ≤ √2 for β → ∞, and p(x | y) ≈ 0.3."},
        {"title": "α-Divergence ≠ KL: when x ∈ [0, 1)"},
    ),
    "wide": odd_papers(
        {"title": "大规模语言模型的稀疏路由", "abstract": "我们提出一种方法。它比以前的方法更快。", "authors": ("张 伟", "李 娜")},
        {"title": "小さなモデルは計画できるか", "authors": ("田中 花子",)},
    ),
    "rtl": odd_papers({"title": "בינה מלאכותית עם מודל קטן", "authors": ("דנה לוי",)}),
    "emoji": odd_papers({"title": "🦜 Parrots and 🧪 people", "abstract": "We count 🦜 in the wild. They are many."}),
    "hostile": odd_papers(
        {"title": "x < y & z > 0: <scr", "abstract": "If a < b & c > d, then <x> is lost. \"Quoted\" and 'single'."}
    ),
    "crowd": odd_papers({"authors": tuple(f"Given Familyname {n}" for n in range(3000))}),
}  # fmt: skip
LANGUAGES = (*languages.codes(), "ar")


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", EDITIONS)
def test_the_linter_finds_nothing_in_odd_digests(linter, desk, name, code):
    edition = EDITIONS[name]
    reader = replace(desk.reader(), language=code)
    plan = a_plan(edition=edition, reader=reader, picks=tuple(map(a_pick, edition.papers)), also_trending=())

    assert faults(linter, desk.composer.digest(plan, edition, desk.links), desk.links) == []


def test_fifty_papers_of_normal_size_keep_their_summaries(desk):
    edition = EDITIONS["fifty"]
    plan = a_plan(edition=edition, picks=tuple(map(a_pick, edition.papers)), also_trending=())
    content = desk.composer.digest(plan, edition, desk.links)

    assert content.text.count("examples are enough") == 50
    assert len(content.html.encode()) < 104_448


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(("picks", "trending"), [(4, 3), (0, 3), (0, 1), (2, 0)])
def test_the_linter_finds_nothing_in_usual_digests(linter, desk, picks, trending, code):
    edition = without_markup(desk.day())
    plan = desk.plan_of(edition, picks, trending)
    plan = replace(plan, reader=replace(plan.reader, language=code))

    assert faults(linter, desk.composer.digest(plan, edition, desk.links), desk.links) == []


def without_markup(edition):
    """One paper of that day shows markup in its title on purpose, which the linter must call a fault."""
    plain = tuple(
        replace(
            listed,
            paper=replace(listed.paper, title=listed.paper.title.replace("<b>", "").replace("</b>", "")),
        )
        for listed in edition.papers
    )
    return replace(edition, papers=plain)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", ["confirmation", "link", "welcome", "goodbye", "report"])
def test_the_linter_finds_nothing_in_the_mails_beside_the_digest(linter, desk, kind, code):
    content = desk.note(kind, code)

    # Of mails that somebody may not have asked for, the linter knows the words in German and English.
    asked = kind in {"confirmation", "link"} and code in {"en", "de"}
    assert faults(linter, content, None, "confirm" if asked else "notice") == []
    assert len(content.subject) <= 60


def test_a_brand_of_an_operators_own_passes_the_linter(linter, desk):
    brand = Brand(
        accent="#7a1f5c",
        accent_dark="#ff9ad5",
        logo="https://digest.paperpost.org/logo.png",
        logo_alt="A folded sheet",
        footer="The digest of Example Lab, for its people and their guests.",
    )
    composer = Composer(desk.site, brand=brand)
    edition = without_markup(desk.day())
    content = composer.digest(desk.plan_of(edition, 4, 3), edition, desk.links)

    assert faults(linter, content, desk.links) == []
    assert composer.fingerprint != desk.composer.fingerprint
    for part in (content.html, content.text):
        assert "for its people" in part
