"""Nouns as JSON text and back: compact, explicit, exact.

Lists where the order of the parts is fixed here, an object for the reader, who outlives releases.
ASCII only, so that any Python string survives in either database. `decode_x(encode_x(value)) == value`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NotRequired, TypeAlias, TypedDict, final

from digest.model import (
    Days,
    Link,
    Mention,
    Notice,
    Pick,
    Reader,
    Reason,
    ReasonKind,
    Schedule,
    Signals,
    SourceState,
)

#: Kind, subject, value and days; the last is left out where it is not known, as in older rows.
_Reason: TypeAlias = tuple[str, str, float | None] | tuple[str, str, float | None, int]
_Signals: TypeAlias = tuple[int | None, int | None, int | None]
_Mention: TypeAlias = tuple[str, str, float, str, str, _Signals, str]


@final
class _Picks(TypedDict):
    """Column by column: the few reasons that a digest's picks share are written, and read, once."""

    papers: list[str]
    scores: list[float]
    #: Which of `given` each has.
    told: list[int]
    #: Which of `reasons`, in their order. Not in older rows, where `reasons` holds what `given` has spelled out.
    given: Sequence[Sequence[int]]
    reasons: list[_Reason]


@final
class _OlderPicks(TypedDict):
    papers: list[str]
    scores: list[float]
    told: list[int]
    reasons: list[list[_Reason]]


class _Reader(TypedDict):
    id: str
    address: str
    name: str
    timezone: str
    send_at: str
    days: str
    #: Not in older rows.
    papers: NotRequired[int]
    language: str
    generation: int
    confirmed_at: str | None
    #: Not in older rows.
    plain_text: NotRequired[bool]
    paused_until: NotRequired[str | None]


def encode_texts(texts: Iterable[str]) -> str:
    """Authors or categories."""
    return _dump(list(texts))


def decode_texts(text: str) -> tuple[str, ...]:
    """Authors or categories."""
    return tuple(json.loads(text))


def encode_links(links: Iterable[Link]) -> str:
    """A paper's links."""
    return _dump([(link.rel, link.url) for link in links])


def decode_links(text: str) -> tuple[Link, ...]:
    """A paper's links."""
    return tuple(Link(rel=rel, url=url) for rel, url in json.loads(text))


def encode_reasons(reasons: Iterable[Reason]) -> str:
    """What a score is made of."""
    return _dump(_reasons(reasons))


def decode_reasons(text: str) -> tuple[Reason, ...]:
    """What a score is made of."""
    return _reasons_of(json.loads(text))


def encode_notices(notices: Iterable[Notice]) -> str:
    """What readers of an edition should know."""
    return _dump([(notice.source, str(notice.state)) for notice in notices])


def decode_notices(text: str) -> tuple[Notice, ...]:
    """What readers of an edition should know."""
    return tuple(Notice(source=source, state=SourceState(state)) for source, state in json.loads(text))


def encode_picks(picks: Iterable[Pick]) -> str:
    """The picks of a digest."""
    chosen = tuple(picks)
    # First by identity, then by value: most are the very same, and to hash them would take longer than to write them.
    known = {id(reason): reason for pick in chosen for reason in pick.reasons}
    reasons: dict[Reason, int] = {}
    place = {one: reasons.setdefault(reason, len(reasons)) for one, reason in known.items()}
    given: dict[tuple[int, ...], int] = {}
    theirs = (tuple([place[id(reason)] for reason in pick.reasons]) for pick in chosen)
    columns: _Picks = {
        "papers": [pick.paper for pick in chosen],
        "scores": [pick.score for pick in chosen],
        "told": [given.setdefault(one, len(given)) for one in theirs],
        "given": list(given),
        "reasons": _reasons(reasons),
    }
    return _dump(columns)


def decode_picks(text: str) -> tuple[Pick, ...]:
    """The picks of a digest."""
    columns = _picks(text)
    reasons = _reasons_of(columns["reasons"])
    given = [tuple([reasons[one] for one in some]) for some in columns["given"]]
    theirs = [given[one] for one in columns["told"]]
    return tuple(map(Pick._make, zip(columns["papers"], columns["scores"], theirs, strict=True)))


def decode_papers(text: str) -> tuple[str, ...]:
    """Only the ids of the papers that were picked."""
    return tuple(_picks(text)["papers"])


def _picks(text: str) -> _Picks:
    held: _Picks | _OlderPicks | list[tuple[str, float, list[_Reason]]] = json.loads(text)
    if isinstance(held, list):  # the oldest rows: pick by pick
        held = {
            "papers": [paper for paper, _, _ in held],
            "scores": [score for _, score, _ in held],
            "told": list(range(len(held))),
            "reasons": [reasons for _, _, reasons in held],
        }
    return held if "given" in held else _spelled_once(held)


def _spelled_once(held: _OlderPicks) -> _Picks:
    ends = list(accumulate(map(len, held["reasons"]), initial=0))
    return {
        "papers": held["papers"],
        "scores": held["scores"],
        "told": held["told"],
        "given": [list(range(*span)) for span in pairwise(ends)],
        "reasons": [reason for reasons in held["reasons"] for reason in reasons],
    }


def encode_mentions(mentions: Iterable[Mention]) -> str:
    """The mentions of a paper in an edition."""
    return _dump(
        [
            (
                mention.paper,
                mention.source,
                mention.weight,
                _instant(mention.listed_at),
                mention.url,
                (mention.signals.votes, mention.signals.comments, mention.signals.stars),
                _instant(mention.as_of),
            )
            for mention in mentions
        ]
    )


def decode_mentions(text: str) -> tuple[Mention, ...]:
    """The mentions of a paper in an edition."""
    rows: list[_Mention] = json.loads(text)
    return tuple(
        Mention(
            paper=paper,
            source=source,
            weight=weight,
            listed_at=dt.datetime.fromisoformat(listed_at),
            url=url,
            signals=Signals(votes=votes, comments=comments, stars=stars),
            as_of=dt.datetime.fromisoformat(as_of),
        )
        for paper, source, weight, listed_at, url, (votes, comments, stars), as_of in rows
    )


def encode_reader(reader: Reader) -> str:
    """A reader, as frozen with a message that was prepared for them."""
    row: _Reader = {
        "id": reader.id,
        "address": reader.address,
        "name": reader.name,
        "timezone": reader.schedule.timezone,
        "send_at": reader.schedule.send_at.isoformat(),
        "days": str(reader.schedule.days),
        "papers": reader.papers,
        "language": reader.language,
        "generation": reader.generation,
        "confirmed_at": _instant(reader.confirmed_at) if reader.confirmed_at else None,
        "plain_text": reader.plain_text,
        "paused_until": str(reader.schedule.paused_until) if reader.schedule.paused_until else None,
    }
    return _dump(row)


def decode_reader(text: str) -> Reader:
    """A reader, as frozen with a message that was prepared for them."""
    row: _Reader = json.loads(text)
    confirmed_at = row["confirmed_at"]
    return Reader(
        id=row["id"],
        address=row["address"],
        name=row["name"],
        schedule=_schedule(row["timezone"], row["send_at"], row["days"], row.get("paused_until")),
        papers=row.get("papers", 10),
        language=row["language"],
        generation=row["generation"],
        confirmed_at=dt.datetime.fromisoformat(confirmed_at) if confirmed_at else None,
        plain_text=row.get("plain_text", False),
    )


@lru_cache(maxsize=8192)  # many readers share one
def _schedule(timezone: str, send_at: str, days: str, paused_until: str | None) -> Schedule:
    return Schedule(
        timezone=timezone,
        send_at=dt.time.fromisoformat(send_at),
        days=Days(days),
        paused_until=dt.date.fromisoformat(paused_until) if paused_until else None,
    )


_dump = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode


def _instant(value: dt.datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"an instant needs a time zone: {value!r}")
    return value.astimezone(dt.UTC).isoformat()


def _reasons(reasons: Iterable[Reason]) -> list[_Reason]:
    return [
        (str(reason.kind), reason.subject, reason.value)
        if reason.days is None
        else (str(reason.kind), reason.subject, reason.value, reason.days)
        for reason in reasons
    ]


def _reasons_of(rows: Iterable[_Reason]) -> tuple[Reason, ...]:
    return tuple([_reason_of(*row) for row in rows])


@lru_cache(maxsize=8192, typed=True)  # many readers are given a few reasons; 1 and 1.0 stay apart
def _reason_of(kind: str, subject: str, value: float | None, days: int | None = None) -> Reason:
    return Reason(kind=ReasonKind(kind), subject=subject, value=value, days=days)
