"""A subscription's life: ask -> confirm -> tune -> pause -> leave.

Rule 1. One address, one subscriber, compared without case.
Rule 2. Every way in (command line, configuration, import, web) goes through `Wish`, so all are checked alike.
"""

from __future__ import annotations

import csv
import datetime as dt
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import TextIO

from digest import address as addresses
from digest.config import ReaderTable, Settings
from digest.daily import Service
from digest.errors import UsageError
from digest.ingest.ids import canonical_ids
from digest.model import Interest, InterestKind, Subscriber, SubscriberState

#: What an interest may look like; longer texts are abstracts pasted by mistake.
LONGEST_INTEREST = 300
MOST_INTERESTS = 200
MOST_PAPERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asked for; None leaves a setting as it is, or at its default."""

    name: str | None = None
    interests: tuple[str, ...] | None = None
    excludes: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    authors: tuple[str, ...] | None = None
    likes: tuple[str, ...] | None = None
    timezone: str | None = None
    send_at: str | None = None
    days: str | None = None
    papers: int | None = None
    language: str | None = None

    def wanted(self) -> Iterator[tuple[InterestKind, tuple[str, ...]]]:
        """The kinds of interest that were given, with their texts."""
        given = (
            (InterestKind.PHRASE, self.interests),
            (InterestKind.EXCLUDE, self.excludes),
            (InterestKind.CATEGORY, self.categories),
            (InterestKind.AUTHOR, self.authors),
            (InterestKind.LIKE, self.likes),
        )
        return ((kind, texts) for kind, texts in given if texts is not None)


def interest(kind: InterestKind, text: str) -> Interest:
    """`state space models=2` as a phrase of weight 2; UsageError for an unreadable one."""
    phrase, divided, number = text.rpartition("=")
    if not divided:
        phrase, number = text, "1"
    value = " ".join(phrase.split())
    try:
        weight = float(number)
    except ValueError:
        value, weight = " ".join(text.split()), 1.0  # an "=" that is part of the phrase, as in P=NP
    if not 0 < weight <= 100:
        raise UsageError(f"the weight of an interest is above 0 and at most 100: {text!r}")
    if not value or len(value) > LONGEST_INTEREST or not value.isprintable():
        raise UsageError(f"an interest is 1 to {LONGEST_INTEREST} printable characters: {text[:60]!r}")
    if kind is InterestKind.LIKE:
        return Interest(kind=kind, value=example(text), weight=1.0)
    return Interest(kind=kind, value=value, weight=weight)


def example(text: str) -> str:
    """The canonical id of an example paper, from an arXiv id, a DOI, or a link to either."""
    named = canonical_ids(text)
    if not named and not text.startswith("title:"):
        raise UsageError(f"an example is an arXiv id, a DOI or a link to one, as 2604.07429: {text[:60]!r}")
    return named[0] if named else text


def tuned(subscriber: Subscriber, wish: Wish, settings: Settings) -> Subscriber:
    """The subscriber with what was wished for; UsageError if any of it cannot be, and then nothing changes."""
    kept, schedule = list(subscriber.interests), subscriber.schedule
    for kind, texts in wish.wanted():
        kept = [i for i in kept if i.kind is not kind] + [interest(kind, text) for text in texts]
    if len(kept) > MOST_INTERESTS:
        raise UsageError(f"a subscriber has at most {MOST_INTERESTS} interests: {len(kept)}")
    if wish.papers is not None and not 1 <= wish.papers <= MOST_PAPERS:
        raise UsageError(f"a digest has 1 to {MOST_PAPERS} papers: {wish.papers}")
    if wish.language not in {None, "en"}:
        raise UsageError(f"the language is en, the only one so far: {wish.language!r}")
    if wish.name and (len(wish.name) > 100 or not wish.name.isprintable()):
        raise UsageError(f"a name is at most 100 printable characters: {wish.name[:40]!r}")
    return replace(
        subscriber,
        name=subscriber.name if wish.name is None else wish.name,
        interests=tuple(dict.fromkeys(kept)),
        schedule=settings.schedule.schedule(
            timezone=wish.timezone or schedule.timezone,
            send_at=wish.send_at or schedule.send_at.strftime("%H:%M"),
            days=wish.days or str(schedule.days),
        ),
        papers=wish.papers or subscriber.papers,
        language=wish.language or subscriber.language,
    )


def newcomer(address: str, settings: Settings, now: dt.datetime) -> Subscriber:
    """Somebody unknown until now, with the configured defaults, not confirmed."""
    return Subscriber(
        id=secrets.token_hex(8),
        address=addresses.normalised(address),
        state=SubscriberState.PENDING,
        schedule=settings.schedule.schedule(),
        papers=settings.digest.papers,
        language=settings.site.language,
        created_at=now,
    )


def add(day: Service, address: str, wish: Wish, now: dt.datetime, *, confirmed: bool) -> Subscriber:
    """Add a subscriber by the operator's hand. UsageError if the address is known already.

    In personal mode nobody could confirm by a link: whom the operator adds is confirmed.
    """
    subscriber = tuned(newcomer(address, day.settings, now), wish, day.settings)
    if day.store.subscribers.by_address(subscriber.address):
        raise UsageError(
            f"already a subscriber; `digest subscribers update` changes one: {subscriber.address!r}"
        )
    if confirmed or day.settings.site.personal:
        subscriber = replace(subscriber, state=SubscriberState.CONFIRMED, confirmed_at=now)
    day.store.subscribers.add(subscriber)
    return subscriber


def find(day: Service, who: str) -> Subscriber:
    """The subscriber with that address or id; UsageError if there is none."""
    subscribers = day.store.subscribers
    found = subscribers.by_address(who) if "@" in who else subscribers.get(who)
    if found is None:
        raise UsageError(f"no such subscriber; `digest subscribers list` shows them: {who!r}")
    return found


def update(day: Service, who: str, wish: Wish, *, confirmed: bool, now: dt.datetime) -> Subscriber:
    """Change a subscriber's settings by the operator's hand; `confirmed` also confirms or resumes them."""
    changed = tuned(find(day, who), wish, day.settings)
    if confirmed:
        changed = replace(changed, state=SubscriberState.CONFIRMED, confirmed_at=changed.confirmed_at or now)
    day.store.subscribers.update(changed)
    return changed


def pause(day: Service, who: str) -> Subscriber:
    """No digests until `update --confirmed`."""
    subscriber = find(day, who)
    if subscriber.state is not SubscriberState.CONFIRMED:
        raise UsageError(
            f"only a confirmed subscriber can be paused, this one is {subscriber.state}: {who!r}"
        )
    paused = replace(subscriber, state=SubscriberState.PAUSED)
    day.store.subscribers.update(paused)
    return paused


def sync_readers(day: Service, now: dt.datetime) -> None:
    """Bring the store in line with the `[[readers]]` of the configuration: new ones added, known ones updated.

    Readers taken out of the file are left as they are; `digest subscribers remove` ends them.
    """
    for table in day.settings.readers:
        wish = wish_of(table)
        known = day.store.subscribers.by_address(table.address)
        if known is None:
            add(day, table.address, wish, now, confirmed=True)
        elif (changed := tuned(known, wish, day.settings)) != known:
            day.store.subscribers.update(changed)


def wish_of(table: ReaderTable) -> Wish:
    """A `[[readers]]` table as a wish; lists that are not there are empty."""
    return Wish(
        name=table.name,
        interests=table.interest,
        excludes=table.exclude,
        categories=table.category,
        authors=table.author,
        likes=table.like,
        timezone=table.timezone,
        send_at=table.send_at,
        days=table.days,
        papers=table.papers,
        language=table.language,
    )


#: Columns of a CSV that hold several values, divided by ";".
COLUMNS = {
    InterestKind.PHRASE: "interests",
    InterestKind.EXCLUDE: "excludes",
    InterestKind.CATEGORY: "categories",
    InterestKind.AUTHOR: "authors",
    InterestKind.LIKE: "likes",
}


def read_csv(file: TextIO, settings: Settings, now: dt.datetime) -> list[Subscriber]:
    """Subscribers of a CSV with the columns address, confirmed (yes or no) and any field of Wish.

    Nothing is stored; UsageError names the line of the first row that cannot be read.
    """
    rows = csv.DictReader(file)
    known = {field.name for field in fields(Wish)} | {"address", "confirmed"}
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
    given = {name: value for name, value in row.items() if value and name not in {"address", "confirmed"}}
    try:
        papers = int(given.pop("papers")) if "papers" in given else None
    except ValueError:
        raise UsageError("papers is a whole number") from None
    lists = {
        name: tuple(part for part in given.pop(name).split(";") if part.strip())
        for name in set(COLUMNS.values()) & set(given)
    }
    wish = Wish(**given, **lists, papers=papers)  # type: ignore[arg-type]  # columns were checked against Wish
    subscriber = tuned(newcomer(row["address"] or "", settings, now), wish, settings)
    said = (row.get("confirmed") or "").casefold()
    if said in {"yes", "true", "1"} or (settings.site.personal and not said):
        subscriber = replace(subscriber, state=SubscriberState.CONFIRMED, confirmed_at=now)
    return subscriber


def import_all(day: Service, subscribers: Iterable[Subscriber]) -> tuple[int, int]:
    """Add those whose address is not known: (added, already known)."""
    added = known = 0
    for subscriber in subscribers:
        if day.store.subscribers.by_address(subscriber.address):
            known += 1
        else:
            day.store.subscribers.add(subscriber)
            added += 1
    return added, known


def write_csv(subscribers: Iterable[Subscriber], file: TextIO) -> None:
    """What `read_csv` reads."""
    columns = ("address", "confirmed", *(one.name for one in fields(Wish)))
    rows = csv.DictWriter(file, columns, lineterminator="\n")
    rows.writeheader()
    for one in subscribers:
        confirmed = "yes" if one.state is SubscriberState.CONFIRMED else "no"
        row = {"address": one.address, "confirmed": confirmed, "name": one.name, "papers": one.papers}
        row |= {"timezone": one.schedule.timezone, "send_at": f"{one.schedule.send_at:%H:%M}"}
        row |= {"days": str(one.schedule.days), "language": one.language}
        for kind, column in COLUMNS.items():
            row[column] = ";".join(
                i.value if i.weight == 1 else f"{i.value}={i.weight:g}" for i in one.asked(kind)
            )
        rows.writerow(row)
