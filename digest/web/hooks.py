"""What a mail service tells of our deliveries, in one form: JSON, signed by our operator.

Rule 1. A body counts only with an HMAC-SHA-256 under `mail.hook_secret` over time and body, for five minutes.
Rule 2. The words are those of django-anymail's normalised events, so that its table of mail services is one for us.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections import Counter
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from digest import bounces
from digest.bounces import Event
from digest.deliver.judging import judged
from digest.model import BounceClass, Refusal
from digest.web.desk import Desk

#: How old, or how far ahead, a signature may be.
WINDOW = dt.timedelta(minutes=5)
MOST_EVENTS = 1_000

Text = Annotated[str, Field(max_length=2_000)]


class Told(BaseModel):
    """One event; fields that are not named here are not read."""

    event_type: Literal["bounced", "complained", "unsubscribed", "delivered"]
    event_id: Annotated[str, Field(min_length=1, max_length=200)]
    timestamp: AwareDatetime | None = None
    #: The envelope's sender of our message, as it was when the mail service got it.
    sender: Text = ""
    recipient: Text = ""
    #: An enhanced status code, as 5.1.1.
    status: Text = ""
    #: What the receiving server said.
    mta_response: Text = ""
    reject_reason: Literal[
        "", "invalid", "bounced", "timed_out", "blocked", "spam", "unsubscribed", "other"
    ] = ""

    def event(self) -> Event:
        """The event in our words."""
        refusal = self.refusal()
        return Event(
            id=self.event_id,
            meaning=EVENTS.get(self.event_type, refusal.meaning),
            status="" if self.event_type in EVENTS else refusal.status,
            sender=self.sender,
            recipient=self.recipient,
            at=self.timestamp and self.timestamp.astimezone(dt.UTC),
        )

    def refusal(self) -> Refusal:
        """Of a bounce: what the code says counts, and the mail service's reason where there is none, or is milder."""
        coded = judged(self.status, self.mta_response)
        given = REASONS.get(self.reject_reason, coded.meaning)
        return replace(coded, meaning=given) if given is BounceClass.POLICY or not coded.status else coded


EVENTS = {
    "complained": BounceClass.COMPLAINT,
    "unsubscribed": BounceClass.LEAVE,
    "delivered": BounceClass.DELIVERED,
}
REASONS = {
    "invalid": BounceClass.HARD,
    "bounced": BounceClass.SOFT,
    "timed_out": BounceClass.TRANSIENT,
    "blocked": BounceClass.POLICY,
    "spam": BounceClass.POLICY,
    "unsubscribed": BounceClass.LEAVE,
}

Body = TypeAdapter(Annotated[list[Told], Field(max_length=MOST_EVENTS)])


def add(pages: FastAPI, desk: Desk) -> None:
    """The hook; there is none without a secret."""
    secret = desk.day.settings.mail.hook_secret.get_secret_value()
    if not secret:
        return

    @pages.post("/hooks/delivery")
    async def hook(request: Request) -> Response:
        body, now = await request.body(), desk.clock()
        time = request.headers.get("x-digest-timestamp", "")
        if not genuine(secret, time, body, request.headers.get("x-digest-signature", ""), now):
            return PlainTextResponse("wrong or old signature", 401)
        return await run_in_threadpool(heard, desk, body, now)


def heard(desk: Desk, body: bytes, now: dt.datetime) -> Response:
    """Act upon the events of a body; what became of them, counted."""
    try:
        told = Body.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        return PlainTextResponse(f"{place}: {first['msg']}", 422)
    handled = [bounces.hear(desk.day, one.event(), now) for one in told]
    bounces.heed_complaints(desk.day, handled, now)
    fates = Counter(one.fate for one in handled)
    return JSONResponse({str(fate): number for fate, number in fates.items()})


def genuine(secret: str, time: str, body: bytes, signature: str, now: dt.datetime) -> bool:
    """Whether that is our operator's signature of this body, made within five minutes of now."""
    if not (time.isascii() and time.isdecimal() and len(time) <= 12):
        return False
    made = hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = abs(now.timestamp() - int(time)) <= WINDOW.total_seconds()
    return hmac.compare_digest(made.encode(), signature.encode(errors="replace")) and fresh
