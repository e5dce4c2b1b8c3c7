"""Embeddings: one of each paper by each model, replaced by a newer one, gone with the paper."""

from __future__ import annotations

from dataclasses import replace

from factories import NOON, a_mention, a_paper

from digest.model import Embedding, Resolved
from digest.store import Store

ONE, TWO = a_paper(1), a_paper(2)


def an_embedding(paper: str = ONE.id, text: str = "t1", vector: bytes = b"\x00\xff\n") -> Embedding:
    return Embedding(paper=paper, text=text, vector=vector)


def test_each_model_has_its_own_and_a_newer_one_takes_the_place_of_the_old(store: Store):
    store.papers.save(Resolved(papers=(ONE, TWO), mentions=(), joined={}), NOON)
    store.embeddings.keep("minilm", [an_embedding(), an_embedding(TWO.id)])
    store.embeddings.keep("other", [an_embedding(vector=b"other")])
    newer = an_embedding(text="t2", vector=b"newer")
    store.embeddings.keep("minilm", [newer])
    store.embeddings.keep("minilm", [])

    assert sorted(store.embeddings.of("minilm", [ONE.id, TWO.id, "arxiv:0000.00000"]), key=str) == sorted(
        [newer, an_embedding(TWO.id)], key=str
    )
    assert store.embeddings.of("other", [ONE.id]) == (an_embedding(vector=b"other"),)
    assert store.embeddings.of("third", [ONE.id]) == ()


def test_a_paper_that_is_joined_to_another_takes_its_embedding_along(store: Store):
    store.papers.save(Resolved(papers=(ONE, TWO), mentions=(a_mention(ONE),), joined={}), NOON)
    store.embeddings.keep("minilm", [an_embedding(), an_embedding(TWO.id)])
    both = replace(TWO, aliases=(TWO.id, ONE.id))
    store.papers.save(Resolved(papers=(both,), mentions=(), joined={ONE.id: TWO.id}), NOON)
    assert store.embeddings.of("minilm", [ONE.id, TWO.id]) == (an_embedding(TWO.id),)

    store.embeddings.keep("minilm", [an_embedding()])  # embedded before, kept after it was joined
    assert store.embeddings.of("minilm", [ONE.id]) == ()
