"""`digest subscribers …`: who gets digests, and what they asked for."""

from __future__ import annotations

import csv
import datetime as dt
import sys
from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer

from digest import as_json, feedback, records, roster, subscriptions
from digest.cli.console import AsJson, Now, clock, say, service, show
from digest.errors import UsageError
from digest.model import Subscriber, SubscriberState
from digest.roster import Imported
from digest.service import Service
from digest.subscriptions import Wish

app = typer.Typer(help="Who gets digests, and what they asked for.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="ADDRESS", help="The subscriber's address or id.")]
Name = Annotated[str | None, typer.Option(help="How to address them; not needed.")]
Interests = Annotated[
    list[str] | None,
    typer.Option("--interest", help='A phrase, as "state space models"; "…=2" doubles its share.'),
]
Excludes = Annotated[list[str] | None, typer.Option("--exclude", help="A phrase that keeps papers out.")]
Categories = Annotated[
    list[str] | None, typer.Option("--category", help="An arXiv category, as cs.CL, or cs for all of it.")
]
Authors = Annotated[list[str] | None, typer.Option("--author", help="An author to follow.")]
Mutes = Annotated[
    list[str] | None,
    typer.Option(
        "--mute", metavar="AUTHOR", help='An author of whom nothing is to be seen; "" ends it for all.'
    ),
]
Likes = Annotated[
    list[str] | None,
    typer.Option("--like", metavar="ID", help="An example paper, as 2604.07429 or doi:10.1000/x."),
]
About = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", help="A paragraph about their work, as an abstract; an empty one takes it away."
    ),
]
Import = Annotated[
    Path | None,
    typer.Option(
        "--import",
        metavar="FILE",
        help="A reading list as examples: BibTeX, RIS or CSL-JSON (.bib, .ris, .json).",
    ),
]
Timezone = Annotated[str | None, typer.Option(help="An IANA zone, as Europe/Berlin.")]
SendAt = Annotated[str | None, typer.Option(metavar="HH:MM", help="The hour in that zone.")]
Days = Annotated[str | None, typer.Option(help="daily, weekdays, weekly:fri, or mon,thu.")]
Papers = Annotated[int | None, typer.Option(help="How many papers a digest holds.")]
Language = Annotated[str | None, typer.Option(help="The language of their mails: de, en, es, fr or zh.")]
PlainText = Annotated[
    bool | None,
    typer.Option("--plain-text/--html", help="Mails without HTML, or with it.", show_default=False),
]
PauseUntil = Annotated[
    str | None,
    typer.Option(
        metavar="DATE",
        help='No digest before that date, as 2026-12-24; "" ends the pause.',
        show_default=False,
    ),
]
Confirmed = Annotated[
    bool, typer.Option("--confirmed", help="They have agreed already; needs no confirmation by mail.")
]


def wish(
    name: str | None,
    interest: list[str] | None,
    exclude: list[str] | None,
    category: list[str] | None,
    author: list[str] | None,
    like: list[str] | None,
    about: str | None,
    timezone: str | None,
    send_at: str | None,
    days: str | None,
    papers: int | None,
    language: str | None,
    plain_text: bool | None,
    pause_until: str | None,
) -> Wish:
    """The options as a Wish; an option that was not given leaves things as they are."""
    return Wish(
        name=name,
        interests=tuple(interest) if interest else None,
        excludes=tuple(exclude) if exclude else None,
        categories=tuple(category) if category else None,
        authors=tuple(author) if author else None,
        likes=tuple(like) if like else None,
        about=about,
        timezone=timezone,
        send_at=send_at,
        days=days,
        papers=papers,
        language=language,
        plain_text=plain_text,
        paused_until=pause_until,
    )


@app.command()
def add(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Their e-mail address.")],
    name: Name = None,
    interest: Interests = None,
    exclude: Excludes = None,
    category: Categories = None,
    author: Authors = None,
    mute: Mutes = None,
    like: Likes = None,
    about: About = None,
    import_: Import = None,
    timezone: Timezone = None,
    send_at: SendAt = None,
    days: Days = None,
    papers: Papers = None,
    language: Language = None,
    plain_text: PlainText = None,
    pause_until: PauseUntil = None,
    confirmed: Confirmed = False,
    now: Now = None,
    json: AsJson = False,
) -> None:
    """Add a subscriber."""
    asked = wish(
        name, interest, exclude, category, author, like, about,
        timezone, send_at, days, papers, language, plain_text, pause_until,
    )  # fmt: skip
    muted = feedback.authors(mute) if mute else None
    with service(context) as day:
        if import_:
            asked = with_reading_list(day, asked, import_, clock(now))
        reader = subscriptions.add(day, address, asked, clock(now), confirmed=confirmed)
        if muted is not None:
            feedback.mute(day, reader, muted, clock(now))
    tell(reader, json=json)


@app.command()
def update(
    context: typer.Context,
    address: Who,
    name: Name = None,
    interest: Interests = None,
    exclude: Excludes = None,
    category: Categories = None,
    author: Authors = None,
    mute: Mutes = None,
    like: Likes = None,
    about: About = None,
    import_: Import = None,
    timezone: Timezone = None,
    send_at: SendAt = None,
    days: Days = None,
    papers: Papers = None,
    language: Language = None,
    plain_text: PlainText = None,
    pause_until: PauseUntil = None,
    confirmed: Confirmed = False,
    now: Now = None,
    json: AsJson = False,
) -> None:
    """Change what is given and leave the rest; a list replaces the one before. --confirmed also resumes."""
    asked = wish(
        name, interest, exclude, category, author, like, about,
        timezone, send_at, days, papers, language, plain_text, pause_until,
    )  # fmt: skip
    muted = feedback.authors(mute) if mute else None
    with service(context) as day:
        if import_:
            asked = with_reading_list(day, asked, import_, clock(now))
        reader = subscriptions.update(day, address, asked, confirmed=confirmed, now=clock(now))
        if muted is not None:
            feedback.mute(day, reader, muted, clock(now))
    tell(reader, json=json)


def with_reading_list(day: Service, asked: Wish, file: Path, now: dt.datetime) -> Wish:
    """What was asked for, with the papers of that file as examples."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        return subscriptions.with_references(day, asked, text, file.suffix, now)
    except (OSError, UnicodeDecodeError, UsageError) as error:
        raise UsageError(f"{file}: {error}") from None


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[SubscriberState | None, typer.Option(help="Only those.")] = None,
    search: Annotated[str, typer.Option(metavar="TEXT", help="Only whose address holds this.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    json: AsJson = False,
) -> None:
    """Everybody, or everybody in one state, by address."""
    with service(context) as day:
        found = day.store.subscribers.page(limit, state, search)
    if json:
        say([as_json.subscriber(one) for one in found])
        return
    rows = [(one.id, one.address, one.state, schedule(one), one.papers, in_short(one)) for one in found]
    columns = ("id", "address", "state", "when", "papers", "interests")
    show("", columns, rows, "no subscribers; `digest subscribers add ADDRESS` adds one")


@app.command("show")
def show_(context: typer.Context, address: Who, json: AsJson = False) -> None:
    """One subscriber, with everything they asked for, what they agreed to, and what came back."""
    with service(context) as day:
        found = subscriptions.find(day, address)
        consents, back = day.store.consents.of(found.id), day.store.bounces.of(found.id)
        muted = feedback.muted(feedback.said_by(day, found))
    if json:
        agreed = [as_json.mailed_consent(one) for one in consents]
        say({**as_json.subscriber(found), "consents": agreed, "muted": muted})
        return
    tell(found, json=False)
    if muted:
        show("\nof whom nothing is to be seen", ("author",), [(name,) for name in muted], "")
    if consents:
        columns = ("confirmed", "method", "asked", "mailed", "from", "to", "words")
        rows = [
            (one.confirmed_at, one.method, one.at, one.mailed_at, one.network, one.url, one.wording)
            for one in consents
        ]
        show("\nwhat they agreed to", columns, rows, "")
    if back:
        show("\nwhat came back", ("at", "meaning", "status"), [(b.at, b.meaning, b.status) for b in back], "")


@app.command()
def pause(context: typer.Context, address: Who, now: Now = None) -> None:
    """Send nothing until `resume`."""
    with service(context) as day:
        tell(subscriptions.pause(day, address, clock(now)), json=False)


@app.command()
def resume(context: typer.Context, address: Who, now: Now = None) -> None:
    """Send digests again to one who was paused, or whose address was suppressed and no longer is."""
    with service(context) as day:
        tell(subscriptions.resume(day, address, clock(now)), json=False)


@app.command("mail-link")
def mail_link(context: typer.Context, address: Who, now: Now = None) -> None:
    """Mail them the link to their settings; to confirm, if they have not yet."""
    with service(context) as day:
        written = subscriptions.mail_link(day, address, clock(now))
    typer.echo("will be mailed in the next pass" if written else "was mailed today already")


@app.command()
def remove(context: typer.Context, address: Who, now: Now = None) -> None:
    """Delete a subscriber and everything that is kept of them, as they can themselves."""
    with service(context) as day:
        subscriptions.erase(day, subscriptions.find(day, address), clock(now))
    typer.echo("removed")


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A CSV, or a .json, as `export` and `export --json` write them."),
    ],
    now: Now = None,
) -> None:
    """Add the subscribers of a file; all or, if a line is wrong, none. Known addresses are left as they are."""
    with service(context) as day:
        try:
            done = (from_json if file.suffix == ".json" else from_csv)(day, file, clock(now))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UsageError(f"cannot read it as CSV or JSON in UTF-8 ({error}): {str(file)!r}") from None
        except UsageError as error:
            raise UsageError(f"{file}: {error}") from None
    asked = f" ({done.asked} of them asked by mail to confirm)" if done.asked else ""
    typer.echo(f"{done.added} added{asked}, {done.known} already known")


def from_csv(day: Service, file: Path, now: dt.datetime) -> Imported:
    """Add those of a CSV."""
    with file.open(encoding="utf-8-sig", newline="") as rows:
        found = roster.read_csv(rows, day.settings, now)
    return roster.import_all(day, found, now)


def from_json(day: Service, file: Path, now: dt.datetime) -> Imported:
    """Add those of an `export --json`."""
    added, known = records.add_all(day, records.read(file.read_bytes(), day.settings, now), now)
    return Imported(added=added, asked=0, known=known)


@app.command()
def export(context: typer.Context, json: AsJson = False) -> None:
    """All subscribers as CSV on stdout; as JSON with everything that is kept of them but what was sent."""
    with service(context) as day:
        if json:
            say(records.write(day))
        else:
            roster.write_csv(day.store.subscribers.list(), day.store.consents.list(), sys.stdout)


def tell(one: Subscriber, *, json: bool) -> None:
    """One subscriber on stdout."""
    if json:
        say(as_json.subscriber(one))
        return
    rows = [(key, value) for key, value in as_json.subscriber(one).items() if key != "interests"]
    rows += [
        (i.kind, i.value if i.weight == 1 else f"{i.value} (weight {i.weight:g})") for i in one.interests
    ]
    show("", ("", ""), rows, "")


def schedule(one: Subscriber) -> str:
    """`daily 07:00 UTC`."""
    return f"{one.schedule.days} {one.schedule.send_at:%H:%M} {one.schedule.timezone}"


def in_short(one: Subscriber) -> str:
    """The first few interests."""
    values = [shorten(i.value, 60, placeholder="…") for i in one.interests]
    return ", ".join(values[:3]) + (f" and {len(values) - 3} more" if len(values) > 3 else "")
