"""How a paper stands at a moment: votes against the week's, corroboration, recency, a late rise. Pure.

    projected(mention) = votes / share of them that is typical at that age (`growth`)
    strength(mention)  = votes / (votes + TRUST) * share of the week's mentions of that source it is ahead of
    trend(paper)       = 1 - product over sources of (1 - CAP * min(1, weight * strength) * 2^(-age / HALF_LIFE))

Projected, so that today's list does not look weak beside last week's. The share (a percentile) keeps one viral
paper from flattening the rest; votes / (votes + TRUST) keeps one vote on a quiet day from looking like a hundred.
CAP is as far as one source alone brings a paper, however its votes came about; the rest takes a second source.
A digest of several days counts age from the last day on only: what came in the days before it is as new as today's.
A mention without a count (an arXiv announcement) has strength UNKNOWN: not known is not 0. A paper that gained
far more than is typical in the last days, long after its own, counts as if those votes were a new mention's.
Laws (tests/ingest/test_trend.py): more votes never lower a paper's trend, age never raises it, a further source
never lowers it, and it stays within 0..1.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from digest.ingest.growth import Curve, curves, series
from digest.model import Listed, Mention, Paper, Reason, ReasonKind, Snapshot, Trend

HALF_LIFE = dt.timedelta(days=2)
#: Votes at which a count is believed by half.
TRUST_VOTES = 2.0
#: Strength of a mention whose source does not count votes.
UNKNOWN = 0.2
#: How far one source alone brings a paper.
CAP = 0.9
#: Few mentions say little about shares: so many middling papers are added to each source's.
PRIOR_PAPERS = 2
#: From here on "top of the week" is worth saying.
AHEAD = 0.8
#: A late rise: in so long, at least so many votes, and so many times what is typical.
RISE = dt.timedelta(days=2)
RISE_VOTES = 10
RISE_TIMES = 3.0


@dataclass(frozen=True, slots=True)
class Week:
    """What a mention is measured against: how each source's votes grow, and what it projects of its papers."""

    curves: Mapping[str, Curve]
    #: Sorted, by source.
    projections: Mapping[str, Sequence[float]]
    snapshots: Mapping[tuple[str, str, dt.date], Sequence[Snapshot]]
    now: dt.datetime
    #: What was listed from then on is all as new as now.
    new_from: dt.datetime

    @classmethod
    def of(
        cls, mentions: Iterable[Mention], snapshots: Sequence[Snapshot], now: dt.datetime, days: int = 1
    ) -> Week:
        """The week of these mentions, for digests of so many days."""
        fitted = curves(snapshots)
        found: defaultdict[str, list[float]] = defaultdict(list)
        for mention in mentions:
            if mention.signals.votes is not None:
                curve = fitted.get(mention.source, Curve())
                found[mention.source].append(projected(mention.signals.votes, age(mention), curve))
        projections = {source: sorted(votes) for source, votes in found.items()}
        return cls(fitted, projections, series(snapshots), now, now - dt.timedelta(days=days - 1))

    def curve(self, source: str) -> Curve:
        """How that source's votes grow."""
        return self.curves.get(source, Curve())

    def share(self, source: str, votes: float) -> float:
        """0..1: the share of a source's mentions that one of them, with these projected votes, is ahead of."""
        others = self.projections.get(source, ())
        below = bisect.bisect_left(others, votes)
        # Itself is one of them, and ties are counted by half.
        ties = max(0, bisect.bisect_right(others, votes) - below - 1)
        return (below + 0.5 * ties + 0.5 * PRIOR_PAPERS) / (max(0, len(others) - 1) + PRIOR_PAPERS)

    def strength(self, source: str, votes: int, at_age: dt.timedelta) -> float:
        """0..1: how strongly so many votes at that age speak for a paper, recency aside."""
        return (
            votes / (votes + TRUST_VOTES) * self.share(source, projected(votes, at_age, self.curve(source)))
        )

    def gained(self, mention: Mention) -> int:
        """The votes of a late rise; 0 if there is none."""
        seen = self.snapshots.get((mention.paper, mention.source, mention.listed_at.date()), ())
        before = [one for one in seen if one.as_of <= self.now - RISE]
        if not before or mention.signals.votes is None or mention.as_of <= self.now - RISE:
            return 0
        gain, curve = mention.signals.votes - before[-1].votes, self.curve(mention.source)
        typical = before[-1].votes * (curve.share(age(mention)) / curve.share(before[-1].age) - 1)
        return gain if gain >= max(RISE_VOTES, RISE_TIMES * typical) else 0


def trends(
    pool: Sequence[tuple[Paper, Sequence[Mention]]], now: dt.datetime, snapshots: Sequence[Snapshot] = ()
) -> list[Listed]:
    """The pool with its trends, the highest first (ties by id, so that equal pools give equal editions)."""
    week = Week.of([mention for _, mentions in pool for mention in mentions], snapshots, now)
    listed = [
        Listed(paper=paper, mentions=tuple(mentions), trend=trend(mentions, week)) for paper, mentions in pool
    ]
    return sorted(listed, key=lambda one: (-one.trend.score, one.paper.id))


def of_days(
    papers: Sequence[Listed], days: int, now: dt.datetime, snapshots: Sequence[Snapshot] = ()
) -> tuple[Listed, ...]:
    """The papers of an edition of that instant, in their order, as they stand in a digest of so many days."""
    week = Week.of([mention for one in papers for mention in one.mentions], snapshots, now, days)
    return tuple(replace(one, trend=trend(one.mentions, week)) for one in papers)


def trend(mentions: Sequence[Mention], week: Week) -> Trend:
    """One paper's trend from its mentions and the week that they stood in."""
    best: dict[str, float] = {}
    for mention in mentions:
        best[mention.source] = max(evidence(mention, week), best.get(mention.source, 0.0))
    missed = 1.0
    for value in best.values():
        missed *= 1 - CAP * value
    return Trend(score=1 - missed, reasons=reasons(mentions, week))


def evidence(mention: Mention, week: Week) -> float:
    """0..1: what one mention says for its paper now; a late rise counts like a mention of a day ago."""
    votes = mention.signals.votes
    if votes is None:
        return min(1.0, mention.weight * UNKNOWN) * recency(mention.listed_at, week.new_from)
    usual = week.strength(mention.source, votes, age(mention))
    found = min(1.0, mention.weight * usual) * recency(mention.listed_at, week.new_from)
    if gain := week.gained(mention):
        risen = week.strength(mention.source, gain, RISE)
        found = max(found, min(1.0, mention.weight * risen) * recency(week.now - RISE / 2, week.new_from))
    return found


def projected(votes: float, at_age: dt.timedelta, curve: Curve) -> float:
    """The votes that a paper with so many at that age typically comes to."""
    return votes / curve.share(at_age)


def age(mention: Mention) -> dt.timedelta:
    """How long its votes had had when they were counted."""
    return mention.as_of - mention.listed_at


def recency(listed_at: dt.datetime, new_from: dt.datetime) -> float:
    """1 when listed then or later, halved with every HALF_LIFE before it."""
    return float(0.5 ** (max(dt.timedelta(), new_from - listed_at) / HALF_LIFE))


def reasons(mentions: Sequence[Mention], week: Week) -> tuple[Reason, ...]:
    """What can be said of the trend, the strongest first."""
    found: list[Reason] = []
    counted = [mention for mention in mentions if mention.signals.votes]
    if counted:
        loudest = max(counted, key=lambda m: (m.signals.votes or 0, m.listed_at))
        votes = loudest.signals.votes or 0
        days = age(loudest).days
        found.append(Reason(kind=ReasonKind.VOTES, subject=loudest.source, value=float(votes), days=days))
        share = week.share(loudest.source, projected(votes, age(loudest), week.curve(loudest.source)))
        if share >= AHEAD:
            found.append(Reason(kind=ReasonKind.RISING, subject=loudest.source, value=round(share, 4)))
        if gain := max(map(week.gained, counted)):
            found.append(Reason(kind=ReasonKind.LATE, value=float(gain), days=RISE.days))
    if (sources := len({mention.source for mention in mentions})) > 1:
        found.append(Reason(kind=ReasonKind.SOURCES, value=float(sources)))
    newest = max((mention.listed_at for mention in mentions), default=None)
    if newest and week.now - newest < dt.timedelta(days=1):
        found.append(Reason(kind=ReasonKind.NEW, value=0.0))
    return tuple(found)
