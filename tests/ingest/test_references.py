"""Reading lists: what reference managers export; the samples were written for this test."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DocumentError
from digest.ingest.references import references

BIBTEX = r"""
@comment{ignore, title = {Not a paper}}
@article{hopper2026,
  title = {{Compilers} for G{\"o}del machines, revisited},
  author = "Grace Hopper and G{\"o}del, Kurt",
  abstract = {We compile, and {nest {braces}}, with "quotes".},
  eprint = {2604.00001}, archivePrefix = {arXiv},
  year = 2026
}
@inproceedings{noid, title="A title, with a comma", doi={10.1000/XYZ},}
@misc{empty, year = {2020}}
"""
RIS = """TY  - JOUR
TI  - Compilers for machines
AU  - Hopper, Grace
AU  - Gödel, Kurt
PY  - 2026/04/01
DO  - 10.1000/xyz
AB  - We compile.
ER  -
TY  - RPRT
T1  - Another one
UR  - https://arxiv.org/abs/2604.00002v3
ER  -
"""
CSL = [
    {
        "title": "Compilers for machines",
        "author": [{"family": "Hopper", "given": "Grace"}, {"literal": "The Consortium"}],
        "issued": {"date-parts": [[2026, 4]]},
        "DOI": "10.1000/xyz",
    },
    {"title": "Another one", "number": "arXiv:2604.00002"},
    "not a reference",
]


def test_bibtex_is_read_with_its_braces_quotes_and_accents() -> None:
    first, second = references(BIBTEX, ".bib")
    assert first.title == "Compilers for Gödel machines, revisited"
    assert first.ids == ("arxiv:2604.00001",)
    assert first.authors == ("Grace Hopper", "Gödel, Kurt")
    assert first.abstract.startswith("We compile, and nest braces")
    assert first.published is not None
    assert first.published.year == 2026
    assert (second.title, second.ids) == ("A title, with a comma", ("doi:10.1000/xyz",))


def test_ris_is_read() -> None:
    first, second = references(RIS, ".ris")
    assert (first.title, first.ids, first.authors) == (
        "Compilers for machines",
        ("doi:10.1000/xyz",),
        ("Hopper, Grace", "Gödel, Kurt"),
    )
    assert (second.title, second.ids) == ("Another one", ("arxiv:2604.00002",))


def test_csl_json_is_read_as_a_list_or_under_items() -> None:
    for document in (CSL, {"items": CSL}):
        first, second = references(json.dumps(document), ".json")
        assert (first.ids, first.authors) == (("doi:10.1000/xyz",), ("Grace Hopper", "The Consortium"))
        assert second.ids == ("arxiv:2604.00002",)


def test_a_reference_without_an_id_goes_by_its_title() -> None:
    (entry,) = references("@book{b, title = {Only a title}}", ".bib")
    assert entry.ids[0].startswith("title:")


@pytest.mark.parametrize("suffix", [".bib", ".ris", ".json", ".pdf"])
def test_a_file_without_references_is_refused(suffix: str) -> None:
    with pytest.raises(DocumentError):
        references("[]", suffix)


@given(
    st.text(alphabet='@{}",= \nabTI-ER', max_size=80) | st.text(max_size=60),
    st.sampled_from([".bib", ".ris", ".json"]),
)
def test_any_text_gives_references_or_a_document_error(text: str, suffix: str) -> None:
    with suppress(DocumentError):
        assert all(entry.title for entry in references(text, suffix))
