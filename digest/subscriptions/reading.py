"""What readers and strangers paste of their reading: papers to compare with, and never the text of papers that we know.

Rule 1. Only an operator's reading list (`keeping.with_references`) tells the store of papers under their own ids.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace

from digest.ingest.identity import names, title_key
from digest.ingest.references import PASTED, pasted
from digest.model import Entry, Paper, Resolved
from digest.service import Service
from digest.subscriptions.wishes import Wish


def read_list(day: Service, entries: Sequence[Entry]) -> tuple[Paper, ...]:
    """The papers of a reading list, as the store knows them or as they were pasted; changes nothing."""
    if not entries:
        return ()
    known = day.store.papers.known(names(entries))
    named = {name: paper for paper in known for name in (*paper.aliases, paper.title_key)}
    return tuple(
        next((named[name] for name in (*entry.ids, title_key(entry.title)) if name in named), None)
        or pasted(entry)
        for entry in entries
    )


def liking(wish: Wish, papers: Sequence[Paper]) -> Wish:
    """The wish with these papers as examples too."""
    if not papers:
        return wish
    likes = (*(wish.likes or ()), *(paper.id for paper in papers))
    return replace(wish, likes=tuple(dict.fromkeys(likes)))


def remember(day: Service, papers: Iterable[Paper], now: dt.datetime) -> None:
    """Keep those that only their reader told of, so that they can be compared with; they are no news."""
    if new := tuple(paper for paper in papers if paper.id.startswith(PASTED)):
        day.store.papers.save(Resolved(papers=new, mentions=(), joined={}), now)
