"""digest.toml and the environment become Settings; a refusal names file, key, value and what is allowed."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from digest.config.settings import Settings
from digest.errors import ConfigError

CONFIG_NAME = "digest.toml"
ENV_PREFIX = "DIGEST_"
SECRETS = (
    "SITE__SECRET",
    "SITE__PREVIOUS_SECRET",
    "MAIL__PASSWORD",
    "MAIL__DKIM_KEY",
    "MAIL__HOOK_SECRET",
    "DATABASE__URL",
    "SUMMARY__KEY",
    "WEBHOOK__SECRET",
    "OPERATING__PING",
)


def find(path: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Which digest.toml counts: the one named, else `$DIGEST_CONFIG`, else ./digest.toml, else none."""
    named = path or (Path(environ["DIGEST_CONFIG"]) if environ.get("DIGEST_CONFIG") else None)
    if named:
        return named
    here = Path(CONFIG_NAME)
    return here if here.is_file() else None


def secret_files(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that may hold secrets: the configuration, and those that the environment names."""
    named = [environ[name] for secret in SECRETS if environ.get(name := f"{ENV_PREFIX}{secret}_FILE")]
    found = find(path, environ)
    return [*([found] if found and holds_secret(read_toml(found)) else []), *map(Path, named)]


def holds_secret(table: Mapping[str, Any]) -> bool:
    """Whether a secret stands in these tables; a path of SQLite is none."""
    values = (table.get(section, {}).get(key) for section, key in map(_place, SECRETS))
    return any(value and not str(value).startswith("sqlite:") for value in values)


def _place(secret: str) -> tuple[str, str]:
    section, _, key = secret.lower().partition("__")
    return section, key


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the configuration; ConfigError names file, key, value and what is allowed."""
    found = find(path, environ)
    table = read_toml(found) if found else {}
    where = str(found) if found else "the packaged defaults"
    for section, keys in from_environment(environ).items():
        table.setdefault(section, {})
        if isinstance(table[section], dict):
            table[section] |= keys
    if "directory" in table:
        raise ConfigError(f"{where}: there is no key directory at the top; mail.directory is under [mail]")
    directory = found.resolve().parent if found else Path.cwd()
    try:
        return Settings.model_validate(table | {"directory": directory})
    except ValidationError as error:
        raise ConfigError(f"{where}: {explained(error)}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables; ConfigError if it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; `digest init` writes one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None


def from_environment(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """`DIGEST_MAIL__HOST=relay` as {"mail": {"host": "relay"}}; `…_FILE` of a secret names a file that holds it."""
    table: dict[str, dict[str, str]] = {}
    for name, value in environ.items():
        section, divided, key = name.removeprefix(ENV_PREFIX).partition("__")
        if name.startswith(ENV_PREFIX) and divided and not key.endswith("_FILE"):
            table.setdefault(section.lower(), {})[key.lower()] = value
    for secret in SECRETS:
        if file := environ.get(f"{ENV_PREFIX}{secret}_FILE"):
            section, _, key = secret.lower().partition("__")
            try:
                table.setdefault(section, {})[key] = Path(file).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigError(f"{ENV_PREFIX}{secret}_FILE: {error.strerror}: {file!r}") from None
    return table


def explained(error: ValidationError) -> str:
    """One line for the first thing that is wrong: the key, why, the value."""
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"] if part not in {"function-after", "function-before"}]
    key = ".".join(place)
    value = first.get("input")
    if first["type"] == "extra_forbidden":
        return f"unknown key {key}; allowed there: {', '.join(allowed_beside(first['loc']))}"
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    why = in_toml(first["type"], key) or f"{said[:1].lower()}{said[1:]}"
    secret = "__".join(place).upper() in SECRETS
    told = secret or isinstance(value, dict | BaseModel) or why.endswith(f": {value!r}")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    # What concerns several keys names them itself.
    return (f"{key}: " if key else "") + why + ("" if told else f": {value!r}") + more


def in_toml(kind: str, key: str) -> str:
    """What pydantic says of that kind of error in Python's words, in those of TOML; empty if it is said well."""
    match kind:
        case "missing":
            return "it has to be given"
        case "model_type":
            return f"it is a table, [{key}]"
        case "tuple_type" if "." not in key:
            return f"each is a table of its own, [[{key}]]"
        case "tuple_type":
            return 'it is a list, as ["…"]'
        case "byte_size" | "byte_size_unit":
            return "a size is a number and a unit, as 10MB"
        case _:
            return ""


def allowed_beside(place: tuple[int | str, ...]) -> list[str]:
    """The keys that may stand where `place` stands."""
    table: type[BaseModel] = Settings
    for part in place[:-1]:
        named = {field.alias or name: field for name, field in table.model_fields.items()}
        if part in named:
            inner = named[str(part)].annotation
            arguments = getattr(inner, "__args__", ())
            table = cast("type[BaseModel]", arguments[0] if arguments else inner)
    names = (field.alias or name for name, field in table.model_fields.items())
    return sorted(name for name in names if (table, name) != (Settings, "directory"))
