"""Templates and the one style sheet: the Jinja2 door of this room."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from digest import languages
from digest.config import Site, shipped
from digest.errors import N_
from digest.languages import Language
from digest.render.environment import speak
from digest.web.views import SiteView


class Look:
    """How our pages look, on this site; read once."""

    def __init__(self, site: Site) -> None:
        folder = shipped("templates", "web")
        #: The style sheet.
        self.style = (folder / "style.css").read_bytes()
        #: The settings' script.
        self.script = (folder / "preview.js").read_bytes()
        #: The path of the site's URL, without a trailing slash; what every link starts with.
        self.base = urlsplit(site.url).path.rstrip("/")
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        # `{% trans %}` and `_()` speak the language that the page is rendered with.
        self._environment.policies["ext.i18n.trimmed"] = True
        speak(self._environment)
        #: Of pages that are nobody's in particular.
        self.language = languages.of(site.language)
        self._environment.globals["site"] = SiteView(
            name=site.name,
            base=self.base,
            style=f"{self.base}/style.css?v={_fingerprint(self.style)}",
            script=f"{self.base}/preview.js?v={_fingerprint(self.script)}",
            contact=site.contact,
            postal_address=site.postal_address,
        )

    def page(
        self,
        template: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        language: Language | None = None,
        **views: object,
    ) -> HTMLResponse:
        """The page, rendered in that language, by default the site's."""
        return HTMLResponse(self.text(template, language or self.language, **views), status, headers)

    def text(self, template: str, language: Language, **views: object) -> str:
        """The template, rendered."""
        return self._environment.get_template(template).render(views, language=language)

    def problem(self, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """The page of an error: the same bytes for all that have its status."""
        heading, sentence = map(self.language.gettext, PROBLEMS.get(status, PROBLEMS[400]))
        return self.page("problem.html", status, headers, heading=heading, sentence=sentence)


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


#: Heading and sentence of each error's page.
PROBLEMS = {
    400: (
        N_("That could not be read"),
        N_("What arrived here was not a form of ours. Go back and try once more."),
    ),
    403: (
        N_("That came from another site"),
        N_("For your safety we take forms from our own pages only. Open the page here and send it again."),
    ),
    404: (
        N_("There is nothing here"),
        N_(
            "The address is incomplete or no longer valid. If you were looking for your settings, enter your e-mail"
            " address on our first page, and we mail you the link."
        ),
    ),
    405: (N_("That cannot be done here"), N_("Go back to the page you came from and use its button.")),
    413: (
        N_("That is too much"),
        N_("The form holds more than we can read. Shorten it and send it again."),
    ),
    429: (
        N_("Too many at once"),
        N_("That was done too often from your network within the hour. Please come back later."),
    ),
    500: (
        N_("That went wrong"),
        N_("The fault is ours, and it has been noted. Please come back a little later."),
    ),
    503: (
        N_("We cannot do that just now"),
        N_("The service is busy or being looked after. Nothing was changed. Please come back in a minute."),
    ),
}
