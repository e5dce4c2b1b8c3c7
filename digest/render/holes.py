"""Templates rendered once, with named holes that are filled for each reader.

A template prints a mark where a hole is; the rendered text is cut at the marks. A mark is made of a nonce of
this process, so no text of a paper can contain one. It is one word of letters, digits and hyphens: it passes
through escaping and CSS inlining unchanged, in text as in attributes.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from markupsafe import escape

from digest.errors import RenderError
from digest.model import Piece, piece

_NONCE = f"hole{secrets.token_hex(16)}"
_MARKS = re.compile(f"{_NONCE}-([a-z]+)-{_NONCE}")


def mark(name: str) -> str:
    """What a template prints where the hole of that name is."""
    return f"{_NONCE}-{name}-{_NONCE}"


def escaped(text: str) -> str:
    """Plain text as HTML, for a hole in an element or in a quoted attribute."""
    return str(escape(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHoles:
    """What differs between the readers of one card."""

    rank: str = mark("rank")
    #: Its own separators or line ends included, so that nothing dangles when there is no reason; in HTML, markup.
    reasons: str = mark("reasons")
    #: How the link begins where they say more or less like this; only where there are pages.
    feedback: str = mark("feedback")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellHoles:
    """What is the reader's own in a message."""

    preheader: str = mark("preheader")
    cards: str = mark("cards")
    lines: str = mark("lines")
    #: Why they get this.
    why: str = mark("why")
    unsubscribe: str = mark("unsubscribe")
    preferences: str = mark("preferences")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A rendered template, cut where its holes are; what stands between them is encoded already."""

    template: str
    #: Every other one is the empty place of a hole: the second, the fourth …
    pieces: tuple[Piece, ...]
    #: Of the holes, in their order.
    names: tuple[str, ...]
    holes: frozenset[str]

    @classmethod
    def cut(cls, template: str, rendered: str) -> Fragment:
        """Cut rendered text at its marks."""
        parts = _MARKS.split(rendered)
        names = tuple(parts[1::2])
        parts[1::2] = [""] * len(names)
        return cls(template, tuple(map(piece, parts)), names, frozenset(names))

    def fill(self, values: Mapping[str, Piece]) -> Piece:
        """The whole with every hole filled, as given: what goes into HTML is escaped by the caller.

        Raises RenderError if a hole is left over or a value has no hole.
        """
        filled = [*self.pieces]
        try:
            filled[1::2] = map(
                values.__getitem__, self.names
            )  # a loop in Python would take three times as long
        except KeyError:
            self._complain(values)
        if len(values) != len(self.holes):
            self._complain(values)
        return b"".join(filled)

    def _complain(self, values: Mapping[str, Piece]) -> NoReturn:
        odd = ", ".join(sorted(values.keys() ^ self.holes))
        raise RenderError(f"{self.template}: the template has a hole too many or too few: {odd!r}") from None
