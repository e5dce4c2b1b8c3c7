"""Whoever runs this is told: what is broken at once, once a day each; and what yesterday was, once.

Rule 1. A letter is no delivery: it goes out while everything is held, and to nobody but them.
Rule 2. It is kept before it is sent, so that whichever process looks first writes it, and any sends it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import structlog

from digest import deliver
from digest.errors import DeliveryError
from digest.model import Content, DayReport, DeliveryKind, Message, Plan, Reader, SubscriberState, Verdict
from digest.operating.judging import Need, judge
from digest.operating.vitals import DAY, Vitals, standings, vitals
from digest.service import Service
from digest.store import Letter

log = structlog.get_logger()

#: What a report is known by.
REPORT = "report"


def attend(day: Service, now: dt.datetime) -> tuple[Need, ...]:
    """Look, tell whoever runs this what they were not told yet, and return what is broken."""
    found = vitals(day, now)
    needs = judge(found)
    if day.settings.operator:
        write(day, found, needs, now)
        send(day, now)
    return tuple(need for need in needs if need.broken)


def write(day: Service, found: Vitals, needs: Iterable[Need], now: dt.datetime) -> None:
    """Keep what there is to be told today and was not written yet."""
    language, composer, today = day.settings.site.language, day.composer, now.date()
    alerts = {f"{need.name} {today}": need for need in needs if need.broken}
    report = f"{REPORT} {today - DAY}"
    known = day.store.letters.known([*alerts, report])
    for key in alerts.keys() - known:
        need = alerts[key]
        content = composer.alert(language, need.sentence, need.advice)
        if day.store.letters.write(letter(day, key, content, now), now):
            log.error("broken", incident=need.name, reason=need.text)
    if report not in known and day.settings.operating.report and (told := yesterday(day, found, needs, now)):
        day.store.letters.write(letter(day, report, composer.report(language, told), now), now)


def yesterday(day: Service, found: Vitals, needs: Iterable[Need], now: dt.datetime) -> DayReport | None:
    """The UTC date before this one in numbers; None if nothing happened, as before the first day."""
    end = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = end - DAY
    outcomes = day.store.deliveries.counts(start.date())
    asked = any(one.at < end for each in standings(day, start) for one in each.attempts)
    if not outcomes and not asked:
        return None
    return DayReport(
        date=start.date(),
        outcomes=outcomes,
        bounces=day.store.bounces.counts(start, end),
        events=day.store.events.counts(start, end),
        subscribers=found.subscribers.get(SubscriberState.CONFIRMED, 0),
        sources=tuple(one.status for one in found.standings if one.status),
        needs=tuple((need.sentence, need.advice) for need in needs),
    )


def letter(day: Service, key: str, content: Content, now: dt.datetime) -> Letter:
    """A mail to whoever runs this, as it is sent."""
    defaults = day.settings.schedule.schedule()
    reader = Reader(
        id=f"operator {key}",
        address=day.settings.operator,
        name="",
        schedule=defaults,
        papers=0,
        language=day.settings.site.language,
        generation=0,
        confirmed_at=None,
    )
    kind, date = DeliveryKind.NOTICE, now.date()
    plan = Plan(
        kind=kind,
        reader=reader,
        local_date=date,
        message_id=deliver.message_id(day.links, kind, reader.id, date, day.letterhead.sender.domain),
        due_at=now,
        expires_at=now + DAY,
        prepared_at=now,
    )
    message = deliver.pack(content, plan, day.letterhead, None, None)
    return Letter(key=key, message_id=message.id, content=message.content)


def send(day: Service, now: dt.datetime) -> None:
    """Send what is written; what fails is tried again later, and says so."""
    settings = day.settings
    while found := day.store.letters.take(now):
        message = Message(
            id=found.message_id,
            sender=day.letterhead.address,
            recipient=settings.operator,
            content=found.content,
        )
        try:
            with deliver.transport(settings.mail, settings.outbox_directory) as transport:
                outcome = deliver.hand_over(message, transport)
        except DeliveryError as error:
            log.warning("letter not sent", letter=found.key, reason=str(error))
            return
        if outcome.verdict in {Verdict.ACCEPTED, Verdict.REFUSED}:
            day.store.letters.sent(found.key)
        if outcome.verdict is not Verdict.ACCEPTED:
            log.warning("letter not sent", letter=found.key, reason=outcome.reply)
