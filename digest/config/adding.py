"""What a command adds to digest.toml: sources, the rest of the file as it was."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from itertools import count
from pathlib import Path

from digest.config.reading import load
from digest.errors import ConfigError


def add_feeds(path: Path, feeds: Iterable[tuple[str, str]]) -> list[str]:
    """Append a `[[sources]]` for each (name, url) that the file does not have; the names given to them.

    The rest of the file stays as it is; ConfigError, and nothing is written, if the result would not be read.
    """
    settings = load(path)
    urls = {table.url for table in settings.source_tables}
    names = {table.name for table in settings.source_tables}
    added: dict[str, str] = {}
    for wanted, url in feeds:
        if url not in urls:
            name = free_name(wanted, names)
            added[name] = url
            names.add(name)
            urls.add(url)
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n"
    for name, url in added.items():
        text += f'\n[[sources]]\nname = {quoted(name)}\nkind = "feed"\nurl = {quoted(url)}\n'
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        load(part)
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror}): {path}") from None
    finally:
        part.unlink(missing_ok=True)
    return list(added)


def free_name(wanted: str, taken: Collection[str]) -> str:
    """The name, or with a number behind it; as long as a source's name may be."""
    plain = "".join(c for c in wanted if c.isprintable()).strip()[:60].strip() or "feed"
    others = (f"{plain[:55].strip()} ({number})" for number in count(2))
    return plain if plain not in taken else next(name for name in others if name not in taken)


def quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a part of TOML's."""
    return json.dumps(text, ensure_ascii=False)
