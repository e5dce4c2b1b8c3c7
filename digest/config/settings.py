"""Settings: all tables of digest.toml together, what only several of them say, and paths from where the file is."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from digest.config.tables import (
    Brand,
    Cluster,
    Database,
    DigestDefaults,
    Fetch,
    Mail,
    Operating,
    Preview,
    Ranking,
    ReaderTable,
    Retention,
    ScheduleDefaults,
    Section,
    Site,
    SourceTable,
    Summary,
    Web,
    Webhook,
)
from digest.config.values import NEURAL
from digest.model import Rights, Source, SourceKind


class Settings(Section):
    """The whole configuration, checked."""

    site: Site = Site()
    brand: Brand = Brand()
    database: Database = Database()
    mail: Mail = Mail()
    schedule: ScheduleDefaults = ScheduleDefaults()
    digest: DigestDefaults = DigestDefaults()
    summary: Summary = Summary()
    fetch: Fetch = Fetch()
    ranking: Ranking = Ranking()
    web: Web = Web()
    cluster: Cluster = Cluster()
    preview: Preview = Preview()
    webhook: Webhook = Webhook()
    operating: Operating = Operating()
    retention: Retention = Retention()
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

    @model_validator(mode="after")
    def _somebody_to_ask(self) -> Settings:
        if self.digest.summary == "model" and not (self.summary.url and self.summary.model):
            raise ValueError('digest.summary is "model": set summary.url and summary.model too')
        return self

    @model_validator(mode="after")
    def _one_database_for_all(self) -> Settings:
        if self.cluster.enabled and not self.database.url.startswith("postgresql"):
            raise ValueError(
                "cluster.enabled needs a database that several machines share: set database.url to PostgreSQL,"
                " after `digest db move` if you come from SQLite"
            )
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
    def templates_directory(self) -> Path | None:
        """Where the operator's own e-mail templates are, if they have any."""
        return (self.directory / self.brand.templates).resolve() if self.brand.templates else None

    @property
    def model(self) -> str:
        """The sentence-transformers model that embeds, a folder made absolute against `directory`; empty if none does."""
        if not self.ranking.embedder.startswith(NEURAL):
            return ""
        named = self.ranking.embedder.removeprefix(NEURAL).strip()
        folder = self.directory / Path(named).expanduser()
        return str(folder.resolve()) if folder.is_dir() else named

    @property
    def outbox_directory(self) -> Path:
        """Where the files transport writes."""
        return (self.directory / self.mail.directory).resolve()

    @property
    def journal_directory(self) -> Path:
        """Where passes keep what they are at: as said, else beside the SQLite database."""
        if self.mail.journal:
            return (self.directory / self.mail.journal).resolve()
        database = self.database_url.partition(":///")[2].partition("?")[0]
        return (self.directory / f"{database.removeprefix(':memory:') or 'digest.db'}.journal").resolve()

    @property
    def operator(self) -> str:
        """Where reports and alerts go; empty if nobody would read them."""
        by_smtp = self.mail.transport != "files"
        return self.operating.mail or (self.site.contact if by_smtp else "")

    @property
    def relay_log(self) -> Path | None:
        """The relay's log, if it may be asked."""
        return (self.directory / self.mail.relay_log).resolve() if self.mail.relay_log else None
