"""By the operator's hand: added, changed, paused, kept in step with the configuration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import structlog

from digest import languages
from digest.errors import DocumentError, UsageError
from digest.ingest.identity import names, resolve
from digest.ingest.references import references
from digest.model import UNSEEN, Consent, ConsentMethod, Subscriber, SubscriberState
from digest.service import Service
from digest.subscriptions.asking import answer
from digest.subscriptions.consenting import vouched, wording
from digest.subscriptions.deleting import deletion, refuse_deleted
from digest.subscriptions.wishes import Wish, newcomer, tuned, wish_of

log = structlog.get_logger()

#: Of a reading list, the newest so many become examples.
MOST_IMPORTED = 100


def add(
    day: Service,
    address: str,
    wish: Wish,
    now: dt.datetime,
    *,
    confirmed: bool,
    method: ConsentMethod = ConsentMethod.OPERATOR,
    basis: str = "",
) -> Subscriber:
    """Add a subscriber by the operator's hand; `basis` says what their agreement rests on.

    UsageError if the address is known already, or was deleted; TooOften if it may not be mailed yet.

    In personal mode nobody could confirm by a link: whom the operator adds is confirmed. Elsewhere who is not
    is asked to, by mail.
    """
    subscriber = tuned(newcomer(address, day.settings, now), wish, day.settings)
    if day.store.subscribers.by_address(subscriber.address):
        raise UsageError(
            f"already a subscriber; `digest subscribers update` changes one: {subscriber.address!r}"
        )
    if confirmed or day.settings.site.personal:
        refuse_deleted(day, subscriber.address, now)
        subscriber = replace(subscriber, state=SubscriberState.CONFIRMED, confirmed_at=now)
    keep(day, subscriber, vouched(method, now, basis))
    return subscriber


def keep(day: Service, subscriber: Subscriber, basis: Consent) -> None:
    """Store a new subscriber with what a consent of theirs rests on.

    One who is pending is asked to confirm instead, where there is a page to do it on.
    """
    site = day.settings.site
    if subscriber.state is SubscriberState.PENDING and not site.personal:
        day.store.subscribers.add(subscriber, answer(day, subscriber, _asked(day, subscriber, basis)))
    else:
        day.store.subscribers.add(subscriber, consent=basis if subscriber.confirmed_at else None)


def _asked(day: Service, subscriber: Subscriber, basis: Consent) -> Consent:
    """What they are asked to confirm."""
    said = wording(day.settings.site, languages.of(subscriber.language))
    return replace(basis, wording=said, confirmed_at=None)


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


def update(
    day: Service,
    who: str,
    wish: Wish,
    *,
    confirmed: bool,
    now: dt.datetime,
    check: Callable[[Subscriber], None] | None = None,
) -> Subscriber:
    """Change a subscriber's settings by the operator's hand; `confirmed` also confirms or resumes them.

    `check` is given the subscriber as they are before; if it raises, nothing changes.
    """

    def decide(subscriber: Subscriber) -> Subscriber:
        if check:
            check(subscriber)
        changed = tuned(subscriber, wish, day.settings)
        if not confirmed:
            return changed
        left = subscriber.state is SubscriberState.UNSUBSCRIBED
        since = now if left else subscriber.confirmed_at or now
        return replace(changed, state=SubscriberState.CONFIRMED, confirmed_at=since, departure=None)

    return _changed(day, find(day, who).id, decide, now, vouched(ConsentMethod.OPERATOR, now))


def pause(day: Service, who: str, now: dt.datetime) -> Subscriber:
    """No digests until `resume`."""

    def decide(subscriber: Subscriber) -> Subscriber:
        if subscriber.state is not SubscriberState.CONFIRMED:
            raise UsageError(
                f"only a confirmed subscriber can be paused, this one is {subscriber.state}: {who!r}"
            )
        return replace(subscriber, state=SubscriberState.PAUSED)

    return _changed(day, find(day, who).id, decide, now)


def resume(day: Service, who: str, now: dt.datetime) -> Subscriber:
    """Digests again for one who was paused, or whose address was suppressed and no longer is."""
    found = find(day, who)
    if day.store.suppressions.has(found.address):
        raise UsageError(f"the address is suppressed; take it off that list first: {who!r}")

    def decide(subscriber: Subscriber) -> Subscriber:
        schedule = subscriber.schedule
        stopped = subscriber.state in {SubscriberState.PAUSED, SubscriberState.SUPPRESSED}
        if not (stopped or (schedule.paused_until and subscriber.state is SubscriberState.CONFIRMED)):
            raise UsageError(
                f"only a paused subscriber can be resumed, this one is {subscriber.state}: {who!r}"
            )
        if subscriber.confirmed_at is None:
            raise UsageError(f"they never confirmed, and only they or a stated basis can: {who!r}")
        return replace(
            subscriber,
            state=SubscriberState.CONFIRMED,
            schedule=replace(schedule, paused_until=None),
        )

    return _changed(day, found.id, decide, now)


def mail_link(day: Service, who: str, now: dt.datetime) -> bool:
    """Mail a subscriber the link to their settings, or to confirm; False if they were mailed one today."""
    subscriber = find(day, who)
    if day.settings.site.personal:
        raise UsageError("a mail that leads to a page needs site.url")
    mail = answer(day, subscriber, _asked(day, subscriber, vouched(ConsentMethod.OPERATOR, now)))
    if mail is None or subscriber.state is SubscriberState.UNSUBSCRIBED:
        raise UsageError(f"they left, or their address is suppressed; nothing is mailed to them: {who!r}")
    return day.store.outbox.enqueue([mail.plan]) > 0


def _changed(
    day: Service,
    subscriber: str,
    decide: Callable[[Subscriber], Subscriber],
    now: dt.datetime,
    consent: Consent | None = None,
) -> Subscriber:
    changed = day.store.subscribers.change(subscriber, decide, now, consent=consent)
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
            if deletion(day, table.address, now):
                log.warning("reader left out", reason="deleted; take them out of [[readers]]")
                continue
            try:
                add(day, table.address, wish, now, confirmed=True, method=ConsentMethod.CONFIGURATION)
            except UsageError:  # perhaps another process, started with the same file, was faster
                if day.store.subscribers.by_address(table.address) is None:
                    raise
        update(day, table.address, wish, confirmed=False, now=now)
