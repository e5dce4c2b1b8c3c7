"""TeX and HTML become readable plain Unicode.

Rule 1: never raises, and never loses a word of prose; what cannot be parsed is stripped of its marks instead.
Rule 2: nothing is escaped here; whoever writes HTML does that.
Rule 3: what TeX must not see (URLs, prices, a bare `%`) is held back behind one private-use character each.
"""

# ruff: noqa: RUF001 (the characters that look alike are what this module is about)

from __future__ import annotations

import html as entities
import re
import unicodedata
from dataclasses import dataclass, field

from digest.ingest.scripts import script, scripts
from digest.ingest.tex import converted


def readable(text: str, *, html: bool = False) -> str:
    """Plain text on one line, NFC, without TeX, control characters or bidi overrides; never raises.

    With `html`, tags and entities become text first; a `<` that opens no tag stays.
    """
    plain = _one_line(_without_html(text) if html else _without_entities(_without_pairs(text)))
    if not _MARKED.search(plain):
        return plain
    held = _Held()
    bare = _hold_back(plain, held)
    return _one_line(held.restore(converted(bare) if _TEX.search(bare) else scripts(bare, math=False)))


# --- characters -----------------------------------------------------------------------------------

_MARKED = re.compile(r"[\\${}^_~`]|--")
_TEX = re.compile(r"[\\${}]")
#: Control characters, lone surrogates, zero-width marks, bidi overrides and isolates (Unicode TR 36, Trojan Source).
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff\ufffd]"
)


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
#: Markdown's bold, as authors leave it too; not a power of Python's.
_STRONG = re.compile(r"(?<![\w*)\]])\*\*(?=[^\s*])([^*]{1,200}?)(?<=\S)\*\*(?!\*)")
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
    return script(mark, _without_entities(match["body"]))


def _without_pairs(text: str) -> str:
    """Formatting that is HTML beyond doubt, as authors leave in arXiv abstracts; `<SEG>` and `<s>` stay."""
    if "**" in text:
        text = _STRONG.sub(r"\1", text)
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
            span = text[at:close].replace(r"\$", held.keep("$")).replace("''", "″")
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
