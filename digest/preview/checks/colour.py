"""Colours of texts and what lies behind them, and how well one is read on the other."""

from __future__ import annotations

from typing import NamedTuple


class Colour(NamedTuple):
    """In sRGB, each from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def __str__(self) -> str:
        return "#" + "".join(f"{round(min(max(one, 0), 1) * 255):02x}" for one in self[:3])

    def over(self, ground: Colour) -> Colour:
        """What is seen when this lies on an opaque ground."""
        mixed = (
            top * self.alpha + under * (1 - self.alpha) for top, under in zip(self[:3], ground, strict=False)
        )
        return Colour(*mixed)

    def inverted(self) -> Colour:
        """As a client that inverts by force shows it, approximately: light is dark, and hues stay.

        CSS `invert(1) hue-rotate(180deg)` by the matrix of Filter Effects 1; each client has a formula of its own.
        """
        red, green, blue = (1 - one for one in self[:3])
        turned = (
            -0.574 * red + 1.430 * green + 0.144 * blue,
            0.426 * red + 0.430 * green + 0.144 * blue,
            0.426 * red + 1.430 * green - 0.856 * blue,
        )
        red, green, blue = (min(max(one, 0.0), 1.0) for one in turned)
        return Colour(red, green, blue, self.alpha)

    @property
    def luminance(self) -> float:
        """Relative luminance (WCAG 2.2)."""
        red, green, blue = (
            one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in self[:3]
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue


WHITE, BLACK = Colour(1, 1, 1), Colour(0, 0, 0)


def contrast(text: Colour, ground: Colour) -> float:
    """The contrast ratio of two opaque colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((text.luminance, ground.luminance))
    return (light + 0.05) / (dark + 0.05)
