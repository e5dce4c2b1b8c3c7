"""The Jinja2 door of this room: which templates are in force, and what they can call."""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)

from digest.config import shipped
from digest.errors import RenderError
from digest.render import excerpt, words


class Templates:
    """The e-mail templates, compiled when made: a change of a file shows in the next object, never in this one."""

    def __init__(self, override: Path | None = None) -> None:
        if override and not override.is_dir():
            raise RenderError(f"the templates' folder does not exist: {str(override)!r}")
        self._folders = [folder for folder in (override, shipped("templates", "email")) if folder]
        self._loader = ChoiceLoader([FileSystemLoader(folder) for folder in self._folders])
        self._environment = Environment(
            loader=self._loader,
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._environment.filters.update(wrap=excerpt.wrapped, day=words.day)
        digest = hashlib.sha256()
        for name in self._environment.list_templates(extensions=["html", "txt", "css"]):
            digest.update(f"{name}\0{self.source(name)}\0".encode())
            self._compile(name)
        #: Of the bytes that are in force.
        self.fingerprint = digest.hexdigest()[:16]

    def source(self, name: str) -> str:
        """A file as written, from the first folder that has it."""
        try:
            return self._loader.get_source(self._environment, name)[0]
        except (OSError, UnicodeDecodeError, TemplateError) as error:
            raise RenderError(f"template {name} cannot be read: {error}") from error

    def render(self, name: str, **views: object) -> str:
        """The template's text; RenderError names file and line of whatever went wrong in it."""
        try:
            return self._environment.get_template(name).render(views)
        except Exception as error:  # a template can call anything, so anything can be raised
            raise RenderError(f"{self._place(error, name)}: {type(error).__name__}: {error}") from error

    def _compile(self, name: str) -> None:
        try:
            self._environment.get_template(name)
        except TemplateError as error:
            raise RenderError(f"{self._place(error, name)}: {error}") from error

    def _place(self, error: Exception, name: str) -> str:
        if isinstance(error, TemplateSyntaxError):
            return f"{error.filename or name}:{error.lineno}"
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if any(Path(f.filename).is_relative_to(at) for at in self._folders)]
        return f"{ours[-1].filename}:{ours[-1].lineno}" if ours else name
