"""Subscribers as a CSV file, in and out.

Rule 1. `read_csv` reads what `write_csv` writes. All lines are read before the first subscriber is added.
Rule 2. Nobody is confirmed by a file that does not say when and where they agreed: they are asked by mail.
        In personal mode, where nobody can be, the operator's word is enough.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TextIO

import structlog

from digest.config import Settings
from digest.errors import TooOften, UsageError
from digest.model import Consent, ConsentMethod, InterestKind, Subscriber, SubscriberState
from digest.service import Service
from digest.subscriptions import Wish, deletion, keep, newcomer, spelled, tuned, vouched

log = structlog.get_logger()

#: Columns of a CSV that hold several values, divided by ";".
COLUMNS = {
    InterestKind.PHRASE: "interests",
    InterestKind.EXCLUDE: "excludes",
    InterestKind.CATEGORY: "categories",
    InterestKind.AUTHOR: "authors",
    InterestKind.LIKE: "likes",
}
#: Columns that are no field of a Wish.
PLAIN = ("address", "state", "confirmed", "consent_at", "consent_source")
#: Those who get digests, now or after a pause, and so must have agreed to them.
AGREED = {SubscriberState.CONFIRMED, SubscriberState.PAUSED}
#: Where somebody agreed who confirmed before consents were logged.
UNLOGGED = "confirmed before consents were logged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the file: a subscriber, and what their consent rests on."""

    subscriber: Subscriber
    basis: Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many were added, how many of them are asked by mail to confirm, and how many were known already."""

    added: int
    asked: int
    known: int


def read_csv(file: TextIO, settings: Settings, now: dt.datetime) -> list[Row]:
    """The rows of a CSV with the columns PLAIN (state, or confirmed: yes or no) and any field of Wish.

    Nothing is stored; UsageError names the line of the first row that cannot be read.
    """
    rows = csv.DictReader(file)
    known = {field.name for field in fields(Wish)} | {*PLAIN}
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


def _from_row(row: dict[str, str | None], settings: Settings, now: dt.datetime) -> Row:
    if None in row:
        raise UsageError("more cells than columns; put a cell that holds a comma in quotes")
    given = {name: value for name, value in row.items() if value and name not in PLAIN}
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
    stated, state = _stated(row, now), _state(row, settings)
    if state in AGREED and not (stated or settings.site.personal):
        state = SubscriberState.PENDING
    basis = stated or vouched(ConsentMethod.IMPORT, now)
    confirmed_at = basis.confirmed_at if state in AGREED else None
    return Row(subscriber=replace(subscriber, state=state, confirmed_at=confirmed_at), basis=basis)


def _stated(row: Mapping[str, str | None], now: dt.datetime) -> Consent | None:
    """When and where they agreed, if the row says so."""
    at, source = ((row.get(name) or "").strip() for name in ("consent_at", "consent_source"))
    if not (at or source):
        return None
    if not (at and source):
        raise UsageError("consent_at and consent_source are given together, or neither is")
    try:
        told = dt.datetime.fromisoformat(at)
    except ValueError:
        raise UsageError(f"consent_at is a date, as 2026-04-16 or 2026-04-16T10:00:00Z: {at!r}") from None
    agreed_at = told.replace(tzinfo=told.tzinfo or dt.UTC).astimezone(dt.UTC)
    if agreed_at > now:
        raise UsageError(f"consent_at lies in the future: {at!r}")
    return Consent(at=now, method=ConsentMethod.IMPORT, wording=source, confirmed_at=agreed_at)


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


def import_all(day: Service, rows: Iterable[Row], now: dt.datetime) -> Imported:
    """Add those whose address is not known. Who is pending is asked to confirm.

    Who was deleted counts as known, and is not brought back.
    """
    added = asked = known = deleted = late = 0
    for row in rows:
        if day.store.subscribers.by_address(row.subscriber.address):
            known += 1
            continue
        if deletion(day, row.subscriber.address, now):
            deleted += 1
            continue
        try:
            keep(day, row.subscriber, row.basis)
        except TooOften:
            late += 1
            continue
        added += 1
        asked += row.subscriber.state is SubscriberState.PENDING and not day.settings.site.personal
    if deleted:
        log.warning("subscribers left out", count=deleted, reason="deleted; only they bring themselves back")
    if late:
        log.warning(
            "subscribers left out", count=late, reason="mailed too often; import them again in 24 hours"
        )
    return Imported(added=added, asked=asked, known=known + deleted)


def write_csv(
    subscribers: Iterable[Subscriber], consents: Mapping[str, Sequence[Consent]], file: TextIO
) -> None:
    """What `read_csv` reads; `consents` by subscriber."""
    columns = ("address", "state", "consent_at", "consent_source", *(one.name for one in fields(Wish)))
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
        if one.confirmed_at:
            agreed = [consent for consent in consents.get(one.id, ()) if consent.confirmed_at]
            row["consent_at"] = one.confirmed_at.isoformat()
            row["consent_source"] = agreed[-1].url or agreed[-1].wording if agreed else UNLOGGED
        for kind, column in COLUMNS.items():
            row[column] = ";".join(spelled(i) for i in one.asked(kind))
        row["about"] = "".join(i.value for i in one.asked(InterestKind.TEXT))
        rows.writerow(row)
