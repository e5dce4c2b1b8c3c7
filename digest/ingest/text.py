"""TeX and HTML become readable plain Unicode: the one door for pylatexenc.

Rule 1: never raises, and never loses a word of prose; what cannot be parsed is stripped of its marks instead.
Rule 2: nothing is escaped here; whoever writes HTML does that.
Rule 3: what TeX must not see (URLs, prices, a bare `%`) is held back behind one private-use character each.
"""

# ruff: noqa: RUF001, SIM905 (the characters that look alike are what this module is about; lists of words read best as words)

from __future__ import annotations

import html as entities
import logging
import re
import unicodedata
from dataclasses import dataclass, field
from itertools import zip_longest

from pylatexenc.latex2text import LatexNodes2Text, get_default_latex_context_db
from pylatexenc.latexwalker import (
    LatexCharsNode,
    LatexGroupNode,
    LatexMacroNode,
    LatexWalker,
)

#: The parser's time grows faster than its input, and no abstract is this long (arXiv allows 1920 characters).
LONGEST_PARSED = 20_000


def readable(text: str, *, html: bool = False) -> str:
    """Plain text on one line, NFC, without TeX, control characters or bidi overrides; never raises.

    With `html`, tags and entities become text first; a `<` that opens no tag stays.
    """
    plain = _one_line(_without_html(text) if html else _without_entities(_without_pairs(text)))
    if not _MARKED.search(plain):
        return plain
    held = _Held()
    bare = _hold_back(plain, held)
    return _one_line(held.restore(_converted(bare) if _TEX.search(bare) else _scripts(bare, math=False)))


# --- characters -----------------------------------------------------------------------------------

_MARKED = re.compile(r"[\\${}^_~`]|--")
_TEX = re.compile(r"[\\${}]")
#: Control characters, lone surrogates, zero-width marks, bidi overrides and isolates (Unicode TR 36, Trojan Source).
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff\ufffd]"
)
#: Bold, script and fraktur letters of mathematics: mail fonts lack them, and searches miss them.
_STYLED = re.compile("[\U0001d400-\U0001d7ff]")


def _one_line(text: str) -> str:
    text = " ".join(_UNSEEN.sub("", text).split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@dataclass(slots=True)
class _Held:
    """Texts that stand aside, each behind one private-use character, until the rest is done."""

    texts: dict[str, int] = field(default_factory=dict)

    def keep(self, text: str) -> str:
        if text not in self.texts and len(self.texts) >= _PLACES:
            return text
        return chr(0xE000 + self.texts.setdefault(text, len(self.texts)))

    def restore(self, text: str) -> str:
        texts = list(self.texts)
        return _PRIVATE.sub(lambda match: "".join(texts[(at := ord(match[0]) - 0xE000) : at + 1]), text)


_PLACES = 0x1900
_PRIVATE = re.compile("[\ue000-\uf8ff]")

# --- HTML -----------------------------------------------------------------------------------------

_DROPPED = re.compile(r"(?is)<(script|style)\b[^>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<!\[CDATA\[|\]\]>")
_ATTRIBUTES = r"""(?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+))*"""
_INLINE = r"a|abbr|b|big|cite|code|em|font|i|img|inf|italic|bold|kbd|mark|q|s|sc|small|span|strike|strong|sub|sup|tt|u"
_BLOCK = (
    r"article|blockquote|body|br|center|dd|div|dl|dt|figcaption|figure|footer|h[1-6]|head|header|hr|html|iframe|li|main"
    r"|nav|ol|p|pre|section|script|style|table|tbody|td|tfoot|th|thead|title|tr|ul|video"
)
_TAG = re.compile(
    rf"(?i)</?(?:(?P<inline>(?:{_INLINE}))|(?:{_BLOCK})|(?:jats|mml|m):[a-z-]+){_ATTRIBUTES}\s*/?>"
)
_SCRIPT_TAG = re.compile(rf"(?is)<(?P<way>su[bp]){_ATTRIBUTES}\s*>(?P<body>[^<>]{{0,80}})</(?P=way)\s*>")
_PAIR = re.compile(r"(?i)<(i|b|em|strong|sc|tt|span|p)>([^<>]*)</\1>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def _without_html(text: str) -> str:
    """Tags away and entities as characters, also where a publisher escaped them twice."""
    for _ in range(3):
        before = text
        text = _DROPPED.sub(" ", text)
        text = _SCRIPT_TAG.sub(_script_tag, text)
        text = _TAG.sub(lambda tag: "" if tag["inline"] else " ", text)
        text = _without_entities(text)
        if text == before:
            break
    return text


def _script_tag(match: re.Match[str]) -> str:
    mark = "_" if match["way"].lower() == "sub" else "^"
    return _script(mark, _without_entities(match["body"]))


def _without_pairs(text: str) -> str:
    """Formatting that is HTML beyond doubt, as authors leave in arXiv abstracts; `<SEG>` and `<s>` stay."""
    if "</" not in text:
        return text
    return _PAIR.sub(r"\2", _SCRIPT_TAG.sub(_script_tag, text))


def _without_entities(text: str) -> str:
    return _ENTITY.sub(lambda entity: entities.unescape(entity[0]), text) if "&" in text else text


# --- what TeX must not see ------------------------------------------------------------------------

_HREF = re.compile(r"\\href\s*\{(?P<url>[^{}]*)\}\s*\{(?P<label>[^{}]*)\}")
_HELD = re.compile(
    r"""\\url\s*\{(?P<url>[^{}]*)\}
    | \\(?:verb|lstinline)\*?(?P<fence>[^A-Za-z\s*{])(?P<verbatim>.{0,300}?)(?P=fence)
    | (?P<bare>(?:https?|ftp)://(?:\\[_%\#&~]|[^\s\\{}$<>"])+)
    | \\(?P<escaped>[%&\#_{}])
    | (?P<break>\\\\(?![A-Za-z]))
    | (?P<special>[%&\#\ue000-\uf8ff])""",
    re.VERBOSE,
)
#: `~` that means "about" (`z~2.3`, `~35 day`) stays; a tie (`Fig.~1`, `5~km`) is a space.
_ABOUT = re.compile(r"(?<![\w\\.,;:)\]}$~])~(?=[\s\d$.<>])|(?<=(?<![\w\\])[A-Za-z])~(?=\d)")
_TIE = re.compile(r"(?<!\\)~")
_DOUBLE_QUOTED = re.compile(r"``(.{1,400}?)(?:''|\"|”)")
_QUOTED = re.compile(r"(?<![\w`\\])`([^`'{}$\\]{1,80})'(?![\w'])")


def _hold_back(text: str, held: _Held) -> str:
    """The text with all that is not TeX held; dashes, quotes and ties are settled on the way."""
    text = re.sub(r"\\\\(?=[A-Za-z])", lambda _: "\\", text)  # a backslash that JSON escaped twice
    text = _HREF.sub(_link, text)
    text = _HELD.sub(lambda match: held.keep(_kept(match)), text)
    text = _without_prices(text, held)
    text = _ABOUT.sub(held.keep("~"), text) if "~" in text else text
    text = _TIE.sub(" ", text)
    text = text.replace("---", "—").replace("--", "–")
    return _QUOTED.sub(r"‘\1’", _DOUBLE_QUOTED.sub(r"“\1”", text)).replace("``", "“")


def _link(match: re.Match[str]) -> str:
    label = match["label"].replace("~", " ").strip()
    if not label or "://" in label or re.fullmatch(r"this \S* ?URL", label):
        return rf"\url{{{match['url']}}}"
    return rf"{match['label']} (\url{{{match['url']}}})"


def _kept(match: re.Match[str]) -> str:
    if match["break"]:
        return " "
    text = match["url"] or match["bare"]
    if text is not None:
        return re.sub(r"\\([_%#&~])", r"\1", text.strip())
    return match["verbatim"] or match["escaped"] or match["special"] or ""


_DOLLAR = re.compile(r"\\\$|\${1,2}")
_WORDS = re.compile(r"[\d.,]+\s?(?:[KMBT]|bn|mn)?\+?[\s-]+[A-Za-z]{2,}")
_NUMBER = re.compile(r"[\d.,]+(?:[KMBT]|bn|mn)?\+?\s*-?\s*")


def _without_prices(text: str, held: _Held) -> str:
    """Hold every `$` that does not delimit maths, so that those left come in pairs."""
    parts: list[str] = []
    at = 0
    while dollar := _DOLLAR.search(text, at):
        parts.append(text[at : dollar.start()])
        at = dollar.end()
        close = None if dollar[0] == r"\$" else _closing(text, at, dollar[0])
        if close is None:
            parts.append(held.keep("$" if dollar[0] == r"\$" else dollar[0]))
        else:
            span = text[at:close].replace(r"\$", held.keep("$"))
            parts.append(f"${span}$")
            at = close + len(dollar[0])
    return "".join([*parts, text[at:]])


def _closing(text: str, start: int, delimiter: str) -> int | None:
    """Where the maths ends that begins at `start`; None if it is a price or never ends."""
    close = re.compile(r"(?<!\\)" + re.escape(delimiter)).search(text, start)
    if not close:
        return None
    span = text[start : close.start()]
    return None if _is_price(span, text[close.end() : close.end() + 1]) else close.start()


def _is_price(span: str, after: str) -> bool:
    """Whether a `$` before this span is money: `$60 GPUs for $...`, `$3-$5`; but `$10$` is a number."""
    if not span[:1].isdigit():
        return False
    if _WORDS.match(span):
        return True
    if re.search(r"[\\^_=]", span):
        return False
    return bool(re.search(r"\s[A-Za-z]{2,}|[A-Za-z]{3,}", span)) or (
        after.isdigit() and bool(_NUMBER.fullmatch(span))
    )


# --- sub- and superscripts ------------------------------------------------------------------------

_RAISED = dict(
    zip(
        "0123456789+-−–=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ",
        strict=True,
    )
)
_LOWERED = dict(
    zip(
        "0123456789+-−–=()aehijklmnoprstuvxβγρφχ",
        "₀₁₂₃₄₅₆₇₈₉₊₋₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        strict=True,
    )
)
_SCRIPTS = {"^": _RAISED, "_": _LOWERED}
#: These stand raised by themselves.
_ALREADY_RAISED = {"∘": "°", "°": "°", "∗": "*", "*": "*", "′": "′", "'": "′", "†": "†", "‡": "‡", "™": "™"}
#: A word in small raised letters is hard to read, and no search finds it.
_LONG_WORD = re.compile("[A-Za-z]{4}")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})


def _script(mark: str, body: str) -> str:
    """`body` raised (`^`) or lowered (`_`): in Unicode where every character can, else `x^(n+1)` or `L_CE`."""
    body = body.strip()
    if mark == "^" and body in _ALREADY_RAISED:
        return _ALREADY_RAISED[body]
    if mark == "^" and body in _ORDINALS:
        return body
    table = _SCRIPTS[mark]
    tight = body.replace(" ", "")
    decimal = re.fullmatch(r"\d+\.\d+", tight)
    if all(c in table or (c == "." and decimal) for c in tight) and not _LONG_WORD.search(body):
        return "".join(table.get(c, c) for c in tight)
    return f"{mark}{body}" if len(body) == 1 or body.isalnum() else f"{mark}({body})"


_IN_MATHS = re.compile(r"([_^])\s*(-\d+|\S)")
#: Outside maths only what cannot be a file's or a variable's name: `10^-3`, `O(n^2)`, `CO_2`, `q_i`.
_IN_PROSE = re.compile(
    r"(?<=[\w)\]])(?P<up>\^)(?P<power>[-+−]?\d+(?![\w.])|[A-Za-z](?!\w))"
    r"|(?:(?<=(?<![A-Za-z0-9_])[a-z])|(?<=[A-Z])|(?<=[A-Z][a-z])|(?<=[)\]]))(?P<down>_)(?P<index>\d{1,3}(?![a-z\d_]))"
    r"|(?<=(?<!\w)[A-Za-z])(?P<low>_)(?P<letter>[a-z](?!\w))"
)


def _scripts(text: str, *, math: bool) -> str:
    """Scripts of one character in a run of plain text."""
    if math:
        return _IN_MATHS.sub(lambda match: _script(match[1], match[2]), text)
    return _IN_PROSE.sub(_prose_script, text)


def _prose_script(match: re.Match[str]) -> str:
    if match["up"]:
        return _script("^", match["power"])
    return _script("_", match["index"] or match["letter"])


# --- TeX ------------------------------------------------------------------------------------------

#: Letters that TeX writes as words: `S\o rensen`; the space only ends the word.
_LETTERS = frozenset("o O l L ss ae AE oe OE aa AA i j dh DH th TH dj DJ ng NG".split())
_SILENT = frozenset(
    "xspace displaystyle textstyle scriptstyle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr left right"
    " middle limits nolimits noindent protect nobreak allowbreak centering ignorespaces relax mathopen mathclose mathrel"
    " mathbin tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge bm boldsymbol rm bf it em sc tt"
    " sf sl cal mit par newline linebreak hfill".split()
)
_CITED = frozenset("cite citet citep citeauthor citealp ref eqref autoref label".split())
_SHOWN = frozenset("url href path nolinkurl footnote".split())
_SYMBOLS = {"Re": "Re", "Im": "Im", "bmod": "mod", "lbrack": "[", "rbrack": "]", "qquad": " ", "quad": " "}


def _arguments(node: LatexMacroNode) -> list[object]:
    return [n for n in (node.nodeargd.argnlist if node.nodeargd else ()) if n is not None]


def _is_group(node: object) -> bool:
    return bool(isinstance(node, LatexGroupNode) and node.nodelist)


class _Plain(LatexNodes2Text):  # type: ignore[misc]  # pylatexenc ships no types
    """pylatexenc's table of symbols and accents, with our rules for spaces, scripts and unknown macros."""

    def nodelist_to_text(self, nodelist: list[object]) -> str:
        """The nodes in turn; a script takes the node that follows its mark."""
        out = ""
        mark = ""
        for node, following in zip_longest(nodelist, nodelist[1:]):
            if isinstance(node, LatexCharsNode):
                text, mark = self._chars(node, mark)
            else:
                text = (
                    self._macro(node, following)
                    if isinstance(node, LatexMacroNode)
                    else self.node_to_text(node)
                )
                if mark:
                    text, mark = _script(mark, text) + " " * text.endswith(" "), ""
            if (
                text[:2].isalpha()
                and text[:2].isascii()
                and isinstance(node, LatexMacroNode)
                and node.macroname in text
            ):
                out += " " * out[-1:].isalnum()  # `n\log n`
            out += text
        return out + mark

    def _chars(self, node: LatexCharsNode, mark: str) -> tuple[str, str]:
        """The run's text, and the mark it ends with, which the next node is raised or lowered by."""
        math = bool(node.parsing_state.in_math_mode)
        text = str(node.chars)
        if mark:
            text, math = mark + text.lstrip(), True
        if text[-1:] in _SCRIPTS and len(text) > len(mark):
            return _scripts(text[:-1], math=math), text[-1]
        return _scripts(text, math=math), ""

    def _macro(self, node: LatexMacroNode, following: object) -> str:
        """A macro's text, with the space that TeX would have eaten after a symbol's name."""
        name = str(node.macroname)
        text = self._known(node)
        if text is None:
            text = "" if name in _SILENT or _is_group(following) else name
        eaten = name in _LETTERS or not text or _arguments(node) or not name.isalpha()
        return text if eaten else text + node.macro_post_space

    def _known(self, node: LatexMacroNode) -> str | None:
        name = str(node.macroname)
        arguments = [self.nodelist_to_text([argument]) for argument in _arguments(node)]
        if name in _SYMBOLS:
            return _SYMBOLS[name]
        if name in _CITED:
            return f"[{arguments[-1]}]" if arguments else ""
        if name in _SHOWN:
            return " ".join(arguments)
        if name in {"frac", "dfrac", "tfrac"} and len(arguments) == 2:
            return "/".join(a if len(a) == 1 or a.isalnum() else f"({a})" for a in arguments)
        if name in {"textsuperscript", "textsubscript"} and arguments:
            return _script("^" if name == "textsuperscript" else "_", arguments[-1])
        if self.latex_context.get_macro_spec(name) is None:
            return "".join(arguments) if arguments else None
        return str(self.macro_node_to_text(node))


# What it cannot read is ours to handle, and its warnings would put a feed's text into our log.
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)
_PLAIN = _Plain(
    latex_context=get_default_latex_context_db(),
    math_mode="text",
    keep_comments=True,
    strict_latex_spaces=True,
)
#: Words of prose: no part of a macro's name, of its argument or of an accented word.
_PROSE = re.compile(r"(?<![\\{}\[A-Za-z'\"^~=.`])[A-Za-z]{4,}(?![A-Za-z{}\\])")


def _converted(text: str) -> str:
    """TeX as text; if it cannot be parsed, or a word would be lost, its marks are stripped instead."""
    if len(text) > LONGEST_PARSED:
        return _stripped(text)
    balanced = _balanced(text)
    try:
        nodes, _, _ = LatexWalker(balanced, tolerant_parsing=True).get_latex_nodes()
        plain = str(_PLAIN.nodelist_to_text(nodes))
    except Exception:  # noqa: BLE001 (rule 1: pylatexenc raises IndexError, RecursionError and its own)
        return _stripped(balanced)
    plain = _STYLED.sub(lambda letter: unicodedata.normalize("NFKC", letter[0]), plain)
    return plain if all(word in plain for word in _PROSE.findall(balanced)) else _stripped(balanced)


def _balanced(text: str) -> str:
    """Without the braces that have no partner: the parser would drop what stands behind them."""
    if "{" not in text and "}" not in text:
        return text
    characters = list(text)
    opened: list[int] = []
    for at, character in enumerate(characters):
        if character == "{":
            opened.append(at)
        elif character == "}":
            if opened:
                opened.pop()
            else:
                characters[at] = ""
    for at in opened:
        characters[at] = ""
    return "".join(characters)


def _stripped(text: str) -> str:
    """Marks away, words kept: the way of last resort."""
    text = re.sub(r"\\(?:begin|end)\s*\{\w+\*?\}|\\[A-Za-z]+\*?\s*(?=\{)", " ", text)
    text = re.sub(r"\\([A-Za-z]+)", r"\1", text)
    return _scripts(re.sub(r"[\\{}$]", "", text), math=False)
