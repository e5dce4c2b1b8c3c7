"""What comes back: the documents of `tests/returned`, addressed."""

from __future__ import annotations

from pathlib import Path

RETURNED = Path(__file__).parent / "returned"
NAMES = sorted(path.stem for path in RETURNED.glob("*.eml"))


def letter(
    name: str, sender: str, address: str = "vision@example.org", token: str = "", mark: str = ""
) -> bytes:
    """The document as it would arrive for that sender; another `mark` makes another message of it."""
    text = (RETURNED / f"{name}.eml").read_text(encoding="utf-8")
    words = {"@SENDER@": sender, "@ADDRESS@": address, "@TOKEN@": token}
    words["@QUOTED-TOKEN@"] = token.replace("_", "=5F")  # in a word of RFC 2047, where "_" is a space
    for word, value in words.items():
        text = text.replace(word, value)
    return text.replace(f"<{name}@", f"<{name}{mark}@").replace("\n", "\r\n").encode()
