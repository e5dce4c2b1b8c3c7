"""Everything that is kept of one subscriber, but for what was sent to them: Record."""

from __future__ import annotations

from dataclasses import dataclass

from digest.model.bounces import Bounce
from digest.model.consents import Consent
from digest.model.deliveries import Suppression
from digest.model.readers import Feedback, Subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A subscriber with what they said, what came back, and why they must not be mailed, if so."""

    subscriber: Subscriber
    said: tuple[Feedback, ...] = ()
    #: Without the deliveries that it came back for.
    back: tuple[Bounce, ...] = ()
    #: Without the mails that asked to confirm them.
    consents: tuple[Consent, ...] = ()
    suppression: Suppression | None = None
