"""That nobody overwrites what somebody else changed meanwhile: a subscriber's tag (RFC 9110 8.8.3, 13.1.1).

Rule 1. One tag stands for a subscriber with all that they asked for, so that their interests have it too.
Rule 2. It is held against them inside the transaction that changes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, HTTPException, Response

from digest import as_json
from digest.model import Subscriber

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="The ETag that was read: 412, and nothing changes, if they are not as they were then.",
    ),
]
#: What the description says of answers that have a tag.
TAGGED = {
    "headers": {
        "ETag": {
            "description": "Of the subscriber with their interests as they are now; for If-Match.",
            "schema": {"type": "string"},
        }
    }
}


def tag(one: Subscriber) -> str:
    """The subscriber's, as they are."""
    told = json.dumps(as_json.subscriber(one), sort_keys=True)
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def tagged(response: Response, one: Subscriber) -> Subscriber:
    """The same subscriber, whose tag is on the answer now."""
    response.headers["ETag"] = tag(one)
    return one


def unchanged(given: str | None) -> Callable[[Subscriber], None]:
    """What is asked of a subscriber before they are changed: 412 unless one of these tags is theirs, or none is given.

    Weak tags match nothing.
    """
    wanted = None if given is None else {one.strip() for one in given.split(",")}

    def check(subscriber: Subscriber) -> None:
        if wanted is not None and not wanted & {tag(subscriber), "*"}:
            raise HTTPException(412, "somebody changed them since you read them; read them again")

    return check
