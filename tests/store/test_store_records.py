"""Everything that is kept of somebody is written in one go, and read back the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from factories import NOON, a_subscriber

from digest.errors import UsageError
from digest.model import Bounce, BounceClass, Feedback, Opinion, Record, Subject, Suppression
from digest.store import Store

VISION = a_subscriber()
RECORD = Record(
    subscriber=VISION,
    said=(Feedback(opinion=Opinion.LESS, subject=Subject.TOPIC, value="hands", count=3, at=NOON),),
    back=(Bounce(key="k", subscriber=VISION.id, at=NOON, meaning=BounceClass.SOFT, status="5.2.2"),),
    suppression=Suppression(address=VISION.address, reason="by the operator", at=NOON),
)


def test_a_record_comes_back_as_it_was_kept(store: Store):
    store.records.add(RECORD, NOON)
    assert store.records.list() == [RECORD]


@pytest.mark.parametrize("changes", [{"id": "another"}, {"address": "another@example.org"}])
def test_who_is_known_by_id_or_address_is_left_as_they_are(store: Store, changes: dict[str, str]):
    store.records.add(RECORD, NOON)
    events = store.events.list()
    other = replace(RECORD, subscriber=replace(VISION, **changes), suppression=None)
    with pytest.raises(UsageError, match="a subscriber with that id or address"):
        store.records.add(other, NOON)
    assert store.records.list() == [RECORD]
    assert store.events.list() == events
