"""How each source has been doing, and what to ask its servers with."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import delete, func, select

from digest.model import Attempt, Collected, SourceState, SourceStatus, Validators
from digest.store.database import Database, insert
from digest.store.schema import collections, mentions, sources, validators

#: An attempt in one of these states brought no document.
_UNANSWERED = {SourceState.FAILING, SourceState.DISABLED}


class Sources:
    """The sources' record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def statuses(self) -> Mapping[str, SourceStatus]:
        """The last status of every source that was ever tried, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(sources).order_by(sources.c.name)).mappings()
            return {row["name"]: SourceStatus(**row) for row in rows}

    def history(self, since: dt.datetime) -> Mapping[str, tuple[Attempt, ...]]:
        """What each source's attempts from that instant on came to, the earliest first, by name."""
        chosen = (
            select(collections).where(collections.c.at >= since).order_by(collections.c.at, collections.c.id)
        )
        found: defaultdict[str, list[Attempt]] = defaultdict(list)
        with self._database.reading() as connection:
            for row in connection.execute(chosen):
                attempt = Attempt(at=row.at, state=row.state, reason=row.reason, entries=row.entries)
                found[row.source].append(attempt)
        return {name: tuple(attempts) for name, attempts in found.items()}

    def lists(self, since: dt.date) -> Mapping[str, Mapping[dt.date, frozenset[str]]]:
        """The papers that each source listed, by UTC day from that one on, by name."""
        chosen = select(mentions.c.source, mentions.c.listed_on, mentions.c.paper).where(
            mentions.c.listed_on >= since
        )
        found: defaultdict[str, defaultdict[dt.date, set[str]]] = defaultdict(lambda: defaultdict(set))
        with self._database.reading() as connection:
            for row in connection.execute(chosen):
                found[row.source][row.listed_on].add(row.paper)
        return {
            name: {day: frozenset(papers) for day, papers in days.items()} for name, days in found.items()
        }

    def validators(self) -> Mapping[str, Validators]:
        """What each URL's server gave last, by URL."""
        with self._database.reading() as connection:
            rows = connection.execute(select(validators))
            return {row.url: Validators(etag=row.etag, last_modified=row.last_modified) for row in rows}

    def record(self, collected: Collected) -> None:
        """Keep what an attempt came to; the last success stays when this attempt was none."""
        status = {
            "name": collected.source.name,
            "location": collected.source.location,
            "state": collected.state,
            "reason": collected.reason,
            "last_attempt": collected.at,
            "last_success": None if collected.state in _UNANSWERED else collected.at,
            "entries": len(collected.entries),
        }
        attempt = {
            "source": collected.source.name,
            "at": collected.at,
            "state": collected.state,
            "reason": collected.reason,
            "entries": len(collected.entries),
            "refused": len(collected.refused),
        }
        given = [
            {"url": url, "etag": found.etag, "last_modified": found.last_modified}
            for url, found in collected.validators.items()
        ]
        with self._database.writing() as connection:
            row = insert(connection, sources)
            values = {
                **{name: row.excluded[name] for name in status if name != "name"},
                "last_success": func.coalesce(row.excluded.last_success, sources.c.last_success),
            }
            connection.execute(
                row.on_conflict_do_update(index_elements=[sources.c.name], set_=values), status
            )
            connection.execute(collections.insert(), attempt)
            if given:
                url = insert(connection, validators)
                newest = {"etag": url.excluded.etag, "last_modified": url.excluded.last_modified}
                connection.execute(
                    url.on_conflict_do_update(index_elements=[validators.c.url], set_=newest), given
                )

    def forget(self, before: dt.datetime) -> int:
        """Drop attempts from before that instant; how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(collections).where(collections.c.at < before)).rowcount
