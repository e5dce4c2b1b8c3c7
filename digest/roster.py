"""Subscribers as a CSV file, in and out.

Rule 1. `read_csv` reads what `write_csv` writes. All lines are read before the first subscriber is added.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TextIO

import structlog

from digest.config import Settings
from digest.errors import UsageError
from digest.model import InterestKind, Subscriber, SubscriberState
from digest.service import Service
from digest.subscriptions import Wish, deletion, keep, newcomer, spelled, tuned

log = structlog.get_logger()

#: Columns of a CSV that hold several values, divided by ";".
COLUMNS = {
    InterestKind.PHRASE: "interests",
    InterestKind.EXCLUDE: "excludes",
    InterestKind.CATEGORY: "categories",
    InterestKind.AUTHOR: "authors",
    InterestKind.LIKE: "likes",
}


def read_csv(file: TextIO, settings: Settings, now: dt.datetime) -> list[Subscriber]:
    """Subscribers of a CSV with the columns address, state (or confirmed: yes or no) and any field of Wish.

    Nothing is stored; UsageError names the line of the first row that cannot be read.
    """
    rows = csv.DictReader(file)
    known = {field.name for field in fields(Wish)} | {"address", "state", "confirmed"}
    if not rows.fieldnames or "address" not in rows.fieldnames or (odd := set(rows.fieldnames) - known):
        what = (
            f"unknown column {min(odd)!r}"
            if rows.fieldnames and "address" in rows.fieldnames
            else "no column address"
        )
        raise UsageError(f"{what}; the columns are {', '.join(sorted(known))}")
    found = []
    for row in rows:
        try:
            found.append(_from_row(row, settings, now))
        except UsageError as error:
            raise UsageError(f"line {rows.line_num}: {error}") from None
    return found


def _from_row(row: dict[str, str | None], settings: Settings, now: dt.datetime) -> Subscriber:
    if None in row:
        raise UsageError("more cells than columns; put a cell that holds a comma in quotes")
    given = {
        name: value for name, value in row.items() if value and name not in {"address", "state", "confirmed"}
    }
    try:
        papers = int(given.pop("papers")) if "papers" in given else None
    except ValueError:
        raise UsageError("papers is a whole number") from None
    lists = {
        name: tuple(part for part in given.pop(name).split(";") if part.strip())
        for name in set(COLUMNS.values()) & set(given)
    }
    plain = _yes(given.pop("plain_text")) if "plain_text" in given else None
    wish = Wish(**given, **lists, papers=papers, plain_text=plain)  # type: ignore[arg-type]  # columns were checked against Wish
    subscriber = tuned(newcomer(row["address"] or "", settings, now), wish, settings)
    state = _state(row, settings)
    confirmed = state in {SubscriberState.CONFIRMED, SubscriberState.PAUSED}
    return replace(subscriber, state=state, confirmed_at=now if confirmed else None)


def _state(row: dict[str, str | None], settings: Settings) -> SubscriberState:
    """As exported; else confirmed if the row says so, or, in personal mode, if it says nothing."""
    if given := row.get("state"):
        try:
            return SubscriberState(given.casefold())
        except ValueError:
            raise UsageError(f"state is {', '.join(SubscriberState)}: {given!r}") from None
    said = row.get("confirmed") or ""
    agreed = _yes(said) or (settings.site.personal and not said)
    return SubscriberState.CONFIRMED if agreed else SubscriberState.PENDING


def _yes(said: str) -> bool:
    return said.casefold() in {"yes", "true", "1"}


def import_all(day: Service, subscribers: Iterable[Subscriber], now: dt.datetime) -> tuple[int, int]:
    """Add those whose address is not known: (added, already known). Who is pending is asked to confirm.

    Who was deleted counts as known, and is not brought back.
    """
    added = known = deleted = 0
    for subscriber in subscribers:
        if day.store.subscribers.by_address(subscriber.address):
            known += 1
        elif deletion(day, subscriber.address, now):
            deleted += 1
        else:
            keep(day, subscriber, now)
            added += 1
    if deleted:
        log.warning("subscribers left out", count=deleted, reason="deleted; only they bring themselves back")
    return added, known + deleted


def write_csv(subscribers: Iterable[Subscriber], file: TextIO) -> None:
    """What `read_csv` reads."""
    columns = ("address", "state", *(one.name for one in fields(Wish)))
    rows = csv.DictWriter(file, columns, lineterminator="\n")
    rows.writeheader()
    for one in subscribers:
        row = {"address": one.address, "state": one.state, "name": one.name, "papers": one.papers}
        row |= {"timezone": one.schedule.timezone, "send_at": f"{one.schedule.send_at:%H:%M}"}
        row |= {"days": str(one.schedule.days), "language": one.language}
        row |= {
            "plain_text": "yes" if one.plain_text else "no",
            "paused_until": one.schedule.paused_until or "",
        }
        for kind, column in COLUMNS.items():
            row[column] = ";".join(spelled(i) for i in one.asked(kind))
        row["about"] = "".join(i.value for i in one.asked(InterestKind.TEXT))
        rows.writerow(row)
