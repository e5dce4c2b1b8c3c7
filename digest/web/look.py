"""Templates and the one style sheet: the Jinja2 door of this room."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from digest.config import Site, shipped
from digest.web.views import SiteView


class Look:
    """How our pages look, on this site; read once."""

    def __init__(self, site: Site) -> None:
        folder = shipped("templates", "web")
        #: The style sheet.
        self.style = (folder / "style.css").read_bytes()
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
        self._environment.globals["site"] = SiteView(
            name=site.name,
            base=self.base,
            style=f"{self.base}/style.css?v={hashlib.sha256(self.style).hexdigest()[:12]}",
            contact=site.contact,
            postal_address=site.postal_address,
        )

    def page(
        self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **views: object
    ) -> HTMLResponse:
        """The page, rendered."""
        return HTMLResponse(self._environment.get_template(template).render(views), status, headers)

    def problem(self, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """The page of an error: the same bytes for all that have its status."""
        heading, sentence = PROBLEMS.get(status, PROBLEMS[400])
        return self.page("problem.html", status, headers, heading=heading, sentence=sentence)


NOT_FOUND = (
    "The address is incomplete or no longer valid. If you were looking for your settings, enter your e-mail"
    " address on our first page, and we mail you the link."
)
#: Heading and sentence of each error's page.
PROBLEMS = {
    400: ("That could not be read", "What arrived here was not a form of ours. Go back and try once more."),
    403: (
        "That came from another site",
        "For your safety we take forms from our own pages only. Open the page here and send it again.",
    ),
    404: ("There is nothing here", NOT_FOUND),
    405: ("That cannot be done here", "Go back to the page you came from and use its button."),
    413: ("That is too much", "The form holds more than we can read. Shorten it and send it again."),
    429: (
        "Too many at once",
        "Several addresses were entered from your network within the hour. Please come back later.",
    ),
    500: ("That went wrong", "The fault is ours, and it has been noted. Please come back a little later."),
    503: (
        "We cannot do that just now",
        "The service is busy or being looked after. Nothing was changed. Please come back in a minute.",
    ),
}
