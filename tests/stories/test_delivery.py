"""A delivery's life in any order: planned, claimed, sent, killed, reconciled, while readers come, go and move."""

from __future__ import annotations

import datetime as dt
import shutil
import socket
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from factories import a_listed, a_subscriber
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from digest import config, daily, subscriptions
from digest.deliver.journal import Journal
from digest.due import due_digests
from digest.errors import DeliveryError, StoreError
from digest.model import DeliveryState, Message, Outcome, Resolved, SubscriberState, Verdict
from digest.service import open_service
from digest.subscriptions import Wish
from digest.subscriptions.leaving import left

NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
READERS = [f"reader{number}" for number in range(3)]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kolkata"]
#: What may become of a message, and where its sender may be killed.
FATES = {
    "accepted": Outcome(verdict=Verdict.ACCEPTED, reply="250 kept"),
    "deferred": Outcome(verdict=Verdict.DEFERRED, reply="451 later"),
    "refused": Outcome(verdict=Verdict.REFUSED, reply="554 5.7.1 no", ours=True),
    "unreachable": Outcome(verdict=Verdict.UNREACHABLE, reply="421 away"),
    "silence, taken": Outcome(verdict=Verdict.IN_DOUBT, reply="no answer"),
    "silence, not taken": Outcome(verdict=Verdict.IN_DOUBT, reply="no answer"),
    "killed before it began": None,
    "killed, not taken": None,
    "killed, taken": None,
    "killed, answered": None,
}
TAKEN = {"accepted", "silence, taken", "killed, taken", "killed, answered"}
#: All but what happens anyway.
TROUBLE = sorted(set(FATES) - {"accepted"})
DOUBT = {"silence, taken", "silence, not taken", "killed, not taken", "killed, taken"}


class Killed(BaseException):
    """The process is no more: nothing that it does from here on is kept."""


class Wire:
    """A relay and its log. When a sender is killed, what its disk held at that moment is put aside."""

    def __init__(self, disk: Path, aside: Path, log: Path) -> None:
        self.disk, self.aside, self.log = disk, aside, log
        self.fates: list[str] = []
        self.taken: Counter[str] = Counter()
        self.doubted: Counter[str] = Counter()
        self.recipients: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def deliver(self, messages: Iterable[Message], journal: Journal) -> Iterator[tuple[Message, Outcome]]:
        for message in messages:
            fate = self.fates.pop(0) if self.fates else "accepted"
            self.die(fate, "killed before it began")
            journal.write([message], ())
            self.doubted[message.id] += fate in DOUBT
            self.hear(message, taken=fate in TAKEN)
            self.die(fate, "killed, not taken", "killed, taken")
            outcome = FATES[fate] or FATES["accepted"]
            assert outcome
            journal.write((), [(message, outcome)])
            self.die(fate, "killed, answered")
            yield message, outcome
            if outcome.verdict is Verdict.UNREACHABLE:
                return

    def hear(self, message: Message, *, taken: bool) -> None:
        queue_id = f"{sum(self.taken.values()):X}{self.log.stat().st_size:X}"
        lines = [
            "smtpd[7]: connect from x",
            f"smtpd[7]: {queue_id}: client=x",
            f"cleanup[8]: {queue_id}: message-id={message.id}",
            *([f"qmgr[9]: {queue_id}: from=<a@example.org>"] if taken else []),
            "smtpd[7]: disconnect from x",
        ]
        with self.log.open("a") as log:
            log.writelines(f"Apr 16 10:00:00 relay postfix/{line}\n" for line in lines)
        if taken:
            self.taken[message.id] += 1
            self.recipients.append(message.recipient)

    def die(self, fate: str, *here: str) -> None:
        if fate in here:
            shutil.rmtree(self.aside, ignore_errors=True)
            shutil.copytree(self.disk, self.aside, ignore=shutil.ignore_patterns("*-shm"))
            raise Killed

    def restart(self) -> None:
        shutil.rmtree(self.disk)
        shutil.copytree(self.aside, self.disk)


class Delivering(RuleBasedStateMachine):
    """Everything that can happen to digests, against what was promised."""

    relay_log = ""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        self.wire = Wire(root / "disk", root / "aside", root / "mail.log")
        self.wire.disk.mkdir()
        self.wire.log.touch()
        self.now = NOW
        self.papers = 0
        self.start()
        for name in READERS:
            self.day.store.subscribers.add(a_subscriber(name, papers=1))
        self.news()

    def start(self) -> None:
        mail = {"relay_log": self.relay_log}
        made = config.Settings.model_validate(
            {
                "site": {"url": "https://digest.example.org", "secret": "s"},
                "mail": mail,
                "directory": self.wire.disk,
            }
        )
        self.opened = open_service(made)
        self.day = self.opened.__enter__()

    def stop(self) -> None:
        self.opened.__exit__(None, None, None)

    def teardown(self) -> None:
        self.stop()
        with sqlite3.connect(self.wire.disk / "digest.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
        self.folder.cleanup()

    # --- what may happen ---

    @rule(minutes=st.integers(1, 1800))
    def time_passes(self, minutes: int) -> None:
        self.now += dt.timedelta(minutes=minutes)

    @rule(minutes=st.integers(1, 120))
    def the_clock_is_set_back(self, minutes: int) -> None:
        self.now -= dt.timedelta(minutes=minutes)

    @rule()
    def news(self) -> None:
        self.papers += 1
        listed = a_listed(self.papers, first_seen=self.now)
        [mention] = listed.mentions
        found = Resolved(papers=(listed.paper,), mentions=(mention,), joined={})
        self.day.store.papers.save(found, self.now)

    @rule()
    def digests_are_planned(self) -> None:
        daily.prepare_due(self.day, self.now)
        edition = self.day.store.editions.latest(as_of=self.now)
        if edition and self.now - edition.published_at <= daily.STALE:  # I1: nobody who is due is left out
            assert not any(due_digests(self.day, self.now))

    @rule(fates=st.lists(st.sampled_from(TROUBLE), max_size=3))
    def a_pass_delivers(self, fates: list[str]) -> None:
        self.wire.fates, before = list(fates), len(self.wire.recipients)
        try:
            daily.deliver_due(self.day, self.wire, self.now)
        except Killed:
            self.stop()
            self.wire.restart()
            self.start()
        else:
            counts = self.day.store.outbox.counts()
            assert DeliveryState.SENDING not in counts
            for row in self.day.store.outbox.list():  # I5: what waits has time left
                if row.state in {DeliveryState.PLANNED, DeliveryState.RETRY}:
                    assert row.plan.expires_at > self.now
        may = {s.address for s in self.day.store.subscribers.list(SubscriberState.CONFIRMED)}
        assert set(self.wire.recipients[before:]) <= may  # I4: nobody who left is written to

    @rule(minutes=st.integers(200, 1500), fates=st.lists(st.sampled_from(TROUBLE), min_size=1, max_size=3))
    def a_day_goes_by(self, minutes: int, fates: list[str]) -> None:
        self.time_passes(minutes)
        self.news()
        self.digests_are_planned()
        self.a_pass_delivers(fates)

    @rule(name=st.sampled_from(READERS))
    def a_reader_leaves(self, name: str) -> None:
        self.day.store.subscribers.change(f"s-{name}", lambda one: left(one, NOW), NOW)

    @rule(name=st.sampled_from(READERS))
    def a_reader_comes_back(self, name: str) -> None:
        subscriptions.update(self.day, f"s-{name}", Wish(), confirmed=True, now=self.now)

    @rule(name=st.sampled_from(READERS), zone=st.sampled_from(ZONES), hour=st.integers(0, 23))
    def a_reader_moves(self, name: str, zone: str, hour: int) -> None:
        wish = Wish(timezone=zone, send_at=f"{hour:02}:30")
        subscriptions.update(self.day, f"s-{name}", wish, confirmed=False, now=self.now)

    @rule()
    def the_operator_holds_and_releases(self) -> None:
        self.day.store.outbox.hold(self.now)
        assert not self.day.store.outbox.due(self.now)
        self.day.store.outbox.release(self.now)

    @precondition(lambda self: DeliveryState.FAILED in self.day.store.outbox.counts())
    @rule()
    def the_operator_tries_again_what_failed(self) -> None:
        failed = [row.id for row in self.day.store.outbox.list(DeliveryState.FAILED)]
        assert self.day.store.outbox.retry(failed, self.now) == sorted(failed)

    # --- what is promised ---

    @invariant()
    def a_reader_has_one_row_a_day(self) -> None:  # I1
        rows = Counter((row.plan.reader.id, row.plan.local_date) for row in self.day.store.outbox.list())
        assert set(rows.values()) <= {1}

    @invariant()
    def nothing_arrives_twice_but_what_was_in_doubt(self) -> None:  # I2
        for message, copies in self.wire.taken.items():
            assert copies <= 1 + (0 if self.relay_log else self.wire.doubted[message])

    @invariant()
    def what_is_called_sent_was_taken(self) -> None:  # I3
        sent = {row.plan.message_id for row in self.day.store.outbox.list(DeliveryState.SENT)}
        assert sent <= set(self.wire.taken)


class Reconciling(Delivering):
    """The same, with a relay whose log can be asked."""

    relay_log = "../mail.log"


# --- each trouble alone ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Delivering, Reconciling])
def test_whatever_happens_to_one_message_everybody_gets_theirs_and_nobody_twice_without_cause(
    kind: type[Delivering],
) -> None:
    machine = kind()
    for fate in TROUBLE:
        machine.a_day_goes_by(1440, [fate])
        for _ in range(3):
            machine.time_passes(15)
            machine.a_pass_delivers([])
        machine.nothing_arrives_twice_but_what_was_in_doubt()
        machine.what_is_called_sent_was_taken()
    states = machine.day.store.outbox.counts()
    machine.teardown()

    assert states == {DeliveryState.SENT: len(READERS) * len(TROUBLE) - 1, DeliveryState.FAILED: 1}


# --- single stories -------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Delivering]:
    """Forty readers whose digest is prepared."""
    machine = Delivering()
    for number in range(3, 40):
        machine.day.store.subscribers.add(a_subscriber(f"reader{number}", papers=1))
    machine.digests_are_planned()
    yield machine
    machine.teardown()


def test_when_the_relay_refuses_us_and_not_the_addresses_everything_is_held(house: Delivering) -> None:
    house.wire.fates = ["refused"] * 40

    with pytest.raises(DeliveryError, match="held until then: 20"):
        daily.deliver_due(house.day, house.wire, house.now)

    assert house.day.store.outbox.counts() == {DeliveryState.FAILED: 20, DeliveryState.HELD: 20}
    assert house.day.store.subscribers.list(SubscriberState.SUPPRESSED) == []


class Slow(Wire):
    """Takes more than a second for its first messages, and the operator does something meanwhile."""

    def __init__(self, wire: Wire, after: int, meanwhile: Callable[[], object]) -> None:
        super().__init__(wire.disk, wire.aside, wire.log)
        self.after, self.meanwhile = after, meanwhile

    def deliver(self, messages: Iterable[Message], journal: Journal) -> Iterator[tuple[Message, Outcome]]:
        for done, answer in enumerate(super().deliver(messages, journal), 1):
            yield answer
            if done == self.after:
                self.meanwhile()
                time.sleep(1.1)


def test_a_hold_is_heeded_within_a_second_even_by_what_was_claimed(house: Delivering) -> None:
    slow = Slow(house.wire, 5, lambda: house.day.store.outbox.hold(house.now))

    daily.deliver_due(house.day, slow, house.now)

    assert house.day.store.outbox.counts() == {DeliveryState.SENT: 5, DeliveryState.HELD: 35}
    assert house.day.store.outbox.release(house.now) == 35


def test_who_leaves_while_others_are_written_to_is_not_written_to(house: Delivering) -> None:
    def all_leave() -> None:
        for one in house.day.store.subscribers.list():
            house.day.store.subscribers.change(one.id, lambda one: left(one, NOW), NOW)

    daily.deliver_due(house.day, Slow(house.wire, 5, all_leave), house.now)

    assert house.day.store.outbox.counts() == {DeliveryState.SENT: 5, DeliveryState.SUPPRESSED: 35}


def test_a_database_that_stays_locked_ends_the_pass_and_the_next_one_repeats_nothing(
    house: Delivering,
) -> None:
    ours, other = house.day.settings, sqlite3.connect(house.wire.disk / "digest.db", isolation_level=None)
    database = ours.database.model_copy(update={"url": f"{ours.database.url}?timeout=0.1"})
    locked = Slow(house.wire, 5, lambda: other.execute("BEGIN IMMEDIATE"))

    with open_service(ours.model_copy(update={"database": database})) as day:
        with pytest.raises(StoreError, match="locked by another process; try again"):
            daily.deliver_due(day, locked, house.now)
        other.close()
        daily.deliver_due(day, house.wire, house.now)

    assert house.day.store.outbox.counts() == {DeliveryState.SENT: 40}
    assert Counter(locked.taken + house.wire.taken).most_common(1)[0][1] == 1
    assert len(locked.taken + house.wire.taken) == 40


def test_a_journal_that_cannot_be_read_keeps_back_only_what_it_may_speak_of(house: Delivering) -> None:
    outbox, dead = house.day.store.outbox, f"{socket.gethostname()}:1:1:1"
    outbox.claim(house.now, 3, dead)
    journal = house.day.settings.journal_directory / f"{dead}.journal"
    journal.mkdir(parents=True)

    daily.deliver_due(house.day, house.wire, house.now)
    assert outbox.counts() == {DeliveryState.SENT: 37, DeliveryState.SENDING: 3}

    journal.rmdir()
    journal.touch()
    daily.deliver_due(house.day, house.wire, house.now)
    assert outbox.counts() == {DeliveryState.SENT: 40}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Delivering, Reconciling])
def test_a_deliverys_life_in_any_order(kind: type[Delivering], request: pytest.FixtureRequest) -> None:
    case = kind.TestCase
    case.settings = settings(
        max_examples=request.config.getoption("--examples"),
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    case("runTest").runTest()
