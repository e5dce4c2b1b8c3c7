"""`digest demo`, `digest init`, `digest preview`: the first minutes."""

from __future__ import annotations

import datetime as dt
import shutil
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from digest import config, daily, deliver, subscriptions
from digest.cli.console import announce, progress_bars, service, show
from digest.daily import Orders
from digest.errors import UsageError
from digest.model import DeliveryKind, Pick
from digest.service import open_service
from digest.store import open_store

#: The last day of config/sample, at an hour when all four readers' digests are due.
DEMO_NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")]


def commands(app: typer.Typer) -> None:
    """Put them on the front door."""
    app.command()(demo)
    app.command()(init)
    app.command()(preview)


def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where to make it.")] = Path("digest-demo"),
    serve: Annotated[bool, typer.Option(help="Serve the preview until Ctrl-C when it is made.")] = True,
    port: Port = 8025,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the preview in a browser.")
    ] = True,
) -> None:
    """Make a small digest service from sample papers, offline, and show what its four readers get."""
    path = furnish(directory)
    settings = config.load(path, {})
    with open_service(settings) as day, progress_bars() as progress:
        subscriptions.sync_readers(day, DEMO_NOW)
        transport = deliver.transport(settings.mail, settings.outbox_directory)
        daily.run(day, transport, DEMO_NOW, Orders(progress=progress))
        made = day.store.outbox.list()
        edition = day.store.editions.latest()
        titles = {i: one.paper.title for i, one in edition.by_id().items()} if edition else {}

    def top(picks: tuple[Pick, ...]) -> str:
        return titles.get(picks[0].paper, "") if picks else ""

    rows = [
        (one.plan.reader.name, one.state, len(one.plan.picks), top(one.plan.picks))
        for one in made
        if one.plan.kind is DeliveryKind.DIGEST
    ]
    show("", ("reader", "state", "papers", "first paper"), rows, "nothing was made")
    typer.echo(f"messages: {settings.outbox_directory}/*.eml")
    typer.echo(f"configuration: {path}")
    if serve:
        serve_preview(path, "127.0.0.1", port, templates=None, open_browser=open_browser)


def furnish(directory: Path) -> Path:
    """The demo's directory with its configuration and sample; one that is there already is used again."""
    path = directory / config.CONFIG_NAME
    if path.is_file():
        return path
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"not empty and not a demo; give another --dir: {str(directory)!r}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copytree(config.shipped("config", "sample"), directory / "sample")
        shutil.copyfile(config.shipped("config", "demo.toml"), path)
    except OSError as error:
        raise UsageError(
            f"cannot write there ({error.strerror}); give another --dir: {str(directory)!r}"
        ) from None
    return path


def init(
    directory: Annotated[Path, typer.Argument(help="Where the configuration and the database go.")] = Path(),
) -> None:
    """Write a commented digest.toml and create the database; never overwrites."""
    path = directory / config.CONFIG_NAME
    if path.exists():
        raise UsageError(f"already there, and never overwritten: {str(path)!r}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(config.shipped("config", "digest.toml"), path)
    except OSError as error:
        raise UsageError(f"cannot write there ({error.strerror}): {str(directory)!r}") from None
    with open_store(config.load(path).database_url):
        pass
    typer.echo(f"wrote {path}\nnext: look through it, then `digest --config {path} run`")


def preview(
    context: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = 8025,
    templates: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            metavar="DIR",
            help="A folder whose files replace single e-mail templates.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Serve nothing: check every fixture, and exit with 1 if something must be mended."
        ),
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Serve nothing: write every fixture and what is found in it to a folder."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what --check finds as JSON.")] = False,
) -> None:
    """Show every message in a browser, as the very bytes that were or would be sent; reloads when a template changes."""
    if json and not check:
        raise UsageError("--json goes with --check")
    if check or export:
        from digest.cli import checking  # noqa: PLC0415 (parsers that no other command needs)

        checking.fixtures(context.obj.settings(), templates, export, json=json, told=check)
        return
    with service(context):
        pass  # a wrong configuration or database is said now, not in the browser
    serve_preview(context.obj.config, host, port, templates=templates, open_browser=False)


def serve_preview(
    path: Path | None, host: str, port: int, *, templates: Path | None, open_browser: bool
) -> None:
    """Serve until Ctrl-C."""
    from digest.preview import Bench, serve  # noqa: PLC0415 (FastAPI takes half a second that `digest run` need not pay)

    def ready(url: str) -> None:
        announce(f"preview at {url} (Ctrl-C stops it)")
        if open_browser:
            webbrowser.open(url)

    serve(Bench(settings=lambda: config.load(path), templates=templates), host, port, ready)
