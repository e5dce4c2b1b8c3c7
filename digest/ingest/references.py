"""Reading lists as Entries: BibTeX, RIS and CSL-JSON, which Zotero, Mendeley and other reference managers export."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from digest.errors import DocumentError
from digest.ingest.identity import title_id, title_key
from digest.ingest.ids import canonical_ids
from digest.ingest.text import readable
from digest.model import UNSEEN, Entry, Paper, Rights

#: One reference's fields, under BibTeX's names; authors are divided by " and ".
Fields = Mapping[str, str]

#: How the ids of papers begin that are known from a reading list only.
PASTED = "pasted:"
_ENTRY = re.compile(r"@\s*([A-Za-z]+)\s*[{(]")
_FIELD = re.compile(r"([A-Za-z][\w-]*)\s*=\s*")
_RIS_LINE = re.compile(r"([A-Z][A-Z0-9])  ?-(?: |$)(.*)")
#: The first of each group that a reference has is taken.
_RIS = {
    "title": ("TI", "T1"),
    "abstract": ("AB", "N2"),
    "doi": ("DO",),
    "url": ("UR", "L1"),
    "year": ("PY", "Y1", "DA"),
    "author": ("AU", "A1"),
}


def references(text: str, suffix: str) -> list[Entry]:
    """The references of a file with that suffix (`.bib`, `.ris` or `.json`), in its order; those without a title are left out.

    DocumentError if it is none of these, or holds no reference.
    """
    readers = {".bib": _bibtex, ".ris": _ris, ".json": _csl}
    if suffix not in readers:
        raise DocumentError(f"reading lists are .bib, .ris or .json files: {suffix!r}")
    found = [entry for fields in readers[suffix](text) if (entry := _entry(fields))]
    if not found:
        raise DocumentError(f"no reference with a title in it, read as {suffix}")
    return found


def pasted(entry: Entry) -> Paper:
    """A reference as a paper of its own, under an id made of its text.

    A stranger's text must not be taken for that of the paper they name.
    """
    text = f"{entry.title}\n{entry.abstract}"
    made = f"{PASTED}{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:32]}"
    return Paper(
        id=made,
        aliases=(made,),
        title_key=made,
        title=entry.title,
        abstract=entry.abstract,
        authors=entry.authors,
        categories=(),
        published=entry.published,
        version=None,
        links=(),
        rights=Rights.OPEN,
        first_seen=UNSEEN,
    )


def _entry(fields: Fields) -> Entry | None:
    title = readable(fields.get("title", ""))
    if not (key := title_key(title)):
        return None
    named = [fields.get("doi", ""), fields.get("url", ""), _arxiv(fields)]
    ids = sorted({found for text in named for found in canonical_ids(text)})
    year = re.search(r"(?:19|20)\d\d", fields.get("year", "") or fields.get("date", ""))
    return Entry(
        source="reading list",
        ids=tuple(ids) or (title_id(key),),
        title=title,
        abstract=readable(fields.get("abstract", "")),
        authors=tuple(name for one in fields.get("author", "").split(" and ") if (name := readable(one))),
        published=dt.datetime(int(year[0]), 1, 1, tzinfo=dt.UTC) if year else None,
    )


def _arxiv(fields: Fields) -> str:
    archive = fields.get("archiveprefix", "") or fields.get("eprinttype", "")
    return f"arXiv:{fields['eprint']}" if archive.casefold() == "arxiv" and "eprint" in fields else ""


def _bibtex(text: str) -> Iterator[Fields]:
    for match in _ENTRY.finditer(text):
        if match[1].casefold() not in {"comment", "string", "preamble"}:
            yield dict(_bibtex_fields(text, match.end()))


def _bibtex_fields(text: str, place: int) -> Iterator[tuple[str, str]]:
    """The fields of an entry, up to its closing brace; values in braces, in quotes or bare."""
    place = text.find(",", place) + 1
    while place and (match := _FIELD.match(text, _past(text, place))):
        end = _value_end(text, match.end())
        value = text[match.end() : end].strip()
        yield match[1].casefold(), value[1:-1] if value[:1] in {"{", '"'} else value
        place = end


def _past(text: str, place: int) -> int:
    while place < len(text) and (text[place].isspace() or text[place] == ","):
        place += 1
    return place


def _value_end(text: str, place: int) -> int:
    """Where a value ends: at the comma or brace that is in no braces and no quotes of its own."""
    depth, quoted = 0, False
    while place < len(text):
        character = text[place]
        if character == '"' and depth == 0:
            quoted = not quoted
        elif character == "{":
            depth += 1
        elif character == "}" and depth > 0:
            depth -= 1
        elif character in ",})" and depth == 0 and not quoted:
            return place
        place += 1
    return place


def _ris(text: str) -> Iterator[Fields]:
    lines: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not (match := _RIS_LINE.match(line.lstrip("\ufeff"))):
            continue
        if match[1] == "ER":
            yield _ris_fields(lines)
            lines = {}
        else:
            lines.setdefault(match[1], []).append(match[2].strip())


def _ris_fields(lines: Mapping[str, Sequence[str]]) -> Fields:
    given = {name: next((lines[tag] for tag in tags if tag in lines), []) for name, tags in _RIS.items()}
    return {name: (" and " if name == "author" else " ").join(values) for name, values in given.items()}


def _csl(text: str) -> Iterator[Fields]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"not JSON: {error}") from None
    items = items.get("items") if isinstance(items, dict) else items
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield _csl_fields(item)


def _csl_fields(item: Mapping[str, object]) -> Fields:
    authors = item.get("author")
    people = [one for one in authors if isinstance(one, dict)] if isinstance(authors, list) else []
    names = [
        str(one.get("literal") or f"{one.get('given', '')} {one.get('family', '')}").strip() for one in people
    ]
    plain = {
        name: str(item.get(key) or "")
        for name, key in (("title", "title"), ("abstract", "abstract"), ("doi", "DOI"))
    }
    # arXiv ids stand in `number` ("arXiv:2604.07429") as often as in the URL.
    where = " ".join(str(item.get(key) or "") for key in ("URL", "number"))
    return plain | {"url": where, "year": json.dumps(item.get("issued", "")), "author": " and ".join(names)}
