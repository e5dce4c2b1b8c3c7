"""What readers write about their work: an interest with a share of its own, and reasons in their own words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from factories import NOON, a_listed, a_paper, a_subscriber

from digest.config import DigestDefaults, Ranking
from digest.model import (
    Edition,
    Feedback,
    Interest,
    InterestKind,
    Opinion,
    Paper,
    ReasonKind,
    Subject,
    Subscriber,
)
from digest.rank import Ranker
from digest.rank.background import shipped
from digest.rank.features import Corpus, document
from digest.rank.wording import phrase

FIELDS = {
    "Folding": ("Folding proteins with fewer sequences", "A protein is folded from its amino acid sequence."),
    "Graph": ("Graph colouring in linear time", "Colouring a graph with few colours, by a greedy rule."),
    "Robot": ("Robot grasping from touch", "A robot hand learns to grasp unknown objects by touch alone."),
}
ABOUT = (
    "I predict how a chain of residues folds. Amino-acid sequences of related proteins are aligned, "
    "and the structure of the whole complex is refined."
)


def edition(each: int = 5) -> Edition:
    papers = (
        a_listed(number * 100 + n, title=f"{title}, part {n}", abstract=f"{abstract} Variant {n}.")
        for number, (title, abstract) in enumerate(FIELDS.values())
        for n in range(each)
    )
    return Edition(id=1, published_at=NOON, papers=tuple(papers))


def asking(*interests: Interest) -> Subscriber:
    return a_subscriber(interests=interests, papers=6)


def text(value: str, weight: float = 1.0) -> Interest:
    return Interest(kind=InterestKind.TEXT, value=value, weight=weight)


def picks(reader: Subscriber, liked: tuple[Paper, ...] = (), said: tuple[Feedback, ...] = ()):
    """Field, score and first reason of each pick."""
    listed = edition()
    ranker = Ranker(listed, DigestDefaults(discovery=0), Ranking(trend_weight=0))
    (digest,) = ranker.digests([reader], {}, {paper.id: paper for paper in liked}, {reader.id: said})
    by_id = listed.by_id()
    return [(by_id[p.paper].paper.title.split()[0], p.score, p.reasons[0]) for p in digest.picks]


def test_papers_about_the_same_lead_and_the_reason_is_a_phrase_as_it_was_written() -> None:
    found = picks(asking(text(ABOUT)))
    assert [field for field, _, _ in found] == ["Folding"] * len(found) != []
    assert {(reason.kind, reason.subject) for _, _, reason in found} == {
        (ReasonKind.TEXT, "Amino-acid sequences")
    }


def test_without_the_phrase_that_a_reason_names_the_score_is_lower() -> None:
    [(_, score, reason), *_] = picks(asking(text(ABOUT)))
    assert reason.subject in ABOUT
    without = picks(asking(text(ABOUT.replace(reason.subject, ""))))
    assert max((other for _, other, _ in without), default=0) < score


def test_a_text_has_a_share_of_its_own_beside_phrases_and_examples() -> None:
    like = a_paper(
        900, title="Robot hands that grasp by touch", abstract="Grasping unknown objects by touch."
    )
    liking = Interest(kind=InterestKind.LIKE, value=like.id)
    colours = Interest(kind=InterestKind.PHRASE, value="graph colouring")
    fields = [field for field, _, _ in picks(asking(text(ABOUT), colours, liking), (like,))]
    assert sorted(fields) == ["Folding"] * 2 + ["Graph"] * 2 + ["Robot"] * 2

    fields = [field for field, _, _ in picks(asking(text(ABOUT, weight=4), colours))]
    assert fields.count("Folding") == 5 > fields.count("Graph") == 1


def test_what_is_disliked_takes_away_from_what_was_written_too() -> None:
    hated = replace(edition().papers[0].paper, id="arxiv:2603.00001", aliases=())
    less = Feedback(opinion=Opinion.LESS, subject=Subject.PAPER, value=hated.id, at=NOON)
    before, after = picks(asking(text(ABOUT))), picks(asking(text(ABOUT)), (hated,), (less,))
    assert max((score for _, score, _ in after), default=0) < before[0][1]


@pytest.mark.parametrize("value", ["the of and", "123", "Ünïcödé 漢字", "zzqx " * 300])
def test_a_text_that_says_nothing_picks_nothing(value: str) -> None:
    assert picks(asking(text(value))) == []


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("We study the colouring of graphs.", "colouring of graphs"),
        ("On GRAPH colouring; graphs we like.", "GRAPH colouring"),
        ("A greedy and simple rule for maps", "greedy"),
        ("Graph -- colouring -- maps", "colouring"),
        ("Nothing about it", ""),
        ("", ""),
    ],
)
def test_the_phrase_is_the_longest_run_of_words_that_weighs_most(written: str, named: str) -> None:
    read = [
        document(*FIELDS["Graph"]),
        document(*FIELDS["Robot"]),
        document("Graph colouring by a greedy robot", ""),
    ]
    known = shipped()
    corpus = Corpus.of(
        read, known.papers, {term: known.frequency.get(term, 0) + 2 for one in read for term in one}
    )
    assert phrase(written, corpus.weights(0)) == named
