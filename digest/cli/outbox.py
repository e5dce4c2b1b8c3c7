"""`digest outbox …`, `digest suppressions …`: who got what, who did not, and why."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from digest import address as addresses
from digest import as_json, operating, subscriptions
from digest.cli.console import AsJson, Day, Now, announce, clock, complain, plain, say, service, show
from digest.errors import UsageError
from digest.languages import ENGLISH
from digest.model import DeliveryKind, DeliveryState, SubscriberState
from digest.render.words import in_words
from digest.service import Service
from digest.store import RETRIABLE, Which

app = typer.Typer(help="Who got what, who did not, and why.", no_args_is_help=True)
suppressions = typer.Typer(help="Addresses that are not mailed.", no_args_is_help=True)


State = Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")]
Kind = Annotated[DeliveryKind | None, typer.Option(help="Only those of this kind.")]
To = Annotated[
    str | None, typer.Option("--to", metavar="ADDRESS", help="Only this subscriber's; address or id.")
]


@app.command("list")
def list_(
    context: typer.Context,
    state: State = None,
    date: Day = None,
    kind: Kind = None,
    to: To = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    json: AsJson = False,
) -> None:
    """Deliveries and why each is where it is, the newest first; --date is the reader's local date."""
    with service(context) as day:
        found = day.store.deliveries.page(which(day, state, date, kind, to), limit)
        held = day.store.outbox.held_since()
    if held:
        announce(f"nothing is sent since {plain(held)}, until `digest outbox release`")
    if json:
        say([as_json.delivery(one) for one in found])
        return
    rows = [
        (
            d.id,
            d.plan.local_date,
            d.plan.kind,
            d.plan.reader.address,
            d.state,
            d.attempts,
            d.sent_at,
            operating.why(d),
        )
        for d in found
    ]
    show(
        "", ("id", "date", "kind", "address", "state", "tries", "sent", "why"), rows, "nothing in the outbox"
    )


@app.command("show")
def show_(
    context: typer.Context, delivery: Annotated[int, typer.Argument(metavar="ID")], json: AsJson = False
) -> None:
    """One delivery, with its picks and its journal."""
    with service(context) as day:
        found = day.store.outbox.get(delivery)
        if found is None:
            raise UsageError(f"no such delivery; `digest outbox list` shows them: {delivery}")
        journal = day.store.outbox.journal(delivery)
    report = as_json.delivery_in_full(found, journal)
    if json:
        say(report)
        return
    told = {"address": found.plan.reader.address, "why": operating.why(found)} | report
    show("", ("", ""), [(key, value) for key, value in told.items() if not isinstance(value, list)], "")
    rows = [(p.paper, p.score, "; ".join(in_words(ENGLISH, r) for r in p.reasons)) for p in found.plan.picks]
    show("\npicks", ("paper", "score", "why"), rows, "no picks")
    show("\njournal", ("at", "event", "reply"), [(j.at, j.event, j.reply) for j in journal], "no journal")


@app.command()
def retry(
    context: typer.Context,
    delivery: Annotated[list[int] | None, typer.Argument(metavar="[ID]...")] = None,
    state: State = None,
    date: Day = None,
    kind: Kind = None,
    to: To = None,
    now: Now = None,
) -> None:
    """Try these again in the next pass, or all that `list` shows with the same options.

    What failed, expired, is held or in doubt is tried again; exit 3 if an ID that was given is none of these.
    """
    with service(context) as day:
        asked = which(day, state, date, kind, to)
        if bool(delivery) == (asked != Which()):
            raise UsageError("give ids, or options that say which, as `digest outbox retry --state failed`")
        if state and state not in RETRIABLE:
            raise UsageError(f"only {', '.join(RETRIABLE)} can be tried again: {str(state)!r}")
        outbox, deliveries, at = day.store.outbox, day.store.deliveries, clock(now)
        retried = outbox.retry(delivery, at) if delivery else deliveries.retry(asked, at)
        held = outbox.held_since()
    typer.echo(f"{len(retried)} will be tried again")
    if held:
        announce("nothing is sent until `digest outbox release`")
    if left := sorted(set(delivery or ()) - set(retried)):
        raise typer.Exit(
            complain(f"not to be retried (unknown, sent or still under way): {', '.join(map(str, left))}", 3)
        )


@app.command()
def hold(context: typer.Context, now: Now = None) -> None:
    """Stop within a second: nothing is sent until `release`, and what is waiting is held."""
    with service(context) as day:
        held = day.store.outbox.hold(clock(now))
    typer.echo(f"{held} held; nothing is sent until `digest outbox release`")


@app.command()
def release(context: typer.Context, now: Now = None) -> None:
    """Send again, and let what is held be sent while its time is not over."""
    with service(context) as day:
        typer.echo(f"{day.store.outbox.release(clock(now))} released")


def which(
    day: Service,
    state: DeliveryState | None,
    date: dt.date | None,
    kind: DeliveryKind | None,
    to: str | None,
) -> Which:
    """The options as the deliveries they mean."""
    reader = subscriptions.find(day, to).id if to else None
    return Which(state=state, date=date, kind=kind, subscriber=reader)


@suppressions.command("list")
def list_suppressions(context: typer.Context, json: AsJson = False) -> None:
    """The addresses, and why."""
    with service(context) as day:
        found = day.store.suppressions.list()
    if json:
        say([{"address": s.address, "reason": s.reason, "at": as_json.instant(s.at)} for s in found])
        return
    show("", ("address", "reason", "since"), [(s.address, s.reason, s.at) for s in found], "no suppressions")


@suppressions.command("add")
def add_suppression(
    context: typer.Context,
    address: str,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks later.")] = "by the operator",
    now: Now = None,
) -> None:
    """Never mail this address."""
    with service(context) as day:
        day.store.suppressions.add(addresses.normalised(address), reason, clock(now))
    typer.echo("suppressed")


@suppressions.command("remove")
def remove_suppression(context: typer.Context, address: str) -> None:
    """Allow mail to this address again, also if it was deleted."""
    with service(context) as day:
        suppressed = day.store.suppressions.remove(addresses.normalised(address))
        if not (subscriptions.welcome_back(day, address) or suppressed):
            raise UsageError(f"not suppressed: {address!r}")
        reader = day.store.subscribers.by_address(addresses.normalised(address))
    typer.echo("removed")
    if reader and reader.state is SubscriberState.SUPPRESSED:
        announce(f"`digest subscribers resume {reader.address}` sends digests again")
