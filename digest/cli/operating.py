"""`digest status`, `digest doctor`, `digest admin password`: how everything stands, and the lock of /admin."""

from __future__ import annotations

import datetime as dt
import secrets
import ssl
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer

from digest import operating, passwords
from digest.cli import standing
from digest.cli.console import AsJson, Now, clock, say, service, show
from digest.config import secret_files
from digest.errors import UsageError
from digest.operating import Glance
from digest.store import Lock

admin = typer.Typer(help="The operator's pages.", no_args_is_help=True)


def commands(app: typer.Typer) -> None:
    """Put them on the front door."""
    app.command()(status)
    app.command()(doctor)
    app.add_typer(admin, name="admin")


def status(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=0, max=90, help="Also each of so many days in numbers.")] = 0,
    now: Now = None,
    json: AsJson = False,
) -> None:
    """How everything stands, and what needs a hand; exit 3 if something does."""
    at = clock(now)
    with service(context) as day:
        found = operating.glance(day, at)
        day.store.tallies.take(at.date())
        past = day.store.tallies.list(at.date() - dt.timedelta(days=days - 1)) if days else []
    tallies = [standing.tally(one) for one in past]
    if json:
        say(standing.glance(found) | ({"tallies": tallies} if days else {}))
    else:
        tell(found)
        if days:
            show("", list(tallies[0]), [list(one.values()) for one in tallies], "")
    if found.needs:
        raise typer.Exit(3)


def doctor(
    context: typer.Context,
    resolver: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Ask this name server, as 9.9.9.9 or 127.0.0.1:5353.")
    ] = "",
    now: Now = None,
    json: AsJson = False,
) -> None:
    """Check configuration, database, disks, sources, pages, relay and DNS; exit 1 if something is broken."""
    from digest import doctor as house_call  # noqa: PLC0415 (dnspython takes a quarter of a second)

    settings = context.obj.settings()
    found = list(
        house_call.examine(
            settings,
            secret_files(context.obj.config),
            house_call.Names.of(resolver),
            ssl.create_default_context(),
            lambda: clock(now),
        )
    )
    if json:
        say([asdict(one) for one in found])
    else:
        rows = [(one.name, one.verdict, one.text, one.advice) for one in found]
        show("", ("what", "", "how it is", "what to do"), rows, "")
    if any(one.verdict is house_call.Verdict.BAD for one in found):
        raise typer.Exit(1)


def tell(found: Glance) -> None:
    """A glance on stdout."""
    for one in found.days:
        typer.echo(f"{one.date}  {in_short(one.counts.items())}")
    typer.echo(f"readers     {in_short(found.subscribers.items())}")
    if found.due:
        unless = ", if something new is collected by then" if found.due.stale else ""
        typer.echo(f"next        {found.due.at:%Y-%m-%d %H:%M}Z, {found.due.readers} readers{unless}")
    if found.edition:
        typer.echo(f"edition     {found.edition.published_at:%Y-%m-%d %H:%M}Z, {found.edition.papers} papers")
    for need in found.needs:
        typer.echo(f"! {need.text}")
    if not found.needs:
        typer.echo("nothing needs a hand")


def in_short(counts: Iterable[tuple[str, int]]) -> str:
    """`12 sent, 1 failed`."""
    return ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in counts) or "none"


@admin.command()
def password(
    context: typer.Context,
    remove: Annotated[bool, typer.Option("--remove", help="Switch /admin off.")] = False,
) -> None:
    """Set the password of /admin, from a prompt or stdin, and end every session; --remove switches it off."""
    with service(context) as day:
        if remove:
            typer.echo("switched off" if day.store.locks.remove() else "was off")
            return
        lock = Lock(password=passwords.hashed(asked()), sessions=secrets.token_urlsafe())
        day.store.locks.put(lock)
    typer.echo("set; whoever was logged in has to log in again")


def asked() -> str:
    """The password: typed twice where somebody types, else the first line of stdin."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise UsageError("no password on stdin; `digest admin password` on a terminal asks for one")
    return line
