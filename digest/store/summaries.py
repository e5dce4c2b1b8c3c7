"""What a machine of ours made of papers: each text asked for once, and kept for good."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping

from sqlalchemy import func, select

from digest.model import Paper
from digest.store.database import Database, chunks, insert
from digest.store.schema import summaries


class Summaries:
    """The answers of every model, by paper and content; rows are only ever added."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, papers: Iterable[Paper], model: str) -> Mapping[str, str]:
        """What that model made of those papers' present texts, by id; empty where it was asked in vain."""
        wanted = {paper.id: _content(paper) for paper in papers}
        found: dict[str, str] = {}
        with self._database.reading() as connection:
            for some in chunks(wanted):
                chosen = select(summaries).where(summaries.c.paper.in_(some), summaries.c.model == model)
                rows = connection.execute(chosen)
                found.update((row.paper, row.text) for row in rows if row.content == wanted[row.paper])
        return found

    def keep(self, paper: Paper, model: str, text: str, now: dt.datetime) -> None:
        """What the model made of the paper; the first answer stays."""
        row = {"paper": paper.id, "model": model, "content": _content(paper), "text": text, "at": now}
        with self._database.writing() as connection:
            connection.execute(insert(connection, summaries).on_conflict_do_nothing(), row)

    def asked(self, since: dt.datetime) -> int:
        """How many answers were kept from that instant on, those in vain included."""
        with self._database.reading() as connection:
            chosen = select(func.count()).select_from(summaries).where(summaries.c.at >= since)
            return int(connection.scalar(chosen) or 0)


def _content(paper: Paper) -> str:
    return hashlib.sha256(f"{paper.title}\n{paper.abstract}".encode(errors="replace")).hexdigest()
