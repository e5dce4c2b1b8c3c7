"""Rules about the HTML as such: what clients clip, strip, fetch or repair."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from digest.preview.checks.finding import HTML, Faults, Part, Place, fail, warn
from digest.preview.checks.specimen import Specimen
from digest.preview.checks.style import Mode

#: Gmail hides what follows 102 KiB of HTML.
CLIP = 102 * 1024
#: What Gmail takes of `<style>`: all of it is dropped beyond (email-bugs#90); and what leaves room for others.
STYLE_LIMIT, STYLE_ROOM = 16 * 1024, 8 * 1024
#: Slips that are told; the first are what the others follow from.
MOST_SLIPS = 20

_ACTIVE = (
    "script", "form", "input", "button", "select", "textarea", "iframe", "frame", "object", "embed", "applet", "svg",
    "video", "audio", "dialog", "base",
)  # fmt: skip
_RUNS = re.compile(r"\s*(javascript|vbscript|data:text)", re.IGNORECASE)
_URLS = ("href", "src", "action", "background", "poster", "formaction")


def doctype(seen: Specimen) -> Faults:
    """The document begins with the HTML5 doctype.

    caniemail html-doctype; without one old engines fall into quirks.
    """
    if not re.match(r"\s*<!doctype html>", seen.html, re.IGNORECASE):
        yield fail("the HTML does not begin with <!DOCTYPE html>", Place(part=Part.HTML, line=1))


def head(seen: Specimen) -> Faults:
    """The head says charset, viewport and colour schemes, and lets people zoom.

    caniemail html-meta-color-scheme; WCAG 2.2 1.4.4 for zooming.
    """
    metas = list(seen.page.elements("meta"))
    named = {meta.get("name", "").lower(): meta for meta in metas}
    if not any(meta.get("charset") or "charset=" in meta.get("content", "").lower() for meta in metas):
        yield fail("no <meta charset>", HTML)
    if "viewport" not in named:
        yield fail("no <meta name=viewport>: a phone shows the page of a desktop", HTML)
    else:
        said = named["viewport"].get("content", "").lower().replace(" ", "")
        if re.search(r"user-scalable=(no|0)|maximum-scale=(0|1(\.0*)?)(?![\d.])", said):
            yield fail("the viewport forbids zooming", seen.page.place(named["viewport"]))
    for name in ("color-scheme", "supported-color-schemes"):
        if name not in named:
            yield warn(f"no <meta name={name}>: some clients then darken by force", HTML)


def clipped(seen: Specimen) -> Faults:
    """The HTML is smaller than what Gmail shows.

    Gmail clips at 102 KiB (spamresource measured 105 KB, depending on the encoding; Ghost#25798).
    """
    octets = len(seen.html.encode())
    if octets >= CLIP:
        yield fail(f"the HTML has {octets} bytes; Gmail hides what follows {CLIP}, the footer too", HTML)
    elif octets >= 0.9 * CLIP:
        yield warn(f"the HTML has {octets} bytes, near the {CLIP} that Gmail shows", HTML)
    elif seen.html_encoded >= CLIP:
        yield warn(f"the HTML part has {seen.html_encoded} octets when encoded, where Gmail may clip", HTML)


def active(seen: Specimen) -> Faults:
    """Nothing runs, plays or is filled in.

    Gmail and Outlook strip it, and filters take it for an attack; OWASP.
    """
    for element in seen.page.elements():
        if element.tag in _ACTIVE:
            yield fail(f"<{element.tag}> has no place in a mail", seen.page.place(element))
        for name, value in element.items():
            if name.startswith("on"):
                yield fail(f"{name} is a script: <{element.tag} {name}>", seen.page.place(element))
            if name in _URLS and (runs := _RUNS.match(value)):
                told = f"a {runs[1].lower()} URL: <{element.tag} {name}>"
                yield fail(told, seen.page.place(element))


def fetched(seen: Specimen) -> Faults:
    """No style sheet and no font comes from elsewhere.

    caniemail html-link and css-at-import; each fetch tells a third party who reads (LG München 3 O 17493/20).
    """
    for element in seen.page.elements("link"):
        yield fail("<link> fetches from outside", seen.page.place(element))
    for rule in seen.styles.at_rules:
        if rule.name in {"import", "font-face"}:
            yield fail(f"@{rule.name} fetches from outside", Place(part=Part.HTML, line=rule.line))


def inlined(seen: Specimen) -> Faults:
    """Sizes and colours stand in style attributes, on at least 95 % of the text.

    caniemail html-style: Gmail drops `<style>` for accounts of others and in mobile webmail.
    """
    light = seen.looks[Mode.LIGHT]
    total, bare, first = 0, 0, None
    for text, element in seen.shown:
        count = len(text.strip())
        total += count
        if count and not (light[element].inline_colour and light[element].inline_size):
            bare += count
            first = first if first is not None else element
    if first is not None and bare > 0.05 * total:
        told = f"{100 * bare // total} % of the text has no font size and colour in a style attribute"
        yield (fail if bare > 0.2 * total else warn)(told, seen.page.place(first))


def style_elements(seen: Specimen) -> Faults:
    """`<style>` stands in the head, is small, and holds nothing that makes Gmail drop it.

    caniemail html-style notes 1 and 6, css-modern-color note 2, css-nesting.
    """
    body = set(seen.page.body.iter()) if seen.page.body is not seen.page.root else set()
    octets = 0
    for element in seen.page.elements("style"):
        octets += len((element.text or "").encode())
        if element in body:
            yield fail("<style> in the body, where Gmail drops it", seen.page.place(element))
    if octets > STYLE_LIMIT:
        yield fail(f"<style> has {octets} bytes; Gmail drops all of it beyond {STYLE_LIMIT}", HTML)
    elif octets > STYLE_ROOM:
        yield warn(f"<style> has {octets} bytes, more than {STYLE_ROOM}", HTML)
    for rule in seen.styles.at_rules:
        if rule.nested:
            yield fail(f"@{rule.name} inside another at-rule, which Gmail drops", _line(rule.line))
    for one in seen.styles.rules:
        if one.nests:
            yield fail(
                f"a rule inside a rule, which most clients drop: {one.selectors[:40]!r}", _line(one.line)
            )
    for value, place in _values(seen):
        if found := re.search(r"\b(rgba?|hsla?)\(\s*[\d.]+\w*%?\s+[\d.]+[^)]*\)", value):
            yield fail(f"Gmail strips the whole attribute for {found[0]}; use a hex colour", place())


def _values(seen: Specimen) -> Iterator[tuple[str, Callable[[], Place]]]:
    for element, declared in seen.styles.inline.items():
        for one in declared:
            yield one.value, partial(seen.page.place, element)
    for rule in seen.styles.rules:
        for one in rule.declarations:
            yield one.value, partial(_line, rule.line)


def _line(number: int) -> Place:
    return Place(part=Part.HTML, line=number)


def well_formed(seen: Specimen) -> Faults:
    """Tags are balanced and characters escaped, so that no client has to guess.

    HTML Living Standard 13.2; an unescaped `<` of a title hides what follows.
    """
    for slip in seen.page.slips[:MOST_SLIPS]:
        yield fail(slip.message, _line(slip.line))


def nesting(seen: Specimen) -> Faults:
    """Tables are at most six deep.

    Outlook's Word engine fails on deeper ones (2022).
    """
    for element in seen.page.elements("table"):
        depth = 1 + sum(one.tag == "table" for one in seen.page.ancestors(element))
        if depth > 6:
            yield warn(f"a table {depth} deep, of at most 6", seen.page.place(element))
            return
