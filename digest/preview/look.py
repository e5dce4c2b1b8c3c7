"""How the HTML of a message is looked at: width, mode, images, style, and one element that is pointed out.

Rule 1. The bytes of the message stay as they are; what a mode needs is changed in the copy that a frame is served.
Rule 2. What mail programs do is imitated, not reproduced, and every mode says so and names them.
Rule 3. The theme of whoever looks changes nothing: a copy does not ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from html import escape
from html.parser import HTMLParser
from typing import Self

#: Widths of telephones, tablets and reading panes.
WIDTHS = (320, 375, 414, 600, 768, 1024)
#: In these every width is beside the others.
SIDE_BY_SIDE = "all"


class Mode(StrEnum):
    """What a mail program in its dark theme makes of the colours."""

    LIGHT = "light"
    DARK = "dark"
    INVERTED = "inverted"

    @property
    def label(self) -> str:
        """What it is called."""
        return {"light": "Light", "dark": "Authored dark", "inverted": "Forced inversion"}[self]

    @property
    def clients(self) -> str:
        """Which mail programs do it (caniemail, features css-at-media-prefers-color-scheme and css-color-scheme)."""
        return {
            "light": "Every mail program in its light theme; Gmail in a browser also in its dark one.",
            "dark": "Mail programs that know prefers-color-scheme: Apple Mail, Outlook on macOS, iOS, Android and the web (in part), Samsung Email, Fastmail.",
            "inverted": "An approximation. Mail programs that recolour by themselves and ask nobody: Gmail on Android and iOS, Outlook on Windows; each in its own way.",
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How it is looked at; what a URL says beside which message it is."""

    #: In CSS pixels; None: all of WIDTHS.
    width: int | None = 600
    mode: Mode = Mode.LIGHT
    #: Whether images are fetched, from wherever they are.
    images: bool = False
    styles: bool = True
    #: A CSS selector of the element that is pointed out; empty for none.
    mark: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Look:
        """What a URL asks for; whatever cannot be understood is as if it were not asked for."""
        width, mode = query.get("width", ""), query.get("mode", "")
        return cls(
            width=None if width == SIDE_BY_SIDE else _width(width),
            mode=Mode(mode) if mode in {*Mode} else Mode.LIGHT,
            images=query.get("images") == "on",
            styles=query.get("css") != "off",
            mark=query.get("mark", ""),
        )

    def but(self, **changes: object) -> Self:
        """This look with something else."""
        return replace(self, **changes)  # type: ignore[arg-type]  # templates name fields of it

    @property
    def query(self) -> dict[str, str]:
        """What `read` reads; nothing for what is usual."""
        said = {"width": SIDE_BY_SIDE if self.width is None else str(self.width)} if self.width != 600 else {}
        said |= {"mode": self.mode.value} if self.mode is not Mode.LIGHT else {}
        said |= {"images": "on"} if self.images else {}
        said |= {} if self.styles else {"css": "off"}
        return said | ({"mark": self.mark} if self.mark else {})

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the frames, side by side."""
        return WIDTHS if self.width is None else (self.width,)


#: As a mail program shows it in its light theme, before anybody asked for its images.
PLAIN = Look()


def _width(text: str) -> int:
    """Between a watch and a wall; 600, which is the mail's own, for what is no number."""
    return min(max(int(text), 240), 2000) if text.isascii() and text.isdecimal() and len(text) < 6 else 600


#: What Gmail's and Outlook's recolouring comes to for a mail of text: light is dark, hues stay, pictures stay.
_INVERSION = (
    "html{background:#fff;filter:invert(.91) hue-rotate(180deg)}img{filter:invert(1) hue-rotate(180deg)}"
)
_OUTLINE = "{outline:3px solid #d6006c !important;outline-offset:2px !important;box-shadow:0 0 0 6px #ffd60a !important}"


#: What a style sheet asks the reader's device for.
_THEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)


def copy(html: str, look: Look) -> str:
    """The HTML as a frame is served it."""
    if not look.styles:
        return linear(html)
    theme = "dark" if look.mode is Mode.DARK else "light"
    settled = _THEME.sub(lambda asked: _true(asked[1].lower() == theme), html)
    added = f":root{{color-scheme:{theme} !important}}"
    added += _INVERSION if look.mode is Mode.INVERTED else ""
    added += f"{look.mark}{_OUTLINE}" if is_selector(look.mark) else ""
    return _with_style(settled, added)


def _true(holds: bool) -> str:
    """A media feature that is always so, or never."""
    return "(min-width:0)" if holds else "(max-width:0)"


def is_selector(text: str) -> bool:
    """Whether it can only be a selector: it can neither end its rule nor its element."""
    return bool(re.fullmatch(r"[\w\s.#>+~*:()\[\]=\"'\\^$|-]+", text)) and len(text) < 2000


def _with_style(html: str, style: str) -> str:
    """The page with one more style sheet, the last of its head."""
    head, found, rest = html.partition("</head>")
    element = f"<style>{style}</style>"
    return f"{head}{element}{found}{rest}" if found else f"{element}{html}"


# --- without style --------------------------------------------------------------------------------

#: Attributes that say how something looks or where it stands.
_PRESENTATION = frozenset(
    {
        *("style", "class", "align", "valign", "bgcolor", "background", "width", "height"),
        *("border", "cellpadding", "cellspacing", "color", "face", "size"),
    }
)
_TABLE = frozenset({"table", "tbody", "thead", "tfoot", "tr", "td", "th"})
_SILENT = frozenset({"style", "title"})
_PLAIN = "<!DOCTYPE html><style>:root{color-scheme:light}body{font:16px/1.5 serif;max-width:640px;margin:16px}img{display:inline}</style>"


def linear(html: str) -> str:
    """The same elements in the order in which they are read aloud, without style; tables are plain blocks."""
    writer = _Linear()
    writer.feed(html)
    writer.close()
    return _PLAIN + "".join(writer.written)


class _Linear(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _SILENT:
            return
        kept = "".join(f' {k}="{escape(v or "")}"' for k, v in attrs if k not in _PRESENTATION)
        self.written.append(f"<{_block(tag)}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        else:
            self.written.append(f"</{_block(tag)}>")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.written.append(escape(data))


def _block(tag: str) -> str:
    return "div" if tag in _TABLE else tag
