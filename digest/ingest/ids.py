"""Canonical ids: what URLs, guids, DOIs and titles call a work, in one spelling each (sources.md 6). Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

#: arxiv.org/help/arxiv_identifier: 4 digits 0704-1412, 5 from 1501; old ids may name a subject class.
_NEW_STYLE = (
    r"(?:0[7-9]|1[0-4])(?:0[1-9]|1[0-2])\.\d{4}(?!\d)|(?:1[5-9]|[2-9]\d)(?:0[1-9]|1[0-2])\.\d{5}(?!\d)"
)
_OLD_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga"
    "|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math-ph|math|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph"
    "|q-alg|q-bio|quant-ph|solv-int|supr-con"
)
_OLD_STYLE = rf"(?:{_OLD_ARCHIVES})(?:\.[a-z]{{2}})?/(?:9[1-9]|0[0-7])(?:0[1-9]|1[0-2])\d{{3}}(?!\d)"
_ID = rf"(?P<id>{_NEW_STYLE}|{_OLD_STYLE})(?:v(?P<version>[1-9]\d{{0,2}}))?"
_NAMED = (
    r"(?:(?:^|[^\w-])(?:arxiv\s*:\s*|arxiv\.org:|arxiv\.org/(?:abs|pdf|html|format|e-print|ps|src)/)"
    r"|(?:^|[^\w-])(?:alphaxiv\.org/(?:abs|overview|pdf)|hf\.co/papers|huggingface\.co/papers|tldr\.takara\.ai/p)/"
    r"|ar5iv(?:\.labs\.arxiv)?\.org/(?:abs/|html/)?"
    r"|10\.48550/arxiv\.)"
)
_ARXIV = re.compile(rf"(?i){_NAMED}{_ID}(?![\w/])")
_BARE_ARXIV = re.compile(rf"(?i){_ID}(?:\.pdf)?")
_DOI = re.compile(r"(?i)(?<![\w.])10\.\d{4,9}(?:\.\d+)*/[^\s\"'<>{}|\\^`?#&]+")
_DOI_TAIL = re.compile(r"(?i)/(?:full|abstract|pdf|epdf|html|meta)$|\.pdf$")
#: openRxiv changed its prefix on this day; DOIs given before stay.
_PREFIX_CHANGED = "2025.12.01"
#: A DOI of bioRxiv or medRxiv; one suffix for all versions, under either prefix.
PREPRINT = re.compile(r"10\.(?:1101|64898)/(?P<suffix>(?:\d{4}\.\d\d\.\d\d\.)?\d+)(?:v\d+.*|\..*|/.*)?")
_RXIV_PAGE = re.compile(r"(?i)(?:bio|med)rxiv\.org/cgi/content/(?:\w+/)?(?P<suffix>\d{4}\.\d\d\.\d\d\.\d+)")


def canonical_ids(text: str) -> tuple[str, ...]:
    """Every id that a URL, guid, DOI, title suffix or bare id names, arXiv ids first; never raises."""
    plain = unquote(text.strip())
    arxiv = [f"arxiv:{_without_class(match['id'])}" for match in _arxiv_matches(plain)]
    dois = [f"doi:{doi}" for match in _DOI.finditer(plain) if (doi := _canonical_doi(match[0]))]
    pages = [f"doi:{_prefixed(match['suffix'])}" for match in _RXIV_PAGE.finditer(plain)]
    return tuple(dict.fromkeys([*arxiv, *dois, *pages]))


def version_of(text: str) -> int | None:
    """The version that an arXiv URL, guid or id names: 3 of `2604.07429v3`."""
    versions = [int(match["version"]) for match in _arxiv_matches(unquote(text.strip())) if match["version"]]
    return versions[0] if versions else None


def _arxiv_matches(text: str) -> list[re.Match[str]]:
    bare = _BARE_ARXIV.fullmatch(text)
    return [bare] if bare else list(_ARXIV.finditer(text))


def _without_class(arxiv: str) -> str:
    archive, slash, number = arxiv.lower().rpartition("/")
    return archive.partition(".")[0] + slash + number


def _canonical_doi(found: str) -> str | None:
    """Lower case, without what stood around it; None if it is an arXiv id in other words."""
    doi = found.lower()
    if doi.startswith("10.48550/arxiv."):
        return None
    if preprint := PREPRINT.fullmatch(doi):
        return doi[: preprint.end("suffix")]
    doi = _DOI_TAIL.sub("", doi)
    while doi[-1] in ".,;:!*" or (doi[-1] == ")" and doi.count(")") > doi.count("(")):
        doi = doi[:-1]
    # A SICI holds "<" and ">", at which the text was cut: what is left is many papers' beginning.
    return doi if doi.partition("/")[2] and "(sici)" not in doi.casefold() else None


def _prefixed(suffix: str) -> str:
    """The DOI of a bioRxiv or medRxiv page whose URL holds the suffix alone."""
    return f"{'10.1101' if suffix < _PREFIX_CHANGED else '10.64898'}/{suffix}"
