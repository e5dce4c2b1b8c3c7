"""All that is kept of a reader, as JSON for programs and as tables for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from digest.errors import N_
from digest.languages import Language

Tables: TypeAlias = Mapping[str, Sequence[Mapping[str, object]]]

#: Of a long table people see the newest so many; the file holds them all.
MOST_ROWS = 50
#: What each table is about; one that is not named here is called as it is.
HEADINGS = {
    "subscribers": N_("Your subscription"),
    "interests": N_("What you want to read about"),
    "feedback": N_("What you said of papers"),
    "outbox": N_("Mails to you"),
    "outbox_journal": N_("What became of these mails"),
    "outbox_facts": N_("Mails that are being sent"),
    "bounces": N_("What came back of your mails"),
    "suppressions": N_("Why we must not write to you"),
    "asks": N_("How often your address was entered"),
    "deletions": N_("What remains of an earlier deletion"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTable:
    """One table, for people."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    #: How many there are; more than `rows` holds where it is long.
    number: int


def kept_page(tables: Tables, language: Language) -> tuple[KeptTable, ...]:
    """The tables as people read them, the newest rows of long ones."""
    return tuple(
        KeptTable(
            heading=language.gettext(HEADINGS[name]) if name in HEADINGS else name,
            columns=tuple(rows[0]),
            rows=tuple(tuple(_text(value) for value in row.values()) for row in rows[-MOST_ROWS:]),
            number=len(rows),
        )
        for name, rows in tables.items()
    )


def as_json(tables: Tables) -> dict[str, list[dict[str, str | int | float | None]]]:
    """Every column of every row, by table; instants as ISO 8601 with Z."""
    return {
        name: [{column: _plain(value) for column, value in row.items()} for row in rows]
        for name, rows in tables.items()
    }


def _plain(value: object) -> str | int | float | None:
    match value:
        case None | int() | float() | str():
            return value
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        case dt.date() | dt.time():
            return value.isoformat()
        case _:
            return str(value)


def _text(value: object) -> str:
    return "" if value is None else str(_plain(value))
