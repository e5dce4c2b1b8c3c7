"""What a reader sees, as pieces: text, and the octets that stand for it in a mail, made once.

Rule 1. Pieces are joined, never encoded again: the octets of each begin on a line of their own, so a join of them
        is quoted-printable (RFC 2045 6.7) of the joined texts, whatever stands beside what.
Rule 2. Only CRLF; lines of at most 76 octets, none of which begins with a dot (RFC 5321 4.5.2 would double it).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from digest.errors import RenderError

#: RFC 2045 6.7 (quoted-printable); RFC 2047 2 asks the same of lines with encoded words.
LINE = 76
_SOFT_BREAK = b"=\r\n"
#: What stands for itself in quoted-printable: a number, a link.
_PLAIN = re.compile(r"[!-<>-~]*")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a body. Line ends of any kind become LF in `text`."""

    text: str
    #: In quoted-printable, at the end of a line.
    encoded: bytes = field(init=False, repr=False, compare=False)
    #: Of the text in UTF-8.
    octets: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = self.text
        if "\r" in text:
            object.__setattr__(self, "text", text := _unix(text))
        object.__setattr__(self, "encoded", on_its_own_lines(text))
        object.__setattr__(self, "octets", len(text) if text.isascii() else len(text.encode()))


Pieces: TypeAlias = Sequence[Piece]


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a reader sees, before it is addressed."""

    subject: str
    html_pieces: Pieces
    text_pieces: Pieces

    @classmethod
    def whole(cls, *, subject: str, html: str, text: str) -> Content:
        """Of one piece each, for what is written to one reader only."""
        return cls(subject=subject, html_pieces=(Piece(html),), text_pieces=(Piece(text),))

    @cached_property
    def html(self) -> str:
        """The page, for whoever looks at it and does not mail it."""
        return joined(self.html_pieces)

    @cached_property
    def text(self) -> str:
        """The same without markup."""
        return joined(self.text_pieces)

    @property
    def html_octets(self) -> int:
        """How large the page is in UTF-8."""
        return sum([piece.octets for piece in self.html_pieces])


def joined(pieces: Pieces) -> str:
    """The text of pieces."""
    return "".join([piece.text for piece in pieces])


# --- quoted-printable -----------------------------------------------------------------------------


def on_its_own_lines(text: str) -> bytes:
    """The text in quoted-printable, at the end of a line whether the text is or not, so that anything may follow.

    RenderError for half a surrogate pair, which no encoding can carry.
    """
    if _PLAIN.fullmatch(text):
        lines = b"".join(
            [text[at : at + LINE - 1].encode() + _SOFT_BREAK for at in range(0, len(text), LINE - 1)]
        )
        if not text.startswith(".") and b"\n." not in lines:
            return lines
    # Whatever the last line is, it has room for the three octets of an escape, and hence for a soft break.
    encoded = quoted_printable(text + "=").removesuffix(b"=3D")
    return encoded + _SOFT_BREAK if encoded and not encoded.endswith(b"\r\n") else encoded


def quoted_printable(text: str) -> bytes:
    """The text with CRLF line ends in lines of at most 76 octets, none of which begins with a dot.

    Raises RenderError for half a surrogate pair, which no encoding can carry.
    """
    try:
        octets = _unix(text).replace("\n", "\r\n").encode()
    except UnicodeEncodeError as error:
        raise RenderError(f"a text that is not Unicode: {text[error.start : error.end]!r}") from None
    # b2a_qp breaks lines with the first line end it meets, else a bare LF: give it one, and take it away.
    encoded = b"\n" + binascii.b2a_qp(octets + b"\r\n").removesuffix(b"\r\n")
    if b"\n." in encoded:
        # A literal start makes this pattern ten times as fast as one with ^ in multi-line mode.
        encoded = re.sub(rb"\n\.[^\r\n]*", lambda line: b"\n" + _undotted(line[0][1:]), encoded)
    return encoded[1:]


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _undotted(line: bytes) -> bytes:
    """The line with its leading dot as =2E (RFC 5321 4.5.2 would double it), broken again if that made it too long."""
    if not line.startswith(b"."):
        return line
    line = b"=2E" + line[1:]
    if len(line) <= LINE:
        return line
    cut = LINE - 4
    escape = line.rfind(b"=", cut - 2, cut)
    cut = cut if escape < 0 else escape
    return line[:cut] + b"=\r\n" + _undotted(line[cut:])
