"""`digest ingest`, `digest run`, `digest send-test`: the day, by hand or by cron."""

from __future__ import annotations

import datetime as dt
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from digest import (
    as_json,
    collecting,
    config,
    daily,
    deliver,
    operating,
    samples,
    subscriptions,
    upkeep,
    webhook,
)
from digest.cli.console import (
    AsJson,
    Now,
    announce,
    clock,
    complain,
    handing_over,
    progress_bars,
    say,
    service,
    show,
)
from digest.cli.ending import told_to_stop
from digest.daily import Orders, Report
from digest.errors import UsageError
from digest.model import Collected, DeliveryState, Rights, Source, SourceKind, SourceState
from digest.service import Service, open_service


def commands(app: typer.Typer) -> None:
    """Put them on the front door."""
    app.command()(ingest)
    app.command()(run)
    app.command("send-test")(send_test)


def ingest(
    context: typer.Context,
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source, due or not; may be repeated.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(parser=source_kind, metavar="KIND", help="With --file: how to read it.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Read one document as if it had been fetched.")] = None,
    now: Now = None,
    json: AsJson = False,
) -> None:
    """Fetch the sources that are due, or read one document."""
    if (kind is None) != (file is None):
        raise UsageError("--kind and --file go together, as `digest ingest --kind arxiv --file today.xml`")
    at = clock(now)
    with service(context) as day, progress_bars() as progress:
        if kind and file:
            sources = [document(kind, file)]
        elif source:
            sources = [configured(day, name) for name in source]
        else:
            sources = collecting.due_sources(day, at)
        collected = list(daily.collect(day, sources, at, Orders(progress=progress)))
    if json:
        say([as_json.collected(one) for one in collected])
    else:
        show(
            "",
            ("source", "state", "entries", "refused", "reason"),
            [row(one) for one in collected],
            "no source is due",
        )
    for one in collected:
        for refused in one.refused:
            complain(f"{one.source.name}: {refused}", 3)
    failing = [one for one in collected if one.state is SourceState.FAILING]
    if failing and file:
        raise typer.Exit(complain(f"{file}: {failing[0].reason}", 1))
    if failing or any(one.refused or one.missed for one in collected):
        raise typer.Exit(3)


def source_kind(text: str) -> str:
    """A kind of source, ours or an installed package's."""
    try:
        return config.source_kind(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}: {text!r}") from None


def document(kind: str, file: Path) -> Source:
    """A source that is one file."""
    if not file.is_file():
        raise UsageError(f"no such file: {str(file)!r}")
    rights = Rights.OPEN if kind == SourceKind.ARXIV else Rights.EXCERPT
    return Source(name=kind, kind=kind, location=str(file.resolve()), every=dt.timedelta(0), rights=rights)


def configured(day: Service, name: str) -> Source:
    """The configured source of that name."""
    found = next((one for one in day.settings.sources if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in day.settings.sources) or "none is configured"
        raise UsageError(f"no such source ({names}): {name!r}")
    return found


def row(one: Collected) -> tuple[object, ...]:
    """A source's line in the table."""
    return one.source.name, one.state, len(one.entries), len(one.refused), one.reason


def run(
    context: typer.Context,
    now: Now = None,
    dry_run: Annotated[
        bool, typer.Option(help="Do it all on a copy of the database that is thrown away.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Only this subscriber's digest.")
    ] = None,
    json: AsJson = False,
) -> None:
    """One pass: ingest what is due, publish, prepare and deliver every digest due. Safe to repeat."""
    settings = context.obj.settings()
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="digest-dry-run-") as scratch:
            report = one_pass(rehearsal(settings, Path(scratch)), now, only)
    else:
        report = one_pass(settings, now, only)
    if json:
        say(as_json.report(report))
    else:
        show(
            "",
            ("source", "state", "entries", "refused", "reason"),
            [row(one) for one in report.sources],
            "no source was due",
        )
        summary = as_json.report(report)
        counts = ", ".join(
            f"{summary[key]} {key.replace('_', ' ')}"
            for key in ("prepared", "sent", "retry", "failed", "skipped", "in_doubt")
        )
        typer.echo(f"{'dry run, nothing was sent: ' if dry_run else ''}{counts}")
    if report.outcomes[DeliveryState.PLANNED]:
        raise typer.Exit(complain("the relay went away; what is left waits for the next pass", 1))
    if report.troubled:
        raise typer.Exit(3)


def one_pass(settings: config.Settings, now: dt.datetime | None, only: str | None) -> Report:
    """Open the service and run the day once, or what is done of it when SIGTERM comes."""
    at = clock(now)
    with (
        told_to_stop() as stopping,
        open_service(settings) as day,
        progress_bars() as progress,
        ExitStack() as stack,
    ):
        subscriptions.sync_readers(day, at)
        subscriber = subscriptions.find(day, only).id if only else None
        transport = deliver.transport(settings.mail, settings.outbox_directory)
        # Workers have a clock of their own; and for one reader somebody is waiting.
        hand_over = None if now or only else stack.enter_context(handing_over(settings))
        orders = Orders(only=subscriber, progress=progress, stopping=stopping, hand_over=hand_over)
        with operating.watched(day):
            report = daily.run(day, transport, at, orders)
            if stopping():
                announce("stopped in between; the next pass does the rest")
                return report
            if hand_over:
                announce("preparing and delivering are the workers'")
            webhook.tell(day, at, stopping)
            upkeep.keep_tidy(day, at)
            broken = operating.attend(day, at)
        operating.conclude(day, broken)
        return report


def rehearsal(settings: config.Settings, scratch: Path) -> config.Settings:
    """The same settings on a copy of the database, with files in `scratch` as the only transport."""
    with open_service(settings) as day:
        day.store.copy(scratch / "digest.db")
        secret = day.links.secrets[-1]
    return settings.model_copy(
        update={
            "database": config.Database(url=f"sqlite:///{scratch / 'digest.db'}"),
            "mail": settings.mail.model_copy(
                update={"transport": "files", "directory": scratch / "outbox", "journal": "", "relay_log": ""}
            ),
            "site": settings.site.model_copy(update={"secret": SecretStr(secret)}),
            "webhook": config.Webhook(),
            "operating": config.Operating(),
        }
    )


def send_test(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Where to send it.")],
    subscriber: Annotated[
        str | None, typer.Option(metavar="ID", help="As this subscriber would get it.")
    ] = None,
    now: Now = None,
) -> None:
    """Send one real message, made from the newest edition; nothing is written to the outbox."""
    at = clock(now)
    with service(context) as day:
        reader = (
            subscriptions.find(day, subscriber)
            if subscriber
            else subscriptions.newcomer(address, day.settings, at)
        )
        message = samples.trial(day, reader, address, at)
        with deliver.transport(day.settings.mail, day.settings.outbox_directory) as transport:
            outcome = deliver.hand_over(message, transport)
    typer.echo(f"{outcome.verdict}: {outcome.reply}" if outcome.reply else str(outcome.verdict))
    if outcome.verdict != "accepted":
        raise typer.Exit(1)
