"""Rules about reading: with a screen reader, in any light, with weak eyes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from digest.preview.checks.colour import Colour, contrast
from digest.preview.checks.finding import HTML, Faults, Place, fail, warn
from digest.preview.checks.page import BLOCKS, runs
from digest.preview.checks.specimen import Specimen
from digest.preview.checks.style import Mode

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?(-\w{5,8})*")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
#: An alternative text that says what kind of thing it is, not what it shows.
_EMPTY_ALT = re.compile(r"(image|photo|picture|img|logo|untitled|.*\.(png|jpe?g|gif|webp))", re.IGNORECASE)
#: Link texts that say nothing out of their sentence, in the languages that are shipped.
_VAGUE = frozenset(
    {
        "click here", "click", "here", "more", "read more", "learn more", "link", "this link", "this", "continue",
        "hier", "hier klicken", "mehr", "mehr lesen", "weiterlesen", "ici", "cliquez ici", "lire la suite",
        "en savoir plus", "aquí", "haga clic aquí", "leer más", "más", "点击这里", "这里", "更多", "阅读更多",
    }
)  # fmt: skip


def language(seen: Specimen) -> Faults:
    """`<html>` says its language.

    WCAG 2.2 3.1.1; BCP 47.
    """
    said = seen.page.root.get("lang", "")
    if not _LANGUAGE.fullmatch(said):
        yield fail(f"<html> has no lang that is a language: {said!r}", seen.page.place(seen.page.root))


def wrapper(seen: Specimen) -> Faults:
    """An element of the body says language and direction again.

    Webmails drop `<html>` and its attributes (hteumeuleu/email-guidelines).
    """
    outer = list(seen.page.body) + [child for one in seen.page.body for child in one]
    if not any(one.get("lang") and one.get("dir") for one in outer):
        yield warn("no element around the text says lang and dir again", seen.page.place(seen.page.body))


def title(seen: Specimen) -> Faults:
    """The document has a title.

    WCAG 2.2 2.4.2.
    """
    if not any((one.text or "").strip() for one in seen.page.elements("title")):
        yield fail("no <title>, or an empty one", HTML)


def layout_tables(seen: Specimen) -> Faults:
    """Tables that only lay out say so.

    WCAG 2.2 1.3.1; caniemail html-role.
    """
    for table in seen.page.elements("table"):
        data = any(one.tag in {"th", "caption"} for one in table.iter())
        if not data and table.get("role") not in {"presentation", "none"}:
            yield fail("a table for layout without role=presentation", seen.page.place(table))


def alternatives(seen: Specimen) -> Faults:
    """Every picture has an alternative text, which is empty if it is ornament.

    WCAG 2.2 1.1.1.
    """
    for image in seen.page.elements("img"):
        said = image.get("alt")
        if said is None:
            yield fail(f"a picture without alt: {image.get('src', '')[:60]!r}", seen.page.place(image))
        elif _EMPTY_ALT.fullmatch(said.strip()):
            yield warn(f"an alt that does not say what is seen: {said!r}", seen.page.place(image))


def headings(seen: Specimen) -> Faults:
    """One h1, and no level is skipped.

    WCAG 2.2 1.3.1 and 2.4.6.
    """
    found = list(seen.page.elements(*_HEADINGS))
    first = [one for one in found if one.tag == "h1"]
    if len(first) != 1:
        where = seen.page.place(first[1]) if first else HTML
        yield fail(f"{len(first)} h1 headings, where there is one", where)
    before = 0
    for heading in found:
        level = int(str(heading.tag)[1])
        if level > before + 1 and before:
            yield fail(f"an h{level} follows an h{before}", seen.page.place(heading))
        before = level


# --- contrast -------------------------------------------------------------------------------------


class Contrast(NamedTuple):
    """How well texts of one kind are read."""

    mode: Mode
    text: Colour
    ground: Colour
    ratio: float
    #: What WCAG 2.2 AA wants: 4.5, or 3 for large text.
    needed: float
    #: The beginning of the first such text, and where it is.
    sample: str
    where: Place

    @property
    def enough(self) -> bool:
        """Whether it is read well."""
        return self.ratio >= self.needed


def contrasts(seen: Specimen, mode: Mode) -> tuple[Contrast, ...]:
    """Each pair of colours that a shown text has in that mode, the weakest first; none where a picture lies behind."""
    found: dict[tuple[Colour, Colour, float], Contrast] = {}
    for text, element in seen.shown:
        look = seen.looks[mode][element]
        if not text.strip() or look.pictured:
            continue
        needed = 3.0 if look.large else 4.5
        key = (look.colour, look.ground, needed)
        if key not in found:
            ratio = contrast(look.colour, look.ground)
            sample = " ".join(text.split())[:40]
            found[key] = Contrast(
                mode, look.colour, look.ground, ratio, needed, sample, seen.page.place(element)
            )
    return tuple(sorted(found.values(), key=lambda one: one.ratio / one.needed))


def _weak(seen: Specimen, mode: Mode) -> Iterator[tuple[str, Place]]:
    for one in contrasts(seen, mode):
        if not one.enough:
            told = f"{one.text} on {one.ground} is {one.ratio:.2f}:1, of at least {one.needed:g}:1"
            yield told, one.where


def light_contrast(seen: Specimen) -> Faults:
    """Text is read well on what lies behind it, through the whole cascade.

    WCAG 2.2 1.4.3, AA.
    """
    for told, where in _weak(seen, Mode.LIGHT):
        yield fail(told, where)


def dark_contrast(seen: Specimen) -> Faults:
    """The same in the dark theme that the template says, and where a client turns the light one round by force.

    WCAG 2.2 1.4.3; caniemail css-at-media-prefers-color-scheme. Forced inversion is an approximation.
    """
    authored = any("prefers-color-scheme" in one.media and "dark" in one.media for one in seen.styles.rules)
    if not authored:
        yield warn(
            "no rules for prefers-color-scheme: dark; Apple Mail and Thunderbird get no dark theme", HTML
        )
    else:
        for told, where in _weak(seen, Mode.DARK):
            yield fail(f"in dark, {told}", where)
    for told, where in _weak(seen, Mode.INVERTED):
        yield warn(f"if inverted (approximately), {told}", where)


# --- sizes and links ------------------------------------------------------------------------------


def sizes(seen: Specimen) -> Faults:
    """Nothing is smaller than 12 px, running text than 14 px, and its lines have air.

    WCAG 2.2 1.4.12; 14 px and 1.3 are what the mails that are read best keep to.
    """
    light = seen.looks[Mode.LIGHT]
    told: set[float] = set()
    lengths: Counter[float] = Counter()
    for text, element in seen.shown:
        look, said = light[element], text.strip()
        lengths[look.size] += len(said)
        if said and look.size < 12 and look.size not in told:
            told.add(look.size)
            yield fail(f"text of {look.size:g} px, of at least 12", seen.page.place(element))
        if len(said) > 80 and look.leading is not None and look.leading < 1.3 and -look.leading not in told:
            told.add(-look.leading)
            message = f"lines {look.leading:.2f} times as high as their text, of at least 1.3"
            yield warn(message, seen.page.place(element))
    usual = max(lengths, key=lengths.__getitem__, default=16)
    if 12 <= usual < 14:
        yield warn(f"most of the text has {usual:g} px, of at least 14", HTML)


def link_texts(seen: Specimen) -> Faults:
    """A link says where it goes, also to somebody who hears links alone.

    WCAG 2.2 2.4.4.
    """
    unlabelled: dict[str, dict[str, Element]] = {}
    for anchor in seen.anchors:
        label = anchor.element.get("aria-label", "").strip()
        where = seen.page.place(anchor.element)
        if not anchor.text and not label:
            yield fail(f"a link without a text: {anchor.url[:60]!r}", where)
        elif (label or anchor.text).lower().strip(" .…!»→>") in _VAGUE:
            yield fail(f"a link text that says nothing alone: {anchor.text!r}", where)
        elif not label:
            unlabelled.setdefault(anchor.text.lower(), {}).setdefault(anchor.url, anchor.element)
    for text, targets in unlabelled.items():
        if len(targets) > 3:
            where = seen.page.place(next(iter(targets.values())))
            yield warn(f"{len(targets)} links with one text and no aria-label: {text!r}", where)


def prose_links(seen: Specimen) -> Faults:
    """A link in running text is told by more than its colour.

    WCAG 2.2 1.4.1.
    """
    light = seen.looks[Mode.LIGHT]
    lengths: Counter[Element] = Counter()
    for anchor in seen.anchors:
        around = next((one for one in seen.page.ancestors(anchor.element) if one.tag in BLOCKS), None)
        if around is None or around.tag in _HEADINGS or not anchor.shown:
            continue
        if around not in lengths:
            lengths[around] = len(" ".join("".join(run.text for run in runs(around)).split()))
        underlined = any(light[one].underlined for one in anchor.element.iter())
        if not underlined and lengths[around] > len(anchor.text) + 40:
            yield warn(
                f"a link in running text without underline: {anchor.text[:30]!r}",
                seen.page.place(anchor.element),
            )
