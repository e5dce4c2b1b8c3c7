"""Sub- and superscripts in Unicode where it has them, else as `x^(n+1)` and `L_CE`; nothing is lost."""

# ruff: noqa: RUF001 (the characters that look alike are what this module is about)

from __future__ import annotations

import re

_RAISED = dict(
    zip(
        "0123456789+-−–=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ",
        strict=True,
    )
)
_LOWERED = dict(
    zip(
        "0123456789+-−–=()aehijklmnoprstuvxβγρφχ",
        "₀₁₂₃₄₅₆₇₈₉₊₋₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        strict=True,
    )
)
MARKS = {"^": _RAISED, "_": _LOWERED}
#: These stand raised by themselves.
_ALREADY_RAISED = {
    "∘": "°",
    "°": "°",
    "∗": "*",
    "*": "*",
    "′": "′",
    "'": "′",
    "⊤": "ᵀ",
    "†": "†",
    "‡": "‡",
    "™": "™",
}
#: A word in small raised letters is hard to read, and no search finds it.
_LONG_WORD = re.compile("[A-Za-z]{4}")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})


#: What is raised or lowered already.
_SET = re.compile("[ⁱ⁰-ₜᵢ-ᵪᴬ-ᵡⱼⱽᶜᶠᶿ²³¹]")
_AROUND_SIGNS = re.compile(r"\s*([^\w\s(),|‖])\s*")


def script(mark: str, body: str) -> str:
    """`body` raised (`^`) or lowered (`_`): in Unicode where every character can, else `x^(n+1)` or `L_CE`."""
    body = body.strip()
    if mark == "^" and body in _ALREADY_RAISED:
        return _ALREADY_RAISED[body]
    if mark == "^" and body in _ORDINALS:
        return body
    table = MARKS[mark]
    tight = body.replace(" ", "")
    decimal = re.fullmatch(r"\d+\.\d+", tight)
    if all(c in table or (c == "." and decimal) for c in tight) and not _LONG_WORD.search(body):
        return "".join(table.get(c, c) for c in tight)
    # `e^(iπ)` and `x_(iⱼ)`, where the rest of a line could be taken for part of it; `L_CE` is read as one.
    plain = len(body) == 1 or (mark == "_" and body.isalnum() and not _SET.search(body))
    return mark + (body if plain else f"({_AROUND_SIGNS.sub(lambda sign: sign[1], body)})")


_IN_MATHS = re.compile(r"([_^])\s*(-\d+|\S)")
#: Outside maths only what cannot be a file's or a variable's name: `10^-3`, `O(n^2)`, `CO_2`, `q_i`.
_IN_PROSE = re.compile(
    r"(?<=[\w)\]])(?P<up>\^)(?P<power>[-+−]?\d+(?![\w.])|[A-Za-z](?!\w))"
    r"|(?:(?<=(?<![A-Za-z0-9_])[a-z])|(?<=[A-Z])|(?<=[A-Z][a-z])|(?<=[)\]]))(?P<down>_)(?P<index>\d{1,3}(?![a-z\d_]))"
    r"|(?<=(?<!\w)[A-Za-z])(?P<low>_)(?P<letter>[a-z](?!\w))"
)


def scripts(text: str, *, math: bool) -> str:
    """Scripts of one character in a run of plain text."""
    if math:
        return _IN_MATHS.sub(lambda match: script(match[1], match[2]), text)
    return _IN_PROSE.sub(_prose_script, text)


def _prose_script(match: re.Match[str]) -> str:
    if match["up"]:
        return script("^", match["power"])
    return script("_", match["index"] or match["letter"])
