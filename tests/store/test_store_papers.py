from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import replace

from factories import NOON, a_mention, a_paper

from digest.model import UNSEEN, Mention, Names, Paper, Resolved, Rights, Signals
from digest.store import Store

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def save(
    store: Store, *papers: Paper, mentions: tuple[Mention, ...] = (), joined: dict[str, str] | None = None
) -> None:
    store.papers.save(Resolved(papers=papers, mentions=mentions, joined=joined or {}), NOON + DAY)


def known(store: Store, *ids: str, title: str = "-") -> list[Paper]:
    return list(store.papers.known(Names(ids=frozenset(ids), title_keys=frozenset([title]))))


def test_a_paper_comes_back_as_it_was_saved(store: Store):
    paper = a_paper(aliases=("arxiv:2604.00001", "doi:10.1000/x"), published=None, version=None, links=())
    mention = a_mention(paper, signals=Signals(votes=0, comments=None, stars=3))
    save(store, paper, mentions=(mention,))

    assert store.papers.get("doi:10.1000/x") == (paper, (mention,))
    assert store.papers.get("arxiv:2604.00001") == (paper, (mention,))
    assert store.papers.get("doi:10.1000/y") is None


def test_a_paper_is_known_by_any_alias_and_by_its_title(store: Store):
    one, two = a_paper(1, aliases=("arxiv:2604.00001", "doi:10.1000/x")), a_paper(2)
    save(store, one, two)

    assert known(store, "doi:10.1000/x") == [one]
    assert known(store, "doi:10.1000/x", "arxiv:2604.00001", title=two.title_key) == [one, two]
    assert known(store, "doi:10.1000/y") == []
    assert store.papers.known(Names(ids=frozenset(), title_keys=frozenset())) == ()


def test_a_title_that_was_changed_no_longer_leads_to_the_paper(store: Store):
    save(store, a_paper())
    save(store, a_paper(title="Another", title_key="another"))

    assert known(store, title=a_paper().title_key) == []
    assert len(known(store, title="another")) == 1


def test_a_paper_is_known_by_its_own_id_even_if_it_does_not_say_so(store: Store):
    save(store, a_paper(aliases=()))

    assert known(store, a_paper().id) == [a_paper()]


def test_more_names_than_one_statement_holds_are_looked_up(store: Store):
    save(store, a_paper())
    names = (f"doi:10.1000/{number}" for number in range(40_000))

    assert known(store, a_paper().id, *names) == [a_paper()]


def test_saving_the_same_again_changes_nothing(store: Store, rows: Callable[[str], list[tuple[object, ...]]]):
    paper = a_paper()
    save(store, paper, mentions=(a_mention(paper),))
    save(store, paper, mentions=(a_mention(paper, as_of=NOON + HOUR),))

    assert store.papers.changes() == 1
    assert rows("SELECT count(*) FROM revisions") == [(1,)]
    assert rows("SELECT count(*) FROM snapshots") == [(1,)]
    found = store.papers.get(paper.id)
    assert found is not None
    assert found[1][0].as_of == NOON + HOUR


def test_each_kind_of_news_is_counted_as_one_change(store: Store):
    paper = a_paper()
    save(store)
    assert store.papers.changes() == 0
    save(store, paper, a_paper(2))
    assert store.papers.changes() == 1
    save(store, replace(paper, abstract="Better."))
    assert store.papers.changes() == 2
    save(store, replace(paper, abstract="Better.", aliases=(paper.id, "doi:10.1000/x")))
    assert store.papers.changes() == 3
    save(store, mentions=(a_mention(paper),))
    assert store.papers.changes() == 4
    save(store, mentions=(a_mention(paper, votes=13, as_of=NOON + HOUR),))
    assert store.papers.changes() == 5


def test_a_text_that_changed_becomes_a_revision(
    store: Store, rows: Callable[[str], list[tuple[object, ...]]]
):
    save(store, a_paper(title="One"))
    save(store, a_paper(title="Two"))
    save(store, a_paper(title="One"))

    assert rows("SELECT number, title FROM revisions ORDER BY number") == [(1, "One"), (2, "Two"), (3, "One")]
    assert known(store, a_paper().id)[0].title == "One"


def test_counts_that_changed_become_a_snapshot(store: Store, rows: Callable[[str], list[tuple[object, ...]]]):
    paper = a_paper()
    save(store, paper)
    for hour, votes in enumerate((5, 5, 9, 7)):
        save(store, mentions=(a_mention(paper, votes=votes, as_of=NOON + hour * HOUR),))

    assert rows("SELECT votes FROM snapshots ORDER BY as_of") == [(5,), (9,), (7,)]
    assert store.papers.get(paper.id) == (paper, (a_mention(paper, votes=7, as_of=NOON + 3 * HOUR),))


def test_counts_that_a_source_stops_giving_stay_known(store: Store):
    paper = a_paper()
    save(store, paper, mentions=(a_mention(paper, signals=Signals(votes=0, stars=4)),))
    save(store, mentions=(a_mention(paper, signals=Signals(comments=2), as_of=NOON + HOUR),))

    found = store.papers.get(paper.id)

    assert found is not None
    assert found[1][0].signals == Signals(votes=0, comments=2, stars=4)


def test_an_old_reading_does_not_overwrite_a_newer_one(store: Store):
    paper = a_paper()
    save(store, paper, mentions=(a_mention(paper, votes=9),))
    save(store, mentions=(a_mention(paper, votes=5, as_of=NOON - HOUR),))

    found = store.papers.get(paper.id)

    assert found is not None
    assert found[1][0].signals.votes == 9
    assert store.papers.changes() == 1


def test_a_source_has_one_mention_a_listing_day(store: Store):
    paper = a_paper()
    said = [
        a_mention(paper, listed_at=NOON),
        a_mention(paper, listed_at=NOON - 2 * HOUR, as_of=NOON + HOUR),
        a_mention(paper, listed_at=NOON - DAY),
        a_mention(paper, listed_at=NOON, source="arxiv"),
    ]
    save(store, paper, mentions=tuple(said))

    found = store.papers.get(paper.id)

    assert found is not None
    assert [(m.source, m.listed_at) for m in found[1]] == [
        ("hf", NOON - DAY),
        ("hf", NOON - 2 * HOUR),
        ("arxiv", NOON),
    ]


def test_joined_papers_are_one_under_every_id(store: Store, rows: Callable[[str], list[tuple[object, ...]]]):
    weak = a_paper(7, id="title:0123456789abcdef", aliases=("title:0123456789abcdef", "doi:10.1000/w"))
    strong = a_paper(7, aliases=("arxiv:2604.00007",))
    save(store, weak, mentions=(a_mention(weak, votes=9), a_mention(weak, votes=1, source="blog")))
    save(store, strong, mentions=(a_mention(strong, votes=5, as_of=NOON + HOUR),))
    everything = ("arxiv:2604.00007", "title:0123456789abcdef", "doi:10.1000/w")

    save(store, replace(strong, aliases=everything), joined={weak.id: strong.id})

    found = store.papers.get(weak.id)
    assert found is not None
    paper, mentions = found
    assert paper.id == strong.id
    assert set(paper.aliases) == set(everything)
    assert paper.aliases[0] == strong.id
    assert {(m.paper, m.source, m.signals.votes) for m in mentions} == {
        (strong.id, "hf", 9),
        (strong.id, "blog", 1),
    }
    assert all(store.papers.get(alias) == found for alias in everything)
    assert store.papers.list(None) == [found]
    assert store.papers.changes() == 3
    assert rows("SELECT DISTINCT paper FROM snapshots") == [(strong.id,)]
    assert rows("SELECT count(*) FROM snapshots") == [(3,)]


def test_a_paper_gets_a_stronger_id_and_keeps_what_was_said(store: Store):
    weak = a_paper(7, id="title:0123456789abcdef", aliases=("title:0123456789abcdef",))
    save(store, weak, mentions=(a_mention(weak),))
    strong = a_paper(7, aliases=("arxiv:2604.00007", weak.id))

    said_today = a_mention(strong, source="arxiv", listed_at=NOON)
    save(store, strong, mentions=(said_today,), joined={weak.id: strong.id})

    assert store.papers.get(weak.id) == (strong, (a_mention(strong, url=a_mention(weak).url), said_today))


def test_a_chain_of_joins_ends_at_the_last(store: Store):
    a, b, c = (a_paper(number) for number in (1, 2, 3))
    save(store, a, b, c, mentions=(a_mention(a),))

    save(store, joined={a.id: b.id, b.id: c.id})

    assert [paper.id for paper, _ in store.papers.list(None)] == [c.id]
    found = store.papers.get(a.id)
    assert found is not None
    assert found[0].aliases == (c.id, a.id, b.id)
    assert found[1][0].paper == c.id


def test_a_mention_under_an_id_that_was_given_up_reaches_the_paper(store: Store):
    a, b = a_paper(1), a_paper(2)
    save(store, a, b)
    save(store, joined={a.id: b.id})

    save(store, mentions=(a_mention(a),))

    found = store.papers.get(b.id)
    assert found is not None
    assert [mention.paper for mention in found[1]] == [b.id]


def test_an_alias_is_never_taken_from_the_paper_that_has_it(store: Store):
    save(store, a_paper(1, aliases=(a_paper(1).id, "doi:10.1000/x")))
    save(store, a_paper(2, aliases=(a_paper(2).id, "doi:10.1000/x")))

    found = store.papers.get("doi:10.1000/x")

    assert found is not None
    assert found[0].id == a_paper(1).id


def test_two_processes_that_save_at_once_keep_every_text(
    store: Store, rows: Callable[[str], list[tuple[object, ...]]]
):
    def work(name: str, numbers: range) -> None:
        for turn in range(5):
            papers = [a_paper(number, title=f"{name} {turn}") for number in numbers]
            save(store, *papers, mentions=tuple(a_mention(paper, source=name) for paper in papers))

    threads = [
        threading.Thread(target=work, args=("one", range(1, 20))),
        threading.Thread(target=work, args=("two", range(19, 0, -1))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.papers.changes() == 10
    assert rows("SELECT count(*) FROM revisions") == [(190,)]
    assert rows("SELECT count(*) FROM mentions") == [(38,)]


def test_the_pool_is_what_was_first_seen_or_listed_in_the_window(store: Store):
    since = NOON - 7 * DAY
    old = [a_paper(number, first_seen=since - DAY) for number in (1, 2, 3, 4)]
    edge, new, future = (
        a_paper(5, first_seen=since),
        a_paper(6, first_seen=NOON),
        a_paper(7, first_seen=NOON + HOUR),
    )
    mentions = (
        a_mention(old[0], listed_at=since),
        a_mention(old[1], listed_at=since - DAY),
        a_mention(old[1], listed_at=NOON),
        a_mention(old[2], listed_at=NOON + HOUR),
    )
    save(store, *old, edge, new, future, mentions=mentions)

    found = store.papers.pool(since, NOON)

    assert [(paper.id, len(said)) for paper, said in found] == [(old[1].id, 2), (new.id, 0)]


def test_older_papers_are_the_newest_of_those_before(store: Store):
    save(store, *(a_paper(n, first_seen=NOON - n * DAY) for n in range(6)), a_paper(9, first_seen=UNSEEN))

    found = store.papers.older(NOON - 2 * DAY, 3)

    assert {paper.id for paper in found} == {a_paper(n).id for n in (2, 3, 4)}
    assert len(store.papers.older(NOON, 100)) == 6


def test_papers_are_listed_by_the_utc_day_they_were_seen_or_listed_on(store: Store):
    midnight = NOON.replace(hour=0)
    first, last, next_day = (
        a_paper(1, first_seen=midnight),
        a_paper(2, first_seen=midnight + DAY - dt.timedelta(microseconds=1)),
        a_paper(3, first_seen=midnight + DAY),
    )
    again = a_paper(4, first_seen=midnight - 9 * DAY)
    save(store, first, last, next_day, again, mentions=(a_mention(again, listed_at=NOON),))

    assert [paper.id for paper, _ in store.papers.list(NOON.date())] == [first.id, last.id, again.id]
    assert len(store.papers.list(None)) == 4
    assert store.papers.list(NOON.date() - DAY) == []


def found(store: Store, *words: str, most: int = 9) -> list[str]:
    return [paper.id for paper, _ in store.papers.search(words, most)]


def test_search_finds_every_word_in_what_anybody_may_read(store: Store):
    paper = a_paper(1, title="Rising tides", abstract="Of 100% salt_water.", authors=("Zoë Müller",))
    closed = a_paper(2, title="Closed shores", abstract="Kept words.", rights=Rights.EXCERPT)
    unseen = a_paper(3, title="Rising privately", first_seen=UNSEEN)
    later = a_paper(4, title="Tides rising again", first_seen=NOON + HOUR)
    save(store, paper, closed, unseen, later)

    assert found(store, "RISING") == [later.id, paper.id]
    assert found(store, "RISING", most=1) == [later.id]
    assert (
        found(store, "rising", "salt_water") == found(store, "Müller") == found(store, "100%") == [paper.id]
    )
    assert found(store, "shores") == [closed.id]
    assert found(store, "kept") == found(store, "saltXwater") == found(store, "t%s") == []


def test_the_votes_of_one_paper_come_back_in_time(store: Store):
    paper, other = a_paper(1), a_paper(2)
    for hours, votes in ((0, 3), (2, 9)):
        read = {"as_of": NOON + hours * HOUR}
        save(store, paper, other, mentions=(a_mention(paper, votes, **read), a_mention(other, 7, **read)))

    assert [(one.as_of, one.votes) for one in store.papers.counted(paper.id)] == [
        (NOON, 3),
        (NOON + 2 * HOUR, 9),
    ]
