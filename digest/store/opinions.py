"""What readers said of papers, authors and topics."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import case, delete, select

from digest.model import Feedback, Opinion, Subject
from digest.store.database import Database, chunks, insert
from digest.store.schema import feedback


class Opinions:
    """One opinion of each thing by each reader."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def say(self, subscriber: str, opinion: Opinion, subject: Subject, value: str, now: dt.datetime) -> None:
        """Keep an opinion: said again it is counted, another one takes its place."""
        row = {"subscriber": subscriber, "subject": subject, "value": value}
        with self._database.writing() as connection:
            given = insert(connection, feedback).values(**row, opinion=opinion, times=1, at=now)
            again = case((feedback.c.opinion == given.excluded.opinion, feedback.c.times + 1), else_=1)
            changes = {"opinion": given.excluded.opinion, "times": again, "at": given.excluded.at}
            connection.execute(given.on_conflict_do_update(index_elements=list(row), set_=changes))

    def withdraw(self, subscriber: str, subject: Subject, value: str) -> bool:
        """Forget an opinion; whether there was one."""
        gone = delete(feedback).where(
            feedback.c.subscriber == subscriber, feedback.c.subject == subject, feedback.c.value == value
        )
        with self._database.writing() as connection:
            return connection.execute(gone).rowcount > 0

    def of(self, subscribers: Collection[str]) -> dict[str, tuple[Feedback, ...]]:
        """Everything that these readers said, by their ids, the oldest first."""
        found: defaultdict[str, list[Feedback]] = defaultdict(list)
        with self._database.reading() as connection:
            for some in chunks(subscribers):
                chosen = select(feedback).where(feedback.c.subscriber.in_(some))
                for row in connection.execute(
                    chosen.order_by(feedback.c.at, feedback.c.subject, feedback.c.value)
                ):
                    opinion = Feedback(
                        opinion=row.opinion, subject=row.subject, value=row.value, count=row.times, at=row.at
                    )
                    found[row.subscriber].append(opinion)
        return {subscriber: tuple(said) for subscriber, said in found.items()}
