"""What whoever runs this is told of a day: DayReport."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from digest.model.bounces import BounceClass
from digest.model.collecting import SourceStatus
from digest.model.deliveries import DeliveryState
from digest.model.events import EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport:
    """A UTC date in numbers; names no reader."""

    date: dt.date
    #: The deliveries of that local date; a state without any may be left out.
    outcomes: Mapping[DeliveryState, int]
    bounces: Mapping[BounceClass, int]
    events: Mapping[EventKind, int]
    #: Who gets digests now.
    subscribers: int
    sources: tuple[SourceStatus, ...]
    #: What needs a hand now, and what to do about it, as sentences.
    needs: tuple[tuple[str, str], ...] = ()
