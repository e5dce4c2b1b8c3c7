"""`digest worker`: one of the processes to which the others hand the work."""

from __future__ import annotations

import signal

import typer

from digest.cli.console import announce, clock, need_workers
from digest.cli.ending import leave_soon
from digest.errors import UsageError
from digest.service import open_service


def commands(app: typer.Typer) -> None:
    """Put it on the front door."""
    app.command()(worker)


def worker(context: typer.Context) -> None:
    """Do what `serve` and `run` hand over, until SIGTERM or Ctrl-C; any number of workers on any number of machines."""
    settings = context.obj.settings()
    if not settings.cluster.enabled:
        raise UsageError("nothing is handed over to workers; set cluster.enabled = true on every machine")
    need_workers()
    from digest import cluster  # noqa: PLC0415 (an extra)

    with open_service(settings) as day, cluster.queue(settings.database_url) as queue:
        working = cluster.Worker(day, queue, lambda: clock(None))

        def stop(_number: int, _frame: object) -> None:
            # What waits for a relay, or ranks, would keep the process; it is made for being ended.
            leave_soon()
            working.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        announce("working (Ctrl-C stops it)")
        working.run()
