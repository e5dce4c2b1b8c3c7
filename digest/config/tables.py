"""The tables of digest.toml: a class each, whose values are checked when it is made."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from digest import address
from digest.config.values import (
    Duration,
    Language,
    Mailbox,
    Time,
    TimeOfDay,
    Timezone,
    Weekdays,
    at_least,
    bare_address,
    is_source_url,
    known_embedder,
    network,
    on_dark,
    on_light,
    one_line,
    optional_address,
    several,
    short,
    signing_key,
    source_kind,
)
from digest.languages import SOURCE
from digest.model import Days, Rights, Schedule, clock_time, zone

#: A name in the DNS.
HOST = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"


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
    language: Language = SOURCE
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
        return one_line(value)

    @property
    def personal(self) -> bool:
        """No public pages: digests go to addresses added by the operator, without links back."""
        return not self.url


class Brand(Section):
    """How mails look, without a template of one's own."""

    #: Of links, on light and on dark ground.
    accent: Annotated[str, BeforeValidator(on_light)] = "#1d4ed8"
    accent_dark: Annotated[str, BeforeValidator(on_dark)] = "#9cc4ff"
    #: The same URL for every reader, so that it tells nobody who reads.
    logo: str = Field("", pattern=r"^(https://[^\s/?#@]+/[^\s?#]+)?$")
    #: Empty is right for a logo that says no more than the name beneath it.
    logo_alt: str = Field("", max_length=100)
    logo_width: int = Field(120, ge=16, le=536)
    #: At the end of every message.
    footer: str = Field("", max_length=300)
    #: A folder whose files replace or extend single e-mail templates.
    templates: str = ""

    @field_validator("logo_alt", "footer")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return one_line(value)


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
    sender: Mailbox = Field("Daily Digest <digest@example.org>", alias="from")
    #: Short enough for what `deliver.verp` adds to it: RFC 5321 4.5.3.1.1 allows a local part of 64 octets.
    bounce_address: Annotated[str, BeforeValidator(optional_address), AfterValidator(short)] = ""
    #: A private key in PEM, or the path of one; signs where the relay does not.
    dkim_key: SecretStr = SecretStr("")
    dkim_selector: str = Field("", pattern=rf"^({HOST})?$")
    dkim_domain: str = Field("", pattern=rf"^({HOST})?$")
    #: Signs what a mail service tells us at /hooks/delivery; there is no such place without it.
    hook_secret: SecretStr = SecretStr("")
    unsubscribe_mailbox: Annotated[str, BeforeValidator(optional_address)] = ""
    rate_per_second: float | None = Field(None, gt=0)
    on_doubt: Literal["resend", "hold"] = "resend"
    idempotency_header: str = Field("", pattern=r"^[A-Za-z0-9-]*$")
    expire_after: Time = dt.timedelta(hours=18)
    connections: int = Field(4, ge=1, le=100)
    #: A Postfix log that is asked about messages in doubt.
    relay_log: str = ""
    #: Where passes keep what they are at (SQLite); empty is beside the database.
    journal: str = ""

    @field_validator("hook_secret")
    @classmethod
    def _unguessable(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 16:
            raise ValueError("at least 16 characters, as `openssl rand -hex 32` prints them")
        return value

    @model_validator(mode="after")
    def _named_key(self) -> Mail:
        if self.dkim_key.get_secret_value() and not self.dkim_selector:
            raise ValueError("dkim_key needs dkim_selector, the name under which its record is published")
        return self

    @property
    def domain(self) -> str:
        """The right side of our Message-IDs and List-Id."""
        return address.mailbox(self.sender).domain


class ScheduleDefaults(Section):
    """Defaults for subscribers, and how often sources are asked."""

    ingest_every: Duration = dt.timedelta(hours=1)
    #: Over so long the digests of an hour are spread.
    spread: Duration = dt.timedelta()
    send_at: TimeOfDay = "07:00"
    timezone: Timezone = "UTC"
    days: Weekdays = "daily"

    @field_validator("spread")
    @classmethod
    def _within_the_hour(cls, value: dt.timedelta) -> dt.timedelta:
        if value > dt.timedelta(hours=1):
            raise ValueError("digests are spread over an hour at most, as 30m")
        return value

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
    window: Time = dt.timedelta(days=7)
    min_score: float = Field(0.1, ge=0, le=1)
    send_empty: bool = False
    summary: Literal["abstract", "source", "model"] = "abstract"


class Summary(Section):
    """Who writes summaries, if `digest.summary` is "model": anything that speaks OpenAI's chat completions."""

    url: str = Field("", pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$")
    model: str = ""
    key: SecretStr = SecretStr("")
    papers_per_day: int = Field(100, ge=1, le=10_000)
    timeout: Time = dt.timedelta(seconds=30)

    @field_validator("key")
    @classmethod
    def _header_value(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch("[!-~]*", value.get_secret_value()):
            raise ValueError("a key is ASCII without spaces")
        return value

    @property
    def endpoint(self) -> str:
        """Where questions go: the base URL is given as OpenAI's own clients take it."""
        return f"{self.url.rstrip('/')}/chat/completions"


class Fetch(Section):
    """How sources are asked."""

    timeout: Time = dt.timedelta(seconds=30)
    max_bytes: ByteSize = ByteSize(10_000_000)
    lookback: Duration = dt.timedelta(days=3)
    user_agent: str = Field("", pattern=r"^[ -~]*$")
    allow_private_networks: bool = False


class Ranking(Section):
    """How papers are ordered for a reader."""

    embedder: Annotated[str, AfterValidator(known_embedder)] = "default"
    trend_weight: float = Field(0.25, ge=0, le=1)
    diversity: float = Field(0.3, ge=0, le=1)


class Web(Section):
    """How the pages are reached."""

    #: Whose X-Forwarded-For tells where a request came from; from anybody else it is ignored.
    trusted_proxies: Annotated[
        tuple[Annotated[str, AfterValidator(network)], ...], BeforeValidator(several)
    ] = ("127.0.0.1",)


class Cluster(Section):
    """More than one machine."""

    #: Shards go to `digest worker`s; else every process does the work itself.
    enabled: bool = False
    #: About how many readers one of them works on at a time.
    shard_size: int = Field(500, ge=1)
    lease: Time = dt.timedelta(minutes=15)


class Preview(Section):
    """The e-mail in a browser."""

    #: To whom test messages may be sent; if there is nobody, to site.contact.
    send_to: Annotated[
        tuple[Annotated[str, BeforeValidator(bare_address)], ...], BeforeValidator(several)
    ] = ()


class Webhook(Section):
    """One other program that is told what happens to subscriptions; there is none without a URL."""

    url: str = Field("", pattern=r"^(https?://[^\s/?#]+(/[^\s#]*)?)?$")
    #: Base64 of 24 to 64 octets, as Standard Webhooks has it, with or without its `whsec_`.
    secret: SecretStr = SecretStr("")
    #: Whether addresses are told too.
    addresses: bool = False

    @field_validator("secret")
    @classmethod
    def _of_the_standard(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not 24 <= len(signing_key(value)) <= 64:
            raise ValueError("24 to 64 random octets in base64, as `openssl rand -base64 32` prints them")
        return value

    @model_validator(mode="after")
    def _signed_and_safe(self) -> Webhook:
        if self.url and not self.key:
            raise ValueError("webhook.url needs webhook.secret, with which a receiver knows that it is us")
        if self.addresses and not self.url.startswith("https:"):
            raise ValueError(
                "webhook.addresses needs a webhook.url with https, so that nobody on the way can read them"
            )
        return self

    @property
    def key(self) -> bytes:
        """What signs."""
        return signing_key(self.secret)


class Operating(Section):
    """How whoever runs it learns how it goes."""

    #: Where reports and alerts go; else to site.contact, where mail leaves by SMTP.
    mail: Annotated[str, BeforeValidator(optional_address)] = ""
    #: Whether there is a mail a day; alerts come anyway.
    report: bool = True
    #: Asked after what went well, and with `/start` and `/fail` at its end.
    ping: SecretStr = SecretStr("")
    #: Who may read /metrics.
    metrics: Annotated[tuple[Annotated[str, AfterValidator(network)], ...], BeforeValidator(several)] = (
        "127.0.0.1",
        "::1",
    )

    @field_validator("ping")
    @classmethod
    def _a_url(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"(https?://[^\s/?#]+(/[^\s?#]*)?)?", value.get_secret_value()):
            raise ValueError("write a URL, as https://hc.example.org/ping/…, or nothing")
        return value


class Retention(Section):
    """How long what is over is kept."""

    #: Deliveries, with what was shown in them, and the editions that they were made from; the last edition of each
    #: date is the archive, and stays. A paper may come back to its reader after that.
    deliveries: Annotated[Duration, at_least(30)] = dt.timedelta(days=180)
    #: What each attempt at a source came to.
    attempts: Annotated[Duration, at_least(7)] = dt.timedelta(days=90)


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
        if self.url and not is_source_url(self.url):
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
    about: str = ""
    timezone: Timezone | None = None
    send_at: TimeOfDay | None = None
    days: Weekdays | None = None
    papers: int | None = Field(None, ge=1, le=50)
    language: Language | None = None
    plain_text: bool | None = None
    paused_until: dt.date | None = None
