"""`digest db …`: migrations and copies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from digest import sending, store
from digest.cli.console import AsJson, Now, clock, need_workers, say, service, show
from digest.errors import UsageError

app = typer.Typer(help="The database: migrations and copies.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database's schema up to this version."""
    settings = context.obj.settings()
    store.upgrade(settings.database_url)
    if settings.cluster.enabled:
        need_workers()
        from digest import cluster  # noqa: PLC0415 (an extra)

        cluster.furnish(settings.database_url, anew=True)
    typer.echo("the schema is up to date")


@app.command()
def move(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="An empty PostgreSQL, as postgresql+psycopg://USER@HOST/NAME.")],
    now: Now = None,
    json: AsJson = False,
) -> None:
    """Copy the SQLite database into an empty PostgreSQL and compare the two row for row."""
    settings = context.obj.settings()
    with service(context) as day:
        # What passes that died left in their journals belongs to the outbox before it goes.
        sending.recover_dead(day, clock(now))
        if day.store.outbox.owners() | sending.journals(day).owners():
            raise UsageError(
                "a pass is under way, or its journal cannot be read; stop it, or see `digest run`"
            )
    moved = store.move(settings.database_url, url)
    if json:
        say(moved)
        return
    show("", ("table", "rows"), [*moved.items()], "")
    typer.echo("all of it is there; now set database.url, and keep the SQLite file until you are sure")


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    now: Now = None,
) -> None:
    """Write a consistent copy while everything goes on; started from, it sends nothing until `outbox release`."""
    if file.exists():
        raise UsageError(f"already there, and never overwritten: {str(file)!r}")
    with service(context) as day:
        day.store.backup(file, clock(now))
    typer.echo(f"wrote {file}")
