"""What every answer says to browsers, caches and robots."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Our own pages: own style and frames, forms to ourselves, no scripts, nothing from outside.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
#: Our page with a mail within itself, which nobody asks for again: its frame has this policy too, and mails have
#: inline styles. With no scripts, images or fonts a style can send nothing anywhere.
INLINE_POLICY = PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
#: The settings' page, whose own script asks for a preview and puts it into the frame.
TUNING_POLICY = f"{INLINE_POLICY}; script-src 'self'; connect-src 'self'"
#: A mail in a frame of ours: its inline styles only; its links open in a tab of their own.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups allow-popups-to-escape-sandbox;"
    " frame-ancestors 'self'"
)
#: A page of ours in that frame, where there is no mail to show.
NOTE_POLICY = "default-src 'none'; style-src 'self'; sandbox; frame-ancestors 'self'"
#: Whoever holds one of these addresses holds the reader's key.
SECRET_PATHS = ("/confirm/", "/unsubscribe/", "/preferences/", "/feedback/", "/u/")
YEAR = 31_536_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """The headers of this installation."""

    #: The path of the site's URL, without a trailing slash.
    base: str
    https: bool

    def inner(self, path: str) -> str:
        """A path as our routes know it; the bare site URL, without a slash, is the landing page."""
        inside = path == self.base or path.startswith(f"{self.base}/")
        return (path.removeprefix(self.base) or "/") if inside else path

    def of(self, path: str) -> dict[str, str]:
        """What an answer under that inner path says unless its route says otherwise."""
        said = {
            "Content-Security-Policy": PAGE_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }
        if path.startswith(SECRET_PATHS):
            said |= {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
        if self.https:
            said["Strict-Transport-Security"] = f"max-age={YEAR}"
        return said


class SafeHeaders:
    """Puts them on every answer; and takes paths with and without the site's own, as a proxy may strip it."""

    def __init__(self, app: ASGIApp, headers: Headers) -> None:
        self._app, self._headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, completing the start of the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = self._headers.inner(scope["path"])

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, value in self._headers.of(path).items():
                    given.setdefault(name, value)
            await send(message)

        await self._app({**scope, "path": path}, receive, completed)
