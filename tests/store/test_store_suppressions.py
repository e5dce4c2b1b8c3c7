from __future__ import annotations

import datetime as dt

from factories import NOON

from digest.model import Suppression
from digest.store import Store


def test_an_address_is_suppressed_without_regard_to_case_until_it_is_removed(store: Store):
    store.suppressions.add("Gone@example.org", "550 5.1.1 no such user", NOON)

    assert store.suppressions.has("gone@EXAMPLE.org")
    assert not store.suppressions.has("there@example.org")
    assert store.suppressions.remove("gone@example.org")
    assert not store.suppressions.remove("gone@example.org")
    assert not store.suppressions.has("Gone@example.org")
    assert store.suppressions.list() == []


def test_the_first_reason_stays(store: Store):
    store.suppressions.add("gone@example.org", "bounce", NOON)
    store.suppressions.add("GONE@example.org", "complaint", NOON + dt.timedelta(days=1))

    assert store.suppressions.list() == [Suppression(address="gone@example.org", reason="bounce", at=NOON)]


def test_suppressions_are_listed_the_newest_first(store: Store):
    for hour, name in enumerate(("one", "two", "three")):
        store.suppressions.add(f"{name}@example.org", "", NOON + dt.timedelta(hours=hour))

    assert [one.address.partition("@")[0] for one in store.suppressions.list()] == ["three", "two", "one"]
