"""Papers as terms: the same numbers as scikit-learn's, which is too slow to import for them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from sklearn.preprocessing import normalize

from digest.rank.features import PAIR_WEIGHT, STOP_WORDS, Corpus

#: Documents as terms, some of them pairs.
TERMS = st.sampled_from(["a", "b", "c", "d", "a b", "b c", "c d"])
DOCUMENTS = st.lists(st.lists(TERMS, max_size=9), min_size=1, max_size=6).filter(any)


def test_the_stop_words_are_scikit_learns() -> None:
    assert STOP_WORDS == ENGLISH_STOP_WORDS


@given(documents=DOCUMENTS, others=DOCUMENTS, known=st.dictionaries(TERMS, st.integers(0, 9).map(float)))
def test_terms_are_counted_and_weighed_as_by_scikit_learn(
    documents: list[list[str]], others: list[list[str]], known: dict[str, float]
) -> None:
    corpus = Corpus.of(documents, 20, known)
    vectorizer = CountVectorizer(analyzer=list)
    counts = vectorizer.fit_transform(documents).toarray()
    terms = vectorizer.get_feature_names_out().tolist()
    columns = [corpus.vocabulary[term] for term in terms]
    np.testing.assert_array_equal(corpus.counts.toarray()[:, columns], counts)
    said = np.array([known.get(term, 0.0) for term in terms])
    idf = np.log(21) - np.log(1 + said)
    weight = idf * (said > 1) * [PAIR_WEIGHT if " " in term else 1 for term in terms]
    # What a reason quotes is what a paper says: no other paper's terms.
    for row, document in enumerate(documents):
        heavy = {term for term in document if known.get(term, 0.0) > 1}
        assert corpus.weights(row).keys() == heavy
    for found, of in (
        (corpus.tfidf, counts),
        (corpus.others(others), vectorizer.transform(others).toarray()),
    ):
        weighted = np.where(of > 0, 1 + np.log(np.maximum(of, 1)), 0) * weight
        # Terms without weight have no column, so what is compared is every cosine.
        plain = (
            normalize(weighted)
            @ normalize(np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * weight).T
        )
        np.testing.assert_allclose((found @ corpus.tfidf.T).toarray(), plain, atol=1e-5)
