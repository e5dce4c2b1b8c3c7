"""Subscribers, one of them with the acts of an operator, and the addresses that are not mailed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import structlog
from fastapi import FastAPI, Form, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from digest import address as addresses
from digest import subscriptions
from digest.address import masked
from digest.due import next_due
from digest.errors import UsageError
from digest.languages import ENGLISH
from digest.model import Bounce, Subscriber, SubscriberState, Suppression
from digest.render import words
from digest.store import Which
from digest.subscriptions import Wish
from digest.web.admin.deliveries import Row, row
from digest.web.admin.office import Office
from digest.web.desk import READ
from digest.web.forms import Typed, lines
from digest.web.views import said, when

log = structlog.get_logger()

#: Subscribers, or suppressions, on a page; deliveries on a subscriber's.
PAGE = 100
LATEST = 20
Id = Annotated[str, Path(max_length=100)]


class Asked(BaseModel):
    """The form above the list. It is posted: an address that is looked for stands in no log of a proxy."""

    model_config = ConfigDict(frozen=True)

    search: Typed = ""
    state: SubscriberState | Literal[""] = ""
    #: The last subscriber of the page before.
    after: Typed = ""


class Newcomer(BaseModel):
    """The form to add a subscriber."""

    model_config = ConfigDict(frozen=True)

    email: Typed = ""
    interests: Typed = ""
    confirmed: bool = False


class Suppressing(BaseModel):
    """The forms about an address that is not to be mailed, and the list's search."""

    model_config = ConfigDict(frozen=True)

    email: Typed = ""
    reason: Typed = ""
    search: Typed = ""
    start: Annotated[int, Field(ge=0, lt=2**31)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderRow:
    """A subscriber in a list."""

    path: str
    #: Masked.
    address: str
    state: str
    schedule: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A page of subscribers."""

    asked: Asked
    states: tuple[tuple[str, str], ...]
    rows: tuple[ReaderRow, ...]
    #: The last of them, where there are more.
    after: str
    #: Of the form to add one, if that failed.
    typed: Newcomer


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """A subscriber's own page."""

    id: str
    address: str
    path: str
    state: str
    facts: tuple[tuple[str, str], ...]
    interests: tuple[tuple[str, str], ...]
    deliveries: tuple[Row, ...]
    bounces: tuple[Bounce, ...]
    #: Why nothing is mailed to the address; empty if it may be.
    suppressed: str
    #: Path and words of each act that can be done.
    acts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressions:
    """A page of addresses that are not mailed."""

    form: Suppressing
    #: Each with a masked address.
    rows: tuple[Suppression, ...]
    #: Where the next page starts; 0 if this is the last.
    next: int


#: What an operator can do to a subscriber in each state.
ACTS = {
    SubscriberState.PENDING: (("link", "Mail the confirmation again"),),
    SubscriberState.CONFIRMED: (("pause", "Pause"), ("link", "Mail them their link")),
    SubscriberState.PAUSED: (("resume", "Resume"), ("link", "Mail them their link")),
    SubscriberState.UNSUBSCRIBED: (),
    SubscriberState.SUPPRESSED: (("resume", "Resume"),),
}


def add(web: FastAPI, office: Office) -> None:
    """All of it."""
    day, clock = office.day, office.desk.clock

    @web.api_route("/admin/subscribers", methods=READ)
    def listed(state: Annotated[SubscriberState | Literal[""], Query()] = "") -> Response:
        return office.page("subscribers", _listed(office, Asked(state=state)))

    @web.post("/admin/subscribers/find")
    def find(asked: Annotated[Asked, Form()]) -> Response:
        return office.page("subscribers", _listed(office, asked))

    @web.post("/admin/subscribers")
    def newcomer(typed: Annotated[Newcomer, Form()]) -> Response:
        wish = Wish(interests=lines(typed.interests) or None)
        try:
            made = subscriptions.add(day, typed.email, wish, clock(), confirmed=typed.confirmed)
        except UsageError as error:
            view = _listed(office, Asked(), typed)
            return office.page("subscribers", view, problem=said(error, ENGLISH))
        log.warning("subscriber added", subscriber=made.id, state=made.state)
        done = "Added." if made.state is SubscriberState.CONFIRMED else "Added, and asked by mail to confirm."
        return office.page("subscribers", _one(office, made), done, template="subscriber")

    @web.api_route("/admin/subscribers/{reader}", methods=READ)
    def one(reader: Id) -> Response:
        return office.page("subscribers", _one(office, _found(office, reader)), template="subscriber")

    def pause(reader: str) -> str:
        subscriptions.pause(day, reader, clock())
        return "Paused: nothing is sent until you resume."

    def resume(reader: str) -> str:
        subscriptions.resume(day, reader, clock())
        return "Resumed."

    def link(reader: str) -> str:
        written = subscriptions.mail_link(day, reader, clock())
        return "It will be mailed within seconds." if written else "They were mailed one today already."

    acts: dict[str, Callable[[str], str]] = {"pause": pause, "resume": resume, "link": link}

    @web.post("/admin/subscribers/{reader}/remove")
    def remove(reader: Id) -> Response:
        subscriptions.erase(day, _found(office, reader), clock())
        log.warning("subscriber removed", subscriber=reader)
        return office.page(
            "subscribers", _listed(office, Asked()), "Removed, with all that was sent to them."
        )

    @web.post("/admin/subscribers/{reader}/{act}")
    def act(reader: Id, act: Literal["pause", "resume", "link"]) -> Response:
        done = problem = ""
        try:
            done = acts[act](_found(office, reader).id)
        except UsageError as error:
            problem = said(error, ENGLISH)
        else:
            log.warning("subscriber changed", subscriber=reader, act=act)
        view = _one(office, _found(office, reader))
        return office.page("subscribers", view, done, problem, template="subscriber")

    @web.api_route("/admin/suppressions", methods=READ)
    def suppressions() -> Response:
        return office.page("suppressions", _suppressions(office, Suppressing()))

    @web.post("/admin/suppressions/find")
    def find_suppressions(form: Annotated[Suppressing, Form()]) -> Response:
        return office.page("suppressions", _suppressions(office, form))

    @web.post("/admin/suppressions/add")
    def suppress(form: Annotated[Suppressing, Form()]) -> Response:
        try:
            address = addresses.normalised(form.email)
        except UsageError as error:
            return office.page("suppressions", _suppressions(office, form), problem=said(error, ENGLISH))
        day.store.suppressions.add(address, form.reason or "by the operator", clock())
        log.warning("address suppressed", reason="by the operator")
        return office.page(
            "suppressions", _suppressions(office, Suppressing()), f"Nothing is mailed to {masked(address)}."
        )

    @web.post("/admin/suppressions/remove")
    def allow(form: Annotated[Suppressing, Form()]) -> Response:
        if not day.store.suppressions.remove(form.email.strip()):
            view = _suppressions(office, form)
            return office.page("suppressions", view, problem="That address is not on the list.")
        log.warning("address allowed")
        done = f"{masked(form.email.strip())} may be mailed again. A suppressed subscriber is resumed on their page."
        return office.page("suppressions", _suppressions(office, Suppressing()), done)


def _found(office: Office, reader: str) -> Subscriber:
    found = office.day.store.subscribers.get(reader)
    if found is None:
        raise HTTPException(404)
    return found


def _listed(office: Office, asked: Asked, typed: Newcomer | None = None) -> Listed:
    subscribers = office.day.store.subscribers
    last = subscribers.get(asked.after) if asked.after else None
    found = subscribers.page(
        PAGE + 1, asked.state or None, asked.search.strip(), last.address if last else ""
    )
    return Listed(
        asked=asked,
        states=tuple((state, str(state)) for state in SubscriberState),
        rows=tuple(
            ReaderRow(
                path=office.path(f"/subscribers/{one.id}"),
                address=masked(one.address),
                state=one.state,
                schedule=words.schedule(ENGLISH, one.schedule),
                since=_day(one.confirmed_at) or f"asked {_day(one.created_at)}",
            )
            for one in found[:PAGE]
        ),
        after=found[PAGE - 1].id if len(found) > PAGE else "",
        typed=typed or Newcomer(),
    )


def _one(office: Office, reader: Subscriber) -> One:
    day, now = office.day, office.desk.clock()
    due = ""
    if reader.state is SubscriberState.CONFIRMED:
        due = when(next_due(day, reader, now).at, reader.schedule.timezone, now, ENGLISH)
    suppression = day.store.suppressions.of(reader.address)
    facts = {
        "Name": reader.name,
        "Digests": words.schedule(ENGLISH, reader.schedule),
        "Next": due,
        "Papers": f"{reader.papers}",
        "Language": reader.language,
        "Asked": _day(reader.created_at),
        "Confirmed": _day(reader.confirmed_at),
        "Id": reader.id,
    }
    path = office.path(f"/subscribers/{reader.id}")
    return One(
        id=reader.id,
        address=reader.address,
        path=path,
        state=reader.state,
        facts=tuple((name, value) for name, value in facts.items() if value),
        interests=tuple((one.kind, one.value) for one in reader.interests),
        deliveries=tuple(
            row(office, one) for one in day.store.deliveries.page(Which(subscriber=reader.id), LATEST)
        ),
        bounces=tuple(reversed(day.store.bounces.of(reader.id)))[:LATEST],
        suppressed=suppression.reason if suppression else "",
        acts=tuple((f"{path}/{act}", text) for act, text in ACTS[reader.state]),
    )


def _suppressions(office: Office, form: Suppressing) -> Suppressions:
    found = office.day.store.suppressions.page(PAGE + 1, form.search.strip(), form.start)
    return Suppressions(
        form=form,
        rows=tuple(
            Suppression(address=masked(one.address), reason=one.reason, at=one.at) for one in found[:PAGE]
        ),
        next=form.start + PAGE if len(found) > PAGE else 0,
    )


def _day(at: dt.datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else ""
