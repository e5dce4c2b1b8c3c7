"""`digest serve`: the pages and the scheduler in one process."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from urllib.parse import urlsplit

import typer

from digest import subscriptions
from digest.cli.console import announce, clock, handing_over
from digest.cli.ending import leave_soon
from digest.config import Site
from digest.errors import UsageError
from digest.listening import is_loopback
from digest.service import open_service

#: What is left for the jobs to end, when the pages have stopped: less than there is for everything.
LAST_WORK = dt.timedelta(seconds=4)


def commands(app: typer.Typer) -> None:
    """Put it on the front door."""
    app.command()(serve)


def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; put a proxy with TLS before it.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
) -> None:
    """Serve the pages and run the schedule, until SIGTERM or Ctrl-C."""
    from digest import web  # noqa: PLC0415 (FastAPI takes half a second that `digest run` need not pay)
    from digest.schedule import Jobs, real_time  # noqa: PLC0415 (the same for APScheduler)

    settings = context.obj.settings()
    refuse_unsafe(settings.site)
    with open_service(settings) as day, handing_over(settings) as hand_over:
        subscriptions.sync_readers(day, clock(None))
        jobs = Jobs(day, hand_over=hand_over)

        def begin(url: str) -> None:
            jobs.start()
            announce(f"serving {settings.site.url} at {url} (Ctrl-C stops it)")

        try:
            pages = web.app(day, real_time, jobs.ready, jobs.ages)
            web.serve(pages, host, port, begin, settings.web.trusted_proxies)
        finally:
            leave_soon()
            if not jobs.stop(LAST_WORK):
                announce("stopped in the middle of something; the next start takes it up again")


def refuse_unsafe(site: Site) -> None:
    """UsageError unless the pages have an https URL, or http on this machine."""
    if site.personal:
        raise UsageError(
            'serve needs site.url, the https address of its pages, as "https://digest.example.org";'
            " without one, `digest run` does the day"
        )
    parts = urlsplit(site.url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise UsageError(
            f"site.url is https, so that nobody on the way can read a reader's links: {site.url!r}"
        )
