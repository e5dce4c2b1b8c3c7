"""What comes back, from the envelope's sender to what follows for the reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from factories import a_plan, a_subscriber
from letters import NAMES, letter

from digest import bounces, config, daily, subscriptions
from digest.bounces import Event, Fate, Handled
from digest.deliver import replies
from digest.deliver.journal import Journal
from digest.messages import asked_plan, compose
from digest.model import (
    BounceClass,
    Decision,
    DeliveryKind,
    DeliveryState,
    Message,
    Outcome,
    Settlement,
    Subscriber,
    SubscriberState,
)
from digest.service import Service, open_service

NOW = dt.datetime(2026, 4, 10, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SETTINGS = """
[site]
url = "https://digest.example.org"
[mail]
bounce_address = "bounces@example.org"
unsubscribe_mailbox = "leave@example.org"
"""


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    with open_service(config.load(tmp_path / "digest.toml", {})) as opened:
        yield opened


@pytest.fixture
def reader(day: Service) -> Subscriber:
    made = a_subscriber(id="0123456789abcdef")
    day.store.subscribers.add(made)
    return made


def sender(day: Service, reader: Subscriber, at: dt.datetime = NOW) -> str:
    """The envelope's sender of that day's digest, which is in the outbox."""
    date = at.date()
    plan = replace(a_plan(reader, local_date=date, message_id=f"<{date}@example.org>"), edition=None)
    day.store.outbox.enqueue([plan])
    return day.letterhead.envelope(plan)


def token(day: Service, reader: Subscriber) -> str:
    links = day.links.of_reader(reader.reader)
    assert links
    return links.unsubscribe.rpartition("/")[2]


def back(day: Service, reader: Subscriber, name: str, at: dt.datetime = NOW) -> Handled:
    """What becomes of that document, come back for that day's digest."""
    raw = letter(name, sender(day, reader, at), reader.address, token(day, reader), mark=f"{at:%m%d}")
    return bounces.read(day, raw, at)


def state(day: Service, reader: Subscriber) -> SubscriberState | None:
    found = day.store.subscribers.get(reader.id)
    return found and found.state


def test_who_is_not_there_is_not_written_to_again(day: Service, reader: Subscriber) -> None:
    found = back(day, reader, "postfix-5.1.1")
    assert found == Handled(
        fate=Fate.COUNTED, meaning=BounceClass.HARD, decision=Decision(suppress="bounced: 5.1.1")
    )
    assert state(day, reader) is SubscriberState.SUPPRESSED
    assert [one.reason for one in day.store.suppressions.list()] == ["bounced: 5.1.1"]
    (delivery,) = day.store.outbox.list()
    assert day.store.outbox.journal(delivery.id)[-1].event == "bounced"


@pytest.mark.parametrize("name", NAMES)
def test_the_same_letter_read_twice_counts_once(day: Service, reader: Subscriber, name: str) -> None:
    first = back(day, reader, name)
    kept = day.store.bounces.of(reader.id), day.store.suppressions.list(), state(day, reader)
    second = back(day, reader, name)
    assert second.fate is (Fate.KNOWN if first.fate is Fate.COUNTED else first.fate)
    assert (day.store.bounces.of(reader.id), day.store.suppressions.list(), state(day, reader)) == kept


@pytest.mark.parametrize("name", [name for name in NAMES if name != "a-person"])
def test_without_our_token_nothing_is_believed(day: Service, reader: Subscriber, name: str) -> None:
    ours = sender(day, reader)
    place = ours.index("@") - 1
    forged = ours[:place] + ("a" if ours[place] != "a" else "b") + ours[place + 1 :]
    raw = letter(name, forged, reader.address, token(day, reader)[:-3] + "AAA")
    for_a_person = {"arf-by-sender", "arf-redacted", "leave-by-sender", "leave-without-token"}
    found = bounces.read(day, raw, NOW).fate
    assert found in {Fate.IDLE, Fate.UNKNOWN if name in for_a_person else Fate.FORGED}
    assert day.store.bounces.of(reader.id) == []
    assert state(day, reader) is SubscriberState.CONFIRMED


@pytest.mark.parametrize("name", ["gmail-5.2.2", "exchange-deutsch-5.2.2", "qmail", "forwarded-5.1.1"])
def test_what_may_pass_is_borne_for_two_weeks(day: Service, reader: Subscriber, name: str) -> None:
    for after in range(14):
        back(day, reader, name, NOW + after * DAY)
        assert state(day, reader) is SubscriberState.CONFIRMED
    assert back(day, reader, name, NOW + 14 * DAY).decision.suppress.startswith("bounced 15 times")
    assert state(day, reader) is SubscriberState.SUPPRESSED


@pytest.mark.parametrize("name", ["exchange-5.7.606", "gmail-5.7.26", "yahoo-554", "blocklist-5.1.1"])
def test_a_policy_never_suppresses_a_reader(day: Service, reader: Subscriber, name: str) -> None:
    for after in range(40):
        assert back(day, reader, name, NOW + after * DAY).meaning is BounceClass.POLICY
    assert state(day, reader) is SubscriberState.CONFIRMED
    assert day.store.suppressions.list() == []


@pytest.mark.parametrize("name", ["arf-abuse", "arf-by-link", "arf-headers-only", "arf-by-sender"])
def test_who_complains_has_left_and_gets_nothing_any_more(
    day: Service, reader: Subscriber, name: str
) -> None:
    assert back(day, reader, name).decision == Decision(suppress="complaint", leave=True)
    assert state(day, reader) is SubscriberState.UNSUBSCRIBED
    assert [one.reason for one in day.store.suppressions.list()] == ["complaint"]
    assert subscriptions.ask(day, reader.address, subscriptions.Wish(), "net", NOW + HOUR) is None
    assert day.store.outbox.claim(NOW, 10, "me") == ()
    assert {one.state for one in day.store.outbox.list()} == {DeliveryState.SUPPRESSED}


@pytest.mark.parametrize("name", ["leave", "leave-encoded", "leave-by-sender"])
def test_a_mail_to_leave_is_enough_and_who_left_may_come_back(
    day: Service, reader: Subscriber, name: str
) -> None:
    assert back(day, reader, name).decision == Decision(leave=True)
    assert state(day, reader) is SubscriberState.UNSUBSCRIBED
    day.store.subscribers.change(reader.id, lambda one: replace(one, state=SubscriberState.CONFIRMED), NOW)
    assert back(day, reader, name).fate is Fate.KNOWN, (
        "read again, the old mail does not make them leave again"
    )
    assert state(day, reader) is SubscriberState.CONFIRMED


def test_the_address_in_our_own_header_is_one_that_is_understood(day: Service, reader: Subscriber) -> None:
    made = asked_plan(day, DeliveryKind.LINK, reader, NOW)
    assert day.letterhead.verp
    assert compose(day, made).sender == day.letterhead.envelope(made)
    origin = day.letterhead.verp.origin(compose(day, made).sender)
    assert origin
    assert (origin.subscriber, origin.kind) == (reader.id, DeliveryKind.LINK)


def test_a_revoked_token_lets_nobody_leave(day: Service, reader: Subscriber) -> None:
    raw = letter("leave", "x@example.com", reader.address, token(day, reader))
    day.store.subscribers.change(reader.id, lambda one: replace(one, generation=2), NOW)
    assert bounces.read(day, raw, NOW).fate is Fate.FORGED
    assert state(day, reader) is SubscriberState.CONFIRMED


@pytest.mark.parametrize("name", ["postfix-5.1.1", "arf-abuse", "leave"])
def test_who_is_gone_is_gone(day: Service, reader: Subscriber, name: str) -> None:
    raw = letter(name, sender(day, reader), reader.address, token(day, reader))
    subscriptions.erase(day, reader, NOW)
    assert bounces.read(day, raw, NOW).fate is Fate.KNOWN
    assert day.store.suppressions.list() == []


def test_without_a_bounce_address_no_bounce_is_matched(
    day: Service, reader: Subscriber, tmp_path: Path
) -> None:
    raw = letter("postfix-5.1.1", sender(day, reader), reader.address)
    (tmp_path / "digest.toml").write_text("", encoding="utf-8")
    with open_service(config.load(tmp_path / "digest.toml", {})) as plain:
        assert plain.letterhead.envelope(a_plan(reader)) == "digest@example.org"
        assert bounces.read(plain, raw, NOW).fate is Fate.FORGED


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (NOW - HOUR, NOW - HOUR),
        (NOW + HOUR, NOW),
        (NOW - 40 * DAY, NOW),
        (None, NOW),
    ],
)
def test_a_bounce_happened_when_it_says_if_that_can_be(
    day: Service, reader: Subscriber, told: dt.datetime | None, kept: dt.datetime
) -> None:
    event = Event(id="1", meaning=BounceClass.SOFT, status="5.2.2", sender=sender(day, reader), at=told)
    bounces.hear(day, event, NOW)
    assert [one.at for one in day.store.bounces.of(reader.id)] == [kept]


def test_a_mail_service_may_name_the_reader_or_our_sender_and_counts_once(
    day: Service, reader: Subscriber
) -> None:
    by_sender = Event(id="1", meaning=BounceClass.SOFT, sender=sender(day, reader))
    by_address = Event(id="2", meaning=BounceClass.COMPLAINT, recipient=reader.address.upper())
    nobodys = Event(id="3", meaning=BounceClass.HARD, sender="bounces+forged@example.org")
    told = [bounces.hear(day, event, NOW).fate for event in (by_sender, by_sender, by_address, nobodys)]
    assert told == [Fate.COUNTED, Fate.KNOWN, Fate.COUNTED, Fate.FORGED]
    assert state(day, reader) is SubscriberState.UNSUBSCRIBED


class Answering:
    """A relay that answers every message with the same words."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def deliver(self, messages: Iterable[Message], journal: Journal) -> Iterator[tuple[Message, Outcome]]:
        for message in messages:
            journal.write([message], ())
            journal.write((), [(message, self.outcome)])
            yield message, self.outcome


def answered(day: Service, reader: Subscriber, code: int, text: str, at: dt.datetime) -> None:
    """That day's digest, answered so by the relay when there is no time left to try it again."""
    date = at.date()
    made = a_plan(reader, local_date=date, message_id=f"<{date}@example.org>")
    plan = replace(made, edition=None, due_at=at, prepared_at=at, expires_at=at + dt.timedelta(minutes=1))
    day.store.outbox.enqueue([replace(plan, kind=DeliveryKind.LINK)])
    daily.deliver_due(day, Answering(replies.judge(code, text.encode())), at)


@pytest.mark.parametrize("reply", ["550 5.2.1 disabled", "552 5.2.2 full", "452 4.2.2 full"])
def test_a_mailbox_that_takes_nothing_counts_the_same_when_the_relay_itself_says_so(
    day: Service, reader: Subscriber, reply: str
) -> None:
    code, text = int(reply[:3]), reply[4:]
    for after in (0, 13, 14):
        assert state(day, reader) is SubscriberState.CONFIRMED
        answered(day, reader, code, text, NOW + after * DAY)
    assert [one.meaning for one in day.store.bounces.of(reader.id)] == [BounceClass.SOFT] * 3
    assert state(day, reader) is SubscriberState.SUPPRESSED


@pytest.mark.parametrize("reply", ["550 5.7.1 blocked", "451 4.3.0 disk full", "550 no", "421 4.2.1 busy"])
def test_what_the_relay_says_of_itself_or_of_us_is_not_counted_against_a_reader(
    day: Service, reader: Subscriber, reply: str
) -> None:
    for after in (0, 13, 14, 28, 40):
        answered(day, reader, int(reply[:3]), reply[4:], NOW + after * DAY)
    assert day.store.bounces.of(reader.id) == []
    assert state(day, reader) is SubscriberState.CONFIRMED


def complaints(day: Service, names: Iterable[str]) -> list[Handled]:
    """Readers of those names complain by the mail service, now."""
    told = (Event(id=name, meaning=BounceClass.COMPLAINT, recipient=f"{name}@example.org") for name in names)
    return [bounces.hear(day, event, NOW) for event in told]


def test_many_complaints_hold_what_waits_once(day: Service) -> None:
    names = [f"reader{number}" for number in range(7)]
    for name in names:
        day.store.subscribers.add(a_subscriber(name))
    waiting = replace(a_plan(a_subscriber("reader6")), edition=None)
    day.store.outbox.enqueue([waiting])

    assert bounces.heed_complaints(day, complaints(day, names[:4]), NOW) is None
    assert bounces.heed_complaints(day, complaints(day, names[4:5]), NOW) == 1
    assert day.store.outbox.counts() == {DeliveryState.HELD: 1}
    day.store.outbox.release(NOW)
    assert bounces.heed_complaints(day, complaints(day, names[:5]), NOW) is None
    assert bounces.heed_complaints(day, [], NOW) is None


def test_complaints_are_weighed_by_what_was_sent_in_a_day(day: Service) -> None:
    names = [f"reader{number}" for number in range(5)]
    for name in names:
        day.store.subscribers.add(a_subscriber(name))
    crowd = a_subscriber("crowd")
    day.store.subscribers.add(crowd)
    dates = (NOW.date() - after * DAY for after in range(5_000))
    day.store.outbox.enqueue(
        [
            replace(a_plan(crowd, local_date=date, message_id=f"<{date}@example.org>"), edition=None)
            for date in dates
        ]
    )
    claimed = day.store.outbox.claim(NOW + HOUR, 5_000, "me")
    sent = Settlement(state=DeliveryState.SENT, event="sent", reply="250")
    day.store.outbox.settle({one.id: sent for one in claimed}, NOW, "me")

    assert len(claimed) == 5_000
    assert bounces.heed_complaints(day, complaints(day, names), NOW) is None


def test_no_address_and_no_token_is_logged(day: Service, reader: Subscriber, capsys) -> None:
    for name in NAMES:
        back(day, reader, name)
    said = "".join(capsys.readouterr())
    assert "bounce counted" in said
    assert "@" not in said
    assert token(day, reader) not in said
