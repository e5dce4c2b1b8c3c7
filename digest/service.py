"""What every story works with, opened once: the settings, and the rooms that keep something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from digest.config import Settings
from digest.deliver import Letterhead
from digest.links import Links
from digest.render import Composer
from digest.store import Store, open_store


@dataclass(frozen=True, slots=True)
class Service:
    """One installation, open; may be shared by threads."""

    settings: Settings
    store: Store
    links: Links
    composer: Composer
    letterhead: Letterhead


@contextmanager
def open_service(settings: Settings, templates: Path | None = None) -> Iterator[Service]:
    """Open everything that a day needs; StoreError, RenderError or ConfigError if it cannot be.

    `templates`: a folder whose files replace single e-mail templates, instead of the configured one.
    """
    with open_store(settings.database_url) as store:
        site = settings.site
        kept = [] if site.secret else [store.secret()]
        given = [secret.get_secret_value() for secret in (site.previous_secret, site.secret) if secret]
        links = Links(base=site.url, secrets=(*given, *kept))
        composer = Composer(site, templates or settings.templates_directory, settings.brand)
        yield Service(settings, store, links, composer, Letterhead.of(settings, links))
