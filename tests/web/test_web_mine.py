"""What is the reader's own, over HTTP and through a mail server: found, seen, moved, deleted, by nobody else."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import html
import json
import re
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from aiosmtpd.controller import Controller

from digest import daily, deliver, subscriptions
from digest.errors import UsageError
from digest.links import Purpose
from digest.model import DeliveryKind, DeliveryState, Opinion, Subject, Subscriber, SubscriberState
from digest.subscriptions import Wish

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def name() -> str:
    """Somebody whom no other test knows."""
    return f"m{uuid.uuid4().hex[:12]}"


@dataclass
class Postman:
    """A mail server on loopback that keeps what it is given, by mailbox."""

    port: int = 0
    boxes: dict[str, list[str]] = field(default_factory=dict)

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        self.boxes.setdefault(envelope.rcpt_tos[0], []).append(message.get_body(("plain",)).get_content())
        return "250 kept"

    def newest(self, site, mailbox: str, reader: Subscriber) -> str:
        """Deliver what is due to that reader, and read the newest in a mailbox."""
        settings = site.day.settings.mail.model_copy(
            update={"transport": "smtp", "host": "127.0.0.1", "port": self.port, "security": "none"}
        )
        daily.deliver_due(
            site.day, deliver.transport(settings, site.folder), site.clock.now, daily.Orders(only=reader.id)
        )
        return self.boxes.get(mailbox, [""])[-1]


@pytest.fixture
def postman() -> Iterator[Postman]:
    postman = Postman()
    with socket.create_server(("127.0.0.1", 0)) as free:
        postman.port = free.getsockname()[1]
    controller = Controller(postman, hostname="127.0.0.1", port=postman.port)
    controller.start()
    yield postman
    controller.stop()


def fresh(site, reader: Subscriber) -> str:
    """The path of a fresh link of theirs."""
    return site.path(Purpose.MINE, reader, expires_at=site.clock.now + HOUR / 2)


# --- the way to the settings ----------------------------------------------------------------------


def test_who_lost_every_mail_is_mailed_the_link_to_their_settings(site, postman: Postman, name: str) -> None:
    reader = site.reader(name)
    page = site.get("/preferences")
    assert 'action="/preferences"' in page.text
    assert site.get("/unsubscribe").headers["location"] == "/preferences"
    answer = site.post("/preferences", {"email": reader.address.upper()})
    assert (answer.status, "Look into your inbox" in answer.text) == (200, True)
    text = postman.newest(site, reader.address, reader)
    assert "entered this address to find the settings" in text
    assert site.get(site.linked(text, Purpose.PREFERENCES)).status == 200


@pytest.mark.parametrize("state", list(SubscriberState))
def test_the_way_to_the_settings_answers_alike_for_everybody(site, name: str, state: SubscriberState) -> None:
    site.reader(name, state=state)
    answers = [site.post("/preferences", {"email": f"{who}@example.org"}) for who in (name, f"{name}x")]
    answers.append(site.post("/subscribe", {"email": f"{name}y@example.org"}))
    assert len({(one.status, one.body) for one in answers}) == 1
    assert site.day.store.subscribers.by_address(f"{name}x@example.org") is None
    kinds = {SubscriberState.PENDING: [DeliveryKind.CONFIRM]}
    assert [kind for kind, _ in site.mails(name)] == kinds.get(state, [DeliveryKind.LINK])


def test_a_suppressed_reader_is_not_mailed_the_link(site, postman: Postman, name: str) -> None:
    reader = site.reader(name, state=SubscriberState.SUPPRESSED)
    site.post("/preferences", {"email": reader.address})
    assert postman.newest(site, reader.address, reader) == ""


def test_the_way_to_the_settings_has_the_limits_of_signing_up(site, name: str) -> None:
    reader = site.reader(name)
    for _ in range(3):
        assert site.post("/preferences", {"email": reader.address}).status == 200
        site.post("/subscribe", {"email": reader.address})
    assert len(site.mails(name)) == 1
    network = {"X_Forwarded_For": "203.0.113.201"}
    asked = [site.post("/preferences", {"email": f"{name}{n}@example.org"}, **network) for n in range(6)]
    assert [one.status for one in asked] == [200] * 5 + [429]
    assert int(asked[-1].headers["retry-after"]) > 0


def test_an_address_that_cannot_be_read_is_told_so(site) -> None:
    before = site.rows()
    page = site.post("/preferences", {"email": 'a"<b>@'})
    assert (page.status, "That is not an e-mail address" in page.text) == (422, True)
    assert 'value="a&#34;&lt;b&gt;@"' in page.text
    assert (
        site.post("/preferences", {"email": "a@example.org"}, Origin="https://evil.example.net").status == 403
    )
    assert site.rows() == before


# --- the fresh link -------------------------------------------------------------------------------


def test_the_settings_mail_a_link_that_is_good_for_half_an_hour(site, postman: Postman, name: str) -> None:
    reader = site.reader(name)
    settings = site.path(Purpose.PREFERENCES, reader)
    assert f'action="{settings}/mine"' in site.get(settings).text
    answer = site.post(f"{settings}/mine")
    assert f"{name[0]}•••{name[-1]}@example.org" in answer.text
    mine = site.linked(postman.newest(site, reader.address, reader), Purpose.MINE)
    paths = [mine, f"{mine}/kept", f"{mine}/kept.json", f"{mine}/delete"]
    before = site.rows()
    for path in paths:
        for method in ("GET", "HEAD"):
            answer = site.ask(method, path)
            assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert site.rows() == before
    site.clock.now += HOUR / 2
    for method, path in [("GET", one) for one in paths] + [("POST", paths[-1]), ("POST", f"{mine}/address")]:
        answer = site.ask(method, path)
        assert (answer.status, "too old" in answer.text) == (410, True)
    assert site.rows() == before


def test_fresh_links_are_three_an_hour_and_each_a_mail(site, name: str) -> None:
    settings = site.path(Purpose.PREFERENCES, site.reader(name))
    answers = []
    for _ in range(4):
        site.clock.now += dt.timedelta(seconds=1)
        answers.append(site.post(f"{settings}/mine"))
    assert [one.status for one in answers] == [200, 200, 200, 429]
    assert [kind for kind, _ in site.mails(name)] == [DeliveryKind.LINK] * 3


def test_no_other_link_opens_what_is_the_readers_own(site, name: str) -> None:
    reader = site.reader(name)
    nowhere = site.get("/nowhere").body
    for purpose in (one for one in Purpose if one is not Purpose.MINE):
        token = site.path(purpose, reader).rpartition("/")[2]
        for way in ("", "/kept", "/kept.json", "/delete"):
            assert site.get(f"/mine/{token}{way}").body == nowhere
        for way in ("/delete", "/address"):
            assert site.post(f"/mine/{token}{way}").body == nowhere
    mine = fresh(site, reader)
    for way in ("/delete", "/address"):
        assert site.post(f"{mine}{way}", Origin="https://evil.example.net").status == 403
    assert site.now(name) == reader


# --- seen and deleted -----------------------------------------------------------------------------


def talkative(site, name: str) -> Subscriber:
    """A reader of whom something stands in every table that can hold it."""
    reader = site.reader(name)
    site.day.store.opinions.say(reader.id, Opinion.MORE, Subject.TOPIC, "cs.CL", site.clock.now)
    site.post("/preferences", {"email": reader.address})
    site.day.store.suppressions.add(reader.address.upper(), "complaint", site.clock.now)
    return reader


def naming(site, name: str) -> list[str]:
    """The files that hold that name: of the database, its write-ahead log, and whatever else is there."""
    files = [path for path in site.folder.rglob("*") if path.is_file()]
    return [path.name for path in files if name.encode() in path.read_bytes().lower()]


def test_the_export_holds_every_row_and_the_page_shows_it(site, name: str) -> None:
    reader = talkative(site, name)
    mine = fresh(site, reader)
    answer = site.get(f"{mine}/kept.json")
    assert answer.headers["content-disposition"] == 'attachment; filename="kept.json"'
    kept = json.loads(answer.text)
    assert kept["subscribers"][0]["address"] == reader.address
    assert kept["subscribers"][0]["created_at"] == "2026-03-11T12:00:00Z"
    assert kept["interests"][0]["value"] == "diffusion models"
    assert [row["value"] for row in kept["feedback"]] == ["cs.CL"]
    assert kept["suppressions"][0]["address"] == reader.address.upper()
    assert len(kept["outbox"]) == len(kept["outbox_journal"]) == len(kept["asks"]) == 1
    page = html.unescape(site.get(f"{mine}/kept").text)
    for rows in kept.values():
        for value in (value for row in rows for value in row.values() if value):
            assert str(value) in page


def test_after_deletion_no_file_holds_the_address_and_the_hash_still_counts(site, name: str) -> None:
    reader = talkative(site, name)
    mine, leave = fresh(site, reader), site.path(Purpose.UNSUBSCRIBE, reader)
    assert naming(site, f"{name}@")
    assert "It cannot be taken back" in site.get(f"{mine}/delete").text
    for _ in range(2):
        assert "Nothing that we keep names you any more" in site.post(f"{mine}/delete").text
    assert naming(site, f"{name}@") == []
    assert (site.get(mine).status, site.post(leave).status) == (404, 200)
    found = subscriptions.deletion(site.day, reader.address.upper(), site.clock.now)
    assert found
    assert (found.suppressed, found.until - site.clock.now) == (True, 365 * DAY)
    site.post("/subscribe", {"email": reader.address})
    assert site.day.store.subscribers.by_address(reader.address) is None, "who complained stays suppressed"


def test_who_was_deleted_comes_back_by_their_own_hand_only(site, name: str) -> None:
    reader = site.reader(name)
    site.post(f"{fresh(site, reader)}/delete")
    now = site.clock.now
    with pytest.raises(UsageError, match="only its owner's confirmation brings it back"):
        subscriptions.add(site.day, reader.address, Wish(), now, confirmed=True)
    site.post("/subscribe", {"email": reader.address})
    assert subscriptions.deletion(site.day, reader.address, now), "asking is not confirming"
    site.post(site.linked(site.mails(name)[-1][1], Purpose.CONFIRM))
    assert site.now(name).state is SubscriberState.CONFIRMED
    assert subscriptions.deletion(site.day, reader.address, now) is None


def test_a_deletion_is_forgotten_after_a_year(site, name: str) -> None:
    reader = site.reader(name)
    site.post(f"{fresh(site, reader)}/delete")
    assert subscriptions.deletion(site.day, reader.address, site.clock.now + 364 * DAY)
    assert subscriptions.deletion(site.day, reader.address, site.clock.now + 365 * DAY) is None


# --- another address ------------------------------------------------------------------------------


def test_another_address_says_yes_itself_and_the_old_one_is_told(site, postman: Postman, name: str) -> None:
    reader = site.reader(name)
    old = {purpose: site.path(purpose, reader) for purpose in (Purpose.PREFERENCES, Purpose.UNSUBSCRIBE)}
    new = f"{name}.new@example.org"
    answer = site.post(f"{fresh(site, reader)}/address", {"email": new})
    assert "Look into your inbox" in answer.text
    path = site.linked(postman.newest(site, new, reader), Purpose.ADDRESS)
    assert f"{name[0]}•••w@example.org" in site.get(path).text
    assert site.now(name) == reader

    site.clock.now += HOUR
    moved = site.post(path)
    expected = replace(reader, address=new, generation=reader.generation + 1)
    assert site.now(f"{name}.new") == expected
    assert site.post(path).body == site.get(path).body == moved.body
    (settings,) = re.findall(r'href="(/preferences/[^"]+)"', moved.text)
    assert site.get(settings).status == 200
    assert [site.get(one).status for one in old.values()] == [404, 404]
    assert "goes to another address from now on" in postman.newest(site, reader.address, expected)
    assert postman.boxes[new][1:] == []


@pytest.mark.parametrize("trouble", ["taken", "suppressed", "deleted and suppressed", "asked too often"])
def test_an_address_that_cannot_be_had_is_answered_like_any_other(
    site, postman: Postman, name: str, trouble: str
) -> None:
    reader, wanted = site.reader(name), f"{name}.wanted@example.org"
    free = site.post(f"{fresh(site, reader)}/address", {"email": f"{name}.free@example.org"})
    if trouble == "taken":
        site.reader(f"{name}.wanted")
    if "deleted" in trouble:
        site.reader(f"{name}.wanted")
    if "suppressed" in trouble:
        site.day.store.suppressions.add(wanted, "complaint", site.clock.now)
    if "deleted" in trouble:
        subscriptions.erase(site.day, site.now(f"{name}.wanted"), site.clock.now)
    if trouble == "asked too often":
        site.post("/preferences", {"email": wanted})
    site.clock.now += dt.timedelta(seconds=1)
    refused = site.post(f"{fresh(site, reader)}/address", {"email": wanted})
    assert (refused.status, refused.body) == (free.status, free.body)
    assert postman.newest(site, wanted, reader) == ""


def test_an_address_that_is_taken_in_the_meantime_is_not_moved_to(site, postman: Postman, name: str) -> None:
    reader, new = site.reader(name), f"{name}.new@example.org"
    site.post(f"{fresh(site, reader)}/address", {"email": new})
    path = site.linked(postman.newest(site, new, reader), Purpose.ADDRESS)
    other = site.reader(f"{name}.new")
    rows = site.rows()
    assert site.post(path).status == 404
    assert site.rows() == rows
    assert site.now(f"{name}.new") == other


@pytest.mark.parametrize("typed", ["", "nobody", "a@b.example\r\nBcc: x@y.example"])
def test_a_new_address_that_cannot_be_read_comes_back_with_the_reason(site, name: str, typed: str) -> None:
    mine = fresh(site, site.reader(name))
    page = site.post(f"{mine}/address", {"email": typed})
    assert (page.status, 'id="email-problem">That is not an e-mail address' in page.text) == (422, True)
    own = site.post(f"{mine}/address", {"email": f"{name.upper()}@example.org"})
    assert (own.status, "That is your address already" in own.text) == (422, True)
    assert site.mails(name) == []


def test_what_waits_for_the_old_address_is_not_sent_with_links_that_are_void(
    site, postman: Postman, name: str
) -> None:
    reader, new = site.reader(name), f"{name}.new@example.org"
    site.post(f"{fresh(site, reader)}/address", {"email": new})
    path = site.linked(postman.newest(site, new, reader), Purpose.ADDRESS)
    site.post("/preferences", {"email": reader.address})
    site.post(path)
    postman.newest(site, new, reader)
    states = {
        (one.plan.kind, one.plan.matter): one.state
        for one in site.day.store.outbox.list(subscriber=reader.id)
    }
    assert states == {
        (DeliveryKind.CONFIRM, "address"): DeliveryState.SENT,
        (DeliveryKind.LINK, "settings"): DeliveryState.SUPPRESSED,
        (DeliveryKind.NOTICE, "address"): DeliveryState.SENT,
    }


def test_a_stranger_cannot_try_out_many_addresses(site, name: str) -> None:
    mine = fresh(site, site.reader(name))
    answers = [site.post(f"{mine}/address", {"email": f"{name}{n}@example.org"}) for n in range(6)]
    assert [one.status for one in answers] == [200] * 5 + [429]
