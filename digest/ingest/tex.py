"""TeX as Unicode text: the one door for pylatexenc.

Rule 1: never raises, and never loses a word of prose; what cannot be parsed is stripped of its marks instead.
Rule 2: what TeX must not see (URLs, prices, a bare `%`) was held back before (`text`).
"""

# ruff: noqa: RUF001, SIM905 (the characters that look alike are what this module is about; lists of words read best as words)

from __future__ import annotations

import logging
import re
import unicodedata
from itertools import zip_longest

from pylatexenc import latexwalker
from pylatexenc.latex2text import LatexNodes2Text, get_default_latex_context_db
from pylatexenc.latexwalker import LatexCharsNode, LatexGroupNode, LatexMacroNode, LatexWalker
from pylatexenc.macrospec import MacroSpec

from digest.ingest.scripts import MARKS, script, scripts

#: The parser's time grows faster than its input, and no abstract is this long (arXiv allows 1920 characters).
LONGEST_PARSED = 20_000
#: Bold, script and fraktur letters of mathematics: mail fonts lack them, and searches miss them.
_STYLED = re.compile("[\U0001d400-\U0001d7ff]")

#: Letters that TeX writes as words: `S\o rensen`; the space only ends the word.
_LETTERS = frozenset("o O l L ss ae AE oe OE aa AA i j dh DH th TH dj DJ ng NG".split())
_SILENT = frozenset(
    "xspace displaystyle textstyle scriptstyle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr left right"
    " middle limits nolimits noindent protect nobreak allowbreak centering ignorespaces relax mathopen mathclose mathrel"
    " mathbin tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge bm boldsymbol rm bf it em sc tt"
    " sf sl cal mit par newline linebreak hfill".split()
)
_CITED = frozenset("cite citet citep citeauthor citealp ref eqref autoref label".split())
_SHOWN = frozenset("url href path nolinkurl SI qty si unit num".split())
#: Macros that take arguments and that pylatexenc does not know to.
_TAKING = {
    "{": "widetilde widehat overline underbrace overbrace pmod footnote num si unit xrightarrow xleftarrow",
    "{{": "tfrac dfrac cfrac nicefrac sfrac binom tbinom dbinom stackrel overset underset SI qty",
}
_FRACTIONS = frozenset("frac dfrac tfrac cfrac nicefrac sfrac".split())
_BINOMIALS = frozenset("binom tbinom dbinom".split())
#: What stands above a single letter (Unicode combining marks), and above every letter of more.
_ABOVE = {"widetilde": "\u0303", "widehat": "\u0302", "overline": "\u0305"}
_ARROWS = {"xrightarrow": "→", "xleftarrow": "←"}
_ROOTS = {"2": "√", "3": "∛", "4": "∜"}
_SYMBOLS = {
    "|": "‖",
    "arcsec": "″",
    "arcmin": "′",
    "degree": "°",
    "celsius": "°C",
    "Re": "Re",
    "Im": "Im",
    "bmod": "mod",
    "lbrack": "[",
    "rbrack": "]",
    "qquad": " ",
    "quad": " ",
}


def _arguments(node: LatexMacroNode) -> list[object]:
    return [n for n in (node.nodeargd.argnlist if node.nodeargd else ()) if n is not None]


def _is_group(node: object) -> bool:
    return bool(isinstance(node, LatexGroupNode) and node.nodelist)


def _set(name: str, arguments: list[str]) -> str | None:
    """What a macro makes of its arguments where pylatexenc would lose some of it; None if that is left to it."""
    last = arguments[-1].strip()
    if name in _ABOVE:
        marked = "".join(letter + _ABOVE[name] * letter.isalnum() for letter in last)
        return unicodedata.normalize("NFC", marked) if len(last) == 1 or name == "overline" else last
    if name in _ARROWS:
        return _ARROWS[name] + script("^", last)
    match name:
        case "sqrt":
            index = arguments[0].strip() if len(arguments) == 2 else "2"
            body = last if re.fullmatch(r"\d+|\w[₀-ₜᵢ-ᵪ]*", last) else f"({last})"
            return (_ROOTS.get(index) or f"{script('^', index)}√") + body
        case "pmod":
            return f" (mod {last})"
        case "footnote":
            return f" ({last})"
        case "underbrace" | "overbrace":
            return _operand(last)
    if len(arguments) != 2:
        return None
    first = arguments[0].strip()
    if name in _FRACTIONS:
        return f"{_operand(first)}/{_operand(last)}"
    if name in _BINOMIALS:
        return f"({first} choose {last})"
    if name in {"stackrel", "overset", "underset"}:
        return last + script("_" if name == "underset" else "^", first)
    return None


def _operand(text: str) -> str:
    """As it may stand beside a sign: in brackets unless it is one thing."""
    tight = re.sub(r"([∂∇])\s+", r"\1", text)
    one = len(tight) == 1 or re.fullmatch(r"[∂∇√]?[\w.]+|\([^()]*\)", tight)
    return tight if one else f"({tight})"


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
                    text, mark = script(mark, text) + " " * text.endswith(" "), ""
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
        if text[-1:] in MARKS and len(text) > len(mark):
            return scripts(text[:-1], math=math), text[-1]
        return scripts(text, math=math), ""

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
        if arguments and (set_ := _set(name, arguments)) is not None:
            return set_
        if name in {"textsuperscript", "textsubscript"} and arguments:
            return script("^" if name == "textsuperscript" else "_", arguments[-1])
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
_KNOWN = latexwalker.get_default_latex_context_db()
_KNOWN.add_context_category(
    "ours",
    macros=[MacroSpec(name, taken) for taken, names in _TAKING.items() for name in names.split()],
    prepend=True,
)
#: Words of prose: no part of a macro's name, of its argument or of an accented word.
_PROSE = re.compile(r"(?<![\\{}\[A-Za-z'\"^~=.`])[A-Za-z]{4,}(?![A-Za-z{}\\])")


def converted(text: str) -> str:
    """TeX as text; if it cannot be parsed, or a word would be lost, its marks are stripped instead."""
    if len(text) > LONGEST_PARSED:
        return _stripped(text)
    balanced = _balanced(text)
    try:
        nodes, _, _ = LatexWalker(balanced, latex_context=_KNOWN, tolerant_parsing=True).get_latex_nodes()
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
    return scripts(re.sub(r"[\\{}$]", "", text), math=False)
