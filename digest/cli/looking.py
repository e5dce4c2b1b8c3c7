"""`digest sources …`, `digest papers …`, `digest editions …`: what was found, and how the sources are doing."""

from __future__ import annotations

import datetime as dt
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from digest import as_json, config, ingest, operating
from digest.cli.console import AsJson, Day, Now, clock, complain, plain, say, service, show
from digest.errors import UsageError
from digest.languages import ENGLISH
from digest.model import Attempt, Edition, Listed, Source, SourceState, SourceStatus
from digest.render.words import in_words

NO_SOURCES = "no sources; add [[sources]] to digest.toml"
WEEK = dt.timedelta(days=7)

sources = typer.Typer(help="What is configured, and how each source is doing.", no_args_is_help=True)
papers = typer.Typer(help="What was found, with trend and reasons.", no_args_is_help=True)
editions = typer.Typer(help="The pools that digests were picked from.", no_args_is_help=True)


def commands(app: typer.Typer) -> None:
    """Put them on the front door."""
    app.add_typer(sources, name="sources")
    app.add_typer(papers, name="papers")
    app.add_typer(editions, name="editions")


@sources.command("list")
def list_sources(context: typer.Context, json: AsJson = False) -> None:
    """The configured sources, each with its state."""
    with service(context) as day:
        statuses = day.store.sources.statuses()
        found = [(one, statuses.get(one.name)) for one in day.settings.sources]
    if json:
        say([as_json.source(one, status) for one, status in found])
        return
    rows = [
        (one.name, one.kind, status.state, status.last_success, status.entries, status.reason)
        if status
        else (one.name, one.kind, "", None, "", "never asked")
        for one, status in found
    ]
    show("", ("name", "kind", "state", "last success", "entries", "reason"), rows, NO_SOURCES)


@sources.command("check")
def check_sources(context: typer.Context, now: Now = None, json: AsJson = False) -> None:
    """How each source is doing, and has been doing this week; exit 3 if one is failing."""
    at = clock(now)
    with service(context) as day:
        found = operating.standings(day, at - WEEK)
    if json:
        say([as_json.source(one.source, one.status, one.attempts) for one in found])
    else:
        for one in found:
            typer.echo(in_short(one.source, one.status, one.attempts, at))
        if not found:
            typer.echo(NO_SOURCES)
    if any(one.status and one.status.state is SourceState.FAILING for one in found):
        raise typer.Exit(3)


def in_short(one: Source, status: SourceStatus | None, attempts: Sequence[Attempt], now: dt.datetime) -> str:
    """A source in a few lines that fit a telephone: state, why, when it was read, and each day of the week."""
    name = plain(one.name)
    if status is None:
        return f"{name}: never asked"
    told = [f"{name}: {status.state}"]
    width = max(32, min(76, shutil.get_terminal_size().columns) - 2)
    told += textwrap.wrap(plain(status.reason), width, initial_indent="  ", subsequent_indent="  ")
    told.append(f"  read {plain(status.last_success)}" if status.last_success else "  never read")
    last = {attempt.at.date(): attempt for attempt in attempts}
    days = [now.date() - dt.timedelta(days=back) for back in range(6, -1, -1)]
    words = ", ".join(f"{day:%a} {last[day].state}" for day in days if day in last)
    told += textwrap.wrap(words, width, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(told)


@sources.command("import-opml")
def import_opml(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An OPML list of feeds.")],
) -> None:
    """Add the feeds of an OPML file to digest.toml; those that it has already are left out."""
    found = config.find(context.obj.config)
    if found is None or not file.is_file():
        raise UsageError(
            f"no digest.toml to add to: {'.'!r}" if found is None else f"no such file: {str(file)!r}"
        )
    try:
        feeds, refused = ingest.opml.read(file.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror}): {str(file)!r}") from None
    added = config.add_feeds(found, feeds)
    typer.echo(f"{len(added)} of {len(feeds)} feeds added to {found}")
    for name in added:
        typer.echo(f"  {name}")
    for text in refused:
        complain(f"not an http or https URL, left out: {text[:200]!r}", 3)
    if refused:
        raise typer.Exit(3)


@papers.command("list")
def list_papers(context: typer.Context, date: Day = None, now: Now = None, json: AsJson = False) -> None:
    """Papers first seen or listed on a UTC date, or all of them, the highest trend first."""
    with service(context) as day:
        at = clock(now)
        found = ingest.trends(day.store.papers.list(date), at, day.store.papers.snapshots(at - ingest.GROWTH))
    if json:
        say([as_json.paper(one) for one in found])
        return
    rows = [(f"{one.trend.score:.2f}", one.votes, one.paper.id, one.paper.title, why(one)) for one in found]
    show("", ("trend", "votes", "id", "title", "why"), rows, "no papers; `digest ingest` fetches the sources")


@papers.command("show")
def show_paper(
    context: typer.Context,
    paper: Annotated[str, typer.Argument(metavar="ID", help="Any of its ids, as arxiv:2604.07429.")],
    date: Day = None,
    now: Now = None,
    json: AsJson = False,
) -> None:
    """One paper, with everything that is known of it."""
    at = clock(now)
    with service(context) as day:
        known = day.store.papers.get(paper if ":" in paper else f"arxiv:{paper}")
        if known is None:
            raise UsageError(f"no such paper; `digest papers list` shows them: {paper!r}")
        # Its votes are compared with the lists it stood in, so those are needed too.
        pool = day.store.papers.list(date)
        snapshots = day.store.papers.snapshots(at - ingest.GROWTH)
    listed = next(
        one
        for one in ingest.trends([known, *(p for p in pool if p[0].id != known[0].id)], at, snapshots)
        if one.paper.id == known[0].id
    )
    if json:
        say(as_json.paper(listed))
        return
    one = listed.paper
    typer.echo(
        f"{one.title}\n{', '.join(one.authors)}\n{one.id}  {' '.join(one.categories)}\n\n{one.abstract}\n"
    )
    rows = [(m.source, m.listed_at, m.signals.votes, m.signals.stars, m.url) for m in listed.mentions]
    show(
        f"trend {listed.trend.score:.2f}: {why(listed)}",
        ("source", "listed", "votes", "stars", "url"),
        rows,
        "no mentions",
    )


@editions.command("list")
def list_editions(context: typer.Context, json: AsJson = False) -> None:
    """All editions, the newest first."""
    with service(context) as day:
        found = day.store.editions.headers()
        whole = [day.store.editions.get(one.id) for one in found] if json else []
    if json:
        say([as_json.edition_in_short(one) for one in whole if one])
        return
    rows = [(one.id, one.published_at, one.papers) for one in found]
    show(
        "",
        ("id", "published", "papers"),
        rows,
        "no editions; `digest run` publishes one when digests are due",
    )


@editions.command("show")
def show_edition(
    context: typer.Context,
    edition: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="The newest if none is given.")
    ] = None,
    date: Day = None,
    json: AsJson = False,
) -> None:
    """One edition's papers, the highest trend first."""
    with service(context) as day:
        ids = [e.id for e in day.store.editions.headers() if date is None or e.published_at.date() == date]
        wanted = next(iter(ids), None) if edition is None else edition
        found: Edition | None = day.store.editions.get(wanted) if wanted in ids else None
    if found is None:
        asked = " of ".join(str(one) for one in (edition, date) if one is not None)
        raise UsageError(
            f"no such edition; `digest editions list` shows them: {asked!r}"
            if asked
            else "no edition yet; `digest run` publishes one when digests are due"
        )
    if json:
        say(as_json.edition(found))
        return
    rows = [
        (f"{one.trend.score:.2f}", one.votes, one.paper.id, one.paper.title, why(one)) for one in found.papers
    ]
    show(
        f"edition {found.id} of {found.published_at:%Y-%m-%d %H:%M}Z",
        ("trend", "votes", "id", "title", "why"),
        rows,
        "empty",
    )


def why(listed: Listed) -> str:
    """The reasons of a trend in words."""
    return "; ".join(in_words(ENGLISH, reason) for reason in listed.trend.reasons)
