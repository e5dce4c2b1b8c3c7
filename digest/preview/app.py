"""Pages of the preview: the lists, the matrix, and each message in nine views.

Rule 1. What is shown is parsed back from the message's bytes, not rendered a second time.
Rule 2. The message's HTML runs in a sandboxed frame without scripts, under a policy that fetches nothing, unless
        images are asked for.
Rule 3. A GET stores nothing. The one POST sends a test, to an address that the configuration allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint

from digest import languages
from digest.config import shipped
from digest.errors import ConfigError, DigestError, NotAllowed, UsageError
from digest.preview.bench import Bench
from digest.preview.checks.structure import CLIP
from digest.preview.exhibits import ROOMS, Exhibit, offered
from digest.preview.gallery import Gallery
from digest.preview.gate import PAGE_POLICY, Gate, message_policy
from digest.preview.look import PLAIN, WIDTHS, Look, Mode, copy
from digest.preview.report import Judge
from digest.preview.views import Comparison, Neighbours, Problem, Shown, View


class Render(Protocol):
    """Fills one of the pages' templates."""

    def __call__(self, name: str, *, version: str, **views: object) -> str:
        """The page's HTML; `version` is of what the page was made from, empty if it is not to be made again."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What every page is made with."""

    gallery: Gallery
    render: Render
    gate: Gate


def app(bench: Bench, gate: Gate | None = None, judge: Judge | None = None) -> FastAPI:
    """The preview of what is on the bench, which is read anew for every page; without a judge nothing is checked."""
    pages = FastAPI(title="Daily Digest preview", docs_url=None, redoc_url=None, openapi_url=None)
    tool = Tool(Gallery(bench, judge), _renderer(), gate or Gate())
    _guard(pages, bench, tool.gate)
    _problems(pages, tool.render)
    _overviews(pages, tool)
    for name in ("style.css", "reload.js", "keys.js"):
        pages.add_api_route(f"/{name}", _file(name), methods=["GET"])
    for room in ROOMS:
        _page(pages, f"/{room}/{{name}}", tool)
        _parts(pages, f"/{room}/{{name}}", tool.gallery)
        _test(pages, f"/{room}/{{name}}/send", tool)
    return pages


def _overviews(pages: FastAPI, tool: Tool) -> None:
    """The lists, the matrix, and what the open pages ask."""

    @pages.get("/", response_class=HTMLResponse)
    def index(request: Request) -> str:
        return tool.render("index.html", version=_version(request), index=tool.gallery.index())

    @pages.get("/matrix", response_class=HTMLResponse)
    def matrix(request: Request, language: str = "en") -> str:
        return tool.render(
            "matrix.html",
            version=_version(request),
            tiles=tool.gallery.matrix(_version(request), offered(language)),
            language=language,
            languages=languages.codes(),
            looks=[PLAIN.but(width=width, mode=mode) for mode in Mode for width in (320, 600)],
        )

    @pages.get("/version")
    def version(request: Request) -> PlainTextResponse:
        return PlainTextResponse(_version(request))


# --- a message and its parts ----------------------------------------------------------------------


def _page(pages: FastAPI, root: str, tool: Tool) -> None:
    @pages.get(root)
    def page(request: Request) -> HTMLResponse:
        shown = tool.gallery.shown(_exhibit(request), _version(request))
        text = tool.render("message.html", version=_version(request), **_on_page(request, tool, shown))
        return HTMLResponse(text, status_code=500 if shown.problem else 200)


def _on_page(request: Request, tool: Tool, shown: Shown) -> dict[str, object]:
    """What the page of a message shows around it; only the message, while something is broken."""
    query, gallery, whole = request.query_params, tool.gallery, shown.problem is None
    view = View(query["view"]) if query.get("view") in {*View} else View.HTML
    compares = whole and view is View.COMPARE
    return {
        "shown": shown,
        "sheet": shown.sheet,
        "report": shown.report,
        "spam": gallery.spam(shown.sheet) if view is View.FINDINGS else None,
        "view": view,
        "look": Look.read(query),
        "line": int(query["line"]) if query.get("line", "").isdecimal() else 0,
        "neighbours": gallery.neighbours(shown.exhibit) if whole else Neighbours(),
        "comparison": gallery.comparison(shown, _version(request), query.get("with", ""))
        if compares
        else Comparison(choices=()),
        "addresses": gallery.addresses() if whole else (),
        "languages": languages.codes(),
        "form": tool.gate.form,
        "views": tuple(View),
        "modes": tuple(Mode),
        "plain": PLAIN,
        "presets": WIDTHS,
        "limit": CLIP,
    }


def _parts(pages: FastAPI, root: str, gallery: Gallery) -> None:
    def shown(request: Request) -> Shown:
        exhibit = _exhibit(request)
        sheet = gallery.sheet(exhibit, _version(request), request.query_params.get("of", ""))
        return Shown(exhibit=exhibit, sheet=sheet)

    @pages.get(f"{root}/html")
    def html(request: Request) -> HTMLResponse:
        look = Look.read(request.query_params)
        policy = message_policy(images=look.images)
        html = copy(shown(request).sheet.html, look)
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})

    @pages.get(f"{root}/raw")
    def raw(request: Request) -> PlainTextResponse:
        return PlainTextResponse(shown(request).sheet.raw)

    @pages.get(f"{root}/message.eml")
    def eml(request: Request) -> Response:
        found = shown(request)
        attachment = {"Content-Disposition": f'attachment; filename="{found.file_name}"'}
        return Response(found.sheet.raw, media_type="message/rfc822", headers=attachment)


def _test(pages: FastAPI, path: str, tool: Tool) -> None:
    @pages.post(path, response_class=HTMLResponse)
    def send(request: Request, form: Annotated[str, Form()] = "", to: Annotated[str, Form()] = "") -> str:
        if not tool.gate.is_own_form(request, form):
            raise HTTPException(403, "a test is sent by the form of the message's page; open it again")
        exhibit = _exhibit(request)
        try:
            outcome = tool.gallery.send(exhibit, to)
        except NotAllowed as error:
            raise HTTPException(403, str(error)) from None
        # Not made again by itself: that would send again.
        return tool.render("sent.html", version="", outcome=outcome, to=to, exhibit=exhibit)


def _exhibit(request: Request) -> Exhibit:
    room, name = request.url.path.split("/")[1], request.path_params["name"]
    return ROOMS[room].read(name, request.query_params)


# --- around every page ----------------------------------------------------------------------------


def _guard(pages: FastAPI, bench: Bench, gate: Gate) -> None:
    @pages.middleware("http")
    async def _headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if refused := gate.refusal(request):
            return refused
        # Looked at before anything is made: what changes meanwhile is then seen as a change.
        request.state.version = await run_in_threadpool(bench.version)
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        # Not "no-referrer": our own forms would then come with the Origin of nobody.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


def _problems(pages: FastAPI, render: Render) -> None:
    def page(request: Request, problem: Problem, status: int) -> HTMLResponse:
        text = render("problem.html", version=_version(request), problem=problem)
        return HTMLResponse(text, status_code=status)

    @pages.exception_handler(DigestError)
    def _error(request: Request, error: DigestError) -> HTMLResponse:
        # What was asked for is not there; or it is, and cannot be shown until something is mended.
        missing = isinstance(error, UsageError) and not isinstance(error, ConfigError)
        return page(request, Problem.of(error), 404 if missing else 500)

    @pages.exception_handler(HTTPException)
    def _refused(request: Request, error: HTTPException) -> HTMLResponse:
        return page(request, Problem(title="Nothing to show", text=str(error.detail)), error.status_code)


def _renderer() -> Render:
    environment = Environment(
        loader=FileSystemLoader(shipped("templates", "preview")),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def render(name: str, *, version: str, **views: object) -> str:
        return environment.get_template(name).render(version=version, **views)

    return render


def _file(name: str) -> Callable[[], FileResponse]:
    return lambda: FileResponse(shipped("templates", "preview", name))


def _version(request: Request) -> str:
    return str(request.state.version)
