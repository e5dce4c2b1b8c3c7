"""The front door: `digest`. Results on stdout, everything else on stderr, no traceback unless --debug.

Exit codes: 0 done; 1 could not do it; 2 wrong usage or configuration; 3 done in part, the rest is named.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from digest import __version__
from digest.cli import (
    bounces,
    database,
    evaluating,
    looking,
    operating,
    outbox,
    programs,
    running,
    serving,
    signing,
    starting,
    subscribers,
    working,
)
from digest.cli.console import Front, Log, complain, log_to_stderr
from digest.errors import DigestError, UsageError

app = typer.Typer(
    name="digest",
    help="The day's trending research papers, ranked for each reader, in their inbox once a day.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
starting.commands(app)
running.commands(app)
serving.commands(app)
working.commands(app)
app.add_typer(subscribers.app, name="subscribers")
looking.commands(app)
evaluating.commands(app)
app.add_typer(outbox.app, name="outbox")
app.add_typer(outbox.suppressions, name="suppressions")
app.add_typer(bounces.app, name="bounces")
app.add_typer(programs.api_keys, name="api-keys")
app.add_typer(programs.events, name="events")
app.add_typer(programs.hook, name="webhook")
signing.commands(app)
operating.commands(app)
app.add_typer(database.app, name="db")


#: What Typer raises for a wrong option or command. It carries its own copy of click, without a public name.
UsageMistake: type[Exception] = typer.BadParameter.__bases__[0]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"digest {__version__}")
        raise typer.Exit


@app.callback()
def front(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="The configuration; else $DIGEST_CONFIG, else ./digest.toml, else defaults."),
    ] = None,
    debug: Annotated[bool, typer.Option(help="Show tracebacks and every log line.")] = False,
    verbose: Annotated[
        bool, typer.Option(help="Log what is done to stderr, not only what went wrong.")
    ] = False,
    log: Annotated[Log, typer.Option(help="How log lines look: for people, or an object a line.")] = Log.TEXT,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    del version  # handled before anything else
    log_to_stderr("debug" if debug else "info" if verbose else "warning", log)
    context.obj = Front(config=config)


def mistake(error: Exception) -> int:
    """Say what was typed wrongly in one line; a command group without a command shows its help instead."""
    context: typer.Context | None = getattr(error, "ctx", None)
    if context and type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(context.get_help(), err=True)
        return 2
    message = str(getattr(error, "format_message", error.__str__)()).replace(": Value error, ", ": ")
    where = context.command_path if context else "digest"
    return complain(f"{message.rstrip('.')}; `{where} --help` shows how", 2)


def main() -> NoReturn:
    """Run the command line and exit; every error on purpose is one line on stderr."""
    # What was imported stays for good, and a day's values hold no cycles: the collector need not look for garbage in
    # them again and again (a twelfth of the ranking).
    gc.freeze()
    gc.set_threshold(100_000)
    debug = "--debug" in sys.argv
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        code = complain(str(error), 2)
    except DigestError as error:
        code = complain(str(error), 1)
    except UsageMistake as error:
        code = mistake(error)
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:  # `digest papers list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        if debug:
            raise
        code = complain(f"unexpected {type(error).__name__}: {error}; `digest --debug …` shows where", 1)
    sys.exit(code or 0)
