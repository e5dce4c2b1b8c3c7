"""Today at a glance, the sources, and the last days in numbers; and the brake."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import structlog
from fastapi import FastAPI, Response

from digest import operating
from digest.operating import Due, Glance, Need, Place, Standing
from digest.web.admin.office import Office
from digest.web.admin.plot import days_page
from digest.web.desk import READ

log = structlog.get_logger()

DAYS = 90
WEEK = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many, of what, and where they are listed."""

    number: int
    word: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A name, and counts beside it."""

    name: str
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """Everything at a glance."""

    at: str
    #: A sentence, and where to look.
    needs: tuple[tuple[str, str], ...]
    days: tuple[Line, ...]
    readers: Line
    due: str
    edition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A source and its week."""

    name: str
    kind: str
    state: str
    reason: str
    read: str
    #: A weekday and the state that its last attempt came to.
    week: tuple[tuple[str, str], ...]


def add(web: FastAPI, office: Office) -> None:
    """All of them."""
    day, clock = office.day, office.desk.clock

    @web.api_route("/admin", methods=READ)
    def today() -> Response:
        return office.page("today", _today(office, operating.glance(day, clock())))

    @web.api_route("/admin/sources", methods=READ)
    def sources() -> Response:
        now = clock()
        return office.page("sources", [_source(one, now) for one in operating.standings(day, now - WEEK)])

    @web.api_route("/admin/days", methods=READ)
    def days() -> Response:
        date = clock().date()
        return office.page("days", days_page(day.store.tallies.list(date - dt.timedelta(DAYS)), date, DAYS))

    @web.post("/admin/hold")
    def hold() -> Response:
        held = day.store.outbox.hold(clock())
        log.warning("sending held", reason="by the operator", held=held)
        done = f"Nothing is sent any more. Held: {held:,}."
        return office.page("today", _today(office, operating.glance(day, clock())), done)

    @web.post("/admin/release")
    def release() -> Response:
        released = day.store.outbox.release(clock())
        log.warning("sending released", released=released)
        done = f"Sending goes on. Released: {released:,}."
        return office.page("today", _today(office, operating.glance(day, clock())), done)


def _today(office: Office, found: Glance) -> Today:
    edition = found.edition
    return Today(
        at=_minute(found.at),
        needs=tuple((f"{need.sentence}.", _place(office, need)) for need in found.needs),
        days=tuple(
            Line(
                name=f"{one.date:%A} {one.date}",
                counts=tuple(
                    Count(
                        number=number,
                        word=spaced(state),
                        path=office.path("/deliveries", state=state, date=one.date),
                    )
                    for state, number in one.counts.items()
                ),
            )
            for one in found.days
        ),
        readers=Line(
            name="Subscribers",
            counts=tuple(
                Count(number=number, word=state, path=office.path("/subscribers", state=state))
                for state, number in found.subscribers.items()
            ),
        ),
        due=_due(found.due),
        edition=f"{_minute(edition.published_at)}, with {edition.papers:,} papers" if edition else "none yet",
    )


def _due(due: Due | None) -> str:
    if due is None:
        return "nobody is to get one"
    unless = ", if something new is collected by then" if due.stale else ""
    return f"{_minute(due.at)}, for {due.readers:,} readers{unless}"


def _place(office: Office, need: Need) -> str:
    if need.which is None:
        return office.path(f"/{need.place}")
    assert need.place is Place.DELIVERIES
    return office.path("/deliveries", state=need.which.state, date=need.which.date)


def _source(one: Standing, now: dt.datetime) -> SourceRow:
    last = {attempt.at.date(): attempt.state for attempt in one.attempts}
    days = [now.date() - dt.timedelta(days=back) for back in range(6, -1, -1)]
    status = one.status
    return SourceRow(
        name=one.source.name,
        kind=one.source.kind,
        state=status.state if status else "never asked",
        reason=status.reason if status else "",
        read=_minute(status.last_success) if status and status.last_success else "never",
        week=tuple((f"{day:%a}", last[day]) for day in days if day in last),
    )


def spaced(state: str) -> str:
    """`in doubt`."""
    return state.replace("_", " ")


def _minute(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z"
