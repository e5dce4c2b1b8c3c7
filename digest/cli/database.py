"""`digest db …`: migrations and copies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from digest import store
from digest.cli.console import Now, clock, service
from digest.errors import UsageError

app = typer.Typer(help="The database: migrations and copies.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database's schema up to this version."""
    store.upgrade(context.obj.settings().database_url)
    typer.echo("the schema is up to date")


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
