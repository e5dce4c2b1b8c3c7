"""A subscription's life in any order: whatever anybody does, nobody gets what they did not confirm."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from factories import a_listed
from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from digest import bounces, config, daily, deliver, subscriptions, web
from digest.bounces import Event
from digest.errors import LinkError, LinkExpired, UsageError
from digest.links import Claim, Purpose
from digest.messages import address_url, confirm_url
from digest.model import BounceClass, DeliveryKind, DeliveryState, Resolved, Subscriber, SubscriberState
from digest.service import open_service
from digest.subscriptions import Wish

NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
#: The first is theirs to begin with, the other one may become so.
ADDRESSES = ("vision@example.org", "robots@example.org")
CONFIRMED, PAUSED, LEFT = SubscriberState.CONFIRMED, SubscriberState.PAUSED, SubscriberState.UNSUBSCRIBED
PENDING, SUPPRESSED = SubscriberState.PENDING, SubscriberState.SUPPRESSED


class Life(RuleBasedStateMachine):
    """Anything that anybody can do, in any order, against what should be true of one address."""

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        folder = Path(self.open.enter_context(tempfile.TemporaryDirectory()))
        made = config.Settings.model_validate(
            {"site": {"url": "https://digest.example.org", "secret": "s"}, "directory": folder}
        )
        self.database = folder / "digest.db"
        self.day = self.open.enter_context(open_service(made))
        self.pages = web.app(self.day, lambda: self.now, lambda: True)
        self.transport = deliver.transport(self.day.settings.mail, folder / "outbox")
        self.now = NOW
        self.papers = 0
        #: What should be true.
        self.address, self.other = ADDRESSES
        self.state: SubscriberState | None = None
        self.blocks: set[str] = set()
        self.generation = 1
        self.confirmed_at: dt.datetime | None = None
        self.agreed: list[dt.datetime] = []
        #: Mails that somebody's typing led to, by address; and how many of them were deleted with their reader.
        self.mailed_at: dict[str, list[dt.datetime]] = {one: [] for one in ADDRESSES}
        self.deleted = 0
        #: When each link to confirm was mailed, its generation, and its token.
        self.asked: list[tuple[dt.datetime, int, str]] = []

    def teardown(self) -> None:
        self.open.close()

    # --- what is so ---

    @property
    def blocked(self) -> bool:
        return self.address in self.blocks

    def may_be_mailed(self, address: str) -> bool:
        """Whether an address may be written to because somebody typed it."""
        due = [at for at in self.mailed_at[address] if at > self.now - 30 * DAY]
        lately = any(at > self.now - DAY for at in due)
        return not (address in self.blocks or lately or len(due) >= 3)

    @property
    def reader(self) -> Subscriber:
        found = self.day.store.subscribers.by_address(self.address)
        assert found
        return found

    def token(self, purpose: Purpose, generation: int | None = None) -> str:
        one = self.reader
        claim = Claim(purpose=purpose, subscriber=one.id, generation=generation or one.generation)
        return self.day.links.token(claim)

    def everything(self) -> list[str]:
        with closing(sqlite3.connect(self.database)) as database:
            return list(database.iterdump())

    def digests(self) -> int:
        """How many were handed over."""
        sent = self.day.store.outbox.list(DeliveryState.SENT)
        return sum(row.plan.kind is DeliveryKind.DIGEST for row in sent)

    # --- what may happen ---

    @rule(minutes=st.integers(1, 3000))
    def time_passes(self, minutes: int) -> None:
        self.now += dt.timedelta(minutes=minutes)

    @rule(network=st.integers(1, 1000))
    def somebody_asks(self, network: int) -> None:
        subscriptions.ask(self.day, self.address, Wish(), f"net {network} {self.now}", self.now)
        if self.state is SUPPRESSED or not self.may_be_mailed(self.address):
            return
        self.mailed_at[self.address].append(self.now)
        self.state = self.state or PENDING
        if self.state in {PENDING, LEFT}:
            newest = self.day.store.outbox.list(limit=1)[0].plan
            self.asked.append((self.now, self.generation, confirm_url(self.day, newest).rpartition("/")[2]))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def a_link_is_confirmed(self, data: st.DataObject) -> None:
        at, generation, token = data.draw(st.sampled_from(self.asked))
        if self.now >= at + 2 * DAY:
            with pytest.raises(LinkExpired):
                subscriptions.confirm(self.day, token, self.now)
        elif generation != self.generation or self.blocked or self.state is SUPPRESSED:
            with pytest.raises(LinkError):
                subscriptions.confirm(self.day, token, self.now)
        else:
            subscriptions.confirm(self.day, token, self.now)
            if self.state in {PENDING, LEFT}:
                self.state, self.confirmed_at = CONFIRMED, self.now
                self.agreed.append(self.now)

    @precondition(lambda self: self.state)
    @rule()
    def the_reader_leaves(self) -> None:
        subscriptions.unsubscribe(self.day, self.token(Purpose.UNSUBSCRIBE), self.now)
        self.state = self.state if self.state is SUPPRESSED else LEFT

    @precondition(lambda self: self.state)
    @rule(papers=st.integers(1, 50))
    def the_reader_tunes(self, papers: int) -> None:
        token = self.token(Purpose.PREFERENCES)
        assert subscriptions.prefer(self.day, token, Wish(papers=papers), self.now).papers == papers

    @precondition(lambda self: self.state)
    @rule()
    def the_operator_pauses(self) -> None:
        if self.state is CONFIRMED:
            subscriptions.pause(self.day, self.address, self.now)
            self.state = PAUSED
        else:
            with pytest.raises(UsageError):
                subscriptions.pause(self.day, self.address, self.now)

    @precondition(lambda self: self.state is PAUSED)
    @rule()
    def the_operator_resumes(self) -> None:
        subscriptions.update(self.day, self.address, Wish(), confirmed=True, now=self.now)
        self.state = CONFIRMED

    @precondition(lambda self: self.state)
    @rule(complaint=st.booleans())
    def a_mail_comes_back(self, complaint: bool) -> None:
        meaning = BounceClass.COMPLAINT if complaint else BounceClass.HARD
        event = Event(id=f"{self.now} {meaning}", meaning=meaning, recipient=self.address, at=self.now)
        if bounces.hear(self.day, event, self.now).decision is None:
            return  # told before
        self.blocks.add(self.address)
        if self.state is not SUPPRESSED:
            self.state = LEFT if complaint else SUPPRESSED

    @precondition(lambda self: self.state)
    @rule()
    def the_reader_moves(self) -> None:
        """The other address says yes at once, if it is asked."""
        before, waiting = self.reader, self.day.store.outbox.list(limit=1)
        wait = subscriptions.ask_move(self.day, self.token(Purpose.MINE), self.other, self.now)
        asked = self.day.store.outbox.list(limit=1)
        if wait or not self.may_be_mailed(self.other):
            assert asked == waiting
            return
        self.mailed_at[self.other].append(self.now)
        token = address_url(self.day, asked[0].plan).rpartition("/")[2]
        for _ in range(2):
            assert subscriptions.move(self.day, token, self.now).address == self.other
        self.address, self.other = self.other, self.address
        self.generation += 1
        assert self.reader.id == before.id
        assert self.day.store.subscribers.by_address(self.other) is None

    @precondition(lambda self: self.state)
    @rule()
    def the_reader_deletes_everything(self) -> None:
        token, links = self.token(Purpose.MINE), self.asked
        mails = Counter(row.plan.kind for row in self.day.store.outbox.list())
        for _ in range(2):
            subscriptions.delete(self.day, token, self.now)
        for _, _, link in links:
            with pytest.raises((LinkError, LinkExpired)):
                subscriptions.confirm(self.day, link, self.now)
        if not self.blocks:  # of those a hash remains, and what an operator wrote down
            assert not any(one in line for one in ADDRESSES for line in self.everything())
        self.deleted += mails[DeliveryKind.CONFIRM] + mails[DeliveryKind.LINK]
        self.state, self.confirmed_at, self.generation = None, None, 1
        self.agreed, self.asked = [], []

    @precondition(lambda self: self.state)
    @rule()
    def all_links_are_revoked(self) -> None:
        self.day.store.subscribers.change(
            self.reader.id, lambda one: replace(one, generation=one.generation + 1), self.now
        )
        self.generation += 1

    @precondition(lambda self: self.generation > 1)
    @rule(data=st.data(), purpose=st.sampled_from([p for p in Purpose if p is not Purpose.CONFIRM]))
    def a_revoked_link_is_used(self, data: st.DataObject, purpose: Purpose) -> None:
        token = self.token(purpose, data.draw(st.integers(1, self.generation - 1)))
        with pytest.raises(LinkError):
            subscriptions.bearer(self.day, purpose, token, self.now)
        with pytest.raises(LinkError):
            subscriptions.unsubscribe(self.day, token, self.now)

    @precondition(lambda self: self.state)
    @rule(method=st.sampled_from(["GET", "HEAD"]))
    def a_scanner_opens_every_link(self, method: str) -> None:
        links = [f"/{purpose}/{self.token(purpose)}" for purpose in Purpose if purpose is not Purpose.CONFIRM]
        before = self.everything()
        for path in (*links, *(f"/confirm/{token}" for _, _, token in self.asked), "/", "/privacy"):
            # Elsewhere, since a browser of another test may keep a loop running in this thread.
            with ThreadPoolExecutor(1) as elsewhere:
                elsewhere.submit(asyncio.run, self.open_page(method, path)).result()
        assert self.everything() == before

    async def open_page(self, method: str, path: str) -> None:
        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b""}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                assert message["status"] in {200, 404, 410}

        scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
        scope |= {"client": ("192.0.2.1", 1), "scheme": "https", "http_version": "1.1"}
        await self.pages(scope, receive, send)

    @rule()
    def the_day_is_done(self) -> None:
        """There is news, and what is due is prepared and delivered."""
        self.papers += 1
        listed = a_listed(self.papers, first_seen=self.now)
        found = Resolved(papers=(listed.paper,), mentions=listed.mentions, joined={})
        self.day.store.papers.save(found, self.now)
        daily.publish(self.day, self.now)
        prepared = daily.prepare_due(self.day, self.now).prepared
        assert self.state is CONFIRMED or not prepared
        self.what_waits_is_delivered()

    @rule()
    def what_waits_is_delivered(self) -> None:
        before = self.digests()
        daily.deliver_due(self.day, self.transport, self.now)
        assert self.state is CONFIRMED or self.digests() == before

    # --- what is always true ---

    @invariant()
    def the_subscription_is_as_it_should_be(self) -> None:
        found = self.day.store.subscribers.by_address(self.address)
        assert (found.state if found else None) == self.state
        if found:
            assert found.confirmed_at == self.confirmed_at

    @invariant()
    def each_confirmation_has_its_consent_and_nothing_else_has(self) -> None:
        kept = self.day.store.consents.of(self.reader.id) if self.state else []
        assert [one.confirmed_at for one in kept if one.confirmed_at] == self.agreed
        assert len([one for one in kept if not one.confirmed_at]) <= len(self.asked)

    @invariant()
    def nobody_was_written_to_too_often(self) -> None:
        kinds = Counter(row.plan.kind for row in self.day.store.outbox.list())
        mailed = sum(map(len, self.mailed_at.values()))
        assert self.deleted + kinds[DeliveryKind.CONFIRM] + kinds[DeliveryKind.LINK] == mailed


Life.TestCase.settings = profile(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_a_subscriptions_life_in_any_order = Life.TestCase
