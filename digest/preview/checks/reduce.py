"""Reduces caniemail's data to the facts that we look for: `python -m digest.preview.checks.reduce caniemail.json`.

Prints the table that stands in `digest/preview/data/clients.json`; caniemail's licence (MIT) stands beside it.
A feature is kept if `SIGNS` says how it is recognised; of each client the newest answer is kept.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from digest.errors import UsageError

#: Feature, what a client without it makes of the mail (`breaks`, `differs`, or `fine` if nothing is lost), and the
#: sign by which it is recognised (`detector.Detector`). A line of `property` or `element` names its features itself.
SIGNS = """
breaks property align-items aspect-ratio clip-path column-count flex-direction flex-wrap float gap inset
breaks property justify-content object-fit position transform writing-mode
differs property background background-color background-image background-position background-repeat background-size
differs property border border-collapse border-spacing box-sizing clear direction filter font font-size
differs property font-weight height letter-spacing line-height list-style list-style-image list-style-position
differs property list-style-type margin max-width min-height min-width mix-blend-mode padding table-layout text-align
differs property text-decoration text-indent text-overflow text-transform vertical-align visibility white-space width
differs property word-spacing z-index
fine property animation border-radius box-shadow color-scheme cursor hyphens max-height opacity outline overflow
fine property overflow-wrap tab-size text-decoration-color text-decoration-thickness text-shadow text-underline-offset
fine property text-wrap transition user-select word-break word-wrap
breaks css-left-right-top-bottom property left right top bottom
breaks css-grid-template property grid-template grid-template-columns grid-template-rows grid-template-areas
breaks css-display-flex value display (inline-)?flex
breaks css-display-grid value display (inline-)?grid
fine css-display-none value display none
breaks css-variables function var
breaks css-unit-calc function calc
breaks css-function-clamp function clamp
breaks css-function-min function min
breaks css-function-max function max
breaks css-function-light-dark function light-dark
breaks css-modern-color function lab lch oklab oklch color hwb color-mix
differs css-rgb function rgb
differs css-rgba function rgba
differs css-linear-gradient function linear-gradient
differs css-radial-gradient function radial-gradient
differs css-conic-gradient function conic-gradient
breaks css-unit-vw unit vw
breaks css-unit-vh unit vh
breaks css-unit-vmin unit vmin
breaks css-unit-vmax unit vmax
differs css-unit-ch unit ch
differs css-unit-cm unit cm
differs css-unit-em unit em
differs css-unit-ex unit ex
differs css-unit-in unit in
differs css-unit-mm unit mm
differs css-unit-pc unit pc
differs css-unit-percent unit %
differs css-unit-pt unit pt
differs css-unit-px unit px
differs css-unit-rem unit rem
breaks css-nesting nesting
breaks css-at-import at-rule import
fine css-at-font-face at-rule font-face
fine css-at-keyframes at-rule keyframes
fine css-at-media at-rule media
breaks css-at-supports at-rule supports
fine css-at-media-hover media hover
fine css-at-media-orientation media orientation
fine css-at-media-prefers-color-scheme media prefers-color-scheme
fine css-at-media-prefers-reduced-motion media prefers-reduced-motion
fine css-at-media-device-pixel-ratio media device-pixel-ratio
fine css-important important
fine css-selector-attribute selector \\[
fine css-selector-class selector \\.[\\w-]
fine css-selector-id selector \\#[\\w-]
fine css-selector-child selector >
fine css-selector-adjacent-sibling selector \\+
fine css-selector-general-sibling selector ~(?!=)
fine css-selector-universal selector (^|[\\s>+~,])\\*
fine css-selector-descendant selector [\\w\\])]\\s+[\\w.#\\[:*]
fine css-pseudo-class-active selector :active\\b
fine css-pseudo-class-checked selector :checked\\b
fine css-pseudo-class-first-child selector :first-child\\b
fine css-pseudo-class-focus selector :focus(?!-)
fine css-pseudo-class-has selector :has\\(
fine css-pseudo-class-hover selector :hover\\b
fine css-pseudo-class-last-child selector :last-child\\b
fine css-pseudo-class-link selector :link\\b
fine css-pseudo-class-not selector :not\\(
fine css-pseudo-class-nth-child selector :nth-child\\(
fine css-pseudo-class-visited selector :visited\\b
fine css-pseudo-element-after selector ::?after\\b
fine css-pseudo-element-before selector ::?before\\b
fine css-pseudo-element-first-letter selector ::?first-letter\\b
fine css-pseudo-element-first-line selector ::?first-line\\b
breaks element audio base dialog form link marquee meter object picture progress select svg textarea video
differs element address bdi blockquote code del div hr img p pre ruby small span strike strong style table
fine element abbr acronym dfn wbr
differs html-h1-h6 element h1 h2 h3 h4 h5 h6
differs html-lists element ul ol dl
fine html-semantics element article aside details figcaption figure footer header main mark nav section summary time
breaks html-image-maps element map
breaks html-button-submit element button
breaks html-input-text input text email search url tel number password
breaks html-input-checkbox input checkbox
breaks html-input-radio input radio
breaks html-input-hidden input hidden
breaks html-input-submit input submit
differs attribute align background cellpadding cellspacing dir height valign width
breaks attribute popover srcset
fine attribute hidden lang required role target
fine html-loading-attribute attribute loading
fine html-aria-describedby attribute aria-describedby
fine html-aria-hidden attribute aria-hidden
fine html-aria-label attribute aria-label
fine html-aria-labelledby attribute aria-labelledby
fine html-aria-live attribute aria-live
fine html-doctype doctype
fine html-meta-color-scheme meta color-scheme
differs html-mailto-links link mailto:
differs html-anchor-links link #
breaks image-base64 image data:
breaks image-svg image .svg
breaks image-webp image .webp
breaks image-avif image .avif
breaks image-heif image .heif .heic
breaks image-tiff image .tif .tiff
breaks image-mp4 image .mp4
differs image-apng image .apng
differs image-bmp image .bmp
differs image-gif image .gif
differs image-ico image .ico
differs image-jpg image .jpg .jpeg
differs image-png image .png
"""
_PREFIXES = {"property": "css-", "element": "html-", "attribute": "html-"}


class Fact(BaseModel):
    """A feature as caniemail has it."""

    slug: str
    title: str
    url: str
    #: Family, platform, version: the answer, as `a #1 #2`; versions in the order in which they were tested.
    stats: Mapping[str, Mapping[str, Mapping[str, str]]]
    notes_by_num: Mapping[str, str] | None = None


class Data(BaseModel):
    """The whole of caniemail."""

    last_update_date: str
    nicenames: Mapping[str, Mapping[str, str]]
    data: tuple[Fact, ...]


def signs() -> Iterator[tuple[str, str, str]]:
    """Feature, effect and sign of each that is looked for."""
    for line in SIGNS.strip().splitlines():
        effect, first, rest = (*line.split(" ", 2), "")[:3]
        if first in _PREFIXES:
            for name in rest.split():
                yield f"{_PREFIXES[first]}{name}", effect, f"{first} {name}"
        else:
            yield first, effect, rest


def reduced(raw: bytes) -> dict[str, object]:
    """The table; UsageError if a feature that is looked for is not in the data."""
    data = Data.model_validate_json(raw)
    known = {fact.slug: fact for fact in data.data}
    clients = sorted(
        {(family, platform) for fact in data.data for family, of in fact.stats.items() for platform in of}
    )
    features = []
    for slug, effect, sign in signs():
        if slug not in known:
            raise UsageError(f"caniemail has no such feature; mend SIGNS: {slug!r}")
        fact = known[slug]
        answers = [_answer(fact, *client) for client in clients]
        asked = {number for answer in answers for number in answer[1:].split(",") if number}
        notes = {number: text for number, text in (fact.notes_by_num or {}).items() if number in asked}
        features.append(
            {
                "slug": slug,
                "title": fact.title,
                "url": fact.url,
                "effect": effect,
                "sign": sign,
                "support": " ".join(answers),
                "notes": notes,
            }
        )
    names = {f"{one}/{other}": _name(data, one, other) for one, other in clients}
    return {
        "source": "caniemail.com",
        "date": data.last_update_date[:10],
        "clients": names,
        "features": features,
    }


def _answer(fact: Fact, family: str, platform: str) -> str:
    """The newest answer as `y`, `n`, `u` or `a1,2` with the numbers of its notes; `u` where none was given."""
    versions = fact.stats.get(family, {}).get(platform, {})
    newest = list(versions.values())[-1] if versions else "u"
    return newest[0] + ",".join(re.findall(r"#(\d+)", newest))


def _name(data: Data, family: str, platform: str) -> str:
    nice = data.nicenames
    return f"{nice['family'].get(family, family)}, {nice['platform'].get(platform, platform)}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(reduced(Path(sys.argv[1]).read_bytes()), ensure_ascii=False, indent=0) + "\n")
