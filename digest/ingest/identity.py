"""Which entries are the same work: ids, title keys, and the merge of entries with known papers; pure.

Rule 1: equal ids are one paper; then a shared DOI; then a long title with agreeing first author and date.
Rule 2: a wrong merge is worse than a missed one: two arXiv ids, or two preprint DOIs, never meet by title.
Rule 3: the result depends on what was given, not on its order, and resolving it again changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from digest.ingest.ids import PREPRINT
from digest.ingest.mentions import mentions_of
from digest.ingest.text import readable
from digest.model import UNSEEN, Announcement, Entry, Link, Mention, Names, Paper, Resolved, Rights

# --- titles and names -----------------------------------------------------------------------------

#: Shorter titles ("Erratum", "Editorial") belong to many works.
SHORTEST_KEY = 20
#: A title that more works bear is a column's or a session's, and tells nothing.
_MANY = 20
_ONE_YEAR = dt.timedelta(days=366)


def title_key(title: str) -> str:
    """Letters and digits of the title, casefolded, TeX as text: equal for spellings of one title."""
    plain = unicodedata.normalize("NFKC", readable(title)).casefold()
    return "".join(c for c in unicodedata.normalize("NFKC", plain) if c.isalnum())


def title_id(key: str) -> str:
    """The id of a work that has no other: `title:` and the first 16 hex digits of the key's SHA-256."""
    return f"title:{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:16]}"


def surname(author: str) -> str:
    """The letters of a surname without accents: `müller` and `Muller` of `Müller, A.`, `A. Muller` agree."""
    family = author.partition(",")[0] if "," in author else author
    words = [w for w in family.split() if w.rstrip(".").casefold() not in {"jr", "sr", "ii", "iii", "iv"}]
    if not words:
        return ""
    last = words[0] if len(words) > 1 and re.fullmatch(r"[A-Z]{1,2}", words[-1]) else words[-1]
    plain = unicodedata.normalize("NFKD", last).casefold()
    return "".join(c for c in plain if c.isalpha())


def names(entries: Iterable[Entry]) -> Names:
    """How these entries might already be known: their ids, and their titles where long enough to tell."""
    said = [entry for entry in entries if entry.title.strip()]
    keys = (title_key(entry.title) for entry in said)
    return Names(
        ids=frozenset(i for entry in said for i in _ids(entry)),
        title_keys=frozenset(key for key in keys if len(key) >= SHORTEST_KEY),
    )


def _ids(entry: Entry) -> tuple[str, ...]:
    """The entry's own ids. Of several arXiv ids or preprint DOIs the first is its own, others it only names."""
    own: list[str] = []
    for i in entry.ids:
        if not any(_conflict({i}, {other}) for other in own):
            own.append(i)
    return tuple(own) or (_nameless_id(entry),)


def _nameless_id(entry: Entry) -> str:
    """An id from title and first author; of a short title, from its source too, as it says so little."""
    key = title_key(entry.title)
    first = surname(entry.authors[0]) if entry.authors else ""
    if len(key) >= SHORTEST_KEY:
        return title_id(f"{key} {first}" if first else key)
    return title_id(f"{entry.title.strip()} {first} {entry.source}")


# --- one work, or two -----------------------------------------------------------------------------


def _of_archive(ids: Iterable[str]) -> dict[str, set[str]]:
    """Ids of which a work has one in each archive: arXiv, and bioRxiv with medRxiv (by suffix, see `PREPRINT`)."""
    found: dict[str, set[str]] = {"arxiv": set(), "rxiv": set()}
    for i in ids:
        if i.startswith("arxiv:"):
            found["arxiv"].add(i)
        elif preprint := PREPRINT.fullmatch(i.removeprefix("doi:")):
            found["rxiv"].add(preprint["suffix"])
    return found


def _conflict(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether they are two works of the strongest archive that knows both."""
    ours, theirs = _of_archive(one), _of_archive(other)
    shared = next((archive for archive in ours if ours[archive] and theirs[archive]), None)
    return shared is not None and ours[shared].isdisjoint(theirs[shared])


Said = Entry | Paper


@dataclass(frozen=True, slots=True)
class _Work:
    """What is taken for one work: its ids, and who speaks of it."""

    ids: frozenset[str]
    said: frozenset[Said]

    @classmethod
    def of(cls, said: Said) -> _Work:
        ids = {said.id, *said.aliases} if isinstance(said, Paper) else _ids(said)
        return cls(frozenset(ids), frozenset({said}))

    def __or__(self, other: _Work) -> _Work:
        return _Work(self.ids | other.ids, self.said | other.said)

    @property
    def key(self) -> str:
        """The key of the title that is kept: others are forgotten, so they may not decide either."""
        kept = better_text(self.said)[0]
        return kept.title_key if isinstance(kept, Paper) else title_key(kept.title)

    @property
    def known(self) -> set[Paper]:
        return {said for said in self.said if isinstance(said, Paper)}

    @property
    def entries(self) -> set[Entry]:
        return {said for said in self.said if isinstance(said, Entry)}

    @property
    def name(self) -> str:
        """The id that stays: the strongest, then one that is already a paper's (the oldest), then the smallest."""
        seen = {paper.id: paper.first_seen for paper in self.known}
        latest = dt.datetime.max.replace(tzinfo=dt.UTC)
        return min(self.ids, key=lambda i: (_strength(i), i not in seen, seen.get(i, latest), i))

    @property
    def is_news(self) -> bool:
        """Whether it is a paper at all: known, or announced as more than a new version."""
        return any(isinstance(said, Paper) or _is_news(said) for said in self.said)

    @property
    def first_author(self) -> str:
        authors = _longest_authors(self.said)
        return surname(authors[0]) if authors else ""

    @property
    def published(self) -> dt.datetime | None:
        return min((said.published for said in self.said if said.published), default=None)

    @property
    def dois(self) -> frozenset[str]:
        """Under which publishers registered it."""
        return frozenset(i for i in self.ids if i.startswith("doi:"))

    def agrees(self, other: _Work) -> bool:
        """Whether works of one title may be the same: by ids, first author and date.

        Silence agrees, but not of the author where each has a DOI of its own: journals give every "Editorial Board"
        and "Introduction" one.
        """
        if _conflict(self.ids, other.ids):
            return False
        two = self.dois and other.dois and self.dois.isdisjoint(other.dois)
        if two and not (self.first_author and other.first_author):
            return False
        if self.first_author and other.first_author and self.first_author != other.first_author:
            return False
        ours, theirs = self.published, other.published
        return not ours or not theirs or abs(ours - theirs) <= _ONE_YEAR


def _strength(i: str) -> int:
    return (
        ("arxiv", "doi", "title").index(kind)
        if (kind := i.partition(":")[0]) in {"arxiv", "doi", "title"}
        else 3
    )


def _is_news(entry: Entry) -> bool:
    return entry.announcement in {Announcement.NEW, Announcement.CROSS}


def _works(said: Iterable[Said]) -> list[_Work]:
    """What was said, grouped by id, then DOI, then title."""
    holders: dict[str, set[_Work]] = defaultdict(set)
    for work in map(_Work.of, said):
        for i in work.ids:
            holders[i].add(work)
    for i in sorted(holders, key=lambda i: (i.startswith("doi:"), i)):
        if len(holders[i]) > 1:
            _join(i, holders)
    return _by_title({work for found in holders.values() for work in found})


def _join(i: str, holders: dict[str, set[_Work]]) -> None:
    """Make one work of those that hold the id; one that conflicts with its owner gives the id up.

    Proceedings and errata share a DOI between different works. The owner is who is known by it already, then
    the smallest id.
    """
    before = sorted(holders[i], key=lambda w: (not any(i in p.aliases for p in w.known), w.name, _order(w)))
    owner, apart = before[0], []
    for work in before[1:]:
        if _conflict(owner.ids, work.ids):
            apart.append(replace(work, ids=work.ids - {i}))
        else:
            owner |= work
    for old in before:
        for alias in old.ids:
            holders[alias].discard(old)
    for work in (owner, *apart):
        for alias in work.ids:
            holders[alias].add(work)


def _order(work: _Work) -> list[str]:
    return sorted(map(repr, work.said))


def _by_title(works: Iterable[_Work]) -> list[_Work]:
    """Join works of one long title that are one work."""
    blocks: dict[str, list[_Work]] = defaultdict(list)
    alone: list[_Work] = []
    for work in works:
        key = work.key if work.is_news else ""
        (blocks[key] if len(key) >= SHORTEST_KEY else alone).append(work)
    for block in blocks.values():
        alone += _joined(block) if 1 < len(block) <= _MANY else block
    return sorted(alone, key=lambda w: w.name)


def _joined(block: list[_Work]) -> list[_Work]:
    """The works of one title, those joined that `_same` finds, until it finds none."""
    block = sorted(block, key=lambda w: w.name)
    while groups := _same(block):
        taken = {work.name for group in groups for work in group}
        rest = [work for work in block if work.name not in taken]
        block = sorted([*rest, *(reduce(or_, group) for group in groups)], key=lambda w: w.name)
    return block


def _same(block: Sequence[_Work]) -> list[list[_Work]]:
    """Groups of works that agree with each other and with none outside; whoever could be two stays alone.

    Known papers among themselves were told apart before: only an entry can bring them together.
    """
    agreeing = {work.name: [w for w in block if w is work or w.agrees(work)] for work in block}
    groups = {tuple(w.name for w in group): group for group in agreeing.values() if len(group) > 1}
    return [
        group
        for group in groups.values()
        if all(agreeing[work.name] == group for work in group) and any(work.entries for work in group)
    ]


# --- the merge ------------------------------------------------------------------------------------

#: An abstract this long is whole, however much a feed puts beside it.
_WHOLE_ABSTRACT = 400
_RELS = ("abstract", "pdf", "discussion", "code", "project")


def _ids_of(said: Said) -> tuple[str, ...]:
    return said.aliases if isinstance(said, Paper) else said.ids


def _is_arxiv(said: Said) -> bool:
    """Whether this is arXiv's own metadata: of an arXiv id only arXiv tells version or categories."""
    return bool(said.categories or said.version) and any(i.startswith("arxiv:") for i in _ids_of(said))


def better_text(said: Iterable[Said]) -> list[Said]:
    """Who speaks of a work, the one whose title and abstract are kept first.

    Before all, an abstract that is whole (400 characters, or half of the longest); then arXiv's own metadata, open
    rights, the higher version, what is kept already, the longer abstract; then the text itself, to be certain.
    """
    every = list(said)
    longest = max(len(s.abstract) for s in every)

    def rank(s: Said) -> tuple[bool, bool, bool, int, bool, int, str]:
        whole = len(s.abstract) >= min(_WHOLE_ABSTRACT, longest / 2)
        is_open = s.rights is Rights.OPEN
        return whole, _is_arxiv(s), is_open, s.version or 0, isinstance(s, Paper), len(s.abstract), repr(s)

    return sorted(every, key=rank, reverse=True)


def _longest_authors(said: Iterable[Said]) -> tuple[str, ...]:
    return max(said, key=lambda s: (len(s.authors), isinstance(s, Paper), _is_arxiv(s), s.authors)).authors


def _first_seen(all_said: Iterable[Said], now: dt.datetime) -> dt.datetime:
    """When a source first spoke of it; a paper that only a reader's list knew is first seen with its first news."""
    said = list(all_said)
    seen = [one.first_seen for one in said if isinstance(one, Paper) and one.first_seen != UNSEEN]
    seen += [one.listed_at or now for one in said if isinstance(one, Entry) and _is_news(one)]
    return min([*seen, now]) if seen else UNSEEN


def _merged(work: _Work, now: dt.datetime) -> Paper:
    said = better_text(work.said)
    text = said[0]
    return Paper(
        id=work.name,
        aliases=(work.name, *sorted(work.ids - {work.name})),
        title_key=title_key(text.title),
        title=text.title,
        abstract=text.abstract,
        authors=_longest_authors(said),
        categories=tuple(dict.fromkeys(c for s in said for c in s.categories)),
        published=work.published,
        version=max((s.version for s in said if s.version is not None), default=None),
        links=_links(work.name, [link for s in said for link in s.links]),
        rights=text.rights,
        first_seen=_first_seen(said, now),
        ai_summary=_ai_summary(said),
    )


def _ai_summary(said: Sequence[Said]) -> str:
    """An entry's before what was kept, as it was written of a later text; the rest as the texts are ordered."""
    spoken = [s for s in said if s.ai_summary]
    return next((s.ai_summary for s in sorted(spoken, key=lambda s: isinstance(s, Paper))), "")


def _links(name: str, said: Sequence[Link]) -> tuple[Link, ...]:
    """One link a relation: what follows from an arXiv id, then what was said, then the DOI's resolver."""
    kind, _, number = name.partition(":")
    first: list[Link] = []
    last: list[Link] = []
    if kind == "arxiv":
        first = [
            Link(rel="abstract", url=f"https://arxiv.org/abs/{number}"),
            Link(rel="pdf", url=f"https://arxiv.org/pdf/{number}"),
        ]
        if any("huggingface.co/papers/" in link.url for link in said):
            first.append(Link(rel="discussion", url=f"https://huggingface.co/papers/{number}"))
    elif kind == "doi":
        last = [Link(rel="abstract", url=f"https://doi.org/{number}")]
    found: dict[str, Link] = {}
    for link in (*first, *said, *last):
        found.setdefault(link.rel, link)
    return tuple(found[rel] for rel in _RELS if rel in found)


def _is_signal(entry: Entry) -> bool:
    return entry.announcement is Announcement.SIGNAL


def _heard(works: Iterable[_Work], signals: Iterable[Entry]) -> Mapping[str, Sequence[Entry]]:
    """The signals for each work, by its name: those that name one of its ids, and for no two works."""
    homes = {i: work.name for work in works for i in work.ids}
    heard: dict[str, list[Entry]] = defaultdict(list)
    for signal in signals:
        named = {homes[i] for i in signal.ids if i in homes}
        if len(named) == 1:
            heard[named.pop()].append(signal)
    return heard


def resolve(
    entries: Iterable[Entry], known: Iterable[Paper], weights: Mapping[str, float], now: dt.datetime
) -> Resolved:
    """The papers that are new or changed by these entries, their mentions, and the ids given up.

    The same for every order of its arguments; resolving again with the result as known changes no paper.
    Entries without a title are left out; a replacement updates a known paper and is otherwise no news; a signal
    is a mention of a paper that is known or told of beside it, and changes nothing else.
    """
    papers: list[Paper] = []
    mentions: list[Mention] = []
    joined: dict[str, str] = {}
    titled = [entry for entry in entries if entry.title.strip()]
    works = _works([*known, *(entry for entry in titled if not _is_signal(entry))])
    heard = _heard(works, filter(_is_signal, titled))
    for work in works:
        spoken = {*filter(_is_news, work.entries), *heard[work.name]}
        if not work.is_news or (not work.entries and not spoken and len(work.known) < 2):
            continue
        paper = _merged(work, now)
        if work.known != {paper}:
            papers.append(paper)
        joined |= {old.id: paper.id for old in work.known if old.id != paper.id}
        mentions += mentions_of(paper, spoken, weights, now)
    return Resolved(
        papers=tuple(sorted(papers, key=lambda p: p.id)),
        mentions=tuple(sorted(mentions, key=lambda m: (m.paper, m.source, m.listed_at))),
        joined=joined,
    )
