"""What models made of papers' texts: one embedding of each paper by each model."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from digest.model import Embedding
from digest.store.database import Database, chunks, insert
from digest.store.schema import embeddings, papers


class Embeddings:
    """A cache: losing it costs time only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, model: str, ids: Collection[str]) -> tuple[Embedding, ...]:
        """Those of these papers that are kept, by that model, whatever their text was then."""
        found: list[Embedding] = []
        with self._database.reading() as connection:
            for some in chunks(ids):
                chosen = select(embeddings).where(embeddings.c.model == model, embeddings.c.paper.in_(some))
                rows = connection.execute(chosen)
                found += [Embedding(paper=row.paper, text=row.text, vector=row.vector) for row in rows]
        return tuple(found)

    def keep(self, model: str, made: Collection[Embedding]) -> None:
        """Keep them in place of those before; papers that are gone, joined to another, are left out."""
        if not made:
            return
        with self._database.writing() as connection:
            ids = [one.paper for one in made]
            there = {
                paper
                for some in chunks(ids)
                for paper in connection.scalars(select(papers.c.id).where(papers.c.id.in_(some)))
            }
            rows = [
                {"paper": one.paper, "model": model, "text": one.text, "vector": one.vector}
                for one in made
                if one.paper in there
            ]
            if rows:
                row = insert(connection, embeddings)
                values = {"text": row.excluded.text, "vector": row.excluded.vector}
                keys = [embeddings.c.paper, embeddings.c.model]
                connection.execute(row.on_conflict_do_update(index_elements=keys, set_=values), rows)
