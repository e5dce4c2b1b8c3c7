"""What a reader sees, as the octets that stand for it in a mail, made once and joined.

Rule 1. A piece is joined to others, never encoded again: the octets of each begin on a line of their own, so a join
        of them is quoted-printable (RFC 2045 6.7) of the joined texts, whatever stands beside what.
Rule 2. Only CRLF; lines of at most 76 octets, none of which begins with a dot (RFC 5321 4.5.2 would double it).
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from digest.errors import RenderError

#: RFC 2045 6.7 (quoted-printable); RFC 2047 2 asks the same of lines with encoded words.
LINE = 76
_SOFT_BREAK = b"=\r\n"
#: What stands for itself in quoted-printable: a number, a link.
_PLAIN = re.compile(r"[!-<>-~]*")

#: A part of a body in quoted-printable, at the end of a line.
Piece: TypeAlias = bytes


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a reader sees, before it is addressed."""

    subject: str
    html_piece: Piece
    text_piece: Piece

    @classmethod
    def whole(cls, *, subject: str, html: str, text: str) -> Content:
        """Of one piece each, for what is written to one reader only."""
        return cls(subject=subject, html_piece=piece(html), text_piece=piece(text))

    @cached_property
    def html(self) -> str:
        """The page, for whoever looks at it and does not mail it."""
        return said(self.html_piece)

    @cached_property
    def text(self) -> str:
        """The same without markup."""
        return said(self.text_piece)


# --- quoted-printable -----------------------------------------------------------------------------


def piece(text: str) -> Piece:
    """The text in quoted-printable, at the end of a line whether the text is or not, so that anything may follow.

    Line ends of any kind are one. RenderError for half a surrogate pair, which no encoding can carry.
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


def said(octets: Piece) -> str:
    """The text that a piece, or a join of pieces, stands for, with LF as its line end."""
    return binascii.a2b_qp(octets).decode().replace("\r\n", "\n")


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
