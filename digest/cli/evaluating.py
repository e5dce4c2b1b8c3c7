"""`digest evaluate`: ranks a data set, so that the ranking can be measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from digest import rank
from digest.errors import UsageError
from digest.rank import evaluate


def commands(app: typer.Typer) -> None:
    """Put it on the front door."""
    app.command("evaluate")(evaluate_ranking)


def evaluate_ranking(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Holds papers.jsonl and users.jsonl.")],
    mode: Annotated[
        evaluate.Mode,
        typer.Option(help="What is known of a user: all likes if 10 or more, three, one, or keywords only."),
    ],
    out: Annotated[Path, typer.Option(metavar="RUN.tsv", help="Becomes user TAB paper TAB score.")],
) -> None:
    """Rank the candidates of a data set for every user of a mode, with the function that ranks digests."""
    # All or nothing: a file that was begun would look like a run.
    lines = list(evaluate.run(folder, mode, rank.embedder(context.obj.settings().model)))
    try:
        with out.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}: {str(out)!r}") from None
