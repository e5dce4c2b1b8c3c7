"""What mail programs support: the table of facts reduced from caniemail (MIT; `digest/preview/data/`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from pydantic import BaseModel

#: The programs most people read mail in; the facts know no shares, so each counts as one.
MAIN = (
    "gmail/desktop-webmail", "gmail/ios", "gmail/android", "apple-mail/ios", "apple-mail/macos", "outlook/windows",
    "outlook/outlook-com", "outlook/macos", "outlook/ios", "outlook/android", "yahoo/desktop-webmail",
    "thunderbird/macos", "samsung-email/android",
)  # fmt: skip


class Answer(StrEnum):
    """What a client makes of a feature."""

    YES = "y"
    PARTLY = "a"
    NO = "n"
    UNKNOWN = "u"


class Effect(StrEnum):
    """What a client that lacks a feature makes of the mail."""

    BREAKS = "breaks"  #: something is hidden, displaced or unreadable
    DIFFERS = "differs"  #: it looks otherwise
    FINE = "fine"  #: nothing is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """Something of HTML or CSS, and what is known of it."""

    slug: str
    title: str
    url: str
    effect: Effect
    #: How it is recognised (`detector.Detector`).
    sign: str
    answers: Mapping[str, Answer]
    #: By client: what has to be said about its answer.
    notes: Mapping[str, tuple[str, ...]]

    def lacking(self, clients: Iterable[str]) -> tuple[str, ...]:
        """Those of the clients that have nothing of it."""
        return tuple(one for one in clients if self.answers[one] is Answer.NO)

    def share(self, clients: Iterable[str]) -> float | None:
        """Of the clients whose answer is known, how many support it, at least partly; None if none is known."""
        known = [answer for one in clients if (answer := self.answers[one]) is not Answer.UNKNOWN]
        return sum(answer is not Answer.NO for answer in known) / len(known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The table."""

    #: When caniemail was last changed, as `2026-06-29`.
    date: str
    #: Client id, as `gmail/ios`: its name.
    clients: Mapping[str, str]
    features: tuple[Feature, ...]


class _Row(BaseModel):
    slug: str
    title: str
    url: str
    effect: Effect
    sign: str
    #: An answer for each client, as `y a1,2 n`.
    support: str
    notes: Mapping[str, str]


class _Table(BaseModel):
    date: str
    clients: Mapping[str, str]
    features: tuple[_Row, ...]


@cache
def facts() -> Facts:
    """The facts that are shipped."""
    path = resources.files("digest.preview") / "data" / "clients.json"
    table = _Table.model_validate_json(path.read_bytes())
    features = tuple(_feature(row, list(table.clients)) for row in table.features)
    return Facts(date=table.date, clients=table.clients, features=features)


def _feature(row: _Row, clients: list[str]) -> Feature:
    told = dict(zip(clients, row.support.split(), strict=True))
    return Feature(
        slug=row.slug,
        title=row.title,
        url=row.url,
        effect=row.effect,
        sign=row.sign,
        answers={one: Answer(answer[0]) for one, answer in told.items()},
        notes={
            one: tuple(row.notes[number] for number in answer[1:].split(",") if number in row.notes)
            for one, answer in told.items()
            if len(answer) > 1
        },
    )
