"""Subscribers, with what they asked for and what they said."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Response

from digest import address as addresses
from digest import as_json, feedback, subscriptions
from digest.as_json import FeedbackJson, InterestJson, SubscriberJson
from digest.errors import UsageError
from digest.feedback import Thing
from digest.model import ConsentMethod, Subject, Subscriber, SubscriberState
from digest.subscriptions import Wish, asking
from digest.web.api.key import READ, WRITE
from digest.web.api.models import (
    After,
    AllInterests,
    Limit,
    Newcomer,
    Page,
    Said,
    Settings,
    SubscriberId,
)
from digest.web.api.tags import TAGGED, IfMatch, tagged, unchanged
from digest.web.desk import Desk


def add(api: FastAPI, desk: Desk) -> None:
    """The subscribers' routes."""
    _about_all(api, desk)
    _about_one(api, desk)
    _interests(api, desk)
    _feedback(api, desk)


def _about_all(api: FastAPI, desk: Desk) -> None:
    @api.get("/v1/subscribers", dependencies=READ)
    def list_subscribers(
        state: SubscriberState | None = None, cursor: After = None, limit: Limit = 50
    ) -> Page[SubscriberJson]:
        """Everybody, or everybody in one state."""
        found = desk.day.store.subscribers.list(state, cursor or "", limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        return Page(items=[as_json.subscriber(one) for one in found[:limit]], next=more)

    @api.post("/v1/subscribers", dependencies=WRITE, status_code=201, responses={201: TAGGED})
    def add_subscriber(sent: Newcomer, response: Response) -> SubscriberJson:
        """Add somebody, who is asked by mail to confirm, unless you know that they agreed already."""
        day, address = desk.day, addresses.normalised(sent.address)
        if day.store.subscribers.by_address(address):
            raise HTTPException(409, "the address is somebody's already")
        if day.store.suppressions.has(address):
            raise HTTPException(409, "the address is suppressed")
        made = subscriptions.add(
            day,
            address,
            sent.wish(),
            desk.clock(),
            confirmed=sent.basis is not None,
            method=ConsentMethod.API,
            basis=sent.basis or "",
        )
        response.headers["Location"] = f"{desk.look.base}/api/v1/subscribers/{made.id}"
        return as_json.subscriber(tagged(response, made))


def _about_one(api: FastAPI, desk: Desk) -> None:
    day = desk.day

    @api.get("/v1/subscribers/{id}", dependencies=READ, responses={200: TAGGED})
    def get_subscriber(id: SubscriberId, response: Response) -> SubscriberJson:  # noqa: A002 (the path's name)
        """One subscriber."""
        return as_json.subscriber(tagged(response, known(desk, id)))

    @api.patch("/v1/subscribers/{id}", dependencies=WRITE, responses={200: TAGGED})
    def change_settings(
        id: SubscriberId,  # noqa: A002 (the path's name)
        sent: Settings,
        response: Response,
        if_match: IfMatch = None,
    ) -> SubscriberJson:
        """Change what is given, and leave the rest."""
        return as_json.subscriber(tagged(response, updated(desk, id, sent.wish(), if_match)))

    @api.delete("/v1/subscribers/{id}", dependencies=WRITE, status_code=204)
    def remove_subscriber(id: SubscriberId) -> None:  # noqa: A002 (the path's name)
        """Delete everything that is kept of somebody, as they can themselves."""
        subscriptions.erase(day, known(desk, id), desk.clock())

    @api.post("/v1/subscribers/{id}/pause", dependencies=WRITE)
    def pause(id: SubscriberId) -> SubscriberJson:  # noqa: A002 (the path's name)
        """Send nothing until they are resumed; 409 for whoever is not confirmed."""
        try:
            return as_json.subscriber(subscriptions.pause(day, known(desk, id).id, desk.clock()))
        except UsageError as error:
            raise HTTPException(409, str(error)) from None

    @api.post("/v1/subscribers/{id}/resume", dependencies=WRITE)
    def resume(id: SubscriberId) -> SubscriberJson:  # noqa: A002 (the path's name)
        """Send digests again; 409 for whoever is not paused."""
        try:
            return as_json.subscriber(subscriptions.resume(day, known(desk, id).id, desk.clock()))
        except UsageError as error:
            raise HTTPException(409, str(error)) from None


def _interests(api: FastAPI, desk: Desk) -> None:
    @api.get("/v1/subscribers/{id}/interests", dependencies=READ, responses={200: TAGGED})
    def list_interests(id: SubscriberId, response: Response) -> Page[InterestJson]:  # noqa: A002 (the path's name)
        """What they asked for."""
        return asked(tagged(response, known(desk, id)))

    @api.put("/v1/subscribers/{id}/interests", dependencies=WRITE, responses={200: TAGGED})
    def replace_interests(
        id: SubscriberId,  # noqa: A002 (the path's name)
        sent: AllInterests,
        response: Response,
        if_match: IfMatch = None,
    ) -> Page[InterestJson]:
        """Let these take the place of all that they asked for."""
        wish = asking(Wish(), [one.noun() for one in sent.items])
        return asked(tagged(response, updated(desk, id, wish, if_match)))


def _feedback(api: FastAPI, desk: Desk) -> None:
    @api.get("/v1/subscribers/{id}/feedback", dependencies=READ)
    def list_feedback(id: SubscriberId) -> Page[FeedbackJson]:  # noqa: A002 (the path's name)
        """What they said of papers, authors and topics, the oldest first."""
        found = feedback.said_by(desk.day, known(desk, id))
        return Page(items=[as_json.feedback(one) for one in found], next=None)

    @api.post("/v1/subscribers/{id}/feedback", dependencies=WRITE)
    def say(id: SubscriberId, sent: Said) -> Page[FeedbackJson]:  # noqa: A002 (the path's name)
        """Keep what they said somewhere else; all that they said so far."""
        thing = Thing(subject=sent.subject, value=sent.value)
        feedback.record(desk.day, known(desk, id), thing, sent.opinion, desk.clock())
        return list_feedback(id)

    @api.delete("/v1/subscribers/{id}/feedback", dependencies=WRITE, status_code=204)
    def take_back(
        id: SubscriberId,  # noqa: A002 (the path's name)
        subject: Subject,
        value: Annotated[str, Query(min_length=1, max_length=300)],
    ) -> None:
        """Forget what they said of something."""
        reader = known(desk, id)
        if not value.isprintable() or not desk.day.store.opinions.withdraw(reader.id, subject, value):
            raise HTTPException(404)


def known(desk: Desk, subscriber: str) -> Subscriber:
    """The subscriber of that id; 404 if there is none."""
    found = desk.day.store.subscribers.get(subscriber)
    if found is None:
        raise HTTPException(404)
    return found


def updated(desk: Desk, subscriber: str, wish: Wish, if_match: str | None) -> Subscriber:
    """The subscriber, changed as is wished by the operator; 412 if they are not as they were read."""
    reader, check = known(desk, subscriber), unchanged(if_match)
    return subscriptions.update(desk.day, reader.id, wish, confirmed=False, now=desk.clock(), check=check)


def asked(one: Subscriber) -> Page[InterestJson]:
    """All that they asked for."""
    return Page(items=[as_json.interest(each) for each in one.interests], next=None)
