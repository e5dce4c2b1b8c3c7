"""What a machine wrote is kept once, and what an edition shows is decided once."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from factories import NOON, a_listed, a_paper

from digest.store import Store

DAY = dt.timedelta(days=1)


def test_an_answer_is_kept_for_its_paper_model_and_text(store: Store) -> None:
    paper = a_paper(1)
    store.summaries.keep(paper, "small", "It works.", NOON)
    store.summaries.keep(paper, "small", "It does not.", NOON + DAY)
    store.summaries.keep(a_paper(2), "small", "", NOON + DAY)

    changed = replace(paper, abstract="Another text.")
    assert store.summaries.of([paper, a_paper(2), a_paper(3)], "small") == {
        paper.id: "It works.",
        a_paper(2).id: "",
    }
    assert store.summaries.of([paper], "large") == store.summaries.of([changed], "small") == {}
    assert (store.summaries.asked(NOON), store.summaries.asked(NOON + DAY)) == (2, 1)


def test_what_an_edition_shows_is_decided_once(store: Store) -> None:
    listed = [replace(a_listed(n), summary=None if n < 3 else "") for n in (1, 2, 3)]
    edition = store.editions.publish(NOON, listed, 1)
    first, second, third = (one.paper.id for one in listed)
    assert store.editions.undecided(edition.id) == {first, second}

    store.editions.decide(edition.id, {first: "It works.", third: "Too late."})
    store.editions.decide(edition.id, {first: "It does not."})

    read = store.editions.get(edition.id)
    assert [one.summary for one in read.papers] == ["It works.", None, ""]
    assert store.editions.undecided(edition.id) == {second}


def test_a_sources_summary_is_part_of_the_text_that_an_edition_freezes(store: Store) -> None:
    listed = a_listed(1, ai_summary="A machine says so.")
    edition = store.editions.publish(NOON, [listed], 1)

    assert store.editions.get(edition.id).papers == (listed,)
