"""A sentence ends where it ends, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.render.excerpt import clean
from digest.render.sentences import is_balanced, sentences


@pytest.mark.parametrize(
    "sentence",
    [
        "Fuller et al. 2019 and Ng et al. [3] agree, e.g. in Fig. 3 and Sec. IV, i.e. at 3.5 eV vs. 4.1 eV.",
        "We thank J. R. Smith and Dr. Who for No. 5.",
        "It works (see below. Really. It does) on the U.S. grid.",
        "Let p(x. Y) = 1 hold on [0, 1).",
        "Version 2.0 is out!",
        "Ask at https://example.org/a.b?c=1 for approx. 3 kg.",
        "Es wiegt z.B. 5 kg, d.h. wenig, am 3. Mai.",
        "The value of pi is 3.14159... and so on.",
        "Why (and when?) does it hold for resp. x and y?",
    ],
)
def test_a_point_inside_a_sentence_does_not_end_it(sentence):
    assert list(sentences(f"{sentence} Then we rest.")) == [sentence, "Then we rest."]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It follows Ng et al. We differ.", ["It follows Ng et al.", "We differ."]),
        ("We add cups, plates, etc. The rest falls.", ["We add cups, plates, etc.", "The rest falls."]),
        ("We reach 95. However, it costs.", ["We reach 95.", "However, it costs."]),
        ("The answer is no. We say why.", ["The answer is no.", "We say why."]),
        ("Of type A. This is known.", ["Of type A.", "This is known."]),
        ("They are biased.However, we mend them.", ["They are biased.", "However, we mend them."]),
        ("Who knows? We do! “Really.” Yes.", ["Who knows?", "We do!", "“Really.”", "Yes."]),
        ("A ) lost, then one. Two ( is lost. Three.", ["A ) lost, then one.", "Two ( is lost.", "Three."]),
        ("我们提出一种方法。它更快（快3.5倍）。", ["我们提出一种方法。", "它更快（快3.5倍）。"]),
        ("Wir zeigen es. Über Nacht fällt es.", ["Wir zeigen es.", "Über Nacht fällt es."]),
        ("यह काम करता है। हम दिखाते हैं।", ["यह काम करता है।", "हम दिखाते हैं।"]),
    ],
)
def test_sentences_end_where_a_reader_would_stop(text, parts):
    assert list(sentences(text)) == parts


@given(st.text(max_size=300).map(clean))
def test_no_sentence_is_lost(text):
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["a (b) c", "on [0, 1) and (2, 3]", "（一）", "no brackets"])
def test_pairs_balance(text):
    assert is_balanced(text)


@pytest.mark.parametrize("text", ["a (b", "b) c", ")(", "「一"])
def test_a_bracket_alone_does_not(text):
    assert not is_balanced(text)
