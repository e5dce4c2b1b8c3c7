"""Who may look, and who may send: this machine, or whoever holds the token; forms of these pages only.

Rule 1. On loopback the Host header must name this machine: a page of another site could point its own name here
        (DNS rebinding) and read along.
Rule 2. Anywhere else a token is needed, given once in the URL and kept in a cookie.
Rule 3. What acts is a POST with the secret of this process's own forms, and of no foreign Origin.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from digest.listening import names_loopback

#: Pages of the tool itself: own style, frames and scripts; nothing from outside.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_COOKIE = "digest-preview"


def message_policy(*, images: bool) -> str:
    """Of a message in its frame: inline styles only, and images if they were asked for.

    Of this origin, without scripts: so the page around it can keep where it was scrolled to, and it can do nothing
    with that.
    """
    allowed = "img-src https: data:; " if images else ""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; {allowed}base-uri 'none'; form-action 'none'; "
        "sandbox allow-same-origin; frame-ancestors 'self'"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Lets requests in, or not."""

    #: Empty on loopback.
    token: str = ""
    #: What a form of these pages carries.
    form: str = field(default_factory=secrets.token_urlsafe)

    def refusal(self, request: Request) -> Response | None:
        """What is answered instead of a page; None if the request may pass."""
        if not self.token:
            if names_loopback(request.headers.getlist("host")):
                return None
            return PlainTextResponse("the preview answers to loopback names only", status_code=403)
        if self._is_token(request.cookies.get(_COOKIE, "")):
            return None
        if self._is_token(request.query_params.get("token", "")):
            return self._welcome(request)
        return PlainTextResponse(
            "the preview shows everybody's digest: open the address with the token that it printed",
            status_code=403,
        )

    def _welcome(self, request: Request) -> Response:
        """The same page without the token in its address, which would stay in the browser's history."""
        rest = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
        answer = RedirectResponse(f"{request.url.path}?{urlencode(rest)}".rstrip("?"), status_code=303)
        answer.set_cookie(_COOKIE, self.token, httponly=True, samesite="strict", path="/")
        return answer

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.token.encode())

    def is_own_form(self, request: Request, given: str) -> bool:
        """Whether a form was filled on a page of this process."""
        origin = request.headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
        return not foreign and secrets.compare_digest(given.encode(), self.form.encode())
