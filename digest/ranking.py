"""Ranking's particulars: an edition made ready to be ranked, with what is known of older papers and of examples.

Rule 1. A model reads a paper once, since what it made of it is kept; whoever only shows a page keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from digest import ingest, rank
from digest.model import Edition, Feedback, InterestKind, Listed, Names, Paper, Subject, Subscriber
from digest.rank import Beside, Embedder, Ranker
from digest.service import Service

log = structlog.get_logger()


def ranker_of(day: Service, edition: Edition, *, keep: bool) -> Ranker:
    """The edition, made ready to be ranked as the operator chose; `keep` as for `embed`.

    What is usual is learnt from the papers before it, too.
    """
    embedder, rules = rank.embedder(day.settings.model), day.settings.digest
    older = day.store.papers.older(edition.published_at - rules.window, rank.OLDER)
    embed(day, embedder, [*(listed.paper for listed in edition.papers), *older], keep=keep)

    def of_days(days: int) -> tuple[Listed, ...]:
        counted = day.store.papers.snapshots(edition.published_at - ingest.GROWTH)
        known = [one for one in counted if one.as_of <= edition.published_at]
        return ingest.of_days(edition.papers, days, edition.published_at, known)

    return Ranker(edition, rules, day.settings.ranking, embedder, older, of_days)


def embed(day: Service, embedder: Embedder, papers: Iterable[Paper], *, keep: bool) -> None:
    """Let the model, if there is one, read these papers: each once, since what it made of them is kept.

    Whoever only shows a page reads what is kept, and keeps nothing.
    """
    if not isinstance(embedder, Beside):
        return
    by_id = {paper.id: paper for paper in papers}
    for made in embedder.learn(by_id.values(), day.store.embeddings.of(embedder.name, by_id)):
        if keep:
            day.store.embeddings.keep(embedder.name, made)
        log.info("papers embedded", model=embedder.name, papers=len(made))


def examples(
    day: Service, subscribers: Iterable[Subscriber], said: Mapping[str, Iterable[Feedback]]
) -> dict[str, Paper]:
    """The papers that these subscribers gave as examples or had an opinion of, by each of their ids."""
    given = {i.value for s in subscribers for i in s.asked(InterestKind.LIKE)}
    judged = {f.value for those in said.values() for f in those if f.subject is Subject.PAPER}
    wanted = frozenset(given | judged)
    known = day.store.papers.known(Names(ids=wanted, title_keys=frozenset())) if wanted else ()
    return {alias: paper for paper in known for alias in (paper.id, *paper.aliases)}
