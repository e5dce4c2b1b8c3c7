"""Papers and their mentions: known again by any of their ids, their text kept in every revision."""

from __future__ import annotations

import builtins
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    Connection,
    Integer,
    RowMapping,
    Select,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)

from digest.model import UNSEEN, Mention, Names, Paper, Resolved, Rights, Snapshot
from digest.store import codec
from digest.store.aliases import aliases_of, homes
from digest.store.database import Database, chunks, insert, lock
from digest.store.mentions import mentions_of, move_mentions, save_mentions
from digest.store.schema import (
    aliases,
    edition_papers,
    mentions,
    meta,
    papers,
    revisions,
    snapshots,
    summaries,
)

#: A paper with everything that sources said of it.
Known: TypeAlias = tuple[Paper, tuple[Mention, ...]]

_CURRENT = papers.join(
    revisions, and_(revisions.c.paper == papers.c.id, revisions.c.number == papers.c.revision)
)
_TEXT = [column for column in revisions.c if column.name not in {"paper", "number"}]


class Papers:
    """The papers of every day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, names: Names) -> tuple[Paper, ...]:
        """The papers that have one of those ids as an alias, or one of those title keys; by id."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for some in chunks(names.ids):
                found.update(connection.scalars(select(aliases.c.paper).where(aliases.c.alias.in_(some))))
            for some in chunks(names.title_keys):
                keyed = select(papers.c.id).select_from(_CURRENT).where(revisions.c.title_key.in_(some))
                found.update(connection.scalars(keyed))
            return tuple(_papers(connection, found))

    def save(self, resolved: Resolved, now: dt.datetime) -> None:
        """Write what became of entries, in one transaction; saving the same again changes nothing.

        A text that changed becomes a new revision; counts that changed become a snapshot; an id that was
        given up keeps its mentions and aliases under the id that stays. If anything changed, `changes` rises.
        """
        with self._database.writing() as connection:
            changed = _save_papers(connection, resolved.papers)
            for old, new in _ends(resolved.joined).items():
                changed |= _join(connection, old, new)
            changed |= _save_aliases(connection, resolved.papers)
            changed |= save_mentions(connection, resolved.mentions, now)
            if changed:
                _count_change(connection)

    def changes(self) -> int:
        """How often saving changed something."""
        with self._database.reading() as connection:
            return int(connection.scalar(select(meta.c.value).where(meta.c.key == "changes")) or 0)

    def pool(self, since: dt.datetime, until: dt.datetime) -> builtins.list[Known]:
        """The papers first seen or listed in (since, until], with all of their mentions; by id."""
        seen = select(papers.c.id).where(papers.c.first_seen > since, papers.c.first_seen <= until)
        listed = select(mentions.c.paper).where(mentions.c.listed_at > since, mentions.c.listed_at <= until)
        with self._database.reading() as connection:
            return _with_mentions(connection, connection.scalars(seen.union(listed)).all())

    def seen(self, since: dt.datetime) -> int:
        """How many were first seen since."""
        chosen = select(func.count()).where(papers.c.first_seen >= since).select_from(papers)
        with self._database.reading() as connection:
            return connection.execute(chosen).scalar_one()

    def older(self, than: dt.datetime, most: int) -> builtins.list[Paper]:
        """The papers first seen until then, the newest so many; without those of which only a reader's list spoke."""
        chosen = select(papers.c.id).where(papers.c.first_seen > UNSEEN, papers.c.first_seen <= than)
        chosen = chosen.order_by(papers.c.first_seen.desc(), papers.c.id).limit(most)
        with self._database.reading() as connection:
            return _papers(connection, connection.scalars(chosen).all())

    def snapshots(self, since: dt.datetime) -> tuple[Snapshot, ...]:
        """The votes that were counted from that instant on, a row whenever they changed; in time."""
        chosen = _snapshots().where(snapshots.c.as_of >= since, snapshots.c.votes.is_not(None))
        with self._database.reading() as connection:
            return tuple(Snapshot(**row) for row in connection.execute(chosen).mappings())

    def get(self, alias: str) -> Known | None:
        """The paper that is or was known under that id."""
        with self._database.reading() as connection:
            found = connection.scalars(select(aliases.c.paper).where(aliases.c.alias == alias)).all()
            return next(iter(_with_mentions(connection, found)), None)

    def counted(self, paper: str) -> tuple[Snapshot, ...]:
        """The votes of one paper, a row whenever they changed; in time."""
        with self._database.reading() as connection:
            chosen = _snapshots().where(snapshots.c.paper == paper, snapshots.c.votes.is_not(None))
            return tuple(Snapshot(**row) for row in connection.execute(chosen).mappings())

    def search(self, words: Sequence[str], most: int) -> builtins.list[Known]:
        """The papers that hold each of these words, the newest first, at most so many.

        Title, authors and id are looked at, the abstract only where it may be shown to anybody; papers of which
        only a reader's list spoke are not found.
        """
        chosen = select(papers.c.id).select_from(_CURRENT).where(papers.c.first_seen > UNSEEN)
        shown = case((revisions.c.rights == Rights.OPEN, revisions.c.abstract), else_="")
        for word in words:
            held = [
                column.icontains(word, autoescape=True) for column in (revisions.c.title, shown, papers.c.id)
            ]
            named = revisions.c.authors.icontains(codec.encode_texts([word])[2:-2], autoescape=True)
            chosen = chosen.where(or_(*held, named))
        chosen = chosen.order_by(papers.c.first_seen.desc(), papers.c.id).limit(most)
        with self._database.reading() as connection:
            found = connection.scalars(chosen).all()
            by_id = {known[0].id: known for known in _with_mentions(connection, found)}
        return [by_id[paper] for paper in found]

    def list(self, day: dt.date | None) -> builtins.list[Known]:
        """The papers first seen or listed on that UTC day, or all of them; by id."""
        chosen = select(papers.c.id)
        if day is not None:
            start = dt.datetime.combine(day, dt.time(), dt.UTC)
            end = start + dt.timedelta(days=1)
            listed = select(mentions.c.paper).where(mentions.c.listed_on == day)
            seen = and_(papers.c.first_seen >= start, papers.c.first_seen < end)
            chosen = chosen.where(or_(seen, papers.c.id.in_(listed)))
        with self._database.reading() as connection:
            return _with_mentions(connection, connection.scalars(chosen).all())


# --- text, for editions too -----------------------------------------------------------------------


def paper_of(row: RowMapping, paper: str, names: tuple[str, ...]) -> Paper:
    """The paper of a row that holds a revision's text and `first_seen`."""
    return Paper(
        id=paper,
        aliases=names,
        title_key=row["title_key"],
        title=row["title"],
        abstract=row["abstract"],
        authors=codec.decode_texts(row["authors"]),
        categories=codec.decode_texts(row["categories"]),
        published=row["published"],
        version=row["version"],
        links=codec.decode_links(row["links"]),
        rights=row["rights"],
        first_seen=row["first_seen"],
        ai_summary=row["ai_summary"],
    )


def keep_texts(connection: Connection, kept: Iterable[Paper]) -> Mapping[str, int]:
    """The number of the revision that holds each paper's text, by its id; written if the newest differs."""
    texts = {paper.id: _text(paper) for paper in kept}
    # Whoever saves or publishes next counts from what we write here.
    lock(connection, revisions)
    numbers: dict[str, int] = {}
    newest: dict[str, dict[str, object]] = {}
    for some in chunks(texts):
        last = (
            select(revisions.c.paper, func.max(revisions.c.number).label("number"))
            .where(revisions.c.paper.in_(some))
            .group_by(revisions.c.paper)
            .subquery()
        )
        of_last = and_(revisions.c.paper == last.c.paper, revisions.c.number == last.c.number)
        for row in connection.execute(select(revisions).join(last, of_last)).mappings():
            numbers[row["paper"]] = row["number"]
            newest[row["paper"]] = {column.name: row[column.name] for column in _TEXT}
    fresh = [paper for paper, text in texts.items() if newest.get(paper) != text]
    for paper in fresh:
        numbers[paper] = numbers.get(paper, 0) + 1
    if fresh:
        rows = [{"paper": paper, "number": numbers[paper], **texts[paper]} for paper in fresh]
        connection.execute(revisions.insert(), rows)
    return numbers


def forget(connection: Connection, ids: Collection[str]) -> None:
    """Drop these papers with all that is known of them, inside a transaction.

    Not those of which a source spoke, or that an edition holds.
    """
    if not ids:
        return
    kept = {
        *connection.scalars(select(mentions.c.paper).where(mentions.c.paper.in_(ids))),
        *connection.scalars(select(edition_papers.c.paper).where(edition_papers.c.paper.in_(ids))),
    }
    gone = [paper for paper in ids if paper not in kept]
    for named in (aliases.c.paper, revisions.c.paper, summaries.c.paper, papers.c.id):
        connection.execute(delete(named.table).where(named.in_(gone)))


def _text(paper: Paper) -> dict[str, object]:
    return {
        "title_key": paper.title_key,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": codec.encode_texts(paper.authors),
        "categories": codec.encode_texts(paper.categories),
        "published": paper.published,
        "version": paper.version,
        "links": codec.encode_links(paper.links),
        "rights": paper.rights,
        "ai_summary": paper.ai_summary,
    }


# --- reading --------------------------------------------------------------------------------------


def _snapshots() -> Select[Any]:
    key = ("paper", "source", "listed_on")
    same = and_(*(snapshots.c[name] == mentions.c[name] for name in key))
    columns = (
        snapshots.c.paper,
        snapshots.c.source,
        mentions.c.listed_at,
        snapshots.c.as_of,
        snapshots.c.votes,
    )
    return (
        select(*columns)
        .join(mentions, same)
        .order_by(snapshots.c.as_of, snapshots.c.paper, snapshots.c.source)
    )


def _papers(connection: Connection, ids: Collection[str]) -> builtins.list[Paper]:
    names = aliases_of(connection, ids)
    found = []
    for some in chunks(ids):
        chosen = (
            select(papers.c.id, papers.c.first_seen, *_TEXT)
            .select_from(_CURRENT)
            .where(papers.c.id.in_(some))
        )
        rows = connection.execute(chosen).mappings()
        found += [paper_of(row, row["id"], tuple(names[row["id"]])) for row in rows]
    return sorted(found, key=lambda paper: paper.id)


def _with_mentions(connection: Connection, ids: Sequence[str]) -> builtins.list[Known]:
    said: dict[str, list[Mention]] = defaultdict(list)
    for mention in mentions_of(connection, ids):
        said[mention.paper].append(mention)
    return [(paper, tuple(said[paper.id])) for paper in _papers(connection, ids)]


# --- writing --------------------------------------------------------------------------------------


def _save_papers(connection: Connection, saved: Sequence[Paper]) -> bool:
    numbers = keep_texts(connection, saved)
    before = {}
    for some in chunks([paper.id for paper in saved]):
        rows = connection.execute(select(papers).where(papers.c.id.in_(some)))
        before.update({row.id: (row.revision, row.first_seen) for row in rows})
    fresh = [
        {"id": paper.id, "revision": numbers[paper.id], "first_seen": paper.first_seen}
        for paper in saved
        if before.get(paper.id) != (numbers[paper.id], paper.first_seen)
    ]
    if fresh:
        row = insert(connection, papers)
        values = {"revision": row.excluded.revision, "first_seen": row.excluded.first_seen}
        connection.execute(row.on_conflict_do_update(index_elements=[papers.c.id], set_=values), fresh)
    return bool(fresh)


def _save_aliases(connection: Connection, saved: Sequence[Paper]) -> bool:
    """Add the aliases that are new; one that leads to a paper keeps leading there unless they are joined."""
    wanted = {alias: paper.id for paper in saved for alias in (*paper.aliases, paper.id)}
    taken = homes(connection, wanted)
    fresh = [{"alias": alias, "paper": paper} for alias, paper in wanted.items() if alias not in taken]
    if fresh:
        connection.execute(insert(connection, aliases).on_conflict_do_nothing(), fresh)
    return bool(fresh)


def _join(connection: Connection, old: str, new: str) -> bool:
    """Give everything of the old id to the new one; nothing to do if the old one has no row."""
    if connection.scalar(select(papers.c.id).where(papers.c.id == old)) is None:
        return False
    move_mentions(connection, old, new)
    connection.execute(update(aliases).where(aliases.c.paper == old).values(paper=new))
    connection.execute(delete(papers).where(papers.c.id == old))
    return True


def _count_change(connection: Connection) -> None:
    raised = cast(cast(meta.c.value, Integer) + 1, Text)
    row = insert(connection, meta).values(key="changes", value="1")
    connection.execute(row.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": raised}))


def _ends(joined: Mapping[str, str]) -> dict[str, str]:
    """Each id given up with the id that stays at the end: a -> b, b -> c gives a -> c, b -> c."""
    ends = {}
    for old in joined:
        new = joined[old]
        while new in joined and joined[new] != new:
            new = joined[new]
        if new != old:
            ends[old] = new
    return ends
