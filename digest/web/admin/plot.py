"""Days as a drawing: one small plot for each number, on a scale of its own, and the numbers as a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from digest.model import Tally

#: The drawing's size, in its own units; a day's column, and the gap within it.
HEIGHT, COLUMN, GAP = 96, 8, 2
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day's column."""

    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One number over the days."""

    title: str
    #: The same in a sentence.
    told: str
    #: The highest of the days, which reaches the top.
    most: int
    bars: tuple[Bar, ...]
    width: int
    height: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysPage:
    """The last days in numbers."""

    first: str
    last: str
    plots: tuple[Plot, ...]
    #: The newest first.
    days: tuple[Tally, ...]


def days_page(tallies: Sequence[Tally], today: dt.date, length: int) -> DaysPage:
    """So many days up to today; a day that nobody counted has no column."""
    first = today - DAY * (length - 1)
    told = [one for one in tallies if first <= one.day <= today]
    number: tuple[tuple[str, Callable[[Tally], int | None]], ...] = (
        ("Subscribers", lambda one: one.subscribers),
        ("Sent", lambda one: one.sent),
        ("Not delivered", lambda one: one.failed),
        ("Bounces and complaints", lambda one: one.bounced + one.complained),
    )
    return DaysPage(
        first=f"{first}",
        last=f"{today}",
        plots=tuple(_plot(title, told, of, first, length) for title, of in number),
        days=tuple(reversed(told)),
    )


def _plot(
    title: str, tallies: Sequence[Tally], of: Callable[[Tally], int | None], first: dt.date, length: int
) -> Plot:
    found = [(one.day, value) for one in tallies if (value := of(one)) is not None]
    most = max((value for _, value in found), default=0)
    bars = tuple(
        Bar(x=(day - first).days * COLUMN, y=round(HEIGHT - tall, 1), height=round(tall, 1))
        for day, value in found
        if (tall := value / most * (HEIGHT - 2) if most else 0)
    )
    return Plot(
        title=title,
        told=_told(title, found, most),
        most=most,
        bars=bars,
        width=length * COLUMN,
        height=HEIGHT,
        column=COLUMN - GAP,
    )


def _told(title: str, found: Sequence[tuple[dt.date, int]], most: int) -> str:
    if not most:
        return f"{title}: none"
    top = next(day for day, value in found if value == most)
    day, last = found[-1]
    return f"{title}: {last:,} on {day}, at most {most:,} on {top}"
