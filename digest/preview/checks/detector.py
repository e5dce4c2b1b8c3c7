"""Finds which features of HTML and CSS a message uses, and which element uses them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import NamedTuple
from xml.etree.ElementTree import Element

from digest.preview.checks.clients import Feature, facts
from digest.preview.checks.finding import HTML, Part, Place
from digest.preview.checks.specimen import Specimen
from digest.preview.checks.style import Declaration

_FUNCTION = re.compile(r"([a-z-]+)\(", re.IGNORECASE)
_UNIT = re.compile(r"(?<![\w#.-])-?\d*\.?\d+(%|[a-z]+)", re.IGNORECASE)
_STRINGS = re.compile(r"\"[^\"]*\"|'[^']*'|url\([^)]*\)", re.IGNORECASE)


class Use(NamedTuple):
    """A feature that a message uses, and where."""

    feature: Feature
    #: The first is where it is used first.
    places: tuple[Place, ...]


class Detector:
    """The signs of the table, made ready.

    A sign is a kind and its arguments: `property NAME…`, `value PROPERTY REGEX`, `function NAME…`, `unit NAME`,
    `at-rule NAME`, `media FEATURE`, `selector REGEX`, `important`, `nesting`; `element NAME…`, `attribute NAME`,
    `input TYPE…`, `image ENDING…` (or `data:`), `link BEGINNING`, `meta NAME`, `doctype`.
    """

    def __init__(self, features: Iterable[Feature]) -> None:
        self._named: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._patterns: dict[str, list[tuple[re.Pattern[str], str]]] = defaultdict(list)
        for feature in features:
            kind, _, rest = feature.sign.partition(" ")
            if kind in {"selector", "value"}:
                name, _, pattern = rest.partition(" ") if kind == "value" else ("", "", rest)
                self._patterns[f"{kind} {name}".strip()].append((re.compile(pattern), feature.slug))
            else:
                for name in rest.split() or [""]:
                    self._named[kind, name].append(feature.slug)
        self._of_declarations = lru_cache(maxsize=4096)(self._declared)

    def slugs(self, seen: Specimen) -> Iterator[tuple[str, Element | int | None]]:
        """Each use, with the element or the line that makes it; None for the document."""
        if re.match(r"\s*<!doctype", seen.html, re.IGNORECASE):
            yield from ((slug, None) for slug in self._named["doctype", ""])
        for element in seen.page.elements():
            yield from ((slug, element) for slug in self._element(element))
        for element, declared in seen.styles.inline.items():
            yield from ((slug, element) for slug in self._of_declarations(declared))
        yield from self._sheets(seen)

    def _element(self, element: Element) -> Iterator[str]:
        named, tag = self._named, str(element.tag)
        yield from named.get(("element", tag), ())
        if tag == "meta":
            yield from named.get(("meta", element.get("name", "").lower()), ())
        if tag == "input":
            yield from named.get(("input", element.get("type", "text").lower()), ())
        for name in element.keys():  # noqa: SIM118 (an Element is no mapping)
            yield from named.get(("attribute", name), ())
        if tag == "img":
            yield from self._picture(element.get("src", "").lower())
        if tag == "a":
            url = element.get("href", "").lower()
            yield from named.get(("link", "#" if url.startswith("#") else url[:7]), ())

    def _picture(self, src: str) -> Iterator[str]:
        path = src.partition("?")[0]
        ending = "data:" if src.startswith("data:") else f".{path.rpartition('.')[2]}"
        yield from self._named.get(("image", ending), ())

    def _declared(self, declared: tuple[Declaration, ...]) -> frozenset[str]:
        return frozenset(slug for one in declared for slug in self._declaration(one))

    def _declaration(self, one: Declaration) -> Iterator[str]:
        if one.name.startswith(("mso-", "-")):  # Word's own, and what browsers tried out
            yield from self._named["function", "var"] if one.name.startswith("--") else ()
            return
        yield from self._property(one.name)
        value = _STRINGS.sub(" ", one.value)
        for pattern, slug in self._patterns.get(f"value {one.name}", ()):
            if pattern.fullmatch(value.strip().lower()):
                yield slug
        for function in _FUNCTION.findall(value):
            yield from self._named.get(("function", function.lower()), ())
        for unit in _UNIT.findall(value):
            yield from self._named.get(("unit", unit.lower()), ())
        if one.important:
            yield from self._named["important", ""]

    def _property(self, name: str) -> Iterable[str]:
        """Of the property, else of the shorthand that it is a part of, as `padding-left`."""
        found = self._named.get(("property", name))
        shorthand = name.partition("-")[0]
        if not found and shorthand in {
            "margin",
            "padding",
            "border",
            "background",
            "outline",
            "animation",
            "transition",
        }:
            found = self._named.get(("property", shorthand))
        return found or ()

    def _sheets(self, seen: Specimen) -> Iterator[tuple[str, int]]:
        for rule in seen.styles.rules:
            found = set(self._of_declarations(rule.declarations))
            found |= {slug for pattern, slug in self._patterns["selector"] if pattern.search(rule.selectors)}
            found |= set(self._named["nesting", ""]) if rule.nests else set()
            yield from ((slug, rule.line) for slug in sorted(found))
        for at_rule in seen.styles.at_rules:
            yield from ((slug, at_rule.line) for slug in self._named.get(("at-rule", at_rule.name), ()))
            if at_rule.name == "media":
                for feature in re.findall(
                    r"(prefers-[a-z-]+|device-pixel-ratio|orientation|hover)", at_rule.prelude
                ):
                    yield from ((slug, at_rule.line) for slug in self._named.get(("media", feature), ()))


@cache
def _shipped() -> tuple[Detector, Mapping[str, Feature]]:
    features = facts().features
    return Detector(features), {one.slug: one for one in features}


def uses(seen: Specimen) -> tuple[Use, ...]:
    """The features that the message uses, in the order in which it uses them."""
    detector, features = _shipped()
    places: dict[str, list[Element | int | None]] = {}
    for slug, where in detector.slugs(seen):
        places.setdefault(slug, []).append(where)
    return tuple(Use(features[slug], tuple(_placed(seen, found))) for slug, found in places.items())


#: Places that are told of one feature; a style that every card has stands in hundreds.
_MOST_PLACES = 5


def _placed(seen: Specimen, found: list[Element | int | None]) -> Iterator[Place]:
    for where in list(dict.fromkeys(found))[:_MOST_PLACES]:
        if where is None:
            yield HTML
        elif isinstance(where, int):
            yield Place(part=Part.HTML, line=where)
        else:
            yield seen.page.place(where)
