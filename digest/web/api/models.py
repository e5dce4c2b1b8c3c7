"""What may be sent: closed, and no looser than what is checked behind it."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator

from digest import model
from digest.model import InterestKind, Opinion, Subject
from digest.subscriptions import LONGEST_TEXT, Wish, asking

Item = TypeVar("Item")

#: The highest id that PostgreSQL's integers hold.
HIGHEST = 2**31 - 1
#: Of subscribers.
ID = r"^[A-Za-z0-9_.-]{1,64}$"
SubscriberId = Annotated[str, Path(pattern=ID)]
RowId = Annotated[int, Path(ge=1, le=HIGHEST)]

After = Annotated[str | None, Query(pattern=ID, description="What the last page said is next.")]
Before = Annotated[int | None, Query(ge=1, le=HIGHEST, description="What the last page said is next.")]
Limit = Annotated[int, Query(ge=1, le=100, description="How long a page is.")]


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    #: The `cursor` of the next page; null if there is none.
    next: str | None = Field(description="The `cursor` of the next page; null if this was the last.")


class EventPage(BaseModel, Generic[Item]):
    """A part of a list that goes on growing."""

    items: list[Item]
    next: str = Field(description="The `cursor` from which to read on, now or later.")


class Sent(BaseModel):
    """A body: a field that does not exist is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Interest(Sent):
    """Something to ask for."""

    kind: InterestKind
    value: str = Field(min_length=1, max_length=LONGEST_TEXT)
    weight: float = Field(1.0, gt=0, le=100)

    def noun(self) -> model.Interest:
        """The same as a noun."""
        return model.Interest(kind=self.kind, value=self.value, weight=self.weight)


Interests = Annotated[tuple[Interest, ...], Field(max_length=200)]


class Settings(Sent):
    """What a subscriber can choose; what is left out, or null, stays as it is, or at this site's default."""

    name: str | None = Field(None, max_length=100)
    timezone: str | None = Field(
        None, min_length=1, max_length=64, description="An IANA name, as Europe/Berlin."
    )
    send_at: str | None = Field(None, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM there.")
    days: str | None = Field(
        None,
        pattern=r"^(daily|weekdays|weekly:(mon|tue|wed|thu|fri|sat|sun)|(mon|tue|wed|thu|fri|sat|sun)(,(mon|tue|wed|thu|fri|sat|sun)){0,6})$",
    )
    papers: int | None = Field(None, ge=1, le=50)
    language: str | None = Field(None, min_length=2, max_length=10)
    plain_text: bool | None = Field(None, description="Mails without HTML.")
    paused_until: str | None = Field(
        None,
        pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$",
        description="The date of the first digest after a pause; empty ends it.",
    )
    interests: Interests | None = Field(
        None, description="All of them: these take the place of what was there."
    )

    @field_validator("interests")
    @classmethod
    def _one_text(cls, value: Interests | None) -> Interests | None:
        if sum(one.kind is InterestKind.TEXT for one in value or ()) > 1:
            raise ValueError("one text is all that a subscriber has")
        return value

    def wish(self) -> Wish:
        """The same as the command line and the pages have it."""
        plain = Wish(
            name=self.name,
            timezone=self.timezone,
            send_at=self.send_at,
            days=self.days,
            papers=self.papers,
            language=self.language,
            plain_text=self.plain_text,
            paused_until=self.paused_until,
        )
        return plain if self.interests is None else asking(plain, [one.noun() for one in self.interests])


class Newcomer(Settings):
    """Somebody new."""

    address: str = Field(min_length=3, max_length=254)
    basis: str | None = Field(
        None,
        min_length=8,
        max_length=500,
        description="How you know that they agreed; without it they are asked by mail.",
    )


class AllInterests(Sent):
    """Everything that a subscriber is to have asked for."""

    items: Interests


class Said(Sent):
    """An opinion of something."""

    subject: Subject
    value: str = Field(
        min_length=1, max_length=300, description="A paper's id, an author, a phrase or category."
    )
    opinion: Opinion
