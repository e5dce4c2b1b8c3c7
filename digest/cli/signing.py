"""`digest dkim`: what has to be published for our signatures to count."""

from __future__ import annotations

import typer

from digest.cli.console import AsJson, say
from digest.deliver.message import signer_of
from digest.errors import UsageError

#: RFC 1035 3.3: a TXT record is made of strings of at most 255 octets.
LONGEST_STRING = 255


def commands(app: typer.Typer) -> None:
    """Put it on the front door."""
    app.command()(dkim)


def dkim(context: typer.Context, json: AsJson = False) -> None:
    """Print the DNS record to publish for the key of mail.dkim_key."""
    signer = signer_of(context.obj.settings())
    if signer is None:
        raise UsageError("no key to sign with: set mail.dkim_key, or leave signing to the relay")
    name, value = signer.record
    if json:
        say({"name": name, "type": "TXT", "value": value})
        return
    strings = [f'"{value[n : n + LONGEST_STRING]}"' for n in range(0, len(value), LONGEST_STRING)]
    typer.echo(f"{name}. IN TXT ( {' '.join(strings)} )")
