"""`digest doctor`: whether an installation is well, before its readers say so.

Rule 1. Nothing is changed and nothing is sent.
Rule 2. What fails is a finding, and the rest is looked at all the same.
"""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from digest import store
from digest.config import Settings
from digest.doctor import house, mail, site
from digest.doctor.finding import Finding, Verdict, bad, doubtful
from digest.doctor.names import Names
from digest.errors import ConfigError, DigestError
from digest.service import Service, open_service

__all__ = ["Finding", "Names", "Verdict", "examine"]


def examine(
    settings: Settings,
    secrets: Iterable[Path],
    names: Names,
    tls: ssl.SSLContext,
    clock: Callable[[], dt.datetime],
) -> Iterator[Finding]:
    """Everything that can be looked at from here; `secrets` are files that hold some."""
    yield from house.secrets([*secrets, *house.files_of(settings)])
    try:
        if store.is_there(settings.database_url):
            with open_service(settings) as day:
                yield from of_house(day, clock())
        else:
            yield doubtful("database", "there is none yet", "`digest run` makes it; then look again.")
    except ConfigError:
        raise
    except DigestError as error:
        yield bad("database", str(error), "The rest of the day could not be looked at.")
    yield from site.examine(settings.site, names, tls, clock)
    yield from mail.examine(settings, names, clock())


def of_house(day: Service, now: dt.datetime) -> Iterator[Finding]:
    """What needs the database."""
    yield house.database(day)
    yield from house.disks(day)
    yield house.time_zones(day, now)
    yield from house.sources(day, now)
    yield from house.day_of(day, now)
