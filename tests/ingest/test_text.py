from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.ingest.tex import LONGEST_PARSED
from digest.ingest.text import readable


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        (r"10\% of #tags, 5% & more", "10% of #tags, 5% & more"),
        ("$a<b$ and n<m in a Q&A", "a<b and n<m in a Q&A"),
        ("a model on $60 GPUs", "a model on $60 GPUs"),
        ("($3M to $300M+ in 5 years)", "($3M to $300M+ in 5 years)"),
        ("between $3-$5, in $10$ days", "between $3-$5, in 10 days"),
        (r"\$5 for $2kM$ steps of size $x_1$", "$5 for 2kM steps of size x₁"),
        (r"Rodr\'iguez-G\'alvez, {\v{S}}ime S\o rensen, \"Ozg\"ur", "Rodríguez-Gálvez, Šime Sørensen, Özgür"),
        ("``quoted'' -- and---so", "“quoted” – and—so"),
        ("z~2.3, ~35 days, Fig.~1, 5~km, Eq.~$x$", "z~2.3, ~35 days, Fig. 1, 5 km, Eq. x"),
        (r"from \Omega to \LaTeX and on", "from Ω to LaTeX and on"),
        ("YBa_2Cu_3O_{6.5} at 10^{-3}", "YBa₂Cu₃O₆.₅ at 10⁻³"),
        (r"$^{44}Ti$ turned 360^\circ, $360^{\circ}$", "⁴⁴Ti turned 360°, 360°"),
        ("$x^{n+1}$, $L_{CE}$, $5^{th}$, $n^{Omega(log n)}$", "xⁿ⁺¹, L_CE, 5th, n^(Omega(log n))"),
        (r"{\em cyber}alter \emph{is} \textsc{Here}", "cyberalter is Here"),
        (r"the token \texttt{<SEG>}", "the token <SEG>"),
        (r"SGG-R$^{\rm 3}$ and Allo{SR}$^2$", "SGG-R³ and AlloSR²"),
        (r"$\mathbf{x} \in \mathbb{R}^{d}$, $n\log n$, $\frac{a+b}{c}$", "x ∈ ℝᵈ, n log n, (a+b)/c"),
        (r"\ours{one} beats \bench{} by far", "one beats bench by far"),
        (r"\href{https://example.org/a_b}{this~https~URL}", "https://example.org/a_b"),
        (r"\href{https://example.org/}{our page}", "our page (https://example.org/)"),
        (r"see \url{https://example.org/~x_1%20} now", "see https://example.org/~x_1%20 now"),
        (r"the set \{a, b\} and {an open brace", "the set {a, b} and an open brace"),
        (
            "file_name, gpt_4, __init__ but q_i, CO_2 and O(n^2)",
            "file_name, gpt_4, __init__ but qᵢ, CO₂ and O(n²)",
        ),
        (r"one \\ two, but \\alpha", "one two, but α"),
        ("1 &lt; 2 in H<sub>2</sub>O, <i>really</i>", "1 < 2 in H₂O, really"),
        ("a\u202eb\u2066c\x00d\u200be  f\n g", "abcde f g"),
    ],
)
def test_tex_becomes_plain_unicode(tex, plain):
    assert readable(tex) == plain


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("<p>One.</p><p>Two &amp; three.</p>", "One. Two & three."),
        ("Q&amp;amp;A &amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;", "Q&A bold"),
        ("H<sub>2</sub>O at 10<sup>&minus;3</sup>, the 5<sup>th</sup>", "H₂O at 10⁻³, the 5th"),
        ("n<m, $a<b$ and <SEG> stay; a < b and c > d too", "n<m, a<b and <SEG> stay; a < b and c > d too"),
        ("<![CDATA[text]]> <script>x()</script><style>p{}</style>ends", "text ends"),
        ('<a href="https://example.org/?a=1&amp;b=2">link</a>', "link"),
        ("AT&T has x&copy=1 and &odot;", "AT&T has x&copy=1 and ⊙"),
    ],
)
def test_html_becomes_text_but_a_bare_less_than_stays(html, plain):
    assert readable(html, html=True) == plain


WORDS = st.lists(st.from_regex(r"[A-Za-z]{1,12}[,.;:]?", fullmatch=True), min_size=1, max_size=30).map(
    " ".join
)


@given(WORDS)
def test_plain_prose_is_left_alone(prose):
    assert readable(prose) == prose
    assert readable(prose, html=True) == prose


MARKS = st.sampled_from(
    [
        "%",
        "& ",
        "# ",
        "$",
        "{",
        "}",
        "\\",
        "~",
        "^",
        "_",
        "``",
        "''",
        "--",
        "\\emph{",
        "\\href{",
        "\\url{",
        "5%",
        "$5 ",
        "\\\\",
    ]
)


@given(
    st.lists(st.tuples(st.sampled_from(["alpha", "prose", "words", "readers", "keep"]), MARKS), max_size=12)
)
def test_no_mark_costs_a_word_of_prose(parts):
    text = " ".join(f"{word} {mark}" for word, mark in parts)
    kept = re.findall("[a-z]+", readable(text))
    joined = "".join(kept)
    assert all(word in joined for word, _ in parts)


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    for html in (False, True):
        plain = readable(text, html=html)
        assert not re.search("[\x00-\x1f\u202a-\u202e\u2066-\u2069]", plain)
        assert plain == " ".join(plain.split())


TANGLES = [
    *"\\{}$^_~%&<>`'-ab1 .",
    "\\frac",
    "\\begin{x}",
    "\\end{x}",
    "\\'",
    "\\verb|",
    "\\sqrt[",
    "\\[",
    "\\(",
]


@given(st.lists(st.sampled_from(TANGLES), max_size=40).map("".join))
def test_any_tangle_of_marks_is_read_without_an_error(text):
    assert not re.search("[\ue000-\uf8ff]", readable(text))


@given(st.text(alphabet=st.characters(exclude_characters="\\${}^_~`&-<", exclude_categories=["Cs", "Co"])))
def test_what_is_readable_stays_as_it_is(text):
    once = readable(text)
    assert readable(once) == once


def test_a_very_long_text_is_not_parsed_but_loses_its_marks():
    text = r"\emph{word} " * (LONGEST_PARSED // 10)
    assert set(readable(text).split()) == {"word"}


def test_deep_nesting_is_read_without_an_error():
    assert "core" in readable("{\\em " * 3000 + "core" + "}" * 3000)


def test_private_use_characters_come_back_as_they_were():
    assert readable("an icon \ue001 at 5%, \\emph{kept}") == "an icon \ue001 at 5%, kept"


RAW = re.compile(
    r"\\(?:emph|textbf|textit|texttt|url|href|mathbb|frac|alpha|times|[%&#_$])|\{\\|``[^`'\n]{1,80}''|[a-z]~\\"
)


def test_captured_abstracts_keep_their_words_and_lose_their_tex(shared):
    said = [
        json.loads(line)
        for day in ("2026-04-14", "2026-05-05")
        for line in (shared / f"feeds/arxiv-daily-jsonl/{day}.jsonl").read_text("utf-8").splitlines()
    ]
    texts = [e["title"] for e in said] + [e["summary"] for e in said]
    assert len(texts) > 500
    read = {text: readable(text) for text in texts}
    assert [plain for plain in read.values() if RAW.search(plain)] == []
    prose = re.compile(r"(?<![\\{}A-Za-z'\"^~=.`$/-])[A-Za-z]{4,}(?![A-Za-z{}\\/$-])")
    assert [(word, text) for text in texts for word in prose.findall(text) if word not in read[text]] == []


@pytest.mark.parametrize(
    "tangle", ["`", "``a", "<!--", "<script>", "$1", "{", "\\frac", "\\verb|", "&amp;", "<a b=c"]
)
def test_a_hostile_text_is_read_in_linear_time_and_without_a_word_in_the_log(tangle, caplog):
    start = time.process_time()
    readable(tangle * (19_000 // len(tangle)), html=True)
    assert time.process_time() - start < 5
    assert not caplog.records
