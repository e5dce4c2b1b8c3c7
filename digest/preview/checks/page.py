"""The HTML part as a tree, each element with its line and its path. The one door for justhtml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.entities import html5
from html.parser import HTMLParser
from typing import NamedTuple
from xml.etree.ElementTree import Element

import justhtml

from digest.preview.checks.finding import Part, Place

#: Elements that have no end tag (HTML Living Standard 13.1.2).
VOID = frozenset(
    {
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
        "track", "wbr",
    }
)  # fmt: skip
#: End tags that may be left out (13.1.2.4); a template may rely on it.
_OPTIONAL = frozenset(
    {
        "body", "colgroup", "dd", "dt", "head", "html", "li", "optgroup", "option", "p", "rp", "rt",
        "tbody", "td", "tfoot", "th", "thead", "tr",
    }
)  # fmt: skip
_TABLE_PARTS = frozenset({"table", "thead", "tbody", "tfoot", "tr", "colgroup"})
_IN_TABLE_PARTS = frozenset(
    {
        "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th", "script", "style",
        "template", "form", "input",
    }
)  # fmt: skip
#: What is nested deeper is left out; Chromium stops at 512, and no mail comes near.
DEEPEST = 200
#: Elements that stand in the flow as blocks: text before and after them is not one word.
BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "br", "dd", "div", "dl", "dt",
        "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li",
        "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead",
        "tr", "ul",
    }
)  # fmt: skip


class Run(NamedTuple):
    """A piece of text and the element whose style it has."""

    text: str
    element: Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The HTML of a message as a browser reads it."""

    source: str
    root: Element
    lines: Mapping[Element, int | None] = field(repr=False)
    parents: Mapping[Element, Element] = field(repr=False)
    #: A selector that matches this element and no other, in a browser too.
    selectors: Mapping[Element, str] = field(repr=False)
    #: Of the source as it is written, before a browser repairs it.
    slips: tuple[Slip, ...]

    @classmethod
    def read(cls, source: str) -> Page:
        """The tree of any text; a browser refuses none."""
        parsed = justhtml.JustHTML(source, sanitize=False, track_node_locations=True)
        found = next(node for node in parsed.root.children or () if node.name == "html")
        assert isinstance(found, justhtml.Element)
        lines: dict[Element, int | None] = {}
        root = _converted(found, lines)
        parents = {child: parent for parent in root.iter() for child in parent}
        return cls(
            source=source,
            root=root,
            lines=lines,
            parents=parents,
            selectors=dict(_selectors(root, "html")),
            slips=tuple(slips(source)),
        )

    @property
    def body(self) -> Element:
        """Where everything that is shown stands."""
        found = self.root.find("body")
        return self.root if found is None else found

    def elements(self, *names: str) -> Iterator[Element]:
        """The elements with these names, in the order of the document; all of them without a name."""
        return (element for element in self.root.iter() if not names or element.tag in names)

    def ancestors(self, element: Element) -> Iterator[Element]:
        """The elements around it, the nearest first."""
        while (parent := self.parents.get(element)) is not None:
            yield parent
            element = parent

    def place(self, element: Element) -> Place:
        """Where an element is."""
        return Place(part=Part.HTML, selector=self.selectors[element], line=self.lines[element])


def runs(element: Element) -> Iterator[Run]:
    """The texts inside an element in order; a line end for every block's border."""
    block = element.tag in BLOCKS
    if block:
        yield Run("\n", element)
    if element.text:
        yield Run(element.text, element)
    for child in element:
        yield from runs(child)
        if child.tail:
            yield Run(child.tail, element)
    if block:
        yield Run("\n", element)


def words(element: Element) -> Iterator[str]:
    """The texts inside an element in order, as they are written; of a picture its alternative text."""
    if element.tag == "img":
        yield element.get("alt", "")
    yield element.text or ""
    for child in element:
        yield from words(child)
        yield child.tail or ""


def _selectors(element: Element, selector: str) -> Iterator[tuple[Element, str]]:
    yield element, selector
    kin: Counter[str] = Counter()
    for child in element:
        kin[child.tag] += 1
        name = child.tag.replace(":", r"\:")  # as `o:p`, Word's
        single = child.tag in {"head", "body"}
        step = name if single else f"{name}:nth-of-type({kin[child.tag]})"
        yield from _selectors(child, f"{selector} > {step}")


def _converted(found: justhtml.Element, lines: dict[Element, int | None], depth: int = 0) -> Element:
    made = Element(found.name, {name: value or "" for name, value in (found.attrs or {}).items()})
    lines[made] = found.origin_line
    last: Element | None = None
    for child in found.children or ():
        if isinstance(child, justhtml.Element):
            if depth == DEEPEST:
                continue
            last = _converted(child, lines, depth + 1)
            made.append(last)
        elif isinstance(child, justhtml.Text):
            if last is None:
                made.text = (made.text or "") + str(child.data or "")
            else:
                last.tail = (last.tail or "") + str(child.data or "")
    return made


# --- as it is written -----------------------------------------------------------------------------


class Slip(NamedTuple):
    """A place where a browser has to guess."""

    message: str
    line: int


def slips(source: str) -> list[Slip]:
    """What only the source tells, since the tree is repaired."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    reader.finish()
    return reader.slips


class _Open(NamedTuple):
    name: str
    line: int


class _Reader(HTMLParser):
    """Reads tags one by one, and never repairs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.slips: list[Slip] = []
        self._open: list[_Open] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        for name in {name for name in names if names.count(name) > 1}:
            self._slip(f"<{tag}> has {name} twice")
        inside = self._open[-1].name if self._open else ""
        if inside in _TABLE_PARTS and tag not in _IN_TABLE_PARTS:
            self._slip(f"<{tag}> stands in <{inside}> outside a cell, and is moved before the table")
        if tag not in VOID:
            self._open.append(_Open(tag, self.getpos()[0]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not any(one.name == tag for one in self._open):
            self._slip(f"</{tag}> ends nothing")
            return
        while (one := self._open.pop()).name != tag:
            if one.name not in _OPTIONAL:
                self._slip(f"<{one.name}> of line {one.line} is still open at </{tag}>")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1].name in {"style", "script"}:
            return
        for sign, name in (("<", "&lt;"), ("&", "&amp;")):
            if sign in data:
                self._slip(f"a bare {sign!r} in the text, which is written {name}: {data.strip()[:40]!r}")
        if data.strip() and self._open and self._open[-1].name in _TABLE_PARTS:
            self._slip(f"text in <{self._open[-1].name}> outside a cell: {data.strip()[:40]!r}")

    def handle_entityref(self, name: str) -> None:
        if f"{name};" not in html5:
            self._slip(f"no such character reference: &{name};")

    def finish(self) -> None:
        """What the end of the document leaves open."""
        for one in self._open:
            if one.name not in _OPTIONAL:
                self.slips.append(Slip(f"<{one.name}> is never closed", one.line))

    def _slip(self, message: str) -> None:
        self.slips.append(Slip(message, self.getpos()[0]))
