"""Everything that is kept of subscribers as JSON, out and in: how an installation's readers move to another.

Rule 1. `read` reads what `write` writes, and `write` writes the same again. What was sent is not in it: that
        belongs to editions, which stay where they are.
Rule 2. Settings and interests are checked like everybody else's; all of the file before the first is added.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from digest import address as addresses
from digest import as_json
from digest.as_json import RecordJson
from digest.config import Settings
from digest.errors import UsageError
from digest.model import (
    Bounce,
    BounceClass,
    Consent,
    ConsentMethod,
    Feedback,
    Interest,
    Record,
    Subscriber,
    Suppression,
)
from digest.service import Service
from digest.subscriptions import Wish, asking, deletion, newcomer, tuned

_FILE = TypeAdapter(list[RecordJson])


def write(day: Service) -> list[RecordJson]:
    """Everybody, with everything that is kept of them but what was sent."""
    return [as_json.record(one) for one in day.store.records.list()]


def read(text: bytes, settings: Settings, now: dt.datetime) -> list[Record]:
    """The records of a file; nothing is stored. UsageError names the first thing that cannot be."""
    try:
        rows = _FILE.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(f"{place}: {first['msg']}") from None
    return [_record(row, settings, now) for row in rows]


def add_all(day: Service, records: Iterable[Record], now: dt.datetime) -> tuple[int, int]:
    """Add those whose address is not known: (added, already known). Nobody is mailed.

    Who was deleted counts as known, and is not brought back.
    """
    added = known = 0
    for one in records:
        address = one.subscriber.address
        if day.store.subscribers.by_address(address) or deletion(day, address, now):
            known += 1
        else:
            day.store.records.add(one, now)
            added += 1
    return added, known


def _record(row: RecordJson, settings: Settings, now: dt.datetime) -> Record:
    try:
        subscriber = _subscriber(row, settings, now)
        stopped = row["suppression"]
        return Record(
            subscriber=subscriber,
            said=tuple(
                Feedback(
                    opinion=one["opinion"],
                    subject=one["subject"],
                    value=one["value"],
                    count=one["count"],
                    at=_instant(one["at"]),
                )
                for one in row["feedback"]
            ),
            back=tuple(
                Bounce(
                    key=one["key"],
                    subscriber=subscriber.id,
                    at=_instant(one["at"]),
                    meaning=BounceClass(one["meaning"]),
                    status=one["status"],
                )
                for one in row["came_back"]
            ),
            consents=tuple(
                Consent(
                    at=_instant(one["at"]),
                    method=ConsentMethod(one["method"]),
                    wording=one["wording"],
                    url=one["url"],
                    network=one["network"],
                    confirmed_at=_instant_or_none(one["confirmed_at"]),
                )
                for one in row["consents"]
            ),
            suppression=stopped
            and Suppression(address=subscriber.address, reason=stopped["reason"], at=_instant(stopped["at"])),
        )
    except UsageError as error:
        raise UsageError(f"{addresses.masked(row['address'])}: {error}") from None


def _subscriber(row: RecordJson, settings: Settings, now: dt.datetime) -> Subscriber:
    asked = [Interest(kind=i["kind"], value=i["value"], weight=i["weight"]) for i in row["interests"]]
    wish = Wish(
        name=row["name"],
        timezone=row["timezone"],
        send_at=row["send_at"],
        days=row["days"],
        papers=row["papers"],
        language=row["language"],
        plain_text=row["plain_text"],
        paused_until=row["paused_until"] or "",
    )
    checked = tuned(newcomer(row["address"], settings, now), asking(wish, asked), settings)
    order = {(one.kind, one.value): place for place, one in enumerate(asked)}
    return replace(
        checked,
        id=row["id"],
        state=row["state"],
        generation=row["generation"],
        created_at=_instant(row["created_at"]),
        confirmed_at=_instant_or_none(row["confirmed_at"]),
        starts_at=_instant_or_none(row["starts_at"]),
        interests=tuple(sorted(checked.interests, key=lambda one: order.get((one.kind, one.value), 0))),
    )


def _instant_or_none(text: str | None) -> dt.datetime | None:
    return None if text is None else _instant(text)


def _instant(text: str) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(f"an instant is ISO 8601 with a zone, as 2026-04-10T10:00:00Z: {text!r}")
    return found.astimezone(dt.UTC)
