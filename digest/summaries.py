"""What an edition says of its papers in a machine's words, decided once, before any digest shows it.

Rule 1. A paper's summary is decided when the first digest that picks it is prepared, and before that digest is
        written to the outbox; a decision is never changed. So every message made from an edition says the same,
        also when it is made again.
Rule 2. Only papers picked for somebody are asked for, each text of theirs once, and so many a day.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from digest import ingest
from digest.config import Settings
from digest.ingest import Summariser
from digest.model import Edition, Listed, Plan
from digest.service import Service


def introduced(listed: Iterable[Listed], settings: Settings) -> list[Listed]:
    """The pool of an edition to be, with what is known of its summaries before anybody picks from it."""
    match settings.digest.summary:
        case "source":
            return [replace(one, summary=ingest.believed(one.paper.ai_summary, one.paper)) for one in listed]
        case "model":
            return [replace(one, summary=None) for one in listed]
        case _:
            return list(listed)


def summariser(settings: Settings) -> Summariser | None:
    """Who writes summaries during a pass; None if nobody does."""
    if settings.digest.summary != "model":
        return None
    return Summariser(settings.summary, settings.fetch, settings.site.contact)


def decide(
    day: Service, edition: Edition, plans: Sequence[Plan], machine: Summariser | None, now: dt.datetime
) -> None:
    """What the papers that these plans pick will show; those that most readers get are asked for first."""
    picked = Counter(pick.paper for plan in plans for pick in plan.picks)
    undecided = day.store.editions.undecided(edition.id) & set(picked) if machine else frozenset()
    if machine is None or not undecided:
        return
    ours, model, known = edition.by_id(), day.settings.summary.model, day.store.summaries
    papers = [ours[paper].paper for paper in sorted(undecided, key=lambda paper: (-picked[paper], paper))]
    texts = dict(known.of(papers, model))
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    left = max(0, day.settings.summary.papers_per_day - known.asked(today))
    for paper, text in machine.write([paper for paper in papers if paper.id not in texts][:left]):
        known.keep(paper, model, text, now)
        texts[paper.id] = text
    day.store.editions.decide(edition.id, {paper.id: texts.get(paper.id, "") for paper in papers})
