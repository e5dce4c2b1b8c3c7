"""Keys of the API: found by the hash of what somebody holds, and by nothing else."""

from __future__ import annotations

import pytest
from factories import NOON

from digest.errors import UsageError
from digest.model import ApiKey, Scope
from digest.store import Store

CRM = ApiKey(name="crm", scope=Scope.WRITE, created_at=NOON)


def test_a_key_is_found_by_its_hash(store: Store):
    assert not store.keys.any()
    store.keys.add(CRM, "a" * 64)
    assert store.keys.any()
    assert store.keys.of("a" * 64) == CRM
    assert store.keys.of("b" * 64) is None
    assert store.keys.list() == [CRM]


def test_two_keys_have_two_names(store: Store):
    store.keys.add(CRM, "a" * 64)
    with pytest.raises(UsageError, match="a key of that name: 'crm'"):
        store.keys.add(CRM, "b" * 64)


def test_a_key_that_was_taken_away_opens_nothing(store: Store):
    store.keys.add(CRM, "a" * 64)
    assert store.keys.remove("crm")
    assert not store.keys.remove("crm")
    assert store.keys.of("a" * 64) is None
