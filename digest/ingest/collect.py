"""What every source has to say now: asked, read and gathered; a source fails alone, a date of it fails alone."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import structlog

from digest import config
from digest.errors import AskedToWait, FetchError, Gone, SourceError
from digest.ingest import arxiv, network
from digest.ingest.fetch import Asker, Fetched, fetch
from digest.ingest.politeness import Politeness
from digest.ingest.reading import read
from digest.model import Collected, Entry, Reading, Source, SourceState, Validators

log = structlog.get_logger()

#: Sources that are asked at the same time; those of one site still take turns.
AT_ONCE = 8
#: The busiest day of bioRxiv has about five.
MOST_PAGES = 30
NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One URL or path of a source."""

    location: str
    #: The `{date}` it stands for; nothing may be listed there.
    day: dt.date | None


@dataclass(slots=True)
class Haul:
    """What the places of one source gave so far."""

    entries: list[Entry] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    validators: dict[str, Validators] = field(default_factory=dict)
    read: int = 0
    unchanged: int = 0
    #: How many places were asked, and how many of them are gone for good (410).
    asked: int = 0
    gone: int = 0
    #: The site asked to be left alone for a while.
    told_to_wait: bool = False
    #: What its operator should change, although all went well.
    advice: list[str] = field(default_factory=list)

    def add(self, reading: Reading) -> None:
        """Take what one document held."""
        self.read += 1
        self.entries += reading.entries
        self.refused += reading.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the places of this pass are asked: many sites at once, each one politely."""

    asker: Asker
    politeness: Politeness
    validators: Mapping[str, Validators]
    older: Mapping[str, Collection[dt.date]]

    def ask(self, place: Place) -> Fetched:
        """The document of that place; FetchError if it cannot be had."""
        if urlsplit(place.location).scheme in {"http", "https"}:
            with self.politeness.asking(place.location):
                fetched = fetch(place.location, self.asker, self.validators.get(place.location))
        else:
            fetched = from_file(Path(place.location), self.asker.settings.max_bytes)
        if fetched.status == NOT_FOUND and place.day is None:
            raise FetchError(f"{place.location}: not there (404); is the address right?")
        return fetched


def collect(
    sources: Collection[Source],
    fetch: config.Fetch,
    contact: str,
    validators: Mapping[str, Validators],
    politeness: Politeness,
    now: dt.datetime,
    older: Mapping[str, Collection[dt.date]] = MappingProxyType({}),
) -> Iterator[Collected]:
    """Ask the sources, sites at once, and tell of each in the order given.

    `older` names, by source, days before the lookback to ask for too. Whatever goes wrong inside a source is in
    its Collected, never raised.
    """
    permitted = network.anywhere if fetch.allow_private_networks else network.public
    asker = Asker(settings=fetch, contact=contact, turn=politeness.turn, permitted=permitted)
    asking = Asking(asker=asker, politeness=politeness, validators=validators, older=older)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="collect")
    try:
        for gathered in [pool.submit(gather, source, asking, now) for source in sources]:
            yield gathered.result()
    finally:
        pool.shutdown(cancel_futures=True)


def gather(source: Source, asking: Asking, now: dt.datetime) -> Collected:
    """Ask one source at all of its places."""
    haul = Haul()
    for place in places(source, asking.asker.settings.lookback, now, asking.older.get(source.name, ())):
        if haul.told_to_wait:  # and so are its other places
            break
        haul.asked += 1
        visit(source, place, asking, haul, now)
    state, reason = verdict(haul, now)
    return Collected(
        source=source,
        at=now,
        state=state,
        reason=reason,
        advice="; ".join(haul.advice),
        entries=tuple(haul.entries),
        refused=tuple(haul.refused),
        missed=len(haul.failed),
        validators=haul.validators,
    )


def places(
    source: Source, lookback: dt.timedelta, now: dt.datetime, older: Collection[dt.date]
) -> list[Place]:
    """Where a source is asked: its location, or one a UTC date of the lookback and before, the oldest first.

    A list of arXiv's without a date holds one day; older ones are caught up from its API.
    """
    if "{date}" not in source.location:
        asked = [(day, arxiv.catch_up(source.location, day)) for day in sorted(older)]
        return [
            *(Place(location=location, day=day) for day, location in asked if location),
            Place(location=source.location, day=None),
        ]
    today = now.astimezone(dt.UTC).date()
    count = max(1, math.ceil(lookback / dt.timedelta(days=1)))
    days = {*older, *(today - dt.timedelta(days=back) for back in range(count))}
    return [
        Place(location=source.location.replace("{date}", day.isoformat()), day=day) for day in sorted(days)
    ]


def visit(source: Source, place: Place, asking: Asking, haul: Haul, now: dt.datetime) -> None:
    """Ask and read one place into the haul, page after page; a failure becomes a line of it."""
    where = f"{place.day}: " if place.day else ""
    try:
        for page in range(MOST_PAGES):
            more = look(source, place, asking, haul, now, first=page == 0)
            if not more:
                return
            place = replace(place, location=more)
        haul.failed.append(f"{where}more than {MOST_PAGES} pages")
    except SourceError as error:
        haul.gone += isinstance(error, Gone)
        haul.told_to_wait |= isinstance(error, AskedToWait)
        haul.failed.append(f"{where}{error}")
    except (Exception, SystemExit) as error:  # a reader of another package may raise anything
        log.exception("source failed", source=source.name, day=place.day)
        haul.failed.append(f"{where}a defect of ours, see the log: {type(error).__name__}")


def look(source: Source, place: Place, asking: Asking, haul: Haul, now: dt.datetime, *, first: bool) -> str:
    """Ask and read one page into the haul; where the next one is, if there is one."""
    fetched = asking.ask(place)
    if fetched.moved_to:
        haul.advice.append(f"moved for good; set its url to {fetched.moved_to}")
    if fetched.document is None:
        haul.unchanged += fetched.status != NOT_FOUND
        known = asking.validators.get(place.location)
        if fetched.status != NOT_FOUND and known:
            haul.validators[place.location] = renewed(known, fetched.validators)
        return ""
    reading = read(source, fetched.document, now, fetched.content_type, place.day)
    haul.add(reading)
    # Only what is whole may be passed over the next time: no refused entries, no further pages.
    if fetched.validators != Validators() and not reading.refused and first and not reading.more:
        haul.validators[place.location] = fetched.validators
    return reading.more


def renewed(known: Validators, said: Validators) -> Validators:
    """The validators after a 304, which may repeat them or not (RFC 9110 15.4.5)."""
    return Validators(etag=said.etag or known.etag, last_modified=said.last_modified or known.last_modified)


def verdict(haul: Haul, now: dt.datetime) -> tuple[SourceState, str]:
    """How the source is doing, and why, or what to change, for a person."""
    if haul.failed and not haul.read and not haul.unchanged:
        return SourceState.DISABLED if haul.gone == haul.asked else SourceState.FAILING, "; ".join(
            haul.failed
        )
    if haul.failed or haul.refused:
        counted = f"{len(haul.refused)} entries refused; the first, {haul.refused[0]}" if haul.refused else ""
        return SourceState.PARTIAL, "; ".join(filter(None, (*haul.failed, counted, *haul.advice)))
    advice = "; ".join(haul.advice)
    if haul.entries:
        return SourceState.FRESH, advice
    if haul.unchanged:
        return SourceState.QUIET, advice or "nothing new since the last time"
    return SourceState.QUIET, advice or ("weekend" if now.weekday() >= 5 else "nothing listed")


def from_file(path: Path, limit: int) -> Fetched:
    """The file's bytes as if they had been fetched; a file that is not there is a 404."""
    try:
        with path.open("rb") as file:
            document = file.read(limit + 1)
    except FileNotFoundError:
        return Fetched(document=None, status=NOT_FOUND)
    except (OSError, ValueError) as error:
        raise FetchError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if len(document) > limit:
        raise FetchError(f"{path}: longer than fetch.max_bytes, {limit:,} bytes")
    return Fetched(document=document, status=200)
