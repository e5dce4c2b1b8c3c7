"""The CSS of a page: its rules, and how each element looks in the end. The one door for tinycss2 and cssselect2."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

import cssselect2
import tinycss2
from tinycss2.color3 import parse_color

from digest.preview.checks.colour import BLACK, WHITE, Colour
from digest.preview.checks.page import Page


class Mode(StrEnum):
    """In which light a message is read."""

    LIGHT = "light"
    DARK = "dark"  #: with the colours that the template says for a dark theme
    INVERTED = "inverted"  #: by a client that turns the light colours round by itself; approximate


class Declaration(NamedTuple):
    """`name: value`."""

    name: str
    value: str
    important: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A style rule of a `<style>` element."""

    selectors: str
    declarations: tuple[Declaration, ...]
    #: The query of the `@media` around it; empty if there is none.
    media: str
    #: Of the HTML.
    line: int
    #: Whether a rule stands inside it, which Gmail drops.
    nests: bool
    compiled: tuple[Any, ...] = field(repr=False)


class AtRule(NamedTuple):
    """`@name prelude`."""

    name: str
    prelude: str
    line: int
    #: Whether it stands inside another at-rule.
    nested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Styles:
    """All CSS of a page."""

    rules: tuple[Rule, ...]
    at_rules: tuple[AtRule, ...]
    inline: Mapping[Element, tuple[Declaration, ...]] = field(repr=False)

    @classmethod
    def of(cls, page: Page) -> Styles:
        """What its `<style>` elements and `style` attributes say; what cannot be parsed says nothing."""
        rules: list[Rule] = []
        at_rules: list[AtRule] = []
        for element in page.elements("style"):
            for found in _parsed(element.text or "", (page.lines[element] or 1) - 1):
                (rules if isinstance(found, Rule) else at_rules).append(found)  # type: ignore[arg-type]  # told apart
        inline = {one: declarations(one.get("style", "")) for one in page.elements() if one.get("style")}
        return cls(rules=tuple(rules), at_rules=tuple(at_rules), inline=inline)


def _parsed(css: str, line: int) -> Iterator[Rule | AtRule]:
    for node in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if node.type == "qualified-rule":
            yield _rule(node, "", line)
        elif node.type == "at-rule":
            prelude = tinycss2.serialize(node.prelude).strip().lower()
            yield AtRule(node.lower_at_keyword, prelude, line + node.source_line, nested=False)
            if node.lower_at_keyword in {"media", "supports"} and node.content is not None:
                yield from _inside(node.content, prelude, line)


def _inside(content: Any, media: str, line: int) -> Iterator[Rule | AtRule]:
    for node in tinycss2.parse_rule_list(content, skip_comments=True, skip_whitespace=True):
        if node.type == "qualified-rule":
            yield _rule(node, media, line)
        elif node.type == "at-rule":
            prelude = tinycss2.serialize(node.prelude).strip().lower()
            yield AtRule(node.lower_at_keyword, prelude, line + node.source_line, nested=True)


def _rule(node: Any, media: str, line: int) -> Rule:
    try:
        compiled = tuple(cssselect2.compile_selector_list(node.prelude))
    except cssselect2.SelectorError:
        compiled = ()
    inside = tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
    return Rule(
        selectors=tinycss2.serialize(node.prelude).strip(),
        declarations=tuple(_declared(inside)),
        media=media,
        line=line + node.source_line,
        nests=any(one.type in {"qualified-rule", "at-rule"} for one in inside),
        compiled=compiled,
    )


def _declared(nodes: Iterable[Any]) -> Iterator[Declaration]:
    for node in nodes:
        if node.type == "declaration":
            value = tinycss2.serialize(node.value).strip()
            yield Declaration(node.lower_name, value, important=node.important)


@lru_cache(maxsize=4096)  # the cards of a page have the same few styles
def declarations(css: str) -> tuple[Declaration, ...]:
    """The declarations of a `style` attribute, in order."""
    return tuple(_declared(tinycss2.parse_blocks_contents(css, skip_comments=True, skip_whitespace=True)))


# --- what wins ------------------------------------------------------------------------------------


class Won(NamedTuple):
    """The value of a property that an element has of its own."""

    value: str
    inline: bool


_DARK = re.compile(r"prefers-color-scheme:\s*dark")


def _applies(rule: Rule, mode: Mode) -> bool:
    """On a wide screen of that mode."""
    if not rule.media or rule.media in {"all", "screen"}:
        return True
    return mode is Mode.DARK and bool(_DARK.search(rule.media))


def cascaded(page: Page, styles: Styles, mode: Mode) -> Mapping[Element, Mapping[str, Won]]:
    """For each element the declarations that win (CSS Cascade 4: importance, style attribute, specificity, order)."""
    matcher = cssselect2.Matcher()
    for rule in styles.rules:
        if _applies(rule, mode):
            for selector in rule.compiled:
                if selector.pseudo_element is None:
                    matcher.add_selector(selector, rule.declarations)
    found: dict[Element, Mapping[str, Won]] = {}
    for wrapped in cssselect2.ElementWrapper.from_html_root(page.root).iter_subtree():
        element = wrapped.etree_element
        sheets = [(specificity, declared) for specificity, _, _, declared in matcher.match(wrapped)]
        inline = styles.inline.get(element, ())
        if sheets or inline:
            found[element] = _winners(sheets, inline)
    return found


def _winners(
    sheets: Iterable[tuple[object, tuple[Declaration, ...]]], inline: tuple[Declaration, ...]
) -> Mapping[str, Won]:
    """`sheets` come with the lowest specificity first, then in order."""
    plain = [(one, False) for _, declared in sheets for one in declared] + [(one, True) for one in inline]
    won: dict[str, Won] = {}
    for wanted in (False, True):
        for (name, value, important), from_attribute in plain:
            if important is wanted:
                won.pop(name, None)  # the last one that wins stands last, for shorthands
                won[name] = Won(value, from_attribute)
    return won


# --- how it looks ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the text of an element looks."""

    colour: Colour
    ground: Colour
    #: In CSS pixels.
    size: float = 16.0
    bold: bool = False
    #: Line height as a multiple of the size; None is the browser's.
    leading: float | None = None
    underlined: bool = False
    shown: bool = True
    #: Whether a picture lies behind it, whose colours nobody knows here.
    pictured: bool = False
    #: Whether its colour and size come from `style` attributes, which every client keeps.
    inline_colour: bool = False
    inline_size: bool = False

    @property
    def large(self) -> bool:
        """Large text in the sense of WCAG 2.2: 24 px, or 18.66 px and bold."""
        return self.size >= 24 or (self.bold and self.size >= 18.66)

    @property
    def readable(self) -> bool:
        """Whether anybody sees its text."""
        return self.shown and self.size >= 2


_HEADINGS = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67}
_BOLD = frozenset({*_HEADINGS, "b", "strong", "th"})
_NOT_SHOWN = frozenset({"head", "title", "style", "script", "template", "noscript"})
#: Of links without a colour, in light and dark (HTML Living Standard 15.3.4, and Chromium's dark one).
_LINK = {Mode.LIGHT: Colour(0, 0, 0.933), Mode.DARK: Colour(0.62, 0.62, 1.0)}
_FIRST = {
    Mode.LIGHT: Look(colour=BLACK, ground=WHITE),
    Mode.DARK: Look(colour=WHITE, ground=Colour(0.071, 0.071, 0.071)),
}


def looks(page: Page, styles: Styles) -> Mapping[Mode, Mapping[Element, Look]]:
    """How every element looks in each mode."""
    light, dark = (_looks(page, styles, mode) for mode in (Mode.LIGHT, Mode.DARK))
    turned = {
        one: replace(look, colour=look.colour.inverted(), ground=look.ground.inverted())
        for one, look in light.items()
    }
    return {Mode.LIGHT: light, Mode.DARK: dark, Mode.INVERTED: turned}


def _looks(page: Page, styles: Styles, mode: Mode) -> Mapping[Element, Look]:
    own = cascaded(page, styles, mode)
    found: dict[Element, Look] = {}

    def walk(element: Element, around: Look) -> None:
        look = found[element] = _look(element, own.get(element, {}), around, mode)
        for child in element:
            walk(child, look)

    walk(page.root, _FIRST[mode])
    return found


def _look(element: Element, own: Mapping[str, Won], around: Look, mode: Mode) -> Look:
    changes: dict[str, Any] = dict(_of_tag(element, around, mode))
    changes |= _of_font(own, around.size, float(changes.get("size", around.size)))
    if "color" in own and (painted := colour(own["color"].value)):
        changes |= {"colour": painted, "inline_colour": own["color"].inline}
    changes |= _of_ground(element, own, around)
    if "text-decoration" in own:
        changes["underlined"] = "underline" in own["text-decoration"].value
    elif "text-decoration-line" in own:
        changes["underlined"] = "underline" in own["text-decoration-line"].value
    if element.tag in _NOT_SHOWN or element.get("hidden") is not None or _hides(own):
        changes["shown"] = False
    look = replace(around, **changes) if changes else around
    # Half-transparent text is seen mixed with what it lies on.
    return look if look.colour.alpha == 1 else replace(look, colour=look.colour.over(look.ground))


def _of_tag(element: Element, around: Look, mode: Mode) -> Iterator[tuple[str, Any]]:
    """What the browser and the old attributes say."""
    tag = str(element.tag)
    if tag in _HEADINGS:
        yield from (("size", around.size * _HEADINGS[tag]), ("inline_size", False))
    if tag == "small":
        yield "size", around.size * 0.83
    if tag in _BOLD:
        yield "bold", True
    if tag == "a" and element.get("href") is not None:
        yield from (("colour", _LINK[mode]), ("inline_colour", False), ("underlined", True))
    named = element.get("color") if tag == "font" else element.get("text") if tag == "body" else None
    if named and (painted := colour(named)):
        yield from (("colour", painted), ("inline_colour", True))


def _of_font(own: Mapping[str, Won], around: float, size: float) -> Iterator[tuple[str, Any]]:
    """Size, weight and line height, shorthand and long, in the order in which they win."""
    for name, (value, inline) in own.items():
        sized, led = _SHORTHAND.search(value) if name == "font" else None, None
        if sized:
            size, led = length(sized[1], around) or size, sized[2]
            yield from (("size", size), ("inline_size", inline))
            yield "bold", bool(re.search(r"\b(bold|bolder|[6-9]00)\b", value))
        elif name == "font-size" and (given := length(value, around)) is not None:
            size = given
            yield from (("size", size), ("inline_size", inline))
        elif name == "font-weight":
            yield "bold", bool(re.fullmatch(r"bold|bolder|[6-9]00|1000", value))
        elif name == "line-height":
            led = value
        if led is not None and size > 0:
            given = float(led) * size if re.fullmatch(r"[\d.]+", led) else length(led, size)
            yield "leading", given / size if given else None


_SHORTHAND = re.compile(r"(?<![\w.])([\d.]+(?:px|pt|em|rem|%))(?:\s*/\s*([\d.]+(?:px|pt|em|rem|%)?))?")


def _of_ground(element: Element, own: Mapping[str, Won], around: Look) -> Mapping[str, Any]:
    painted = colour(element.get("bgcolor", ""))
    pictured = element.get("background") is not None
    for name in ("background", "background-color", "background-image"):
        if name in own:
            value = own[name].value
            pictured = pictured or "url(" in value or "gradient(" in value
            if name != "background-image":
                painted = next(filter(None, map(colour, _WORDS.findall(value))), painted)
    changes: dict[str, Any] = {}
    if painted and painted.alpha > 0:
        changes["ground"] = painted.over(around.ground)
        changes["pictured"] = False
    if pictured:
        changes["pictured"] = True
    return changes


_WORDS = re.compile(r"[a-z-]+\([^)]*\)|[^\s,]+", re.IGNORECASE)


def _hides(own: Mapping[str, Won]) -> bool:
    def says(name: str, pattern: str) -> bool:
        return name in own and re.fullmatch(pattern, own[name].value.lower()) is not None

    return (
        says("display", "none")
        or says("visibility", "hidden|collapse")
        or says("opacity", r"0(\.0*)?%?")
        or (says("overflow", "hidden") and (says("max-height", "0(px)?") or says("height", "0(px)?")))
    )


@lru_cache(maxsize=1024)
def colour(text: str) -> Colour | None:
    """A CSS colour; None if it is none, or `currentcolor`."""
    found = parse_color(text)
    return Colour(*found) if found is not None and not isinstance(found, str) else None


_UNITS = {"px": 1.0, "pt": 4 / 3, "rem": 16.0, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
_NAMED = {"xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0}


def length(text: str, of: float) -> float | None:
    """A CSS length in pixels, percent and em being of that; None if it is not known here."""
    found = re.fullmatch(r"([\d.]+)([a-z%]*)", text.strip().lower())
    if not found or not re.fullmatch(r"\d*\.?\d+|\d+\.", found[1]):
        return _NAMED.get(text.strip().lower())
    number, unit = float(found[1]), found[2]
    match unit:
        case "em":
            return number * of
        case "%":
            return number * of / 100
        case "":
            return number if number == 0 else None
        case _:
            return number * _UNITS[unit] if unit in _UNITS else None
