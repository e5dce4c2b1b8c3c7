"""A subscription's life over HTTP and SMTP, what it must and must not let happen, on both databases.

The pages are the real ones on loopback, mails leave through a real relay, and the clock is ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email
import email.policy
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from databases import new_database
from factories import a_pick
from letters import letter
from sqlalchemy import NullPool, create_engine, inspect, text

from digest import bounces, daily, deliver
from digest.bounces import Fate
from digest.links import Links, Purpose
from digest.messages import digest_plan
from digest.model import DeliveryKind, DeliveryState, Digest, Due, SubscriberState

SCANNERS = ("Mozilla/5.0 (compatible; SafeLinks)", "Barracuda Sentinel (EE)", "curl/8", "")
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@dataclass
class Relay:
    """Takes every message and keeps it, with its envelope's sender."""

    port: int = 0
    kept: list[tuple[str, EmailMessage]] = field(default_factory=list)
    #: Done when a message was taken, before it is answered.
    meanwhile: Callable[[], None] = lambda: None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        message = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
        self.kept.append((envelope.mail_from or "", message))
        await asyncio.to_thread(self.meanwhile)
        return "250 kept"

    def to(self, name: str) -> list[EmailMessage]:
        """The messages to somebody, in order."""
        return [message for _, message in self.kept if message["To"] == f"{name}@example.org"]


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        handler = Relay(free.getsockname()[1])
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    yield handler
    controller.stop()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request, install, relay: Relay, tmp_path_factory):
    """An installation, and the environment that its commands run in."""
    environment = {
        "DIGEST_MAIL__TRANSPORT": "smtp",
        "DIGEST_MAIL__HOST": "127.0.0.1",
        "DIGEST_MAIL__PORT": str(relay.port),
        "DIGEST_MAIL__SECURITY": "none",
        "DIGEST_MAIL__CONNECTIONS": "1",
        "DIGEST_MAIL__BOUNCE_ADDRESS": "bounces@example.org",
        "DIGEST_MAIL__UNSUBSCRIBE_MAILBOX": "leave@example.org",
    }
    with contextlib.ExitStack() as open_:
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres")
            environment["DIGEST_DATABASE__URL"] = open_.enter_context(new_database(server))
        folder = tmp_path_factory.mktemp(request.param)
        yield open_.enter_context(install(folder, environment=environment)), environment


@pytest.fixture
def site(running, relay: Relay):
    site, _ = running
    # Later than any test before: nobody waits for what another one counted, and what it left is over.
    site.clock.now += 31 * DAY
    relay.meanwhile = lambda: None
    send(site)
    relay.kept.clear()
    return site


@pytest.fixture
def name() -> str:
    """Somebody whom no other test knows."""
    return f"n{os.urandom(6).hex()}"


def rows(site) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    engine = create_engine(site.day.settings.database_url, poolclass=NullPool)
    with engine.connect() as connection:
        return {
            table: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {table}"))), key=repr)
            for table in inspect(connection).get_table_names()
        }


def send(site) -> Counter[DeliveryState]:
    """Deliver what is due."""
    settings = site.day.settings
    return daily.deliver_due(
        site.day, deliver.transport(settings.mail, settings.outbox_directory), site.clock.now
    )


def path(mail: EmailMessage, purpose: Purpose) -> str:
    """Where a mail's link for that purpose leads."""
    body = mail.get_body(("plain",))
    assert body
    found = re.search(rf"http://[^/\s]+(/{purpose}/\S+)", body.get_content())
    assert found, body.get_content()
    return found[1]


def ask(site, name: str, **headers: str):
    return site.post("/subscribe", {"email": f"{name}@example.org"}, **headers)


def confirmation(site, relay: Relay, name: str) -> str:
    """Ask, and the path that the mail leads to."""
    assert ask(site, name).status == 200
    send(site)
    return path(relay.to(name)[-1], Purpose.CONFIRM)


def subscribed(site, relay: Relay, name: str) -> EmailMessage:
    """Ask and confirm; the welcome, which holds a reader's links."""
    assert site.post(confirmation(site, relay, name)).status == 200
    send(site)
    return relay.to(name)[-1]


def prepared(site, names: list[str]) -> str:
    """A digest of today for each, in the outbox; its date."""
    edition, date = site.day.store.editions.latest(), site.clock.now.date()
    picks = tuple(a_pick(listed) for listed in edition.papers[:3])
    readers = [site.day.store.subscribers.by_address(f"{name}@example.org") for name in names]
    digests = [Digest(subscriber=one, edition=edition.id, picks=picks, also_trending=()) for one in readers]
    due = Due(date=date, at=site.clock.now)
    site.day.store.outbox.enqueue([digest_plan(site.day, one, due, site.clock.now) for one in digests])
    return date.isoformat()


def state(site, name: str) -> SubscriberState:
    found = site.day.store.subscribers.by_address(f"{name}@example.org")
    assert found
    return found.state


# --- links ----------------------------------------------------------------------------------------


def test_scanners_open_every_link_fifty_times_at_once_and_nothing_happens(site, relay, name: str) -> None:
    welcome = subscribed(site, relay, name)
    waiting = confirmation(site, relay, f"{name}w")
    paths = [waiting, *(path(welcome, purpose) for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES))]
    before, mails = rows(site), len(relay.kept)

    def scan(number: int) -> set[int]:
        agent = SCANNERS[number % len(SCANNERS)]
        return {site.ask(method, one, User_Agent=agent).status for one in paths for method in ("GET", "HEAD")}

    with ThreadPoolExecutor(8) as scanners:
        assert list(scanners.map(scan, range(50))) == [{200}] * 50
    assert (rows(site), len(relay.kept)) == (before, mails)
    assert site.post(waiting).status == 200
    assert state(site, f"{name}w") is SubscriberState.CONFIRMED


MULTIPART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"List-Unsubscribe=One-Click", {"Content_Type": "application/x-www-form-urlencoded"}),
        (b"List-Unsubscribe=One-Click&x=1", {"Content_Type": "application/x-www-form-urlencoded"}),
        (MULTIPART, {"Content_Type": "multipart/form-data; boundary=b"}),
        (b"", {}),
        (b"", {"Origin": "https://mail.example.net", "Sec_Fetch_Site": "cross-site"}),
    ],
    ids=["urlencoded", "extra fields", "multipart", "empty", "from another site"],
)
def test_a_bare_post_unsubscribes_once_and_for_all(
    site, relay, name: str, body: bytes, headers: dict[str, str]
) -> None:
    subscribed(site, relay, name)
    digest = prepared(site, [name])
    send(site)
    (listed,) = [mail for mail in relay.to(name) if mail["X-Digest-Date"] == digest]
    (url,) = re.findall("<(http[^>]+)>", listed["List-Unsubscribe"])
    first = site.post(urlsplit(url).path, body, **headers)
    after = rows(site)
    second = site.post(urlsplit(url).path, body, **headers)
    assert (first.status, second.status) == (200, 200)
    assert "location" not in first.headers
    assert "set-cookie" not in first.headers
    assert state(site, name) is SubscriberState.UNSUBSCRIBED
    assert rows(site) == after


def test_a_link_of_another_list_or_with_a_bit_flipped_leads_nowhere(site, relay, name: str) -> None:
    subscribed(site, relay, name)
    ours = path(relay.to(name)[-1], Purpose.UNSUBSCRIBE).rpartition("/")[2]
    claim = site.day.links.claim(Purpose.UNSUBSCRIBE, ours)
    other = Links(base=site.url, secrets=("the secret of another list",)).token(claim)
    flipped = [ours[:at] + chr(ord(ours[at]) ^ 1) + ours[at + 1 :] for at in range(len(ours))]
    nowhere, before = site.get("/nowhere"), rows(site)
    for wrong in (other, *flipped):
        answer = site.post(f"/unsubscribe/{wrong}")
        assert (answer.status, answer.body) == (404, nowhere.body)
    assert rows(site) == before


# --- confirming -----------------------------------------------------------------------------------


def consents(site, name: str) -> list[dt.datetime | None]:
    """When each consent was confirmed."""
    reader = site.day.store.subscribers.by_address(f"{name}@example.org")
    return [consent.confirmed_at for consent in site.day.store.consents.of(reader.id)]


def test_confirming_twice_is_confirming_once(site, relay, name: str) -> None:
    link = confirmation(site, relay, name)
    first = site.post(link)
    after = rows(site)
    site.clock.now += HOUR
    second = site.post(link)
    assert (first.status, second.status) == (200, 200)
    assert rows(site) == after
    assert consents(site, name) == [site.clock.now - HOUR]


def test_after_its_time_a_link_offers_a_new_one(site, relay, name: str) -> None:
    link = confirmation(site, relay, name)
    site.clock.now += 2 * DAY
    for answer in (site.get(link), site.post(link)):
        assert answer.status == 410
        assert "Send me a new link" in answer.text
    assert state(site, name) is SubscriberState.PENDING
    assert site.post(f"{link}/again").status == 200
    send(site)
    assert site.post(path(relay.to(name)[-1], Purpose.CONFIRM)).status == 200
    assert state(site, name) is SubscriberState.CONFIRMED


def test_confirming_after_leaving_is_a_consent_of_its_own(site, relay, name: str) -> None:
    link = confirmation(site, relay, name)
    site.post(link)
    send(site)
    agreed = site.clock.now
    site.post(path(relay.to(name)[-1], Purpose.UNSUBSCRIBE))
    site.clock.now += HOUR
    assert site.post(link).status == 200
    assert consents(site, name) == [agreed, agreed + HOUR]


# --- asking ---------------------------------------------------------------------------------------


def test_a_thousand_sign_ups_for_one_address_from_a_thousand_networks_are_one_mail(
    site, relay, name: str
) -> None:
    def attack(number: int) -> tuple[int, bytes]:
        answer = ask(site, name, X_Forwarded_For=f"10.{number // 250}.{number % 250}.1")
        return answer.status, answer.body

    with ThreadPoolExecutor(4) as crowd:
        answers = set(crowd.map(attack, range(1000)))
    assert len(answers) == 1
    assert {status for status, _ in answers} == {200}
    send(site)
    assert len(relay.to(name)) == 1


def test_a_hundred_addresses_from_one_network_are_five_mails(site, relay, name: str) -> None:
    answers = [ask(site, f"{name}{number}", X_Forwarded_For="203.0.113.7") for number in range(100)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 95
    assert 0 < int(answers[-1].headers["retry-after"]) <= 3600
    assert "Please come back later" in answers[-1].text
    send(site)
    assert len(relay.kept) == 5


@pytest.mark.parametrize(
    "typed",
    ["a@b.example\r\nBcc: x@y.example", f"{'a' * 64}@{'b' * 180}.example.org", '"<script>"@x.example.org'],
)
def test_an_address_that_could_harm_is_refused(site, relay, typed: str) -> None:
    before = rows(site)
    answer = site.post("/subscribe", {"email": typed})
    assert answer.status == 422
    assert "<script" not in answer.text
    assert (rows(site), send(site).total(), relay.kept) == (before, 0, [])


def test_a_domain_of_any_script_is_ascii_on_the_wire(site, relay, name: str) -> None:
    site.post("/subscribe", {"email": f"{name}@Bücher.example"})
    send(site)
    ((_, mail),) = relay.kept
    assert mail["To"] == f"{name}@xn--bcher-kva.example"


def test_an_address_is_one_subscriber_however_it_is_spelt(site, relay, name: str) -> None:
    for typed in (f"{name.upper()}@Example.org", f"{name}@example.ORG"):
        site.post("/subscribe", {"email": typed})
    send(site)
    assert len(relay.kept) == 1
    assert [one.address for one in site.day.store.subscribers.list() if name in one.address.lower()] == [
        f"{name.upper()}@example.org"
    ]


def test_another_sites_page_may_do_nothing_but_unsubscribe(site, relay, name: str) -> None:
    welcome = subscribed(site, relay, name)
    before = rows(site)
    foreign = {"Origin": "https://evil.example.net"}
    form = {"rhythm": "days", "days": "mon", "send_at": "06:00", "timezone": "UTC", "papers": "3"}
    preferences = path(welcome, Purpose.PREFERENCES)
    assert site.post(preferences, form, **foreign).status == 403
    assert ask(site, f"{name}x", **foreign).status == 403
    assert rows(site) == before
    assert site.post(path(welcome, Purpose.UNSUBSCRIBE), **foreign).status == 200
    assert state(site, name) is SubscriberState.UNSUBSCRIBED


# --- sending --------------------------------------------------------------------------------------


def test_who_leaves_while_the_run_is_sending_is_not_written_to(site, relay, name: str) -> None:
    names = [f"{name}{number}" for number in range(3)]
    welcomes = {one: subscribed(site, relay, one) for one in names}
    digest = prepared(site, names)
    relay.kept.clear()
    left: list[str] = []

    def leave() -> None:
        """When the first one's digest was taken, everybody else leaves."""
        if not left:
            ((_, first),) = relay.kept
            left.extend(one for one in names if f"{one}@example.org" != first["To"])
            for one in left:
                assert site.post(path(welcomes[one], Purpose.UNSUBSCRIBE)).status == 200

    relay.meanwhile = leave
    send(site)
    assert [mail["X-Digest-Date"] for _, mail in relay.kept] == [digest]
    assert len(left) == 2


def test_a_kill_between_the_relays_answer_and_ours_repeats_one_message_at_most(
    site, running, relay, name: str
) -> None:
    _, environment = running
    names = [f"{name}{number}" for number in range(3)]
    for one in names:
        subscribed(site, relay, one)
    digest = prepared(site, names)
    relay.kept.clear()
    command = [sys.executable, "-m", "digest", "--config", str(site.folder / "digest.toml"), "run", "--now"]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
    with subprocess.Popen(
        [*command, site.clock.now.isoformat()],
        env=inherited | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        killed = threading.Event()

        def kill() -> None:
            if not killed.is_set():
                killed.set()
                os.kill(process.pid, signal.SIGKILL)

        relay.meanwhile = kill
        process.wait(timeout=120)
    assert killed.is_set()
    again = subprocess.run(
        [*command, (site.clock.now + HOUR).isoformat()],
        env=inherited | environment,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert again.returncode == 0, again.stderr
    copies = Counter(mail["Message-ID"] for _, mail in relay.kept if mail["X-Digest-Date"] == digest)
    assert len(copies) == 3
    assert copies.total() <= 4


# --- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "fate", "follows"),
    [
        ("postfix-5.1.1", Fate.COUNTED, SubscriberState.SUPPRESSED),
        ("gmail-5.1.1", Fate.COUNTED, SubscriberState.SUPPRESSED),
        ("exchange-5.1.10", Fate.COUNTED, SubscriberState.SUPPRESSED),
        ("ses-5.1.1", Fate.COUNTED, SubscriberState.SUPPRESSED),
        ("exchange-deutsch-5.2.2", Fate.COUNTED, SubscriberState.CONFIRMED),
        ("gmail-5.2.2", Fate.COUNTED, SubscriberState.CONFIRMED),
        ("postfix-4.2.2", Fate.COUNTED, SubscriberState.CONFIRMED),
        ("relayed", Fate.IDLE, SubscriberState.CONFIRMED),
        ("arf-abuse", Fate.COUNTED, SubscriberState.UNSUBSCRIBED),
        ("a-person", Fate.UNKNOWN, SubscriberState.CONFIRMED),
    ],
)
def test_what_comes_back_is_followed(
    site, relay, name: str, document: str, fate: Fate, follows: SubscriberState
) -> None:
    subscribed(site, relay, name)
    sender = next(sender for sender, mail in relay.kept if mail["To"] == f"{name}@example.org")
    token = path(relay.to(name)[-1], Purpose.UNSUBSCRIBE).rpartition("/")[2]
    raw = letter(document, sender, f"{name}@example.org", token, mark=name)
    assert bounces.read(site.day, raw, site.clock.now).fate is fate
    assert state(site, name) is follows


# --- what is told ---------------------------------------------------------------------------------


def test_no_log_names_anybody_or_holds_a_link(site, relay, name: str, logged) -> None:
    """A whole life, with everything in it that is logged."""
    welcome = subscribed(site, relay, name)
    tokens = {path(mail, purpose) for mail, purpose in (
        (relay.to(name)[0], Purpose.CONFIRM),
        (welcome, Purpose.PREFERENCES),
        (welcome, Purpose.UNSUBSCRIBE),
    )}  # fmt: skip
    site.post("/subscribe", {"email": f"{name}@"})
    site.post(path(welcome, Purpose.PREFERENCES), {"rhythm": "days"}, Origin="https://evil.example.net")
    site.get(path(welcome, Purpose.PREFERENCES) + "x")
    site.ask("DELETE", path(welcome, Purpose.UNSUBSCRIBE))
    clock, site.clock.now = site.clock.now, None  # a defect: nothing can be decided without a time
    assert site.get(path(welcome, Purpose.PREFERENCES)).status == 500
    site.clock.now = clock
    sender = next(sender for sender, mail in relay.kept if mail["To"] == f"{name}@example.org")
    bounces.read(site.day, letter("postfix-5.1.1", sender, f"{name}@example.org", mark=name), clock)
    bounces.read(site.day, letter("postfix-5.1.1", "bounces+dx@example.org", f"{name}@example.org"), clock)
    site.post(path(welcome, Purpose.UNSUBSCRIBE))
    said = logged()
    assert "subscription changed" in said
    assert "Traceback" in said
    assert name not in said
    for one in tokens:
        assert one.rpartition("/")[2] not in said
    assert {DeliveryKind.CONFIRM, DeliveryKind.WELCOME} == {
        row.plan.kind for row in site.day.store.outbox.list() if row.plan.reader.address.startswith(name)
    }
