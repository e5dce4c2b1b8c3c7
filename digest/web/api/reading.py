"""What can only be read: editions, deliveries, events."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query

from digest import as_json
from digest.as_json import DeliveryInFullJson, DeliveryJson, EditionInShortJson, EditionJson, EventJson
from digest.model import DeliveryState
from digest.web.api.key import EDITIONS, READ
from digest.web.api.models import HIGHEST, ID, Before, EventPage, Limit, Page, RowId
from digest.web.desk import Desk

#: An edition is read whole, to tell which papers it holds.
MOST_EDITIONS = 20


def add(api: FastAPI, desk: Desk) -> None:
    """The routes that change nothing."""
    _editions(api, desk)
    _deliveries(api, desk)
    _events(api, desk)


def _editions(api: FastAPI, desk: Desk) -> None:
    store = desk.day.store.editions

    @api.get("/v1/editions", dependencies=EDITIONS)
    def list_editions(
        cursor: Before = None, limit: Annotated[int, Query(ge=1, le=MOST_EDITIONS)] = 10
    ) -> Page[EditionInShortJson]:
        """Editions, the newest first, with the ids of their papers."""
        ids = store.ids(cursor, limit + 1)
        found = [edition for edition in map(store.get, ids[:limit]) if edition]
        more = str(ids[limit - 1]) if len(ids) > limit else None
        return Page(items=[as_json.edition_in_short(one) for one in found], next=more)

    @api.get("/v1/editions/{id}", dependencies=EDITIONS)
    def get_edition(id: RowId) -> EditionJson:  # noqa: A002 (the path's name)
        """One edition with its papers, the highest trend first."""
        found = store.get(id)
        if found is None:
            raise HTTPException(404)
        return as_json.edition(found)


def _deliveries(api: FastAPI, desk: Desk) -> None:
    store = desk.day.store.outbox

    @api.get("/v1/deliveries", dependencies=READ)
    def list_deliveries(
        state: DeliveryState | None = None,
        subscriber: Annotated[str | None, Query(pattern=ID)] = None,
        cursor: Before = None,
        limit: Limit = 50,
    ) -> Page[DeliveryJson]:
        """Who got what and who did not, the newest first; all, or those in one state or of one subscriber."""
        found = store.list(state, None, subscriber, limit + 1, cursor)
        more = str(found[limit - 1].id) if len(found) > limit else None
        return Page(items=[as_json.delivery(one) for one in found[:limit]], next=more)

    @api.get("/v1/deliveries/{id}", dependencies=READ)
    def get_delivery(id: RowId) -> DeliveryInFullJson:  # noqa: A002 (the path's name)
        """One delivery, with its picks and its journal."""
        found = store.get(id)
        if found is None:
            raise HTTPException(404)
        return as_json.delivery_in_full(found, store.journal(id))


def _events(api: FastAPI, desk: Desk) -> None:
    @api.get("/v1/events", dependencies=READ)
    def list_events(
        cursor: Annotated[int, Query(ge=0, le=HIGHEST, description="What the last page said is next.")] = 0,
        limit: Limit = 50,
    ) -> EventPage[EventJson]:
        """What happened to subscriptions within the last 90 days, the oldest first."""
        found = desk.day.store.events.list(cursor, limit)
        last = found[-1].id if found else cursor
        return EventPage(items=[as_json.event(one) for one in found], next=str(last))
