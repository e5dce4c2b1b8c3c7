"""`digest bounces read`: what came back by mail."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from digest import bounces
from digest.as_json import Json
from digest.bounces import Fate, Handled
from digest.cli.console import AsJson, Now, clock, complain, say, service, show
from digest.deliver.mailbox import letters
from digest.model import BounceClass

app = typer.Typer(help="What came back.", no_args_is_help=True)

#: What each count of the report says.
MEANINGS: dict[str, str] = {
    BounceClass.HARD: "the address is not there",
    BounceClass.SOFT: "the mailbox took nothing; counts if it lasts",
    BounceClass.TRANSIENT: "later, or still under way; counts if it lasts",
    BounceClass.POLICY: "refused us, not the reader: look at reputation and content",
    BounceClass.COMPLAINT: "called it spam",
    BounceClass.LEAVE: "asked to leave",
    Fate.KNOWN: "read before, or the reader is gone",
    Fate.FORGED: "does not lead back to a message of ours",
    Fate.IDLE: "automatic replies, and reports that nothing failed",
    Fate.UNKNOWN: "not understood; for you to look at",
}


@app.callback()
def group() -> None:
    """What came back."""


@app.command("read")
def read_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A message, an mbox or a Maildir; - reads a pipe.")],
    now: Now = None,
    json: AsJson = False,
) -> None:
    """Read bounces, complaints and wishes to leave, and act upon them. The same message counts once."""
    handled, unknown = [], []
    with service(context) as day:
        for letter in letters(path, sys.stdin.buffer):
            one = bounces.read(day, letter.raw, clock(now))
            letter.put_away(understood=one.fate is not Fate.UNKNOWN)
            handled.append(one)
            unknown += [letter.place] if one.fate is Fate.UNKNOWN else []
        held = bounces.heed_complaints(day, handled, clock(now))
        verp = day.letterhead.verp
    found = counts(handled)
    if json:
        say({**found, "left": unknown, "held": held})
    else:
        show(
            "",
            ("", "", "what"),
            [(found[word], word, what) for word, what in MEANINGS.items() if found[word]],
            "",
        )
        typer.echo(
            f"{found['read']} read, {found['suppressed']} suppressed, {found['unsubscribed']} unsubscribed"
        )
    if found[Fate.FORGED] and verp is None:
        complain("without mail.bounce_address no bounce can be matched to its reader", 0)
    for place in unknown:
        complain(f"not understood: {place}", 3)
    if held is not None:
        complain(
            "too many readers complain: look at who is written to, and what; then `digest outbox release`;"
            f" held until then: {held}",
            3,
        )
    if unknown or held is not None:
        raise typer.Exit(3)


def counts(handled: Iterable[Handled]) -> dict[str, Json]:
    """How many of each there were, and what followed."""
    each = list(handled)
    words = Counter(str(one.meaning or one.fate) for one in each)
    return {
        "read": len(each),
        **{word: words[word] for word in MEANINGS},
        "suppressed": sum(bool(one.decision.suppress) for one in each),
        "unsubscribed": sum(one.decision.leave for one in each),
    }
