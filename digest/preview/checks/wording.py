"""Rules about what is read: the text part, the preheader, and what templates and sources leave behind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from digest.preview.checks.finding import HTML, TEXT, Fault, Faults, Part, Place, fail, warn
from digest.preview.checks.page import runs
from digest.preview.checks.specimen import PADDING, Specimen
from digest.preview.checks.style import Mode

#: TeX that somebody would read as such; money ("$5 and $10") is none.
TEX = re.compile(
    r"""(?<![\w\\:])\\[A-Za-z]{2,}            # \alpha, \textbf{
    | \\["'`^~=.]\s*\{?[A-Za-z]              # \"o, \'{e}
    | [\^_]\{[^{}]*\}                        # x^{2}
    | \$(?=[^$\n]*[\\^_{}])[^$\n]{1,120}\$   # $x^2$
    | \$[A-Za-z]\$                           # $n$
    | ``[^`'\n]{1,80}''                      # ``quoted''
    | \b(Fig|Eq|Sec|Tab|Ref)s?\.?~\S         # Fig.~1
    """,
    re.VERBOSE,
)
_ENTITY = re.compile(r"&(amp|lt|gt|quot|nbsp|apos|#\d+|#x[0-9a-f]+);", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|abbr|b|blockquote|br|code|div|em|h[1-6]|i|img|li|ol|p|script|small|span|strong|style|su[bp]|table|t[dr]|u|ul"
    r"|tt|(?:jats|mml):[a-z]+)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_RESIDUE = re.compile(
    r"\{\{|\}\}|\{%|%\}|\{#|#\}|\[object Object\]|<(?:built-in|bound) |<\w[\w.]* object at 0x"
    r"|\b(?:TODO|FIXME|XXX|lorem ipsum)\b|\$\{\w+\}|%\(\w+\)[sd]"
)
#: A value that was not there, where a value would stand: alone, between separators, or after a label.
_NOTHING = re.compile(r"(?:^|[·|:(,]\s*)(?:None|nan|NaN|undefined|null)(?=\s*(?:[·|),.]|$))", re.MULTILINE)
_CSS = re.compile(r"^\s*[.#@]?[\w-]+(?:\s*,\s*[.#]?[\w-]+)*\s*\{[^}]*:[^}]*\}", re.MULTILINE)
_URL = re.compile(r"https?://\S+")
#: A word, or one character of a script that is written without spaces.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{3,}"
)
#: What a text part does not hold.
_UNCLEAN = (
    (fail, _TAG, "a tag in the text part"),
    (fail, _ENTITY, "a character reference in the text part"),
    (fail, _CSS, "CSS in the text part"),
    # Joiners shape words in scripts such as Persian, and emoji; padding comes in rows.
    (
        fail,
        re.compile(rf"[{PADDING}](?:\s?[{PADDING}])+|[\u034f\u2007\ufeff]"),
        "a preheader's padding in the text part",
    ),
    (warn, re.compile(r"\n[ \t]*(?:\n[ \t]*){4,}"), "more than three empty lines in a row"),
    (warn, re.compile(r"\(\s*\)|\[\s*\]"), "empty brackets, where a link was lost"),
    (warn, re.compile(r"(https?://\S+)\s+[\[(<]?\1(?=[\s\])>]|$)"), "a URL that stands twice"),
)


# --- the text part --------------------------------------------------------------------------------


def same_words(seen: Specimen) -> Faults:
    """The text part says what the HTML says: at least 85 % of its words.

    RFC 2046 5.1.4: the parts of an alternative hold the same.
    """
    if len(seen.text.strip()) < 40:
        yield fail("no text part, or next to nothing in it", TEXT)
        return
    html, text = (Counter(_WORD.findall(said.lower())) for said in (seen.said, _URL.sub(" ", seen.text)))
    share = (html & text).total() / max(html.total(), 1)
    if share < 0.85:
        told = f"the text part has {share:.0%} of the HTML's words, of at least 85 %"
        yield (fail if share < 0.6 else warn)(told, TEXT)


def same_links(seen: Specimen) -> Faults:
    """The text part has the link of every heading, and most of the others.

    react-email#1377: links that are lost on the way to the text.
    """
    titles = {one for heading in seen.page.elements("h1", "h2", "h3", "h4") for one in heading.iter("a")}
    shown = [one for one in seen.anchors if one.shown and one.url.startswith("http")]
    missing = [one for one in shown if one.url not in seen.text]
    lost = [one for one in missing if one.element in titles]
    if lost:
        told = f"{len(lost)} links of headings are not in the text part, the first {lost[0].url[:60]!r}"
        yield fail(told, seen.page.place(lost[0].element))
    elif len({one.url for one in missing}) > 0.4 * len({one.url for one in shown}):
        told = f"{len(missing)} of {len(shown)} links are not in the text part"
        yield warn(told, seen.page.place(missing[0].element))


def clean_text(seen: Specimen) -> Faults:
    """The text part is text: no tags, character references, CSS, padding, or URLs that stand twice.

    react-email#343 and #2458, mailflow#248.
    """
    for make, pattern, told in _UNCLEAN:
        found = next((one for one in pattern.finditer(seen.text) if not seen.quotes(one[0])), None)
        if found:
            yield make(f"{told}: {found[0].strip()[:40]!r}", _at(seen.text, found.start()))


def narrow_text(seen: Specimen) -> Faults:
    """Lines of the text part have at most 78 characters, but for those with a URL or a word as long.

    RFC 5322 2.1.1.
    """
    for number, line in enumerate(seen.text.split("\n"), 1):
        if len(line) > 78 and max(map(len, line.split())) < 60:
            yield warn(f"a line of {len(line)} characters, of at most 78", Place(part=Part.TEXT, line=number))
            return


def _at(text: str, offset: int) -> Place:
    return Place(part=Part.TEXT, line=text.count("\n", 0, offset) + 1)


# --- the preheader --------------------------------------------------------------------------------


def preheader(seen: Specimen) -> Faults:
    """A hidden sentence of 35 to 140 characters, or a first paragraph as good, tells the inbox what is inside.

    react-email Preview and MJML mj-preview; react-email#1785 for what a wrong value does.
    """
    light = seen.looks[Mode.LIGHT]
    first = next((run for run in runs(seen.page.body) if run.text.strip()), None)
    if first is None:
        yield fail("nothing in the body", HTML)
        return
    where = seen.page.place(first.element)
    if light[first.element].readable:
        lede = seen.said.partition("\n")[0]
        if len(lede) < 35:
            yield fail(f"no preheader: the inbox shows {seen.said[:50]!r}", where)
        return
    said = " ".join(re.sub(rf"[{PADDING}]", " ", "".join(run.text for run in runs(first.element))).split())
    if _width(said) < 35 or len(said) > 140:
        yield warn(f"the preheader has {len(said)} characters; 35 to 140 are shown", where)
    if said.casefold() == seen.subject.casefold():
        yield fail("the preheader only repeats the subject", where)


def _width(text: str) -> int:
    """Characters, those of scripts written without spaces being two."""
    return len(text) + len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", text))


# --- what is left over ----------------------------------------------------------------------------


def _first(seen: Specimen, pattern: re.Pattern[str], told: str) -> Iterator[Fault]:
    """A fault for each different thing that the pattern finds in what is read, the hidden preheader included."""
    known: set[str] = set()
    for text, element in [*runs(seen.page.body), (seen.text, None)]:
        if element is not None and element.tag in {"style", "script"}:
            continue
        for found in pattern.finditer(text):
            piece = found[0].strip()
            if piece not in known and not seen.quotes(piece):
                known.add(piece)
                where = _at(text, found.start()) if element is None else seen.page.place(element)
                yield fail(f"{told}: {piece[:40]!r}", where)


def tex(seen: Specimen) -> Faults:
    r"""No TeX is left: no `$..$`, `\alpha`, `{\"o}`.

    Metadata of arXiv and Hugging Face carries it.
    """
    yield from _first(seen, TEX, "TeX")


def escaped_twice(seen: Specimen) -> Faults:
    """Nothing was escaped twice, and nobody reads a tag.

    Jinja2 escapes once; `| safe` and `| e` in a template undo or double it.
    """
    yield from _first(seen, _ENTITY, "a character reference that is read as such")
    yield from _first(seen, _TAG, "a tag that is read as such")
    for anchor in seen.anchors:
        if _ENTITY.search(anchor.url):
            yield fail(f"a URL that was escaped twice: {anchor.url[:60]!r}", seen.page.place(anchor.element))


def residue(seen: Specimen) -> Faults:
    """No template syntax, no value that was not there, no note to oneself.

    Jinja2 StrictUndefined catches a name that is missing, and not a None.
    """
    yield from _first(seen, _RESIDUE, "what a template left")
    yield from _first(seen, _NOTHING, "a value that was not there")
    if found := _RESIDUE.search(seen.subject):
        yield fail(f"what a template left is in the subject: {found[0]!r}", Place(part=Part.HEADERS))
