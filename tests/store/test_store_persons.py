"""All that is kept of one person is found and erased, in every table that there is or will be, and nobody else's."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from factories import NOON, PLAIN, a_listed, a_mention, a_paper, a_plan, a_subscriber
from sqlalchemy import Table

from digest.model import (
    UNSEEN,
    Bounce,
    BounceClass,
    Consent,
    ConsentMethod,
    Decision,
    Deletion,
    DeliveryKind,
    DeliveryState,
    Interest,
    InterestKind,
    Listed,
    Matter,
    Opinion,
    Origin,
    Resolved,
    Subject,
)
from digest.store import Hashes, Limit, Store, open_store
from digest.store.database import SEARCHED, holds
from digest.store.persons import NOBODYS
from digest.store.schema import metadata

YEAR = NOON + dt.timedelta(days=365)
HASHED = Hashes(
    counted=lambda address: (sha256(address.encode()).hexdigest(),),
    deleted=lambda address: (sha256(address.encode()).hexdigest(),),
)
RATES = ((9, dt.timedelta(hours=1)),)


def known(store: Store, name: str, hashes: Hashes = PLAIN, **changes: object) -> None:
    """Somebody of whom a row stands in every table that can hold one."""
    reader = a_subscriber(name, **changes)
    consent = Consent(at=NOON, method=ConsentMethod.OPERATOR, wording=f"{name} agreed", confirmed_at=NOON)
    store.subscribers.add(reader, consent=consent)
    store.opinions.say(reader.id, Opinion.MORE, Subject.TOPIC, f"topic of {name}", NOON)
    plan = a_plan(
        reader, kind=DeliveryKind.LINK, edition=None, picks=(), also_trending=(), message_id=f"<{name}@x>"
    )
    plan = replace(plan, edition=None)
    counted = Limit(key=hashes.counted(reader.address)[0], rates=RATES)
    store.subscribers.mail(plan, Limit(key="network", rates=RATES), NOON, counted)
    origin = Origin(subscriber=reader.id, kind=plan.kind, local_date=plan.local_date)
    bounce = Bounce(
        key=name, subscriber=reader.id, origin=origin, at=NOON, meaning=BounceClass.SOFT, status="4.2.2"
    )
    store.bounces.settle(bounce, lambda _: Decision(), NOON)
    store.suppressions.add(reader.address.upper(), f"why not {name}", NOON)


def test_every_table_is_somebodys_or_nobodys(store: Store) -> None:
    known(store, "vision")
    store.persons.erase("s-other", PLAIN, NOON, YEAR)
    found = set(store.persons.everything("s-vision", PLAIN))
    # Where a row of theirs stands for the length of a pass only, and what another deletion left.
    passing = {"outbox_facts", "deletions", "webhook_events"}
    assert found | passing | NOBODYS == {*metadata.tables}, "say whose the new table is"
    assert not (found | passing) & NOBODYS


def test_a_table_that_leads_to_a_subscriber_goes_with_them() -> None:
    def leads(table: Table) -> bool:
        return table.name == "subscribers" or any(leads(link.column.table) for link in table.foreign_keys)

    for table in metadata.tables.values():
        ways = [link.ondelete for link in table.foreign_keys if leads(link.column.table)]
        assert not ways or "CASCADE" in ways, table.name


def test_everything_is_every_column_and_nobody_elses(store: Store) -> None:
    known(store, "vision")
    known(store, "other")
    kept = store.persons.everything("s-vision", PLAIN)
    for name, rows in kept.items():
        assert len(rows) == (2 if name in {"outbox_journal", "events"} else 1), name
        assert [*rows[0]] == [column.name for column in metadata.tables[name].columns]
        assert "other" not in str(rows)
    assert kept["asks"][0]["key"] == "counted vision@example.org"
    assert store.persons.everything("s-nobody", PLAIN) == {}


def test_erasing_leaves_a_hash_and_what_is_others(store: Store, rows) -> None:
    known(store, "vision")
    known(store, "other")
    before = store.persons.everything("s-other", PLAIN)
    for _ in range(2):
        store.persons.erase("s-vision", PLAIN, NOON, YEAR)
    assert set(store.persons.everything("s-vision", PLAIN)) == {"events"}, "that they are gone"
    assert store.persons.everything("s-other", PLAIN) == before
    assert not store.suppressions.has("vision@example.org")
    left = Deletion(at=NOON, until=YEAR, suppressed=True)
    assert store.persons.deletion(PLAIN.deleted("vision@example.org"), NOON) == left
    assert [key for (key,) in rows("SELECT key FROM deletions")] == ["deleted vision@example.org"]
    for table in set(metadata.tables) - {
        "deletions",
        "asks",
        "events",
    }:  # where a hash would stand, but for PLAIN
        assert "vision" not in str(rows(f"SELECT * FROM {table}")), table
    # For whoever keeps a copy of the list; an id is opaque but for here.
    assert rows("SELECT kind FROM events WHERE subscriber = 's-vision'") == [("unsubscribed",)]


def test_papers_that_only_their_list_told_of_go_with_them(store: Store, rows) -> None:
    """One was pasted by them alone, one by two, one is known from a source, and one stands in an edition."""
    pasted = [
        a_paper(n, id=name, aliases=(name, f"also:{name}"), title_key=name, first_seen=UNSEEN)
        for n, name in enumerate(("pasted:mine", "pasted:ours", "pasted:held", "pasted:spoken"))
    ]
    listed = a_paper(9, id="pasted:listed", aliases=("pasted:listed",), first_seen=NOON)
    told = Resolved(papers=(*pasted, listed), mentions=(a_mention(pasted[3]),), joined={})
    store.papers.save(told, NOON)
    held = Listed(paper=pasted[2], mentions=(), trend=a_listed().trend)
    store.editions.publish(NOON, [held], store.papers.changes())
    names = [one.id for one in (*pasted, listed)]
    for name, liked in (("vision", ["also:pasted:mine", *names[1:]]), ("robots", [names[1]])):
        likes = tuple(Interest(kind=InterestKind.LIKE, value=one) for one in liked)
        store.subscribers.add(a_subscriber(name, interests=likes))

    store.persons.erase("s-vision", PLAIN, NOON, YEAR)

    for table, column in (("papers", "id"), ("revisions", "paper"), ("aliases", "paper")):
        assert {row[0] for row in rows(f"SELECT {column} FROM {table}")} == {*names[1:]}
    store.persons.erase("s-robots", PLAIN, NOON, YEAR)
    assert {row[0] for row in rows("SELECT id FROM papers")} == {*names[2:]}


def test_an_address_that_was_theirs_is_erased_and_one_that_never_was_is_left(store: Store) -> None:
    reader = a_subscriber(address="new@example.org")
    store.subscribers.add(reader)
    store.subscribers.add(a_subscriber("other", address="others@example.org"))

    def written(kind: DeliveryKind, matter: Matter, address: str, number: int) -> None:
        plan = a_plan(replace(reader, address=address), kind=kind, matter=matter, number=number)
        plan = replace(plan, edition=None, picks=(), also_trending=(), message_id=f"<{address}@x>")
        assert store.outbox.enqueue([plan]) == 1
        store.suppressions.add(address, "bounced", NOON)

    written(DeliveryKind.NOTICE, Matter.ADDRESS, "old@example.org", 1)
    written(DeliveryKind.CONFIRM, Matter.ADDRESS, "wished@example.org", 1)
    written(DeliveryKind.NOTICE, Matter.ADDRESS, "others@example.org", 2)

    store.persons.erase(reader.id, PLAIN, NOON, YEAR)

    assert {one.address for one in store.suppressions.list()} == {"wished@example.org", "others@example.org"}
    remains = ("new", "old", "wished", "others")
    hashed = {name: PLAIN.deleted(f"{name}@example.org") for name in remains}
    found = {name for name in remains if store.persons.deletion(hashed[name], NOON)}
    assert found == {"new", "old"}


def test_a_deletion_lasts_until_its_time_is_over_or_its_owner_is_back(store: Store) -> None:
    hashed = PLAIN.deleted("vision@example.org")
    for undone in (lambda: store.persons.welcome_back(hashed), lambda: store.persons.forget(YEAR)):
        store.subscribers.add(a_subscriber())
        store.persons.erase("s-vision", PLAIN, NOON, YEAR)
        store.persons.forget(YEAR - dt.timedelta(seconds=1))
        assert store.persons.deletion(hashed, YEAR - dt.timedelta(seconds=1))
        assert store.persons.deletion(hashed, YEAR) is None
        undone()
        assert store.persons.deletion(hashed, NOON) is None
    assert not store.persons.welcome_back(hashed)


def test_a_delivery_that_is_being_sent_can_be_erased(store: Store) -> None:
    known(store, "vision")
    store.suppressions.remove("vision@example.org")
    (claimed,) = store.outbox.claim(NOON, 10, "me")
    assert claimed.state is DeliveryState.SENDING
    store.persons.erase("s-vision", PLAIN, NOON, YEAR)
    assert store.outbox.list() == []


@pytest.mark.parametrize("readers", [1, 100])
def test_what_was_deleted_cannot_be_read_from_sqlites_files(tmp_path: Path, readers: int) -> None:
    file = tmp_path / "digest.db"
    with open_store(f"sqlite:///{file}") as store:
        for number in range(readers):
            known(store, f"zephyr{number}", HASHED)
            known(store, f"stays{number}", address=f"stays{number}@example.net")
        # Rows that change are written anew, elsewhere on their page.
        for number in range(0, readers, 3):
            store.subscribers.change(f"s-zephyr{number}", lambda one: replace(one, name="x" * 200), NOON)
        for number in range(readers):
            store.persons.erase(f"s-zephyr{number}", HASHED, NOON, YEAR)
        for path in (file, tmp_path / "digest.db-wal"):
            assert re.findall(rb"zephyr\d+@", path.read_bytes().lower()) == [], path.name
        assert len(store.subscribers.list()) == readers


@pytest.mark.parametrize("words", [["needle"], ["NEEDLE", "hay"], ["none", "Needle"]])
def test_a_word_is_found_wherever_it_lies_in_a_file(tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "straw"
    for start in (0, 1000, SEARCHED - 3, SEARCHED, 2 * SEARCHED - 6):
        file.write_bytes(b"." * start + b"nEEdle" + b"." * 10)
        assert holds(file, words)
    assert not holds(file, ["nothing", ""])
    assert not holds(file, [])
