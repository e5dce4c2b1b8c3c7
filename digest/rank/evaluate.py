"""Ranks an evaluation set: papers.jsonl and users.jsonl of a folder become scores for every candidate of every user.

Papers that are no candidates serve as history and, unlabelled, as background; who saved what is never read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from digest.errors import UsageError
from digest.rank.background import Background, usual
from digest.rank.features import Texts
from digest.rank.pool import Pool
from digest.rank.score import Examples, Taste, of_phrases, of_tastes
from digest.rank.vectors import Embedder, Floats

Mode = Literal["warm", "cold3", "cold1", "kw"]
#: With at least so many liked papers a user is warm.
WARM = 10
#: Users ranked at once.
BLOCK = 200


@dataclass(frozen=True, slots=True)
class User:
    """One user in one mode: what may be known of them, and what is to be ranked."""

    id: str
    liked: tuple[int, ...]
    disliked: tuple[int, ...]
    keywords: tuple[str, ...]
    candidates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A folder, read."""

    ids: tuple[str, ...]
    texts: Texts
    users: tuple[User, ...]

    @classmethod
    def read(cls, folder: Path, mode: Mode, embedder: Embedder) -> Evaluation:
        """UsageError names the file that is not there or not as it should be."""
        papers = list(_lines(folder / "papers.jsonl"))
        try:
            ids = tuple(str(paper["id"]) for paper in papers)
            row = {paper: number for number, paper in enumerate(ids)}
            texts = [(str(paper["title"]), str(paper.get("abstract") or "")) for paper in papers]
            common = tuple(n for n, p in enumerate(papers) if p.get("pool", "both") in {"candidate", "both"})
            users = [_user(one, mode, row, common) for one in _lines(folder / "users.jsonl")]
        except (KeyError, TypeError) as error:
            raise UsageError(f"not an evaluation set; a key or paper is missing: {error}") from None
        asked = tuple(
            one for one in users if one.keywords or len(one.liked) >= (WARM if mode == "warm" else 1)
        )
        return cls(ids, Texts.of(texts, embedder), asked)

    def background(self, of: Background) -> Background:
        """With all papers of the folder blended in."""
        return of.with_texts(self.texts)


def _lines(file: Path) -> Iterator[dict[str, object]]:
    try:
        with file.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}: {str(file)!r}") from None
    except ValueError as error:
        raise UsageError(f"not JSON lines: {error}: {str(file)!r}") from None


def _user(one: Mapping[str, object], mode: Mode, row: Mapping[str, int], common: tuple[int, ...]) -> User:
    def rows(key: str) -> tuple[int, ...]:
        return tuple(dict.fromkeys(row[paper] for paper in _texts(one.get(key))))

    words = mode == "kw"
    return User(
        id=str(one["user"]),
        liked=() if words else rows("history" if mode == "warm" else mode),
        disliked=() if words else rows("disliked"),
        keywords=_texts(one.get("keywords")) if words else (),
        candidates=rows("candidates") or common,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def scores(
    evaluation: Evaluation, background: Background, embedder: Embedder
) -> Iterator[tuple[User, Floats]]:
    """Every user with a score for each of their candidates; users with the same candidates share a pool."""
    by_candidates: dict[tuple[int, ...], list[User]] = {}
    for user in evaluation.users:
        by_candidates.setdefault(user.candidates, []).append(user)
    for candidates, users in by_candidates.items():
        pool = Pool.of(evaluation.texts.take(candidates), background)
        for start in range(0, len(users), BLOCK):
            block = users[start : start + BLOCK]
            yield from zip(block, _block(evaluation, pool, block, embedder), strict=True)


def _block(evaluation: Evaluation, pool: Pool, users: Sequence[User], embedder: Embedder) -> Iterator[Floats]:
    if users[0].keywords:
        for user in users:
            strengths, _ = of_phrases(pool, user.keywords, embedder.phrases(user.keywords))
            yield strengths.mean(axis=0)
        return
    used = sorted({paper for user in users for paper in (*user.liked, *user.disliked)})
    number = {paper: n for n, paper in enumerate(used)}
    examples = Examples.of(evaluation.texts.take(used), pool)
    tastes = [
        Taste(
            dict.fromkeys((number[p] for p in user.liked), 1.0),
            dict.fromkeys((number[p] for p in user.disliked), 1.0),
        )
        for user in users
    ]
    yield from of_tastes(pool, examples, tastes)


def run(folder: Path, mode: Mode, embedder: Embedder) -> Iterator[str]:
    """The lines of a run file: user TAB paper TAB score."""
    evaluation = Evaluation.read(folder, mode, embedder)
    if not evaluation.users:
        raise UsageError(f"no user has what mode {mode} needs: {str(folder)!r}")
    for user, found in scores(evaluation, evaluation.background(usual(embedder)), embedder):
        for paper, score in zip(user.candidates, np.asarray(found, dtype=float), strict=True):
            yield f"{user.id}\t{evaluation.ids[paper]}\t{score:.6g}\n"
