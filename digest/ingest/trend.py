"""How a paper stands at a moment: votes against the same day's list, corroboration, recency. Pure.

    strength(mention) = votes / (votes + TRUST) * share of that source's list of that day it is ahead of
    trend(paper)      = 1 - product over sources of (1 - weight * strength * 2^(-age / HALF_LIFE))

Votes are compared only within one source and one listing day, because they grow for two weeks: the
newest list would always look weak beside last week's. The share (a percentile) keeps one viral paper
from flattening the rest; votes / (votes + TRUST) keeps one vote on a quiet day from looking like a
hundred. A mention without a count (an arXiv announcement) has strength UNKNOWN: not known is not 0.
Laws (tests/ingest/test_trend.py): more votes never lower a paper's trend, age never raises it, a further
source never lowers it, and it stays within 0..1.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from digest.model import Listed, Mention, Paper, Reason, ReasonKind, Trend

HALF_LIFE = dt.timedelta(days=2)
#: Votes at which a count is believed by half.
TRUST_VOTES = 2.0
#: Strength of a mention whose source does not count votes.
UNKNOWN = 0.2
#: Lists shorter than this say little about shares: so many middling papers are added to each.
PRIOR_PAPERS = 2
#: From here on "ahead of that day's list" is worth saying.
AHEAD = 0.8

#: Sorted votes of each source's list of each day.
Lists = Mapping[tuple[str, dt.date], Sequence[int]]


def trends(pool: Sequence[tuple[Paper, Sequence[Mention]]], now: dt.datetime) -> list[Listed]:
    """The pool with its trends, the highest first (ties by id, so that equal pools give equal editions)."""
    lists = votes_by_list([mention for _, mentions in pool for mention in mentions])
    listed = [
        Listed(paper=paper, mentions=tuple(mentions), trend=trend(mentions, lists, now))
        for paper, mentions in pool
    ]
    return sorted(listed, key=lambda one: (-one.trend.score, one.paper.id))


def votes_by_list(mentions: Sequence[Mention]) -> Lists:
    """Votes that are known, by source and UTC listing day."""
    lists: defaultdict[tuple[str, dt.date], list[int]] = defaultdict(list)
    for mention in mentions:
        if mention.signals.votes is not None:
            lists[mention.source, mention.listed_at.date()].append(mention.signals.votes)
    return {key: sorted(votes) for key, votes in lists.items()}


def trend(mentions: Sequence[Mention], lists: Lists, now: dt.datetime) -> Trend:
    """One paper's trend from its mentions and the lists that they stood in."""
    best: dict[str, float] = {}
    for mention in mentions:
        value = min(1.0, mention.weight * strength(mention, lists)) * recency(mention.listed_at, now)
        best[mention.source] = max(value, best.get(mention.source, 0.0))
    missed = 1.0
    for value in best.values():
        missed *= 1 - value
    return Trend(score=1 - missed, reasons=reasons(mentions, lists, now))


def strength(mention: Mention, lists: Lists) -> float:
    """0..1: how strongly one mention speaks for its paper, age aside."""
    votes = mention.signals.votes
    if votes is None:
        return UNKNOWN
    return votes / (votes + TRUST_VOTES) * share_behind(mention, lists)


def share_behind(mention: Mention, lists: Lists) -> float:
    """0..1: the share of its day's list that a mention with votes is ahead of, ties counted by half."""
    votes = mention.signals.votes or 0
    others = lists[mention.source, mention.listed_at.date()]
    below = bisect.bisect_left(others, votes)
    ties = bisect.bisect_right(others, votes) - below - 1  # itself is one of the list
    return (below + 0.5 * ties + 0.5 * PRIOR_PAPERS) / (len(others) - 1 + PRIOR_PAPERS)


def recency(listed_at: dt.datetime, now: dt.datetime) -> float:
    """1 when listed now, halved every HALF_LIFE; times in the future count as now."""
    return float(0.5 ** (max(dt.timedelta(), now - listed_at) / HALF_LIFE))


def reasons(mentions: Sequence[Mention], lists: Lists, now: dt.datetime) -> tuple[Reason, ...]:
    """What can be said of the trend, the strongest first."""
    found: list[Reason] = []
    counted = [mention for mention in mentions if mention.signals.votes]
    if counted:
        loudest = max(counted, key=lambda m: (m.signals.votes or 0, m.listed_at))
        found.append(
            Reason(kind=ReasonKind.VOTES, subject=loudest.source, value=float(loudest.signals.votes or 0))
        )
        share = share_behind(loudest, lists)
        if share >= AHEAD:
            found.append(Reason(kind=ReasonKind.RISING, subject=loudest.source, value=round(share, 4)))
    if (sources := len({mention.source for mention in mentions})) > 1:
        found.append(Reason(kind=ReasonKind.SOURCES, value=float(sources)))
    newest = max((mention.listed_at for mention in mentions), default=None)
    if newest and now - newest < dt.timedelta(days=1):
        found.append(Reason(kind=ReasonKind.NEW, value=0.0))
    return tuple(found)
