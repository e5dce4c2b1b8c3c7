"""The hook for mail services: signed by our operator, fresh, counted once; and not there without a secret."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json

import pytest

from digest.model import BounceClass, SubscriberState

SECRET = "a secret of the tests"
#: The clock of the pages.
START = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def tell(site, *events: object, secret: str = SECRET, at: dt.datetime = START, **changes: str):
    body = json.dumps(events).encode()
    time = str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "X_Digest_Timestamp": time,
        "X_Digest_Signature": signature,
        "Content_Type": "application/json",
    }
    return site.post("/hooks/delivery", body, **headers | changes)


def an_event(id: str, name: str, kind: str = "bounced", **changes: object) -> dict[str, object]:  # noqa: A002 (the event's id)
    return {"event_type": kind, "event_id": id, "recipient": f"{name}@example.org", **changes}


def meanings(site, name: str) -> list[BounceClass]:
    return [one.meaning for one in site.day.store.bounces.of(f"s-{name}")]


def test_without_a_secret_there_is_no_such_place(site) -> None:
    answer = tell(site, an_event("1", "nobody"))
    assert (answer.status, answer.body) == (404, site.post("/nowhere").body)
    assert site.get("/hooks/delivery").status == 404


def test_an_event_is_counted_once_and_acted_upon(hooked) -> None:
    hooked.reader("robots")
    event = an_event(
        "robots 1", "robots", mta_response="smtp; 550 5.1.1 no such user", timestamp="2026-04-16T09:00:00Z"
    )
    assert json.loads(tell(hooked, event, event).text) == {"counted": 1, "known": 1}
    assert json.loads(tell(hooked, event).text) == {"known": 1}
    assert hooked.now("robots").state is SubscriberState.SUPPRESSED
    (kept,) = hooked.day.store.bounces.of("s-robots")
    assert (kept.status, kept.at) == ("5.1.1", START - 60 * MINUTE)


def test_one_event_of_two_readers_counts_for_both(hooked) -> None:
    for name in ("one", "two"):
        hooked.reader(name)
    both = [an_event("the same id", name, status="5.2.2") for name in ("one", "two")]
    assert json.loads(tell(hooked, *both).text) == {"counted": 2}


@pytest.mark.parametrize(
    ("kind", "changes", "meaning"),
    [
        ("complained", {}, BounceClass.COMPLAINT),
        ("unsubscribed", {}, BounceClass.LEAVE),
        ("delivered", {"mta_response": "250 2.0.0 ok"}, BounceClass.DELIVERED),
        ("bounced", {"status": "5.2.2"}, BounceClass.SOFT),
        ("bounced", {"status": "5.1.1", "reject_reason": "bounced"}, BounceClass.HARD),
        ("bounced", {"status": "5.1.1", "reject_reason": "blocked"}, BounceClass.POLICY),
        ("bounced", {"mta_response": "554 5.7.1 spam"}, BounceClass.POLICY),
        ("bounced", {"reject_reason": "invalid"}, BounceClass.HARD),
        ("bounced", {"reject_reason": "bounced"}, BounceClass.SOFT),
        ("bounced", {"reject_reason": "timed_out"}, BounceClass.TRANSIENT),
        ("bounced", {"reject_reason": "spam"}, BounceClass.POLICY),
        ("bounced", {"reject_reason": "unsubscribed"}, BounceClass.LEAVE),
        ("bounced", {"reject_reason": "other"}, BounceClass.SOFT),
        ("bounced", {"MessageID": "a field that we do not know"}, BounceClass.SOFT),
    ],
)
def test_the_table_of_events(
    hooked, request: pytest.FixtureRequest, kind: str, changes: dict[str, object], meaning: BounceClass
) -> None:
    name = f"reader{abs(hash(request.node.name))}"
    hooked.reader(name)
    assert tell(hooked, an_event(name, name, kind, **changes)).status == 200
    assert meanings(hooked, name) == [meaning]


def test_who_signs_wrongly_or_not_at_all_changes_nothing(hooked) -> None:
    hooked.reader("signed")
    event = an_event("signed 1", "signed", "complained")
    before = hooked.rows()
    refused = [
        tell(hooked, event, secret="another secret of ours"),
        tell(hooked, event, X_Digest_Signature=""),
        tell(hooked, event, X_Digest_Signature="é" * 64),
        tell(hooked, event, X_Digest_Timestamp=str(int(START.timestamp()) + 1)),
        *(tell(hooked, event, X_Digest_Timestamp=time) for time in ("", "-1", "1e9", "9" * 400, "²")),
        hooked.post("/hooks/delivery", json.dumps([event]).encode()),
    ]
    assert {answer.status for answer in refused} == {401}
    assert hooked.rows() == before


@pytest.mark.parametrize(("age", "status"), [(-5, 200), (5, 200), (-5.1, 401), (5.1, 401)])
def test_a_signature_is_good_for_five_minutes(hooked, age: float, status: int) -> None:
    assert tell(hooked, at=START - age * MINUTE).status == status


@pytest.mark.parametrize(
    "event",
    [
        {},
        "text",
        {"event_type": "opened", "event_id": "1"},
        {"event_type": "bounced", "event_id": ""},
        {"event_type": "bounced", "event_id": "1", "timestamp": "2026-04-16T09:00:00"},
        {"event_type": "bounced", "event_id": "1", "recipient": "x" * 3000},
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_of_it_is_done(hooked, event: object) -> None:
    name = f"kept{abs(hash(str(event)))}"
    hooked.reader(name)
    answer = tell(hooked, an_event(name, name, "complained"), event)
    assert answer.status == 422
    assert answer.text.startswith("1")
    assert hooked.now(name).state is SubscriberState.CONFIRMED


def test_of_nobody_here_is_said_so_and_opening_the_place_shows_nothing(hooked) -> None:
    assert json.loads(tell(hooked, an_event("1", "stranger")).text) == {"forged": 1}
    assert hooked.get("/hooks/delivery").status == 405
