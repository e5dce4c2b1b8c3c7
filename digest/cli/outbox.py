"""`digest outbox …`, `digest suppressions …`: who got what, who did not, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from digest import address as addresses
from digest import as_json
from digest.cli.console import AsJson, Day, Now, announce, clock, complain, say, service, show
from digest.errors import UsageError
from digest.languages import ENGLISH
from digest.model import DeliveryState, SubscriberState
from digest.render.words import in_words

app = typer.Typer(help="Who got what, who did not, and why.", no_args_is_help=True)
suppressions = typer.Typer(help="Addresses that are not mailed.", no_args_is_help=True)


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those.")] = None,
    date: Day = None,
    json: AsJson = False,
) -> None:
    """Deliveries, the newest first."""
    with service(context) as day:
        found = day.store.outbox.list(state, date)
    if json:
        say([as_json.delivery(one) for one in found])
        return
    rows = [
        (
            d.id,
            d.plan.kind,
            d.plan.reader.address,
            d.plan.local_date,
            d.state,
            d.attempts,
            len(d.plan.picks),
            d.sent_at,
            d.last_reply,
        )
        for d in found
    ]
    columns = ("id", "kind", "address", "date", "state", "attempts", "papers", "sent", "last reply")
    show("", columns, rows, "nothing in the outbox")


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
    show("", ("", ""), [(key, value) for key, value in report.items() if not isinstance(value, list)], "")
    rows = [(p.paper, p.score, "; ".join(in_words(ENGLISH, r) for r in p.reasons)) for p in found.plan.picks]
    show("\npicks", ("paper", "score", "why"), rows, "no picks")
    show("\njournal", ("at", "event", "reply"), [(j.at, j.event, j.reply) for j in journal], "no journal")


@app.command()
def retry(
    context: typer.Context, delivery: Annotated[list[int], typer.Argument(metavar="ID...")], now: Now = None
) -> None:
    """Try these again in the next pass: failed, expired, held or in doubt."""
    with service(context) as day:
        retried = day.store.outbox.retry(delivery, clock(now))
    typer.echo(f"{len(retried)} will be tried again")
    if left := sorted(set(delivery) - set(retried)):
        raise typer.Exit(
            complain(f"not to be retried (unknown, sent or still under way): {', '.join(map(str, left))}", 3)
        )


@app.command()
def hold(context: typer.Context, now: Now = None) -> None:
    """Stop: what is waiting to be sent is held until `release`."""
    with service(context) as day:
        typer.echo(f"{day.store.outbox.hold(clock(now))} held")


@app.command()
def release(context: typer.Context, now: Now = None) -> None:
    """Let what is held be sent."""
    with service(context) as day:
        typer.echo(f"{day.store.outbox.release(clock(now))} released")


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
    """Allow mail to this address again."""
    with service(context) as day:
        if not day.store.suppressions.remove(addresses.normalised(address)):
            raise UsageError(f"not suppressed: {address!r}")
        reader = day.store.subscribers.by_address(addresses.normalised(address))
    typer.echo("removed")
    if reader and reader.state is SubscriberState.SUPPRESSED:
        announce(f"`digest subscribers update {reader.address} --confirmed` sends digests again")
