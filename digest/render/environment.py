"""The Jinja2 door of this room: which templates are in force, and what they can call.

An operator's folder replaces single files; a file of theirs may also extend the one it replaces, as
`{% extends "shipped/card.html" %}`, and change single blocks. Templates run in a sandbox.
"""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    pass_context,
    select_autoescape,
)
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.config import Brand, Site, shipped
from digest.errors import RenderError
from digest.languages import Language
from digest.render import excerpt
from digest.render.holes import CardHoles, ShellHoles
from digest.render.views import ActionView, BrandView, CardView, LineView, ShellView

#: Under which operators' templates reach those that they replace.
SHIPPED = "shipped"
#: Plain values, clean and without methods, but for those that Python gives them (`__…`).
VIEWS = (ActionView, BrandView, CardView, CardHoles, LineView, ShellHoles, ShellView)


class Sandbox(ImmutableSandboxedEnvironment):
    """Asks of everything else whether a template may have it, but not of a view's own values, which are made for it.

    There are some forty of those on a card, and to ask took half of its time.
    """

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Whether a template may read that attribute."""
        return (isinstance(obj, VIEWS) and not attr.startswith("_")) or super().is_safe_attribute(
            obj, attr, value
        )


class Templates:
    """The e-mail templates, compiled when made: a change of a file shows in the next object, never in this one."""

    def __init__(self, override: Path | None = None, brand: BrandView | None = None) -> None:
        """`brand`: by default a site without a look of its own."""
        if override and not override.is_dir():
            raise RenderError(f"the templates' folder does not exist: {str(override)!r}")
        ours = shipped("templates", "email")
        self._folders = [folder for folder in (override, ours) if folder]
        self._loader = ChoiceLoader(
            [*map(FileSystemLoader, self._folders), PrefixLoader({SHIPPED: FileSystemLoader(ours)})]
        )
        self._environment = Sandbox(
            loader=self._loader,
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        speak(self._environment)
        self._environment.globals["brand"] = brand or BrandView.of(Site(), Brand())
        self._environment.filters["wrap"] = excerpt.wrapped
        digest = hashlib.sha256(repr(self._environment.globals["brand"]).encode())
        for name in self._environment.list_templates(extensions=["html", "txt", "css"]):
            digest.update(f"{name}\0{self._source(name)}\0".encode())
            self._compile(name)
        #: Of the bytes that are in force, and of the brand.
        self.fingerprint = digest.hexdigest()[:16]

    def render(self, name: str, language: Language, **views: object) -> str:
        """The template's text in that language; RenderError names file and line of whatever went wrong in it."""
        try:
            return self._environment.get_template(name).render(views, language=language)
        except Exception as error:  # a template can call anything, so anything can be raised
            raise RenderError(f"{self._place(error, name)}: {type(error).__name__}: {error}") from error

    def _source(self, name: str) -> str:
        """A file as written, from the first folder that has it."""
        try:
            return self._loader.get_source(self._environment, name)[0]
        except (OSError, UnicodeDecodeError, TemplateError) as error:
            raise RenderError(f"template {name} cannot be read: {error}") from error

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


def speak(environment: Environment) -> None:
    """Let templates say `_()` and `{% trans %}` in the `language` that each rendering is given."""
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]


@pass_context
def _gettext(context: Context, message: str) -> str:
    return _language(context).raw(message)


@pass_context
def _ngettext(context: Context, one: str, many: str, number: int) -> str:
    return _language(context).raw_plural(one, many, number)


def _language(context: Context) -> Language:
    found = context["language"]
    assert isinstance(found, Language)
    return found
