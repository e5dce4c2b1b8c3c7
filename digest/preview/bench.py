"""What messages are made from at this moment, and a version that tells when it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from digest.config import Settings, shipped
from digest.errors import ConfigError
from digest.languages import CATALOGUES
from digest.service import Service, open_service

#: What an editor leaves beside a file (`card.html~`, `.card.html.swp`) is no template.
_SUFFIXES = {".html", ".txt", ".css"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The configuration and the e-mail templates, read anew whenever they are asked for."""

    #: Reads the configuration; ConfigError if it is wrong.
    settings: Callable[[], Settings]
    #: A folder whose files replace single e-mail templates, instead of the configured one.
    templates: Path | None = None
    #: The folder of the translations' catalogues.
    translations: Path = CATALOGUES

    def service(self) -> AbstractContextManager[Service]:
        """Everything open, with what is on the bench now; ConfigError, RenderError or StoreError if it cannot be."""
        return open_service(self.settings(), self.templates)

    def folder(self) -> Path | None:
        """Whose files replace the shipped templates; ConfigError if the configuration is wrong."""
        return self.templates or self.settings().templates_directory

    def version(self) -> str:
        """The same while nothing has changed: of the configuration's values and the bytes of templates and translations.

        What is broken has a version too. Of this process only: another one may call the same state otherwise.
        """
        digest = hashlib.sha256(self._configuration().encode())
        for name, path in sorted(self._files()):
            digest.update(f"\0{name}\0".encode() + _bytes(path))
        return digest.hexdigest()[:16]

    def _configuration(self) -> str:
        try:
            return str(hash(self.settings()))
        except ConfigError as error:
            return str(error)

    def _folder(self) -> Path | None:
        try:
            return self.folder()
        except ConfigError:
            return None

    def _files(self) -> Iterator[tuple[str, Path]]:
        """The templates in force, by name: those of the own folder before the shipped ones; and the translations."""
        named = {str(path): path for path in self.translations.rglob("*.po")}
        for folder in filter(None, (shipped("templates", "email"), self._folder())):
            found = (path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
            named |= {path.relative_to(folder).as_posix(): path for path in found}
        return iter(named.items())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # an editor is replacing it; the next look finds it
        return b""
