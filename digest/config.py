"""digest.toml and the environment become Settings; nothing else reads the environment.

Precedence, strongest first: `DIGEST_SECTION__KEY_FILE` (secrets only), `DIGEST_SECTION__KEY`, digest.toml, defaults.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from importlib import resources
from importlib.metadata import entry_points
from itertools import count
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from digest import address
from digest.errors import ConfigError, UsageError
from digest.model import Days, Rights, Schedule, Source, SourceKind, clock_time, zone

CONFIG_NAME = "digest.toml"
ENV_PREFIX = "DIGEST_"
SECRETS = ("SITE__SECRET", "SITE__PREVIOUS_SECRET", "MAIL__PASSWORD", "DATABASE__URL")
#: The group of entry points by which installed packages add kinds of sources (README, "A source of your own").
EXTENSIONS = "daily_digest.sources"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def shipped(*parts: str) -> Path:
    """A file of `templates/` or `config/`, whether installed from a wheel or run from a clone."""
    package = Path(str(resources.files("digest")))
    installed = package / "_shipped"
    root = installed if installed.is_dir() else package.parent
    return root.joinpath(*parts)


def duration(value: object) -> object:
    """`90s`, `30m`, `18h`, `7d` or `1w` as a timedelta; other values are left for pydantic to refuse."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+)([smhdw])", value)):
        return dt.timedelta(seconds=int(match[1]) * UNITS[match[2]])
    if isinstance(value, dt.timedelta):
        return value
    raise ValueError("a duration is a whole number and s, m, h, d or w, as 18h")


Duration = Annotated[dt.timedelta, BeforeValidator(duration)]


def source_kind(value: object) -> str:
    """A kind of source, ours or an installed package's; ValueError names them all."""
    kinds = [*SourceKind, *sorted({point.name for point in entry_points(group=EXTENSIONS)} - {*SourceKind})]
    if value not in kinds:
        raise ValueError(f"the kinds of source are {', '.join(kinds)}")
    return str(value)


def mailbox(value: str) -> str:
    """A mailbox as `Name <local@domain>`, checked when loaded."""
    try:
        address.mailbox(value)
    except UsageError as error:
        raise ValueError(str(error)) from None  # pydantic collects ValueErrors only
    return value


def bare_address(value: str) -> str:
    """A bare address, checked when loaded."""
    try:
        return address.normalised(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


def optional_address(value: str) -> str:
    """A bare address or nothing."""
    return bare_address(value) if value else value


class Section(BaseModel):
    """One `[table]`: closed, frozen."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class Site(Section):
    """Who we are."""

    name: str = Field("Daily Digest", min_length=1, max_length=60)
    #: Public base URL; empty is personal mode: no links back to us in any mail.
    url: str = ""
    contact: Annotated[str, BeforeValidator(optional_address)] = ""
    postal_address: str = ""
    language: Literal["en"] = "en"
    #: Made at first use and kept in the database unless set; losing it kills every link mailed.
    secret: SecretStr | None = None
    #: During a rotation: links signed with it still work.
    previous_secret: SecretStr | None = None

    @field_validator("url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
            raise ValueError("write a base URL, as https://digest.example.org, or nothing for personal mode")
        return value.rstrip("/")

    @field_validator("name", "postal_address")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if any(ord(c) < 0x20 for c in value):
            raise ValueError("write it on one line, without control characters")
        return value

    @property
    def personal(self) -> bool:
        """No public pages: digests go to addresses added by the operator, without links back."""
        return not self.url


class Database(Section):
    """Where the truth is."""

    url: str = "sqlite:///digest.db"


class Mail(Section):
    """How messages leave."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    transport: Literal["files", "smtp", "both"] = "files"
    directory: Path = Path("outbox")
    host: str = "localhost"
    port: int | None = Field(None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: Annotated[str, BeforeValidator(mailbox)] = Field(
        "Daily Digest <digest@example.org>", alias="from"
    )
    bounce_address: Annotated[str, BeforeValidator(optional_address)] = ""
    unsubscribe_mailbox: Annotated[str, BeforeValidator(optional_address)] = ""
    rate_per_second: float | None = Field(None, gt=0)
    on_doubt: Literal["resend", "hold"] = "resend"
    idempotency_header: str = Field("", pattern=r"^[A-Za-z0-9-]*$")
    expire_after: Duration = dt.timedelta(hours=18)
    # In the contract and not built yet: refused unless empty, so that nobody relies on them.
    connections: Literal[1] = 1
    relay_log: Literal[""] = ""
    journal: Literal[""] = ""

    @property
    def domain(self) -> str:
        """The right side of our Message-IDs and List-Id."""
        return address.mailbox(self.sender).domain


class ScheduleDefaults(Section):
    """Defaults for subscribers, and how often sources are asked."""

    ingest_every: Duration = dt.timedelta(hours=1)
    send_at: str = "07:00"
    timezone: str = "UTC"
    days: str = "daily"

    @model_validator(mode="after")
    def _readable(self) -> ScheduleDefaults:
        try:
            self.schedule()
        except UsageError as error:
            raise ValueError(str(error)) from None
        return self

    def schedule(
        self, *, timezone: str | None = None, send_at: str | None = None, days: str | None = None
    ) -> Schedule:
        """These defaults with what a reader chose instead; UsageError where that is not readable."""
        name = timezone or self.timezone
        zone(name)
        return Schedule(
            timezone=name, send_at=clock_time(send_at or self.send_at), days=Days(days or self.days)
        )


class DigestDefaults(Section):
    """What a digest holds."""

    papers: int = Field(10, ge=1, le=50)
    also_trending: int = Field(5, ge=0, le=20)
    discovery: int = Field(1, ge=0, le=5)
    window: Duration = dt.timedelta(days=7)
    min_score: float = Field(0.1, ge=0, le=1)
    send_empty: bool = False


class Fetch(Section):
    """How sources are asked."""

    timeout: Duration = dt.timedelta(seconds=30)
    max_bytes: ByteSize = ByteSize(10_000_000)
    lookback: Duration = dt.timedelta(days=3)
    user_agent: str = Field("", pattern=r"^[ -~]*$")
    allow_private_networks: bool = False


class Ranking(Section):
    """How papers are ordered for a reader."""

    # sentence-transformers:<model> is in the contract and not built yet: refused by name.
    embedder: Literal["default"] = "default"
    trend_weight: float = Field(0.25, ge=0, le=1)
    diversity: float = Field(0.3, ge=0, le=1)


class Cluster(Section):
    """More than one machine; in the contract and not built yet: refused if switched on."""

    enabled: Literal[False] = False
    shard_size: int = Field(500, ge=1)
    lease: Duration = dt.timedelta(minutes=15)


def is_address(url: str) -> bool:
    """Whether a source can be asked there."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port or an IPv6 address that is none
        return False


class SourceTable(Section):
    """One `[[sources]]`."""

    name: str = Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")
    kind: Annotated[str, BeforeValidator(source_kind)]
    url: str = ""
    path: str = ""
    weight: float = Field(1.0, gt=0, le=10)
    every: Duration | None = None
    enabled: bool = True
    rights: Rights | None = None

    @model_validator(mode="after")
    def _one_place(self) -> SourceTable:
        if bool(self.url) == bool(self.path):
            raise ValueError("give either url or path")
        if self.url and not is_address(self.url):
            raise ValueError("url is an http or https URL")
        return self


class ReaderTable(Section):
    """One `[[readers]]`: a subscriber kept in this file, for personal mode."""

    address: Annotated[str, BeforeValidator(bare_address)]
    name: str = ""
    interest: tuple[str, ...] = Field((), validation_alias=AliasChoices("interest", "interests"))
    exclude: tuple[str, ...] = ()
    category: tuple[str, ...] = Field((), validation_alias=AliasChoices("category", "categories"))
    author: tuple[str, ...] = Field((), validation_alias=AliasChoices("author", "authors"))
    like: tuple[str, ...] = Field((), validation_alias=AliasChoices("like", "likes"))
    timezone: str | None = None
    send_at: str | None = None
    days: str | None = None
    papers: int | None = Field(None, ge=1, le=50)
    language: Literal["en"] | None = None


class Settings(Section):
    """The whole configuration, checked."""

    site: Site = Site()
    database: Database = Database()
    mail: Mail = Mail()
    schedule: ScheduleDefaults = ScheduleDefaults()
    digest: DigestDefaults = DigestDefaults()
    fetch: Fetch = Fetch()
    ranking: Ranking = Ranking()
    cluster: Cluster = Cluster()
    source_tables: tuple[SourceTable, ...] = Field((), alias="sources")
    readers: tuple[ReaderTable, ...] = ()
    #: Where relative paths start: the directory of digest.toml.
    directory: Path = Path()

    @model_validator(mode="after")
    def _one_name_each(self) -> Settings:
        names = [table.name for table in self.source_tables]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two sources are called {min(twice)!r}; give each its own name")
        return self

    @property
    def sources(self) -> tuple[Source, ...]:
        """The enabled sources, in the order of the file."""
        return tuple(self._source(table) for table in self.source_tables if table.enabled)

    def _source(self, table: SourceTable) -> Source:
        # arXiv's metadata are CC0; everybody else's texts are theirs unless the operator knows better.
        given = Rights.OPEN if table.kind == SourceKind.ARXIV else Rights.EXCERPT
        return Source(
            name=table.name,
            kind=table.kind,
            location=table.url or str((self.directory / table.path).resolve()),
            weight=table.weight,
            every=table.every or self.schedule.ingest_every,
            rights=table.rights or given,
        )

    @property
    def database_url(self) -> str:
        """The database's URL, a relative SQLite path made absolute against `directory`."""
        scheme, _, path = self.database.url.partition(":///")
        if not scheme.startswith("sqlite") or not path or path == ":memory:":
            return self.database.url
        return f"{scheme}:///{(self.directory / path).resolve()}"

    @property
    def outbox_directory(self) -> Path:
        """Where the files transport writes."""
        return (self.directory / self.mail.directory).resolve()


def find(path: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Which digest.toml counts: the one named, else `$DIGEST_CONFIG`, else ./digest.toml, else none."""
    named = path or (Path(environ["DIGEST_CONFIG"]) if environ.get("DIGEST_CONFIG") else None)
    if named:
        return named
    here = Path(CONFIG_NAME)
    return here if here.is_file() else None


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


def add_feeds(path: Path, feeds: Iterable[tuple[str, str]]) -> list[str]:
    """Append a `[[sources]]` for each (name, url) that the file does not have; the names given to them.

    The rest of the file stays as it is; ConfigError, and nothing is written, if the result would not be read.
    """
    settings = load(path, {})
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
        load(part, {})
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
    key = ".".join(place) or "the file"
    value = first.get("input")
    if first["type"] == "extra_forbidden":
        return f"unknown key {key}; allowed there: {', '.join(allowed_beside(first['loc']))}"
    why = first["msg"].removeprefix("Value error, ").rstrip(".")
    secret = place[-1:] and place[-1] in {"password", "secret", "previous_secret"}
    shown = "" if secret or isinstance(value, dict | BaseModel) else f": {value!r}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{key}: {why[:1].lower()}{why[1:]}{shown}{more}"


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
