"""Editions: the pool of papers frozen as of an instant, read back as it was then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, and_, delete, func, select, tuple_, update

from digest.model import Edition, Listed, Notice, Trend
from digest.store import codec
from digest.store.aliases import aliases_of, homes
from digest.store.database import Database
from digest.store.papers import keep_texts, paper_of
from digest.store.schema import edition_papers, editions, outbox, revisions

#: A delivery's local date is at most so long after its edition: that is used for 36 hours, and zones differ.
ABOUT = dt.timedelta(days=4)
_NEWEST = select(editions).order_by(editions.c.published_at.desc(), editions.c.id.desc()).limit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionHeader:
    """An edition without its papers."""

    id: int
    published_at: dt.datetime
    #: How many it holds.
    papers: int


class Editions:
    """Every edition that was published."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, as_of: dt.datetime | None = None) -> Edition | None:
        """The newest edition, or the newest that was published by then."""
        chosen = _NEWEST if as_of is None else _NEWEST.where(editions.c.published_at <= as_of)
        return self._read(chosen)

    def get(self, id: int) -> Edition | None:  # noqa: A002 (it is the edition's id)
        """The edition with that id: text, votes and trend as they were then, under today's aliases too."""
        return self._read(select(editions).where(editions.c.id == id))

    def last_of(self, date: dt.date) -> Edition | None:
        """The last edition of that UTC date."""
        start = dt.datetime.combine(date, dt.time(), dt.UTC)
        end = start + dt.timedelta(days=1)
        return self._read(_NEWEST.where(editions.c.published_at >= start, editions.c.published_at < end))

    def days(self, before: dt.date, most: int) -> list[dt.date]:
        """The UTC dates before that one of which there is an edition, the newest first, at most so many."""
        found: list[dt.date] = []
        end = dt.datetime.combine(before, dt.time(), dt.UTC)
        newest = func.max(editions.c.published_at)
        with self._database.reading() as connection:
            while len(found) < most:
                last = connection.scalar(select(newest).where(editions.c.published_at < end))
                if last is None:
                    break
                found.append(last.date())
                end = dt.datetime.combine(last.date(), dt.time(), dt.UTC)
        return found

    def publish(
        self,
        published_at: dt.datetime,
        papers: Sequence[Listed],
        changes: int,
        notices: Sequence[Notice] = (),
        silent_since: dt.datetime | None = None,
    ) -> Edition:
        """Freeze the pool, in the order given; `changes` is `Papers.changes()` when it was read."""
        with self._database.writing() as connection:
            numbers = keep_texts(connection, (listed.paper for listed in papers))
            values = {
                "published_at": published_at,
                "changes": changes,
                "notices": codec.encode_notices(notices),
                "silent_since": silent_since,
            }
            row = editions.insert().values(values).returning(editions.c.id)
            edition = connection.execute(row).scalar_one()
            rows = [
                {
                    "edition": edition,
                    "position": position,
                    "paper": listed.paper.id,
                    "revision": numbers[listed.paper.id],
                    "first_seen": listed.paper.first_seen,
                    "mentions": codec.encode_mentions(listed.mentions),
                    "score": listed.trend.score,
                    "reasons": codec.encode_reasons(listed.trend.reasons),
                    "summary": listed.summary,
                }
                for position, listed in enumerate(papers)
            ]
            if rows:
                connection.execute(edition_papers.insert(), rows)
        return Edition(
            id=edition,
            published_at=published_at,
            papers=tuple(papers),
            notices=tuple(notices),
            silent_since=silent_since,
        )

    def decide(self, edition: int, summaries: Mapping[str, str]) -> None:
        """What an edition's papers, by their ids in it, show from now on; what was decided before stays."""
        with self._database.writing() as connection:
            for paper, text in summaries.items():
                undecided = and_(
                    edition_papers.c.edition == edition,
                    edition_papers.c.paper == paper,
                    edition_papers.c.summary.is_(None),
                )
                connection.execute(update(edition_papers).where(undecided).values(summary=text))

    def undecided(self, edition: int) -> frozenset[str]:
        """The papers of an edition, by their ids in it, of which nobody decided yet what they show."""
        chosen = select(edition_papers.c.paper).where(
            edition_papers.c.edition == edition, edition_papers.c.summary.is_(None)
        )
        with self._database.reading() as connection:
            return frozenset(connection.scalars(chosen))

    def changes_of_latest(self) -> int | None:
        """The `changes` that the newest edition was published with."""
        with self._database.reading() as connection:
            row = connection.execute(_NEWEST).one_or_none()
            return None if row is None else int(row.changes)

    def newest(self) -> EditionHeader | None:
        """The newest edition without its papers."""
        with self._database.reading() as connection:
            row = connection.execute(_NEWEST).one_or_none()
            if row is None:
                return None
            held = select(func.count()).where(edition_papers.c.edition == row.id)
            papers = connection.execute(held).scalar_one()
        return EditionHeader(id=row.id, published_at=row.published_at, papers=papers)

    def headers(self) -> list[EditionHeader]:
        """All editions without their papers, the newest first."""
        held = func.count(edition_papers.c.position).label("papers")
        chosen = (
            select(editions.c.id, editions.c.published_at, held)
            .outerjoin(edition_papers, edition_papers.c.edition == editions.c.id)
            .group_by(editions.c.id, editions.c.published_at)
            .order_by(editions.c.published_at.desc(), editions.c.id.desc())
        )
        with self._database.reading() as connection:
            return [EditionHeader(**row) for row in connection.execute(chosen).mappings()]

    def ids(self, before: int | None, most: int) -> list[int]:
        """The ids of editions, the newest first, from before that one, at most so many."""
        order = tuple_(editions.c.published_at, editions.c.id)
        chosen = (
            select(editions.c.id).order_by(editions.c.published_at.desc(), editions.c.id.desc()).limit(most)
        )
        if before is not None:
            mark = select(editions.c.published_at).where(editions.c.id == before).scalar_subquery()
            chosen = chosen.where(order < tuple_(mark, before))
        with self._database.reading() as connection:
            return list(connection.scalars(chosen))

    def forget(self, before: dt.date) -> int:
        """Drop editions of UTC dates before that one that no delivery names, but for the last of each; how many."""
        named = select(outbox.c.edition).where(
            outbox.c.local_date < before + ABOUT, outbox.c.edition.is_not(None)
        )
        chosen = select(editions.c.id, editions.c.published_at).where(
            editions.c.published_at < dt.datetime.combine(before, dt.time(), dt.UTC),
            editions.c.id.not_in(named),
        )
        with self._database.reading() as connection:
            found = connection.execute(chosen.order_by(editions.c.published_at, editions.c.id)).all()
        last = {row.published_at.date(): row.id for row in found}
        over = [row.id for row in found if last[row.published_at.date()] != row.id]
        for one in over:  # each holds a thousand papers, and others write in between
            with self._database.writing() as connection:
                connection.execute(delete(edition_papers).where(edition_papers.c.edition == one))
                connection.execute(delete(editions).where(editions.c.id == one))
        return len(over)

    def _read(self, chosen: Select[tuple[object, ...]]) -> Edition | None:
        with self._database.reading() as connection:
            row = connection.execute(chosen).one_or_none()
            if row is None:
                return None
            return Edition(
                id=row.id,
                published_at=row.published_at,
                papers=_listed(connection, row.id),
                notices=codec.decode_notices(row.notices),
                silent_since=row.silent_since,
            )


def _listed(connection: Connection, edition: int) -> tuple[Listed, ...]:
    text = and_(revisions.c.paper == edition_papers.c.paper, revisions.c.number == edition_papers.c.revision)
    chosen = (
        select(edition_papers, *(c for c in revisions.c if c.name != "paper"))
        .join(revisions, text)
        .where(edition_papers.c.edition == edition)
        .order_by(edition_papers.c.position)
    )
    rows = connection.execute(chosen).mappings().all()
    names = _names(connection, [row["paper"] for row in rows])
    return tuple(
        Listed(
            paper=paper_of(row, row["paper"], names[row["paper"]]),
            mentions=codec.decode_mentions(row["mentions"]),
            trend=Trend(score=row["score"], reasons=codec.decode_reasons(row["reasons"])),
            summary=row["summary"],
        )
        for row in rows
    )


def _names(connection: Connection, papers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The ids that lead to each paper of an edition: the one it had then, and what it is known as today.

    Two papers of an edition that were joined later stay two there, so each keeps its own id to itself.
    """
    home = homes(connection, papers)
    known = aliases_of(connection, set(home.values()))
    own = set(papers)
    return {
        paper: (paper, *(alias for alias in known.get(home.get(paper, paper), ()) if alias not in own))
        for paper in papers
    }
