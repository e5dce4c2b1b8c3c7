"""Who got what, who did not, and why; and trying exactly those again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

import structlog
from fastapi import FastAPI, Form, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from digest import operating
from digest.address import masked
from digest.model import Delivery, DeliveryKind, DeliveryState, JournalLine
from digest.store import RETRIABLE, Place, Which
from digest.web.admin.office import Office
from digest.web.admin.overview import spaced
from digest.web.desk import READ

log = structlog.get_logger()

#: Deliveries on a page.
PAGE = 50
#: Ids that a database can hold.
Id = Annotated[int, Path(ge=1, lt=2**31)]


class Asked(BaseModel):
    """The form above the list; what is empty is left open."""

    model_config = ConfigDict(frozen=True)

    state: DeliveryState | Literal[""] = ""
    date: dt.date | Literal[""] = ""
    kind: DeliveryKind | Literal[""] = ""
    #: Where the page before ended.
    after_date: dt.date | Literal[""] = ""
    after: Annotated[int, Field(ge=0, lt=2**31)] = 0

    def which(self) -> Which:
        """The same, as the store has it."""
        return Which(state=self.state or None, date=self.date or None, kind=self.kind or None)

    def place(self) -> Place | None:
        """None for the first page."""
        return (self.after_date, self.after) if self.after_date and self.after else None


class Again(Asked):
    """The buttons below the list: those that are shown, or all that the form above means."""

    delivery: Annotated[tuple[Annotated[int, Field(ge=1, lt=2**31)], ...], Field(max_length=PAGE)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A delivery in a list."""

    id: int
    path: str
    #: Masked.
    address: str
    what: str
    state: str
    why: str
    sent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A page of deliveries."""

    asked: Asked
    states: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    #: The ids of those that are shown and may be tried again.
    again: tuple[int, ...]
    #: How many may be, of all that the form means; 0 where that is not more.
    all_again: int
    #: Where the next page is; empty if this is the last.
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """A delivery, with its journal."""

    row: Row
    facts: tuple[tuple[str, str], ...]
    reader_path: str
    papers: int
    journal: tuple[JournalLine, ...]
    retriable: bool


def add(web: FastAPI, office: Office) -> None:
    """The list, one of them, and the retries."""
    day, clock = office.day, office.desk.clock

    @web.api_route("/admin/deliveries", methods=READ)
    def listed(asked: Annotated[Asked, Query()]) -> Response:
        return office.page("deliveries", _listed(office, asked))

    @web.post("/admin/deliveries/retry")
    def retry(again: Annotated[Again, Form()]) -> Response:
        outbox, deliveries, now = day.store.outbox, day.store.deliveries, clock()
        shown = again.delivery
        retried = outbox.retry(shown, now) if shown else deliveries.retry(again.which(), now)
        log.warning("deliveries tried again", number=len(retried))
        return office.page("deliveries", _listed(office, again), _done(len(retried)))

    @web.api_route("/admin/deliveries/{delivery}", methods=READ)
    def one(delivery: Id) -> Response:
        return office.page("deliveries", _one(office, delivery), template="delivery")

    @web.post("/admin/deliveries/{delivery}/retry")
    def retry_one(delivery: Id) -> Response:
        retried = day.store.outbox.retry([delivery], clock())
        log.warning("deliveries tried again", number=len(retried))
        return office.page("deliveries", _one(office, delivery), _done(len(retried)), template="delivery")


def _done(retried: int) -> str:
    return (
        f"{retried:,} will be tried again within seconds." if retried else "None of these can be tried again."
    )


def _listed(office: Office, asked: Asked) -> Listed:
    deliveries, which = office.day.store.deliveries, asked.which()
    found = deliveries.page(which, PAGE + 1, asked.place())
    shown, more = found[:PAGE], len(found) > PAGE
    again = tuple(one.id for one in shown if one.state in RETRIABLE)
    of_all = deliveries.retriable(which) if (more or asked.place()) and which.state in RETRIABLE else 0
    following = ""
    if more:
        last = shown[-1]
        form = asked.model_dump(include={"state", "date", "kind"})
        following = office.path("/deliveries", **form, after_date=last.plan.local_date, after=last.id)
    return Listed(
        asked=asked,
        states=tuple((state, spaced(state)) for state in DeliveryState),
        kinds=tuple((kind, str(kind)) for kind in DeliveryKind),
        rows=tuple(row(office, one) for one in shown),
        again=again,
        all_again=of_all,
        next=following,
    )


def row(office: Office, one: Delivery) -> Row:
    """A delivery in a list."""
    return Row(
        id=one.id,
        path=office.path(f"/deliveries/{one.id}"),
        address=masked(one.plan.reader.address),
        what=f"{one.plan.kind} of {one.plan.local_date}",
        state=spaced(one.state),
        why=operating.why(one),
        sent=f"{one.sent_at:%Y-%m-%d %H:%M}Z" if one.sent_at else "",
    )


def _one(office: Office, id_: int) -> One:
    found = office.day.store.outbox.get(id_)
    if found is None:
        raise HTTPException(404)
    plan = found.plan
    facts = {
        "State": spaced(found.state),
        "Why": operating.why(found),
        "Attempts": f"{found.attempts}",
        "Sent": f"{found.sent_at:%Y-%m-%d %H:%M:%S}Z" if found.sent_at else "",
        "Due": f"{plan.due_at:%Y-%m-%d %H:%M}Z",
        "Not tried after": f"{plan.expires_at:%Y-%m-%d %H:%M}Z",
        "Papers": f"{len(plan.picks)} and {len(plan.also_trending)} also trending" if plan.edition else "",
        "Message-ID": plan.message_id,
    }
    return One(
        row=row(office, found),
        facts=tuple((name, value) for name, value in facts.items() if value),
        reader_path=office.path(f"/subscribers/{plan.reader.id}"),
        papers=len(plan.picks),
        journal=tuple(office.day.store.outbox.journal(id_)),
        retriable=found.state in RETRIABLE,
    )
