"""The house rules that a machine can check: one door to each library, and one to the environment."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import digest
import digest.errors

HOUSE = Path(digest.__file__).parent


@cache
def imports() -> dict[str, frozenset[str]]:
    """The files under digest/, each with the top-level packages that it imports."""
    return {
        path.relative_to(HOUSE).as_posix(): frozenset(packages(ast.parse(path.read_text(encoding="utf-8"))))
        for path in sorted(HOUSE.rglob("*.py"))
    }


def packages(tree: ast.Module):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def importers(package: str) -> list[str]:
    return [file for file, found in imports().items() if package in found]


@pytest.mark.parametrize(
    ("package", "door"),
    [
        ("apscheduler", "schedule.py"),
        ("procrastinate", "cluster.py"),
        ("feedparser", "ingest/feeds.py"),
        ("httpx2", "ingest/fetch.py"),
        ("httpcore2", "ingest/network.py"),
        ("pylatexenc", "ingest/tex.py"),
        ("itsdangerous", "links.py"),
        ("smtplib", "deliver/smtp.py"),
        ("css_inline", "render/css.py"),
        ("Stemmer", "rank/features.py"),
        ("email_validator", "address.py"),
        ("cryptography", "deliver/dkim.py"),
        ("justhtml", "preview/checks/page.py"),
        ("tinycss2", "preview/checks/style.py"),
        ("cssselect2", "preview/checks/style.py"),
        ("sentence_transformers", "rank/neural.py"),
        ("prometheus_client", "operating/metrics.py"),
        ("dns", "doctor/names.py"),
    ],
)
def test_a_library_has_one_door(package: str, door: str) -> None:
    assert importers(package) == [door]


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("sqlalchemy", {"store"}),
        ("alembic", {"store"}),
        ("jinja2", {"render", "web", "preview"}),
        ("uvicorn", {"web", "preview"}),
        ("fastapi", {"web", "preview"}),
    ],
)
def test_a_framework_stays_in_its_rooms(package: str, rooms: set[str]) -> None:
    found = {Path(file).parts[0] for file in importers(package)}
    assert found
    assert found <= rooms


def test_only_the_configuration_reads_the_environment() -> None:
    readers = []
    for path in HOUSE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            asked = isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
            taken = isinstance(node, ast.ImportFrom) and node.module == "os"
            if (asked and isinstance(node.value, ast.Name) and node.value.id == "os") or (
                taken and {alias.name for alias in node.names} & {"environ", "environb", "getenv"}
            ):
                readers.append(path.relative_to(HOUSE).as_posix())
    assert set(readers) == {"config/reading.py"}


def test_every_error_is_in_the_tree_that_errors_draws() -> None:
    ours = {name for name, found in vars(digest.errors).items() if isinstance(found, type)}
    elsewhere = [
        (path.relative_to(HOUSE).as_posix(), node.name)
        for path in HOUSE.rglob("*.py")
        if path != HOUSE / "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in ours | {"Exception"} for base in node.bases)
    ]
    assert elsewhere == []
    drawn = (digest.errors.__doc__ or "").split()
    assert [name for name in ours if name not in drawn] == []


def test_the_rooms_do_not_import_one_another() -> None:
    rooms = ("ingest", "rank", "render", "deliver", "store")
    crossed = [
        (path.relative_to(HOUSE).as_posix(), node.module)
        for room in rooms
        for path in (HOUSE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module
        and any(node.module.startswith(f"digest.{other}") for other in rooms if other != room)
    ]
    assert crossed == []
