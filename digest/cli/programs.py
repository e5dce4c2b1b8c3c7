"""`digest api-keys …`, `digest events …`, `digest webhook …`: what other programs may ask, and what they are told."""

from __future__ import annotations

from typing import Annotated

import typer

from digest import as_json, keys, webhook
from digest.cli.console import AsJson, Now, announce, clock, say, service, show
from digest.errors import UsageError
from digest.model import Scope

api_keys = typer.Typer(help="Who may use the API; there is none without a key.", no_args_is_help=True)
events = typer.Typer(help="What happened to subscriptions.", no_args_is_help=True)
hook = typer.Typer(help="The program that is told of events.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What you know the key by.")]


@api_keys.command("add")
def add_key(
    context: typer.Context,
    name: Name,
    scope: Annotated[
        Scope, typer.Option(help="editions: papers only; read: everything; write: change it too.")
    ] = Scope.READ,
    now: Now = None,
) -> None:
    """Make a key and print it. It is shown this once, and kept nowhere."""
    with service(context) as day:
        typer.echo(keys.add(day, name, scope, clock(now)))
    announce("keep it now: it is not shown again")


@api_keys.command("list")
def list_keys(context: typer.Context, json: AsJson = False) -> None:
    """The keys, and what each may do."""
    with service(context) as day:
        found = day.store.keys.list()
    if json:
        say([as_json.api_key(one) for one in found])
        return
    rows = [(one.name, one.scope, one.created_at) for one in found]
    show("", ("name", "scope", "made"), rows, "no keys, and so no API; `digest api-keys add NAME` makes one")


@api_keys.command("remove")
def remove_key(context: typer.Context, name: Name) -> None:
    """Take a key away; it opens nothing from now on."""
    with service(context) as day:
        if not day.store.keys.remove(name):
            raise UsageError(f"no such key; `digest api-keys list` shows them: {name!r}")
    typer.echo("removed")


@events.command("list")
def list_events(
    context: typer.Context,
    after: Annotated[int, typer.Option(min=0, help="Only those with a higher id.")] = 0,
    json: AsJson = False,
) -> None:
    """What happened to subscriptions within the last 90 days, the oldest first."""
    with service(context) as day:
        found = day.store.events.list(after)
    if json:
        say([as_json.event(one) for one in found])
        return
    show(
        "",
        ("id", "at", "kind", "subscriber"),
        [(e.id, e.at, e.kind, e.subscriber) for e in found],
        "no events",
    )


@hook.command("show")
def show_hook(context: typer.Context, json: AsJson = False) -> None:
    """Whether there is a webhook, and how many events it is still to be told."""
    with service(context) as day:
        state = webhook.state(day)
        waiting = day.store.webhook.waiting()
    if json:
        say({"state": state, "waiting": waiting})
    else:
        typer.echo(f"{state}, {waiting} waiting")


@hook.command("resume")
def resume_hook(context: typer.Context) -> None:
    """Tell a webhook again that was switched off, and what it missed within the last day."""
    with service(context) as day:
        day.store.webhook.switch_on()
    typer.echo("switched on")


@events.callback()
def group() -> None:
    """What happened to subscriptions."""
