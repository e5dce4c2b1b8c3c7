"""What all commands share: opening the service, saying results as a table or JSON, progress, the clock."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from structlog.typing import EventDict, Processor

from digest import address, daily
from digest.config import Settings, load
from digest.daily import HandOver
from digest.deliver import replies
from digest.errors import ConfigError
from digest.links import Purpose
from digest.service import Service, open_service

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@dataclass(frozen=True, slots=True)
class Front:
    """The options that stand before the command."""

    config: Path | None

    def settings(self) -> Settings:
        """The configuration, read and checked."""
        return load(self.config)


@contextmanager
def service(context: typer.Context) -> Iterator[Service]:
    """The configured service, opened; closed again at the end of the command."""
    with open_service(context.obj.settings()) as day:
        yield day


@contextmanager
def handing_over(settings: Settings) -> Iterator[HandOver | None]:
    """How shards come to the workers; None where this process does everything itself."""
    if not settings.cluster.enabled:
        yield None
        return
    need_workers()
    from digest import cluster  # noqa: PLC0415 (an extra)

    with cluster.queue(settings.database_url) as queue:
        yield queue


def need_workers() -> None:
    """ConfigError if what `digest.cluster` is made with is not installed."""
    if find_spec("procrastinate") is None:
        raise ConfigError("cluster.enabled needs procrastinate: pip install 'daily-digest[cluster]'")


def instant(text: str) -> dt.datetime:
    """An ISO 8601 instant as aware UTC; without a zone it is UTC."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"an instant is ISO 8601, as 2026-04-10T10:00:00Z: {text!r}") from None
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def day_of(text: str) -> dt.date:
    """An ISO 8601 date."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"a date is ISO 8601, as 2026-04-10: {text!r}") from None


Now = Annotated[
    dt.datetime | None,
    typer.Option(
        parser=instant, metavar="INSTANT", help="Decide as if it were this instant, as 2026-04-10T10:00:00Z."
    ),
]
Day = Annotated[dt.date | None, typer.Option("--date", parser=day_of, metavar="DATE", help="Only this date.")]


def clock(now: dt.datetime | None) -> dt.datetime:
    """The instant that decides: the one given, else the real one."""
    return now or dt.datetime.now(dt.UTC)


def say(value: object) -> None:
    """A shape of `as_json`, or what else is made of lists, objects and plain values, as JSON on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table on stdout; `empty` says what to do when there is nothing to show."""
    if not rows:
        typer.echo(empty)
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    # A pipe has no width: lines are as long as they need to be.
    Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False).print(table)


def plain(cell: object) -> str:
    """A cell's text: instants to the minute, nothing for None, no control characters."""
    if isinstance(cell, dt.datetime):
        return f"{cell:%Y-%m-%d %H:%M}Z"
    text = "" if cell is None else str(cell)
    return "".join(c if c.isprintable() else "�" for c in text)


def complain(message: str, code: int) -> int:
    """One line on stderr."""
    typer.echo(f"digest: {' '.join(message.split())}", err=True)
    return code


def announce(message: str) -> None:
    """One line on stderr that is no result and no complaint: what is running, and where."""
    typer.echo(f"digest: {message}", err=True)


class Log(StrEnum):
    """How log lines look."""

    TEXT = "text"  #: for people
    JSON = "json"  #: for programs: an object a line


def log_to_stderr(level: str, form: Log = Log.TEXT) -> None:
    """Structured lines, ours and those of libraries; never an address or a link in them."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if form is Log.JSON:
        shared += [structlog.processors.format_exc_info, masked]
        renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        # Plain tracebacks: the default ones show local variables, and so addresses and links.
        shared.append(masked)
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[libraries], level=max(number, logging.WARNING), force=True)


#: What a reader's link ends in: whoever reads it could act for them.
LINK = re.compile(rf"/({'|'.join(Purpose)})/[\w.~-]+")


def masked(_logger: object, _method: str, line: EventDict) -> EventDict:
    """The last look at a line: no address and no reader's link leaves, whoever's words they stood in."""
    return {name: _masked(value) if isinstance(value, str) else value for name, value in line.items()}


def _masked(text: str) -> str:
    return LINK.sub(r"/\1/…", replies.LOOKS_LIKE_ADDRESS.sub(lambda found: address.masked(found[0]), text))


@contextmanager
def progress_bars() -> Iterator[daily.Progress]:
    """Bars on stderr when it is a terminal, nothing otherwise."""
    if not sys.stderr.isatty():
        yield daily.silent
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def advance(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield advance
