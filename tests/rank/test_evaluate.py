"""`digest evaluate`: a folder of papers and users becomes a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from digest.errors import UsageError
from digest.rank import evaluate, vectors
from digest.rank.evaluate import Mode

#: Words of two fields; the papers made of them were written for this test.
FIELDS = ("protein fold sequence enzyme structure helix", "galaxy star redshift telescope dust halo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve past papers and eight candidates in two fields, and users who like the first."""
    random = np.random.default_rng(4)
    papers = [
        {
            "id": f"p{n}",
            "title": " ".join(random.choice(FIELDS[n % 2].split(), 3)),
            "abstract": " ".join(random.choice(FIELDS[n % 2].split(), 15)),
            "pool": "history" if n < 24 else "candidate",
        }
        for n in range(32)
    ]
    even = [f"p{n}" for n in range(0, 24, 2)]
    users = [
        {
            "user": "warm",
            "history": even,
            "cold3": even[:3],
            "cold1": even[:1],
            "keywords": ["protein folding"],
        },
        {"user": "new", "history": even[:4], "cold3": even[:3], "cold1": even[:1], "keywords": []},
        {
            "user": "own list",
            "history": even[:10],
            "cold3": even[:3],
            "cold1": even[:1],
            "keywords": ["galaxies"],
            "candidates": ["p1", "p2", "p30", "p31"],
            "disliked": ["p3"],
        },
    ]
    write(tmp_path / "papers.jsonl", papers)
    write(tmp_path / "users.jsonl", users)
    return tmp_path


def write(file: Path, rows: list[dict[str, object]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def ranked(folder: Path, mode: Mode) -> dict[str, list[str]]:
    found: dict[str, list[tuple[float, str]]] = {}
    for line in evaluate.run(folder, mode, vectors.shipped()):
        user, paper, score = line.rstrip("\n").split("\t")
        found.setdefault(user, []).append((-float(score), paper))
    return {user: [paper for _, paper in sorted(scored)] for user, scored in found.items()}


@pytest.mark.parametrize(
    ("mode", "users"),
    [
        ("warm", {"warm", "own list"}),
        ("cold3", {"warm", "new", "own list"}),
        ("cold1", {"warm", "new", "own list"}),
        ("kw", {"warm", "own list"}),
    ],
)
def test_every_user_of_a_mode_has_every_candidate_ranked(folder: Path, mode: Mode, users: set[str]) -> None:
    found = ranked(folder, mode)
    assert set(found) == users
    assert set(found["warm"]) == {f"p{n}" for n in range(24, 32)}
    assert set(found["warm"][:4]) == {"p24", "p26", "p28", "p30"}
    assert set(found["own list"]) == {"p1", "p2", "p30", "p31"}


def test_a_user_is_ranked_alike_whoever_else_is_asked_for(folder: Path) -> None:
    users = [json.loads(line) for line in (folder / "users.jsonl").read_text(encoding="utf-8").splitlines()]
    together = ranked(folder, "cold3")
    write(folder / "users.jsonl", users[1:2])
    assert ranked(folder, "cold3") == {"new": together["new"]}


def test_what_candidates_are_saved_by_is_not_read(folder: Path) -> None:
    before = list(evaluate.run(folder, "warm", vectors.shipped()))
    (folder / "qrels.tsv").write_text("warm\tp25\t1\n", encoding="utf-8")
    assert list(evaluate.run(folder, "warm", vectors.shipped())) == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("users.jsonl", None),
        ("papers.jsonl", "{"),
        ("papers.jsonl", '{"id": "p1"}'),
        ("users.jsonl", '{"user": "u", "history": ["unknown"]}'),
        ("users.jsonl", '{"user": "u", "history": []}'),
        ("users.jsonl", "[]"),
    ],
)
def test_a_folder_that_is_no_evaluation_set_is_a_usage_error(
    folder: Path, file: str, text: str | None
) -> None:
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        list(evaluate.run(folder, "warm", vectors.shipped()))
