"""What a sender was at when it died, on PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict
from digest.store import Store, open_store
from digest.store.facts import SIGN_OF_LIFE, FactRows
from digest.store.schema import senders

HOUR = dt.timedelta(hours=1)
SECOND = dt.timedelta(seconds=1)
ME = "here.example.org:7:123:456"
SENT = Outcome(verdict=Verdict.ACCEPTED, reply="250 2.0.0 kept")
GONE = Outcome(verdict=Verdict.REFUSED, reply="550 5.1.1 no", suppress=True)
POLICY = Outcome(verdict=Verdict.REFUSED, reply="550 5.7.1 no", ours=True)


def a_message(number: int = 1) -> Message:
    return Message(
        id=f"<{number}@example.org>", sender="a@example.org", recipient="b@example.org", content=b""
    )


@pytest.fixture
def facts(emptied: str) -> Iterator[FactRows]:
    with open_store(emptied) as store:
        assert store.journals
        yield store.journals


def test_on_sqlite_files_hold_the_facts(sqlite_url: str) -> None:
    with open_store(sqlite_url) as store:
        assert store.journals is None


def test_what_was_written_can_be_read_by_another_machine_at_once(facts: FactRows, emptied: str) -> None:
    with facts.open(ME) as mine, open_store(emptied) as elsewhere:
        mine.write([a_message(n) for n in range(4)], ())
        mine.write([a_message(4)], [(a_message(0), SENT), (a_message(1), GONE), (a_message(2), POLICY)])

        assert elsewhere.journals
        assert elsewhere.journals.read(ME) == {
            a_message(0).id: SENT,
            a_message(1).id: GONE,
            a_message(2).id: POLICY,
            a_message(3).id: None,
            a_message(4).id: None,
        }
        mine.write([a_message(0)], ())
        read = elsewhere.journals.read(ME)
        assert read is not None
        assert read[a_message(0).id] is None  # begun again


def test_who_is_forgotten_can_begin_nothing_any_more(facts: FactRows) -> None:
    with facts.open(ME) as mine:
        mine.write([a_message()], ())
        assert facts.owners() == {ME}
        facts.forget(ME)
        with pytest.raises(DeliveryError, match="another took over"):
            mine.write([a_message(1)], [(a_message(), SENT)])

    assert facts.read(ME) == {}
    assert facts.owners() == set()


def test_who_was_silent_for_longer_than_the_lease_is_sealed_and_can_begin_nothing_any_more(
    facts: FactRows,
) -> None:
    with facts.open(ME) as mine:
        mine.write([a_message(1), a_message(2)], ())
        assert facts.seal(ME, HOUR) is False
        mine.write([a_message(3)], ())

        assert facts.seal(ME, -SECOND) is True
        assert facts.seal(ME, HOUR) is True
        with pytest.raises(DeliveryError, match="another took over"):
            mine.write([a_message(4)], [(a_message(1), SENT)])

    # What was answered is known all the same.
    assert facts.read(ME) == {a_message(1).id: SENT, a_message(2).id: None, a_message(3).id: None}


def test_who_waits_shows_that_it_lives(facts: FactRows) -> None:
    with facts.open(ME) as mine:
        mine._shown_at -= SIGN_OF_LIFE
        before = seen(facts)
        mine.write((), ())
        after = seen(facts)
        mine.write((), ())

        assert before < after == seen(facts)
        facts.seal(ME, -SECOND)
        mine._shown_at -= SIGN_OF_LIFE
        with pytest.raises(DeliveryError, match="another took over"):
            mine.write((), ())


def test_beginning_and_being_sealed_are_one_after_the_other(facts: FactRows, emptied: str) -> None:
    with facts.open(ME) as mine, open_store(emptied) as elsewhere, ThreadPoolExecutor() as threads:
        assert elsewhere.journals
        mine._connection.execute("BEGIN")
        mine.write([a_message()], ())
        sealing = threads.submit(elsewhere.journals.seal, ME, -SECOND)
        with pytest.raises(TimeoutError):
            sealing.result(timeout=0.2)
        mine._connection.execute("COMMIT")

        assert sealing.result() is True
        assert elsewhere.journals.read(ME) == {a_message().id: None}


def test_who_never_was_there_has_begun_nothing(facts: FactRows) -> None:
    assert facts.seal(ME, HOUR) is True
    assert facts.read(ME) == {}


def seen(facts: FactRows) -> dt.datetime:
    with facts._database.reading() as connection:
        found = connection.scalar(select(senders.c.seen_at))
    assert found
    return found


def test_a_fact_does_not_wait_for_the_disk(facts: FactRows) -> None:
    with facts.open(ME) as mine:
        shown = mine._connection.execute("SHOW synchronous_commit").fetchone()

    assert shown == ("off",)


def test_a_database_that_is_gone_stops_before_anything_leaves(facts: FactRows) -> None:
    with facts.open(ME) as mine:
        mine._connection.close()
        with pytest.raises(DeliveryError, match="does not keep"):
            mine.write([a_message()], ())


def test_the_tables_names_are_the_schemas(
    store: Store, rows: Callable[[str], list[tuple[object, ...]]]
) -> None:
    assert rows("SELECT owner, message_id, answer FROM outbox_facts") == []
