"""digest.toml and the environment become Settings; nothing else reads the environment.

Precedence, strongest first: `DIGEST_SECTION__KEY_FILE` (secrets only), `DIGEST_SECTION__KEY`, digest.toml, defaults.
"""

from digest.config.adding import add_feeds
from digest.config.reading import CONFIG_NAME, SECRETS, find, load, secret_files
from digest.config.settings import Settings
from digest.config.shipped import shipped
from digest.config.tables import (
    Brand,
    Database,
    DigestDefaults,
    Fetch,
    Mail,
    Operating,
    Ranking,
    ReaderTable,
    Site,
    Summary,
    Webhook,
)
from digest.config.values import EXTENSIONS, is_source_url, source_kind

__all__ = [
    "CONFIG_NAME",
    "EXTENSIONS",
    "SECRETS",
    "Brand",
    "Database",
    "DigestDefaults",
    "Fetch",
    "Mail",
    "Operating",
    "Ranking",
    "ReaderTable",
    "Settings",
    "Site",
    "Summary",
    "Webhook",
    "add_feeds",
    "find",
    "is_source_url",
    "load",
    "secret_files",
    "shipped",
    "source_kind",
]
