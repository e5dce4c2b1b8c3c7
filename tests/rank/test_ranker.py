"""What readers get, and why: shares, exclusions, floor, discovery, reasons."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from factories import NOON, a_listed, a_subscriber
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.config import DigestDefaults, Ranking
from digest.model import (
    Digest,
    Edition,
    Feedback,
    Interest,
    InterestKind,
    Listed,
    Opinion,
    Paper,
    Pick,
    ReasonKind,
    Subject,
    Subscriber,
)
from digest.rank import Ranker
from digest.rank.asked import MOST, strength

RULES, RANKING = DigestDefaults(), Ranking()
DAY = dt.timedelta(days=1)
TOPICS = {
    "diffusion models": (
        "Faster sampling for diffusion models",
        "A diffusion model learns to remove noise from images.",
    ),
    "protein folding": (
        "Protein folding with fewer sequences",
        "We fold a protein from its sequence and compare structures.",
    ),
    "graph colouring": (
        "Graph colouring in linear time",
        "Colouring a graph with few colours, by a greedy rule.",
    ),
}


def pool(each: int = 6, score: float = 0.4) -> Edition:
    papers = (
        a_listed(
            number * 100 + n,
            score=score + n / 100,
            title=f"{title}, part {n}",
            abstract=f"{abstract} Variant {n}.",
        )
        for number, (title, abstract) in enumerate(TOPICS.values())
        for n in range(each)
    )
    return Edition(id=1, published_at=NOON, papers=tuple(papers))


def asked(*interests: tuple[InterestKind, str] | Interest, **changes: object) -> Subscriber:
    made = tuple(i if isinstance(i, Interest) else Interest(kind=i[0], value=i[1]) for i in interests)
    return a_subscriber(interests=made, **changes)


@cache
def ranker_of(rules: DigestDefaults, score: float) -> Ranker:
    """Made once for tests that ask it often."""
    return Ranker(pool(score=score), rules, RANKING)


def digest_for(
    subscriber: Subscriber,
    edition: Edition | None = None,
    shown: frozenset[str] = frozenset(),
    examples: dict[str, Paper] | None = None,
    rules: DigestDefaults = RULES,
    ranking: Ranking = RANKING,
    said: tuple[Feedback, ...] = (),
) -> Digest:
    ranker = Ranker(pool() if edition is None else edition, rules, ranking)
    (digest,) = ranker.digests([subscriber], {subscriber.id: shown}, examples or {}, {subscriber.id: said})
    return digest


def titles(digest: Digest, edition: Edition | None = None) -> list[str]:
    by_id = (pool() if edition is None else edition).by_id()
    return [by_id[pick.paper].paper.title for pick in digest.picks]


def test_a_reader_gets_what_they_asked_for_and_is_told_why() -> None:
    digest = digest_for(asked((InterestKind.PHRASE, "protein folding"), papers=5))
    *matched, discovery = digest.picks
    assert len(matched) == 4
    assert all("Protein folding" in title for title in titles(digest)[:4])
    assert all(
        (r := pick.reasons[0]).kind is ReasonKind.PHRASE and r.subject == "protein folding"
        for pick in matched
    )
    assert discovery.reasons[0].kind is ReasonKind.DISCOVERY


@pytest.mark.parametrize(("usual", "first"), [("yeast", "Cellars"), ("cellar", "Yeast")])
def test_what_older_papers_are_full_of_says_little(usual: str, first: str) -> None:
    listed = [
        a_listed(
            0, score=0.0, title="Yeast at night", abstract="How it grows in the dark, and what it eats."
        ),
        a_listed(1, score=0.0, title="Cellars at night", abstract="How they keep cool in the dark, and why."),
        *(a_listed(n, score=0.0, title=f"Tides, part {n}", abstract="Water rises.") for n in range(2, 9)),
    ]
    older = [a_listed(100 + n, title=f"On {usual}", abstract=f"The {usual} again.").paper for n in range(300)]
    edition = Edition(id=1, published_at=NOON, papers=tuple(listed))
    ranker = Ranker(edition, DigestDefaults(discovery=0, min_score=0), Ranking(trend_weight=0), older=older)

    (digest,) = ranker.digests([asked((InterestKind.PHRASE, "yeast cellar"))], {}, {})

    assert titles(digest, edition)[0].startswith(first)


def test_two_unrelated_interests_get_their_shares() -> None:
    double = Interest(kind=InterestKind.PHRASE, value="graph colouring", weight=2)
    digest = digest_for(asked((InterestKind.PHRASE, "protein folding"), double, papers=7))
    first = [title.split()[0] for title in titles(digest)][:6]
    assert (first.count("Protein"), first.count("Graph")) == (2, 4)


def test_an_excluded_phrase_appears_nowhere_not_even_as_also_trending() -> None:
    digest = digest_for(asked((InterestKind.EXCLUDE, "diffusion models"), papers=5))
    by_id = pool().by_id()
    everything = [by_id[pick.paper].paper.title for pick in (*digest.picks, *digest.also_trending)]
    assert everything
    assert not [title for title in everything if "diffusion" in title]


def test_a_reader_without_interests_gets_what_is_trending() -> None:
    digest = digest_for(asked(papers=3), ranking=Ranking(diversity=0))
    by_id = pool().by_id()
    scores = [by_id[pick.paper].trend.score for pick in digest.picks]
    assert scores == sorted((one.trend.score for one in pool().papers), reverse=True)[:3]
    assert {pick.reasons[0].kind for pick in digest.picks} == {ReasonKind.TRENDING}


def test_what_no_interest_speaks_for_is_also_trending_never_a_pick() -> None:
    digest = digest_for(asked((InterestKind.PHRASE, "medieval poetry")), rules=DigestDefaults(discovery=0))
    assert digest.picks == ()
    assert len(digest.also_trending) == RULES.also_trending


def test_one_paper_with_thousands_of_votes_does_not_lead_everybodys_digest() -> None:
    edition = pool()
    viral = replace(edition.papers[0], trend=replace(edition.papers[0].trend, score=1.0))
    edition = replace(edition, papers=(viral, *edition.papers[1:]))
    for phrase in ("protein folding", "graph colouring"):
        assert digest_for(asked((InterestKind.PHRASE, phrase)), edition).picks[0].paper != viral.paper.id


def test_category_author_and_example_are_interests_too() -> None:
    edition = pool()
    special = replace(edition.papers[3].paper, categories=("q-bio.BM",), authors=("Grace Hopper",))
    edition = replace(
        edition, papers=(*edition.papers[:3], replace(edition.papers[3], paper=special), *edition.papers[4:])
    )
    for kind, value, reason in (
        (InterestKind.CATEGORY, "q-bio", ReasonKind.CATEGORY),
        (InterestKind.AUTHOR, "Hopper, G.", ReasonKind.AUTHOR),
    ):
        first = digest_for(asked((kind, value)), edition).picks[0]
        assert (first.paper, first.reasons[0].kind) == (special.id, reason)
    example = a_listed(
        900, title="Folding a protein", abstract="Structures of a protein from its sequence."
    ).paper
    first = digest_for(asked((InterestKind.LIKE, example.id)), examples={example.id: example}).picks[0]
    assert pool().by_id()[first.paper].paper.title.startswith("Protein folding")
    assert first.reasons[0].kind is ReasonKind.LIKED
    assert first.reasons[0].subject == example.title


@pytest.mark.parametrize("kind", [InterestKind.AUTHOR, InterestKind.CATEGORY])
def test_a_surname_or_half_a_category_follows_nobody(kind: InterestKind) -> None:
    digest = digest_for(
        asked((kind, "Author" if kind is InterestKind.AUTHOR else "cs.C")), rules=DigestDefaults(discovery=0)
    )
    assert digest.picks == ()


def test_removing_what_a_reason_names_lowers_the_score() -> None:
    both = asked((InterestKind.PHRASE, "protein folding"), (InterestKind.PHRASE, "graph colouring"))
    pick = digest_for(both).picks[0]
    named = pick.reasons[0].subject
    without = replace(both, interests=tuple(i for i in both.interests if i.value != named))
    after = {p.paper: p.score for p in digest_for(without).picks}
    assert after.get(pick.paper, 0.0) < pick.score


@settings(max_examples=40, deadline=None)  # the first one reads the table
@given(
    st.lists(st.sampled_from([*TOPICS, "noise", "linear time"]), max_size=3, unique=True),
    st.integers(1, 30),
    st.sets(st.integers(0, 17)),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_digest_never_repeats_a_paper_nor_brings_back_one_that_was_shown(
    phrases: list[str], papers: int, seen: set[int], trend_weight: float, diversity: float
) -> None:
    edition = pool()
    shown = frozenset(edition.papers[row].paper.id for row in seen)
    subscriber = asked(*((InterestKind.PHRASE, phrase) for phrase in phrases), papers=papers)
    digest = digest_for(
        subscriber, edition, shown, ranking=Ranking(trend_weight=trend_weight, diversity=diversity)
    )
    ids = [pick.paper for pick in (*digest.picks, *digest.also_trending)]
    assert len(ids) == len(set(ids))
    assert not shown & set(ids)
    assert len(digest.picks) <= papers
    assert all(pick.reasons for pick in (*digest.picks, *digest.also_trending))


def test_readers_ranked_together_get_what_each_gets_alone() -> None:
    crowd = [
        replace(asked((InterestKind.PHRASE, phrase), papers=1 + 9 * n), id=f"s{n}")
        for n, phrase in enumerate(TOPICS)
    ]
    together = list(Ranker(pool(), RULES, RANKING).digests(crowd, {}, {}))
    assert together == [digest_for(subscriber) for subscriber in crowd]


def test_an_empty_pool_gives_empty_digests() -> None:
    digest = digest_for(asked((InterestKind.PHRASE, "anything")), Edition(id=1, published_at=NOON, papers=()))
    assert (digest.picks, digest.also_trending) == ((), ())


@pytest.mark.parametrize(("title", "papers"), [("...", 9), ("The", 1), ("Zyxwv qwrtp", 1), ("量子", 2)])
def test_papers_that_say_nothing_that_counts_are_shown_as_trending_at_most(title: str, papers: int) -> None:
    edition = Edition(
        id=1,
        published_at=NOON,
        papers=tuple(a_listed(n, score=0.3, title=title, abstract="") for n in range(papers)),
    )
    example = a_listed(99, title="A galaxy").paper
    reader = asked((InterestKind.PHRASE, "galaxies"), (InterestKind.LIKE, example.id))
    digest = digest_for(reader, edition, examples={example.id: example})
    shown = [*digest.picks, *digest.also_trending]
    assert len(shown) == min(papers, RULES.also_trending + RULES.discovery)
    assert {pick.reasons[0].kind for pick in shown} <= {ReasonKind.TRENDING, ReasonKind.DISCOVERY}


def test_an_example_paper_is_not_picked_again() -> None:
    edition = pool()
    example = edition.papers[8].paper
    digest = digest_for(
        asked((InterestKind.LIKE, example.id), papers=30), edition, examples={example.id: example}
    )
    assert example.id not in {pick.paper for pick in (*digest.picks, *digest.also_trending)}


def test_the_edition_is_ranked_by_any_id_a_paper_ever_had() -> None:
    edition = pool()
    renamed: Listed = replace(
        edition.papers[0],
        paper=replace(edition.papers[0].paper, aliases=("arxiv:2604.00000", "doi:10.1/old")),
    )
    edition = replace(edition, papers=(renamed, *edition.papers[1:]))
    digest = digest_for(asked(papers=30), edition, shown=frozenset({"doi:10.1/old"}))
    assert renamed.paper.id not in {pick.paper for pick in (*digest.picks, *digest.also_trending)}


# --- several interests ----------------------------------------------------------------------------


def test_liked_papers_of_two_unrelated_fields_both_get_their_share() -> None:
    edition = pool(each=12)
    liked = [
        edition.papers[row].paper for row in (12, 13, 14, 15, 24, 25)
    ]  # four of proteins, two of colouring
    examples = {paper.id: paper for paper in liked}
    interests = [Interest(kind=InterestKind.LIKE, value=paper) for paper in examples]
    digest = digest_for(
        asked(*interests, papers=9), edition, examples=examples, rules=DigestDefaults(discovery=0)
    )
    first = [title.split()[0] for title in titles(digest, edition)]
    assert (first.count("Protein"), first.count("Graph")) == (6, 3)


def test_a_loud_interest_does_not_drown_one_of_which_little_is_said() -> None:
    edition = pool(each=12)
    rare = a_listed(999, score=0.0, title="Quantum error correction", abstract="Codes for a noisy memory.")
    edition = replace(edition, papers=(*edition.papers, rare))
    both = asked(
        (InterestKind.PHRASE, "protein folding"), (InterestKind.PHRASE, "quantum error correction"), papers=5
    )
    assert rare.paper.id in {pick.paper for pick in digest_for(both, edition).picks}


# --- feedback -------------------------------------------------------------------------------------


def felt(opinion: Opinion, subject: Subject, value: str, **changes: object) -> Feedback:
    return replace(Feedback(opinion=opinion, subject=subject, value=value, at=NOON), **changes)  # type: ignore[arg-type]


def everything(digest: Digest) -> list[str]:
    by_id = pool().by_id()
    return [by_id[pick.paper].paper.title for pick in (*digest.picks, *digest.also_trending)]


@pytest.mark.parametrize("topic", ["diffusion models", "cs.CL"])
def test_a_muted_topic_stays_away_even_from_what_is_trending(topic: str) -> None:
    digest = digest_for(
        asked(papers=5), said=(felt(Opinion.MUTE, Subject.TOPIC, topic, at=NOON - 900 * DAY),)
    )
    named = everything(digest)
    assert not [title for title in named if "diffusion" in title]
    assert bool(named) == (topic != "cs.CL")


def test_more_of_a_category_is_an_interest_in_it_since_no_text_names_it() -> None:
    more = digest_for(asked(papers=4), said=(felt(Opinion.MORE, Subject.TOPIC, "cs.CL"),))
    reason = more.picks[0].reasons[0]
    assert (reason.kind, reason.subject) == (ReasonKind.CATEGORY, "cs.CL")


def test_the_papers_most_like_one_are_of_its_topic_and_never_itself() -> None:
    ranker, one = Ranker(pool(), RULES, RANKING), pool().papers[0].paper
    same = {listed.paper.id for listed in pool().papers[1:6]}
    assert set(ranker.alike(one, 5)) == same
    elsewhere = replace(one, id="arxiv:2501.00001", aliases=("arxiv:2501.00001",))
    assert set(ranker.alike(elsewhere, 6)) == same | {one.id}
    assert ranker.alike(one, 0) == []


def test_a_muted_author_and_a_muted_paper_stay_away() -> None:
    edition = pool()
    other = replace(edition.papers[3].paper, authors=("Grace Hopper",))
    edition = replace(
        edition, papers=(*edition.papers[:3], replace(edition.papers[3], paper=other), *edition.papers[4:])
    )
    muted = (
        felt(Opinion.MUTE, Subject.AUTHOR, "Ada Author"),
        felt(Opinion.MUTE, Subject.PAPER, other.id),
    )
    assert digest_for(asked(papers=5), edition, said=muted[:1]).picks[0].paper == other.id
    assert digest_for(asked(papers=5), edition, said=muted).picks == ()


def test_more_of_a_topic_becomes_an_interest_and_less_of_it_lowers_what_it_names() -> None:
    more = digest_for(asked(papers=4), said=(felt(Opinion.MORE, Subject.TOPIC, "protein folding"),))
    assert more.picks[0].reasons[0].subject == "protein folding"
    wanted = asked(
        (InterestKind.PHRASE, "protein folding"), (InterestKind.PHRASE, "graph colouring"), papers=4
    )
    before = {pick.paper: pick.score for pick in digest_for(wanted).picks}
    after = {
        pick.paper: pick.score
        for pick in digest_for(wanted, said=(felt(Opinion.LESS, Subject.TOPIC, "protein folding"),)).picks
    }
    by_id = pool().by_id()
    for paper in before.keys() & after.keys():
        assert (after[paper] < before[paper]) == ("Protein" in by_id[paper].paper.title)


def test_liked_papers_change_the_next_digest_and_disliked_ones_turn_it_back() -> None:
    edition = pool()
    liked = [edition.papers[row].paper for row in (12, 13, 14)]
    hated = [edition.papers[row].paper for row in (6, 7)]
    examples = {paper.id: paper for paper in (*liked, *hated)}
    said = tuple(felt(Opinion.MORE, Subject.PAPER, paper.id) for paper in liked)
    digest = digest_for(asked(papers=3), examples=examples, said=said, rules=DigestDefaults(discovery=0))
    assert all("colouring" in title for title in titles(digest))
    assert not {paper.id for paper in liked} & {pick.paper for pick in digest.picks}

    both = said + tuple(felt(Opinion.MORE, Subject.PAPER, paper.id) for paper in hated)
    mixed = digest_for(asked(papers=6), examples=examples, said=both)
    turned = said + tuple(felt(Opinion.LESS, Subject.PAPER, paper.id) for paper in hated)
    back = digest_for(asked(papers=6), examples=examples, said=turned)
    assert sum("Protein" in title for title in titles(mixed)) > sum(
        "Protein" in title for title in titles(back)
    )


def test_less_of_a_paper_lowers_what_is_like_it_for_a_reader_who_liked_nothing() -> None:
    edition = pool()
    hated = edition.papers[6].paper  # of proteins
    wanted = asked(
        (InterestKind.PHRASE, "protein folding"), (InterestKind.PHRASE, "graph colouring"), papers=10
    )
    before, after = (
        {
            pick.paper: pick.score
            for pick in digest_for(wanted, examples={hated.id: hated}, said=said, edition=edition).picks
        }
        for said in ((), (felt(Opinion.LESS, Subject.PAPER, hated.id),))
    )
    by_id = edition.by_id()
    both = before.keys() & after.keys()
    proteins = {paper for paper in both if "Protein" in by_id[paper].paper.title}
    assert proteins < both
    assert all(after[paper] < before[paper] for paper in proteins)
    assert all(after[paper] > before[paper] - 0.01 for paper in both - proteins)


@given(st.integers(1, 50), st.integers(0, 2000), st.integers(0, 2000))
def test_an_opinion_fades_and_saying_it_often_has_its_limit(count: int, younger: int, older: int) -> None:
    one, other = (
        strength(felt(Opinion.MORE, Subject.TOPIC, "x", count=count, at=NOON - days * DAY), NOON)
        for days in sorted((younger, older))
    )
    assert 0 < other <= one <= MOST
    assert strength(felt(Opinion.MORE, Subject.TOPIC, "x", at=NOON + DAY), NOON) == 1


# --- reasons --------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([*TOPICS, "noise", "linear time", "sequences"]), max_size=3, unique=True),
    st.sets(st.integers(0, 17), max_size=5),
    st.booleans(),
)
def test_removing_what_any_reason_names_lowers_the_score(
    phrases: list[str], liked: set[int], follows: bool
) -> None:
    edition = pool(score=0.0)
    examples = {p.id: p for p in (edition.papers[row].paper for row in sorted(liked))}
    interests = [Interest(kind=InterestKind.PHRASE, value=phrase) for phrase in phrases]
    interests += [Interest(kind=InterestKind.LIKE, value=paper) for paper in examples]
    interests += [Interest(kind=InterestKind.AUTHOR, value="Bo Writer 101")] * follows
    titled = {paper.id: paper.title for paper in examples.values()}
    subscriber = asked(*interests, papers=18)
    rules = DigestDefaults(discovery=0)
    ranker = ranker_of(rules, 0.0)

    def picks(*kept: Interest) -> tuple[Pick, ...]:
        (digest,) = ranker.digests([replace(subscriber, interests=kept)], {}, examples)
        return digest.picks

    for pick in picks(*interests):
        for reason in pick.reasons:
            named = {i for i in interests if reason.subject in {i.value, titled.get(i.value)}}
            if named:
                kept = [i for i in interests if i not in named]
                after = {p.paper: p.score for p in picks(*kept)} if kept else {}
                assert after.get(pick.paper, 0.0) < pick.score


# --- laws -----------------------------------------------------------------------------------------

PHRASES = st.lists(st.sampled_from([*TOPICS, "noise", "linear time", "sequences"]), max_size=3, unique=True)
ROWS = st.sets(st.integers(0, 17), max_size=6)


@st.composite
def crowds(draw: st.DrawFn) -> list[Subscriber]:
    """Readers of any interests, no two of one id."""
    papers, found = pool(score=0.0).papers, []
    for number in range(draw(st.integers(2, 6))):
        wanted = [Interest(kind=InterestKind.PHRASE, value=phrase) for phrase in draw(PHRASES)]
        wanted += [Interest(kind=InterestKind.LIKE, value=papers[row].paper.id) for row in sorted(draw(ROWS))]
        found.append(replace(asked(*wanted, papers=draw(st.integers(1, 12))), id=f"s{number}"))
    return found


def picked(crowd: list[Subscriber], size: int) -> dict[str, Digest]:
    """Each reader's digest, when they are ranked in blocks of that size."""
    ranker = ranker_of(RULES, 0.0)
    examples = {one.paper.id: one.paper for one in pool(score=0.0).papers}
    blocks = [crowd[start : start + size] for start in range(0, len(crowd), size)]
    return {d.subscriber.id: d for block in blocks for d in ranker.digests(block, {}, examples)}


@settings(max_examples=40, deadline=None)
@given(crowds(), st.integers(1, 6), st.randoms())
def test_whoever_is_ranked_beside_them_a_reader_gets_the_same(
    crowd: list[Subscriber], size: int, random: Random
) -> None:
    together = picked(crowd, len(crowd))
    shuffled = random.sample(crowd, len(crowd))
    apart = picked(shuffled, size)
    for reader, digest in together.items():
        assert [p.paper for p in apart[reader].picks] == [p.paper for p in digest.picks]
        assert [p.reasons for p in apart[reader].picks] == [p.reasons for p in digest.picks]
        assert apart[reader].also_trending == digest.also_trending


@settings(max_examples=20, deadline=None)
@given(crowds())
def test_two_readers_who_ask_the_same_get_the_same(crowd: list[Subscriber]) -> None:
    twin = replace(crowd[0], id="twin")
    found = picked([*crowd, twin], len(crowd) + 1)
    assert found["twin"].picks == found[crowd[0].id].picks


@settings(max_examples=40, deadline=None)
@given(PHRASES, ROWS, ROWS)
def test_what_is_muted_stays_away_whatever_else_is_asked(
    phrases: list[str], liked: set[int], muted: set[int]
) -> None:
    papers = [one.paper for one in pool(score=0.0).papers]
    reader = asked(
        *((InterestKind.PHRASE, phrase) for phrase in phrases),
        *((InterestKind.LIKE, papers[row].id) for row in sorted(liked)),
        papers=18,
    )
    said = [felt(Opinion.MUTE, Subject.PAPER, papers[row].id) for row in sorted(muted)]
    said.append(felt(Opinion.MUTE, Subject.TOPIC, "diffusion models"))
    (digest,) = ranker_of(RULES, 0.0).digests(
        [reader], {}, {paper.id: paper for paper in papers}, {reader.id: said}
    )
    shown = {pick.paper for pick in (*digest.picks, *digest.also_trending)}
    assert not shown & {papers[row].id for row in muted}
    assert not [paper for paper in papers if paper.id in shown and "diffusion" in paper.title]


def test_one_paper_with_thousands_of_votes_does_not_fill_everybodys_digest() -> None:
    edition = pool(each=12)
    viral = replace(edition.papers[0], trend=replace(edition.papers[0].trend, score=1.0))
    edition = replace(edition, papers=(viral, *edition.papers[1:]))
    crowd = [
        replace(asked((InterestKind.PHRASE, phrase), papers=5), id=phrase)
        for phrase in ("protein folding", "graph colouring")
    ]
    for digest in Ranker(edition, DigestDefaults(discovery=0), RANKING).digests(crowd, {}, {}):
        assert viral.paper.id not in {pick.paper for pick in digest.picks}
        assert [pick.paper for pick in digest.also_trending].count(viral.paper.id) == 1
