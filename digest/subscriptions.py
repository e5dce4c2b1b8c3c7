"""A subscription's life: ask -> confirm -> tune -> pause -> leave.

Rule 1. One address, one subscriber, compared without case.
Rule 2. Every way in (command line, configuration, import, web) goes through `Wish`, so all are checked alike.
Rule 3. A stranger changes nothing that is kept of a reader: only a signed link from their own mailbox does.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import structlog

from digest import address as addresses
from digest import languages
from digest.config import ReaderTable, Settings
from digest.errors import DocumentError, LinkError, UsageError
from digest.ingest.identity import names, resolve
from digest.ingest.ids import canonical_ids
from digest.ingest.references import references
from digest.links import Claim, Purpose
from digest.messages import asked_plan
from digest.model import UNSEEN, DeliveryKind, Interest, InterestKind, Subscriber, SubscriberState
from digest.service import Service
from digest.store import Limit, Mail

log = structlog.get_logger()

#: What an interest may look like; longer texts are abstracts pasted by mistake.
LONGEST_INTEREST = 300
#: What somebody writes about their work: an abstract or two.
LONGEST_TEXT = 2000
MOST_INTERESTS = 200
MOST_PAPERS = 50
#: Of a reading list, the newest so many become examples.
MOST_IMPORTED = 100

#: Sign-ups of one network, and mails to one address that nobody but its owner may have wanted.
PER_NETWORK = ((5, dt.timedelta(hours=1)),)
PER_ADDRESS = ((1, dt.timedelta(hours=24)), (3, dt.timedelta(days=30)))
#: Who does not confirm within this is forgotten.
PENDING_LIFETIME = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asked for; None leaves a setting as it is, or at its default."""

    name: str | None = None
    interests: tuple[str, ...] | None = None
    excludes: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    authors: tuple[str, ...] | None = None
    likes: tuple[str, ...] | None = None
    #: A paragraph about their work; empty takes it away.
    about: str | None = None
    timezone: str | None = None
    send_at: str | None = None
    days: str | None = None
    papers: int | None = None
    language: str | None = None

    def wanted(self) -> Iterator[tuple[InterestKind, tuple[str, ...]]]:
        """The kinds of interest that were given, with their texts."""
        given = (
            (InterestKind.PHRASE, self.interests),
            (InterestKind.EXCLUDE, self.excludes),
            (InterestKind.CATEGORY, self.categories),
            (InterestKind.AUTHOR, self.authors),
            (InterestKind.LIKE, self.likes),
            (InterestKind.TEXT, None if self.about is None else tuple(filter(str.strip, [self.about]))),
        )
        return ((kind, texts) for kind, texts in given if texts is not None)


def interest(kind: InterestKind, text: str) -> Interest:
    """`state space models=2` as a phrase of weight 2; UsageError for an unreadable one."""
    if kind is InterestKind.TEXT:
        return Interest(kind=kind, value=prose(text))
    phrase, divided, number = text.rpartition("=")
    if not divided:
        phrase, number = text, "1"
    value = " ".join(phrase.split())
    try:
        weight = float(number)
    except ValueError:
        value, weight = " ".join(text.split()), 1.0  # an "=" that is part of the phrase, as in P=NP
    if not 0 < weight <= 100:
        raise UsageError(f"the weight of an interest is above 0 and at most 100: {text!r}")
    if not value or len(value) > LONGEST_INTEREST or not value.isprintable():
        raise UsageError(f"an interest is 1 to {LONGEST_INTEREST} printable characters: {text[:60]!r}")
    if kind is InterestKind.LIKE:
        return Interest(kind=kind, value=example(text), weight=1.0)
    return Interest(kind=kind, value=value, weight=weight)


def prose(text: str) -> str:
    """A pasted paragraph on one line, without soft hyphens and the like; UsageError if it is too long, or empty."""
    value = " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())
    if not 0 < len(value) <= LONGEST_TEXT:
        raise UsageError(
            f"what you write about your work is 1 to {LONGEST_TEXT} characters, this is {len(value)}: {value[:60]!r}"
        )
    return value


def spelled(one: Interest) -> str:
    """The text that `interest` reads as this one."""
    return one.value if one.weight == 1 and "=" not in one.value else f"{one.value}={one.weight:g}"


def example(text: str) -> str:
    """The canonical id of an example paper, from an arXiv id, a DOI, or a link to either."""
    named = canonical_ids(text)
    if not named and not text.startswith("title:"):
        raise UsageError(f"an example is an arXiv id, a DOI or a link to one, as 2604.07429: {text[:60]!r}")
    return named[0] if named else text


def tuned(subscriber: Subscriber, wish: Wish, settings: Settings) -> Subscriber:
    """The subscriber with what was wished for; UsageError if any of it cannot be, and then nothing changes."""
    kept, schedule = list(subscriber.interests), subscriber.schedule
    for kind, texts in wish.wanted():
        kept = [i for i in kept if i.kind is not kind] + [interest(kind, text) for text in texts]
    if len(kept) > MOST_INTERESTS:
        raise UsageError(f"a subscriber has at most {MOST_INTERESTS} interests: {len(kept)}")
    if wish.papers is not None and not 1 <= wish.papers <= MOST_PAPERS:
        raise UsageError(f"a digest has 1 to {MOST_PAPERS} papers: {wish.papers}")
    if wish.language and wish.language not in (known := languages.codes()):
        raise UsageError(f"the languages are {', '.join(known)}: {wish.language!r}")
    if wish.name and (len(wish.name) > 100 or not wish.name.isprintable()):
        raise UsageError(f"a name is at most 100 printable characters: {wish.name[:40]!r}")
    return replace(
        subscriber,
        name=subscriber.name if wish.name is None else wish.name,
        interests=tuple(dict.fromkeys(kept)),
        schedule=settings.schedule.schedule(
            timezone=wish.timezone or schedule.timezone,
            send_at=wish.send_at or schedule.send_at.strftime("%H:%M"),
            days=wish.days or str(schedule.days),
        ),
        papers=wish.papers or subscriber.papers,
        language=wish.language or subscriber.language,
    )


def newcomer(address: str, settings: Settings, now: dt.datetime) -> Subscriber:
    """Somebody unknown until now, with the configured defaults, not confirmed."""
    return Subscriber(
        id=secrets.token_hex(8),
        address=addresses.normalised(address),
        state=SubscriberState.PENDING,
        schedule=settings.schedule.schedule(),
        papers=settings.digest.papers,
        language=settings.site.language,
        created_at=now,
    )


def add(day: Service, address: str, wish: Wish, now: dt.datetime, *, confirmed: bool) -> Subscriber:
    """Add a subscriber by the operator's hand. UsageError if the address is known already.

    In personal mode nobody could confirm by a link: whom the operator adds is confirmed. Elsewhere who is not
    is asked to, by mail.
    """
    subscriber = tuned(newcomer(address, day.settings, now), wish, day.settings)
    if day.store.subscribers.by_address(subscriber.address):
        raise UsageError(
            f"already a subscriber; `digest subscribers update` changes one: {subscriber.address!r}"
        )
    if confirmed or day.settings.site.personal:
        subscriber = replace(subscriber, state=SubscriberState.CONFIRMED, confirmed_at=now)
    keep(day, subscriber, now)
    return subscriber


def keep(day: Service, subscriber: Subscriber, now: dt.datetime) -> None:
    """Store a new subscriber; one who is pending is asked to confirm, where there is a page to do it on."""
    asked = subscriber.state is SubscriberState.PENDING and not day.settings.site.personal
    day.store.subscribers.add(subscriber, _answer(day, subscriber, now) if asked else None)


def with_references(day: Service, wish: Wish, text: str, suffix: str, now: dt.datetime) -> Wish:
    """The wish with the papers of a reading list as examples; UsageError if it cannot be read.

    `suffix` says what the text is: `.bib`, `.ris` or `.json`. The papers are kept, so that they can be compared with before any source speaks of them, but are no news. Of a
    long list the newest count.
    """
    try:
        entries = references(text, suffix.casefold())
    except DocumentError as error:
        raise UsageError(f"the reading list cannot be read: {error}") from None
    entries = sorted(entries, key=lambda one: one.published.year if one.published else 0, reverse=True)
    resolved = resolve(entries[:MOST_IMPORTED], day.store.papers.known(names(entries)), {}, now)
    papers = [replace(p, first_seen=UNSEEN) if p.first_seen == now else p for p in resolved.papers]
    day.store.papers.save(replace(resolved, papers=tuple(papers), mentions=()), now)
    ids = [entry.ids[0] for entry in entries[:MOST_IMPORTED]]
    return replace(wish, likes=tuple(dict.fromkeys([*(wish.likes or ()), *ids])))


def find(day: Service, who: str) -> Subscriber:
    """The subscriber with that address or id; UsageError if there is none."""
    subscribers = day.store.subscribers
    found = subscribers.by_address(who) if "@" in who else subscribers.get(who)
    if found is None:
        raise UsageError(f"no such subscriber; `digest subscribers list` shows them: {who!r}")
    return found


def update(day: Service, who: str, wish: Wish, *, confirmed: bool, now: dt.datetime) -> Subscriber:
    """Change a subscriber's settings by the operator's hand; `confirmed` also confirms or resumes them."""

    def decide(subscriber: Subscriber) -> Subscriber:
        changed = tuned(subscriber, wish, day.settings)
        if not confirmed:
            return changed
        return replace(changed, state=SubscriberState.CONFIRMED, confirmed_at=changed.confirmed_at or now)

    return _changed(day, find(day, who).id, decide)


def pause(day: Service, who: str) -> Subscriber:
    """No digests until `update --confirmed`."""

    def decide(subscriber: Subscriber) -> Subscriber:
        if subscriber.state is not SubscriberState.CONFIRMED:
            raise UsageError(
                f"only a confirmed subscriber can be paused, this one is {subscriber.state}: {who!r}"
            )
        return replace(subscriber, state=SubscriberState.PAUSED)

    return _changed(day, find(day, who).id, decide)


def _changed(day: Service, subscriber: str, decide: Callable[[Subscriber], Subscriber]) -> Subscriber:
    changed = day.store.subscribers.change(subscriber, decide)
    if changed is None:
        raise UsageError(f"no such subscriber any more; somebody removed it: {subscriber!r}")
    return changed


def sync_readers(day: Service, now: dt.datetime) -> None:
    """Bring the store in line with the `[[readers]]` of the configuration: new ones added, known ones updated.

    Readers taken out of the file are left as they are; `digest subscribers remove` ends them.
    """
    for table in day.settings.readers:
        wish = wish_of(table)
        if day.store.subscribers.by_address(table.address) is None:
            try:
                add(day, table.address, wish, now, confirmed=True)
            except UsageError:  # perhaps another process, started with the same file, was faster
                if day.store.subscribers.by_address(table.address) is None:
                    raise
        update(day, table.address, wish, confirmed=False, now=now)


def wish_of(table: ReaderTable) -> Wish:
    """A `[[readers]]` table as a wish; lists that are not there are empty."""
    return Wish(
        name=table.name,
        interests=table.interest,
        excludes=table.exclude,
        categories=table.category,
        authors=table.author,
        likes=table.like,
        about=table.about,
        timezone=table.timezone,
        send_at=table.send_at,
        days=table.days,
        papers=table.papers,
        language=table.language,
    )


# --- by the reader's own hand ---------------------------------------------------------------------


def ask(day: Service, address: str, wish: Wish, network: str, now: dt.datetime) -> dt.timedelta | None:
    """Somebody typed an address into the form: mail its owner a confirmation, or the link to their settings.

    None, and always alike, whether the address is new, known, suppressed or was written to too often: the
    difference goes by mail only. Otherwise how long this network has to wait. UsageError, and nothing is
    kept, if address or wish cannot be read.
    """
    subscriber = tuned(newcomer(address, day.settings, now), wish, day.settings)
    known = day.store.subscribers.by_address(subscriber.address)
    return _mail(day, known or subscriber, network, now)


def ask_again(day: Service, token: str, network: str, now: dt.datetime) -> dt.timedelta | None:
    """Mail a new confirmation to whom this link was mailed, expired or not; returns as `ask` does.

    LinkError if it is not ours, or its reader is gone.
    """
    return _mail(day, _bearer(day, day.links.claim(Purpose.CONFIRM, token)), network, now)


def _mail(day: Service, subscriber: Subscriber, network: str, now: dt.datetime) -> dt.timedelta | None:
    asking = Limit(key=day.links.fingerprint("network", network), rates=PER_NETWORK)
    return day.store.subscribers.ask(subscriber, _answer(day, subscriber, now), asking, now)


def _answer(day: Service, subscriber: Subscriber, now: dt.datetime) -> Mail | None:
    """What is mailed to somebody who asks; nothing if their address is suppressed."""
    suppressed = day.store.suppressions.has(subscriber.address)
    if suppressed or subscriber.state is SubscriberState.SUPPRESSED:
        return None
    known = subscriber.state in {SubscriberState.CONFIRMED, SubscriberState.PAUSED}
    kind = DeliveryKind.LINK if known else DeliveryKind.CONFIRM
    hashed = day.links.fingerprint("address", addresses.key(subscriber.address))
    return Mail(plan=asked_plan(day, kind, subscriber, now), limit=Limit(key=hashed, rates=PER_ADDRESS))


def bearer(day: Service, purpose: Purpose, token: str, now: dt.datetime) -> Subscriber:
    """Whose token it is; changes nothing.

    LinkError if it is forged, revoked or made for something else, or if its reader is gone; LinkExpired if
    it was ours, and its time is over.
    """
    return _bearer(day, day.links.read(purpose, token, now))


def _bearer(day: Service, claim: Claim) -> Subscriber:
    found = day.store.subscribers.get(claim.subscriber)
    if found is None or found.generation != claim.generation:
        raise LinkError("the link is revoked, or its reader is gone")
    return found


def confirm(day: Service, token: str, now: dt.datetime) -> Subscriber:
    """The reader of a confirmation wants it: digests come from now on, after a welcome. A second time changes nothing.

    Raises as `bearer` does.
    """
    reader = bearer(day, Purpose.CONFIRM, token, now)
    if reader.state is SubscriberState.SUPPRESSED or day.store.suppressions.has(reader.address):
        raise LinkError("the address is suppressed")

    def decide(subscriber: Subscriber) -> Subscriber:
        if subscriber.state in {SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED}:
            return replace(subscriber, state=SubscriberState.CONFIRMED, confirmed_at=now, starts_at=now)
        return subscriber

    confirmed = _by_link(day, reader, decide)
    if confirmed.state is SubscriberState.CONFIRMED and confirmed.confirmed_at == now:
        # Not in the same transaction: a kill in between costs a greeting, and nothing else.
        day.store.outbox.enqueue([asked_plan(day, DeliveryKind.WELCOME, confirmed, now)])
    return confirmed


def prefer(day: Service, token: str, wish: Wish, now: dt.datetime) -> Subscriber:
    """A reader's own change of their settings. Raises as `bearer` does, and UsageError as `tuned`."""
    reader = bearer(day, Purpose.PREFERENCES, token, now)
    return _by_link(day, reader, lambda subscriber: tuned(subscriber, wish, day.settings))


def unsubscribe(day: Service, token: str, now: dt.datetime) -> Subscriber | None:
    """No digest any more, at once; a second time changes nothing (RFC 8058). None if the reader is gone.

    LinkError if the token is forged, revoked or made for something else. It never expires.
    """
    reader = leaver(day, token, now)
    return _by_link(day, reader, left) if reader else None


def leaver(day: Service, token: str, now: dt.datetime) -> Subscriber | None:
    """Who would leave by that token; changes nothing, and otherwise as `unsubscribe`."""
    claim = day.links.read(Purpose.UNSUBSCRIBE, token, now)
    gone = day.store.subscribers.get(claim.subscriber) is None
    return None if gone else _bearer(day, claim)


def left(subscriber: Subscriber) -> Subscriber:
    """The subscriber without a subscription; one whose address is suppressed stays so, which is stronger."""
    if subscriber.state is SubscriberState.SUPPRESSED:
        return subscriber
    return replace(subscriber, state=SubscriberState.UNSUBSCRIBED)


def _by_link(day: Service, reader: Subscriber, decide: Callable[[Subscriber], Subscriber]) -> Subscriber:
    changed = day.store.subscribers.change(reader.id, decide)
    if changed is None:
        raise LinkError("the reader of the link is gone")
    if changed.state is not reader.state:
        log.info("subscription changed", subscriber=reader.id, state=changed.state)
    return changed


# --- by time --------------------------------------------------------------------------------------


def forget(day: Service, now: dt.datetime) -> int:
    """Forget those who were asked to confirm and did not for a week; how many."""
    longest = max(per for _, per in (*PER_NETWORK, *PER_ADDRESS))
    return day.store.subscribers.forget(now - PENDING_LIFETIME, now - longest)
