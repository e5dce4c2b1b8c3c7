"""The README and the shipped configurations say what the program does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import get_args

import click
import pytest
import typer.main
from conftest import ROOT
from pydantic import BaseModel

from digest import cli
from digest.config import SECRETS, Settings, load

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "config" / "digest.toml").read_text(encoding="utf-8")
#: Variables that are no key of a section: which file counts, the form itself, where captured documents are.
OTHER_VARIABLES = {"DIGEST_CONFIG", "DIGEST_SECTION__KEY", "DIGEST_SHARED"}


def commands(command: click.Command, name: str) -> Iterator[str]:
    if subcommands := getattr(command, "commands", None):
        for word, subcommand in subcommands.items():
            yield from commands(subcommand, f"{name} {word}")
    else:
        yield name


def tables() -> dict[str, type[BaseModel]]:
    """The configuration's tables, `[section]` and `[[list]]` alike, by the name they have in the file."""
    fields = Settings.model_fields.items()
    named = {field.alias or name: field.annotation for name, field in fields if name != "directory"}
    return {name: next(iter(get_args(kind)), kind) for name, kind in named.items()}


def keys(table: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in table.model_fields.items()}


COMMANDS = sorted(commands(typer.main.get_command(cli.app), "digest"))
LISTS = {"sources", "readers"}
KEYS = sorted((name, key) for name, table in tables().items() for key in keys(table))


def variables() -> set[str]:
    plain = {f"DIGEST_{name}__{key}".upper() for name, key in KEYS if name not in LISTS}
    return plain | {f"DIGEST_{secret}_FILE" for secret in SECRETS} | OTHER_VARIABLES


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_has_a_line_for_every_command(command: str) -> None:
    assert f"\n| `{command}` | " in README


def test_the_readme_lists_no_command_that_is_not_there() -> None:
    assert set(re.findall(r"^\| `(digest [a-z -]+)` \|", README, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_setting_is_in_the_readme(section: str, key: str) -> None:
    if section in LISTS:
        part = README.partition(f"\n### `[[{section}]]`\n")[2].partition("\n##")[0]
        assert f"`{key}`" in part
    else:
        assert f"\n| `{section}.{key}` | " in README


def test_the_readme_lists_no_setting_that_is_not_there() -> None:
    listed = set(re.findall(r"^\| `([a-z]+)\.([a-z_]+)` \|", README, re.MULTILINE))
    assert listed == {pair for pair in KEYS if pair[0] not in LISTS}


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_setting_is_in_the_shipped_configuration(section: str, key: str) -> None:
    start = re.search(rf"^(?:# )?\[+{section}\]+", EXAMPLE, re.MULTILINE)
    assert start, section
    end = re.compile(r"^(?:# )?\[+(?!\[*" + section + r"\])[a-z]+\]+", re.MULTILINE).search(
        EXAMPLE, start.end()
    )
    assert re.search(rf"^(?:# )?{key} = ", EXAMPLE[start.end() : end.start() if end else None], re.MULTILINE)


@pytest.mark.parametrize("name", ["digest.toml", "demo.toml"])
def test_shipped_configurations_load(name: str) -> None:
    assert load(ROOT / "config" / name, {}).sources


def test_commented_keys_show_their_defaults() -> None:
    uncommented = re.sub(r"^\[\[sources\]\].*", "", EXAMPLE, flags=re.MULTILINE | re.DOTALL)
    shown = load_text(re.sub(r"^# (?=\[?[a-z_]+\]?(?: = |\s+#))", "", uncommented, flags=re.MULTILINE))
    kept = {
        "site": {"secret"},
        "mail": {"port", "rate_per_second"},
    }  # unset by default, shown with an example
    default = Settings()
    for section in set(tables()) - LISTS:
        hidden = kept.get(section, set())
        assert getattr(shown, section).model_dump(exclude=hidden | {"previous_secret"}) == getattr(
            default, section
        ).model_dump(exclude=hidden | {"previous_secret"})


def load_text(text: str) -> Settings:
    return Settings.model_validate(tomllib.loads(text))


def test_every_variable_in_the_readme_is_read() -> None:
    assert set(re.findall(r"DIGEST_[A-Z_]+", README)) <= variables()


@pytest.mark.parametrize("path", re.findall(r"!?\[[^\]]*\]\(([^)#]+)\)", README))
def test_files_linked_in_the_readme_are_there(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:digest|templates|config)/[\w./]+)`", README))))
def test_places_named_in_the_readme_are_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_readme_uses_the_glossary() -> None:
    prose = re.sub(
        r"`[^`\n]+`|^body=.*", "", README, flags=re.MULTILINE
    )  # fields of others are named as they are
    assert not re.search(r"\b(articles?|users?(?!-Agent)|recipients?|providers?)\b", prose, re.IGNORECASE)
