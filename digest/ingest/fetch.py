"""The one door for HTTP: one URL, asked once, politely, within a size and a time.

Rule 1: one wall clock for everything a fetch does; a server that drips bytes does not extend it.
Rule 2: nothing is retried here: a source that failed is asked again at its next turn.
Rule 3: every hop is checked like the first: its scheme here, its address when it is dialled (`network`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import http.cookiejar
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

import digest
from digest import config
from digest.errors import AskedToWait, FetchError, Gone
from digest.ingest import network
from digest.model import Validators

REDIRECTS = 5
#: Real feeds shrink 3 to 20 times; 200 MiB of zeros shrink 1000 times (reliability.md 4.3).
RATIO = 100
#: Documents smaller than this may shrink as they like.
RATIO_FROM = 1_000_000
ENCODINGS = {"", "identity", "gzip", "x-gzip", "deflate", "br"}
#: RFC 9110 15.4: the new address is the one to ask from now on.
MOVED_FOR_GOOD = {301, 308}
#: RFC 9110 10.2.3 names them as the statuses with a Retry-After, 429 is of RFC 6585.
LATER = {429, 503}
#: How long we keep away when told to: at least, as nothing is said, and at most.
SHORTEST_WAIT = dt.timedelta(minutes=1)
LONGEST_WAIT = dt.timedelta(days=1)
ADVICE = {
    401: "it wants a login, which sources do not have",
    403: "it does not want us; it may ask for a contact: set site.contact or fetch.user_agent",
    410: "it is gone for good; remove the source or set enabled = false",
    429: "we asked too often; raise every for this source",
}

#: Waits until that URL's site may be asked; AskedToWait if that would take too long.
Turn = Callable[[str], None]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a server answered."""

    #: None if it is unchanged (304) or not there (404).
    document: bytes | None = field(repr=False)
    content_type: str | None = None
    validators: Validators = field(default_factory=Validators)
    status: int
    #: Where it has moved for good (301, 308); empty if it has not.
    moved_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and how: what all requests of a pass have in common."""

    settings: config.Fetch
    #: An address at which the operator can be reached.
    contact: str
    turn: Turn
    permitted: Callable[[network.Address], bool]
    resolve: network.Resolve = network.system

    @property
    def seconds(self) -> float:
        """For everything that a fetch does, waiting for its turn excepted."""
        return self.settings.timeout.total_seconds()


def fetch(url: str, asker: Asker, validators: Validators | None = None) -> Fetched:
    """Ask for the URL once, "changed since?" if we have validators; FetchError if nothing usable comes back.

    A 404 is an answer: whether nothing may be there is for the caller to know.
    """
    headers = {
        "User-Agent": user_agent(asker.settings, asker.contact),
        "Accept": "application/atom+xml, application/rss+xml, application/json, application/xml, text/xml, */*;q=0.5",
        "Accept-Encoding": "gzip, deflate, br",
        **conditions(validators or Validators()),
    }
    asker.turn(url)
    return asked(url, asker, lambda deadline: follow(url, headers, asker, deadline))


def post(url: str, question: bytes, headers: Mapping[str, str], asker: Asker) -> bytes:
    """What a server answers to a question in JSON; raises as `hand_over`."""
    return posted(
        url, question, headers, asker, lambda answered: body(url, answered, asker.settings.max_bytes)
    )


def hand_over(url: str, message: bytes, headers: Mapping[str, str], asker: Asker) -> None:
    """Tell a server something; what it answers is not read. FetchError for anything but a 2xx, and Gone for 410."""
    posted(url, message, headers, asker, lambda _: None)


def posted(
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    asker: Asker,
    read: Callable[[httpx2.Response], Answer],
) -> Answer:
    """What is read of an answer to a POST. No redirect is followed."""
    headers = {"User-Agent": user_agent(asker.settings, asker.contact), **headers}

    def ask(deadline: Deadline) -> Answer:
        with httpx2.Client(headers=headers, transport=Transport(asker), trust_env=False) as client:
            request = client.build_request("POST", url, content=content, extensions=timed(deadline))
            response = client.send(request, stream=True)
            try:
                if not response.is_success:
                    error = Gone if response.status_code == HTTPStatus.GONE else FetchError
                    raise error(f"{shown(url)}: answered {response.status_code} {response.reason_phrase}")
                return read(response)
            finally:
                response.close()

    return asked(url, asker, ask)


def asked(url: str, asker: Asker, ask: Callable[[Deadline], Answer]) -> Answer:
    """What asking gave, within the time that there is; FetchError in words for whatever went wrong on the way."""
    late = f"{shown(url)}: not answered in full within {asker.seconds:g} s"
    with Deadline(asker.seconds) as deadline:
        try:
            answered = ask(deadline)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, UnicodeError) as error:
            if deadline.passed or isinstance(error, httpx2.TimeoutException):
                raise FetchError(late) from None
            raise FetchError(f"{shown(url)}: {str(error).strip() or type(error).__name__}") from None
        if deadline.passed:
            # A body without a length ends when its socket is shut, and would look whole.
            raise FetchError(late)
    return answered


def timed(deadline: Deadline) -> dict[str, Any]:
    """What tells httpcore how long there is, and us of its sockets."""
    return {"timeout": httpx2.Timeout(deadline.remaining).as_dict(), "trace": deadline.trace}


def user_agent(settings: config.Fetch, contact: str) -> str:
    """Who asks, and where its operator can be reached."""
    return settings.user_agent or f"daily-digest/{digest.__version__}" + (f" (+{contact})" if contact else "")


#: Servers refuse long headers (RFC 6585 5: 431), also of what they gave themselves; an ETag is a few dozen octets.
LONGEST_VALIDATOR = 1_000


def conditions(validators: Validators) -> dict[str, str]:
    """The validators, verbatim (RFC 9110 13.1.2, 13.1.3); without those that no header can carry back."""
    asked = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: v for name, v in asked.items() if v and v.isascii() and len(v) <= LONGEST_VALIDATOR}


class Transport(httpx2.HTTPTransport):
    """httpx's own, with our way to the network; it has no parameter for that."""

    def __init__(self, asker: Asker) -> None:
        super().__init__(verify=authorities(), trust_env=False)
        self._pool = network.connections(authorities(), asker.permitted, asker.resolve)


@cache
def authorities() -> ssl.SSLContext:
    """Whom to believe that a server is who it says; read from disk once, which takes longer than a request."""
    return httpx2.create_ssl_context(trust_env=False)


def follow(url: str, headers: Mapping[str, str], asker: Asker, deadline: Deadline) -> Fetched:
    """The answer at the end of at most five redirects, each to http or https."""
    no_cookies = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    moved, moved_to = True, ""
    with httpx2.Client(
        headers=headers, cookies=no_cookies, transport=Transport(asker), trust_env=False
    ) as client:
        request = client.build_request("GET", url)
        for _ in range(REDIRECTS + 1):
            if request.url.scheme not in {"http", "https"}:
                raise FetchError(
                    f"{shown(url)}: redirected to something that is not http or https: {str(request.url)[:80]!r}"
                )
            request.extensions = {**request.extensions, **timed(deadline)}
            response = client.send(request, stream=True)
            try:
                if response.next_request is None:
                    return replace(answer(url, response, asker.settings.max_bytes), moved_to=moved_to)
                request = client.build_request("GET", response.next_request.url)
            finally:
                response.close()
            # Only as far as every step was for good: what is beyond a temporary one may change tomorrow.
            moved = moved and response.status_code in MOVED_FOR_GOOD
            moved_to = str(request.url) if moved else moved_to
            asker.turn(str(request.url))
    raise FetchError(f"{shown(url)}: more than {REDIRECTS} redirects")


def answer(url: str, response: httpx2.Response, limit: int) -> Fetched:
    """The answer as ours; FetchError for every status but 200, 304 and 404."""
    status = response.status_code
    validators = Validators(
        etag=response.headers.get("etag"), last_modified=response.headers.get("last-modified")
    )
    conditional = {"if-none-match", "if-modified-since"} & set(response.request.headers)
    if status == HTTPStatus.NOT_FOUND or (status == HTTPStatus.NOT_MODIFIED and conditional):
        return Fetched(document=None, validators=validators, status=status)
    if status == HTTPStatus.GONE:
        raise Gone(f"{shown(url)}: {refusal(response)}")
    if status in LATER:
        # The real clock: a server's date knows nothing of `--now`.
        wait = retry_after(response.headers.get("retry-after", ""), dt.datetime.now(dt.UTC))
        raise AskedToWait(f"{shown(url)}: {refusal(response)}", wait)
    if status != HTTPStatus.OK:
        raise FetchError(f"{shown(url)}: {refusal(response)}")
    return Fetched(
        document=body(url, response, limit),
        content_type=response.headers.get("content-type"),
        validators=validators,
        status=status,
    )


def retry_after(said: str, now: dt.datetime) -> dt.timedelta:
    """How long to keep away: seconds or an HTTP date (RFC 9110 10.2.3), within our own limits."""
    try:
        until = email.utils.parsedate_to_datetime(said)
        wait = until.replace(tzinfo=until.tzinfo or dt.UTC) - now
    except ValueError:
        wait = dt.timedelta(seconds=int(said)) if re.fullmatch(r"[0-9]{1,9}", said) else SHORTEST_WAIT
    return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)


def refusal(response: httpx2.Response) -> str:
    """What the server answered instead of a document, and what to do about it."""
    words = f"answered {response.status_code} {response.reason_phrase}".strip()
    advice = ADVICE.get(response.status_code)
    later = response.headers.get("retry-after")
    return "; ".join(
        filter(None, (words, advice, f"it asks to wait (Retry-After): {later[:40]!r}" if later else None))
    )


def body(url: str, response: httpx2.Response, limit: int) -> bytes:
    """The body, decompressed piece by piece under the limit."""
    encodings = {one.strip().lower() for one in response.headers.get("content-encoding", "").split(",")}
    if strange := encodings - ENCODINGS:
        raise FetchError(f"{shown(url)}: compressed in a way that was not asked for: {min(strange)!r}")
    pieces = bytearray()
    for piece in response.iter_bytes():
        pieces += piece
        if len(pieces) > limit:
            raise FetchError(f"{shown(url)}: longer than fetch.max_bytes, {limit:,} bytes")
        if len(pieces) > RATIO_FROM and len(pieces) > RATIO * response.num_bytes_downloaded:
            raise FetchError(f"{shown(url)}: shrunk more than {RATIO} times: a decompression bomb")
    return bytes(pieces)


def shown(url: str) -> str:
    """The URL as a message may hold it: without user and password."""
    return re.sub(r"(?<=://)[^/?#@]*@", "", url)


class Deadline:
    """A wall clock over a fetch: when it runs out, its sockets are shut, and whoever waits for them wakes up.

    A timeout a read is not enough: a byte a second never times out. The sockets are known through
    httpcore's "trace" extension, the public way to them before there is a response.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._run_out)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()

    @property
    def remaining(self) -> float:
        """Seconds left, never 0, which would mean "no waiting" to a socket."""
        return max(self._ends - time.monotonic(), 0.001)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """A step, as httpcore reports it: a connection that was opened belongs to this fetch."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            found = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._sockets.append(found)
                if self.passed:
                    shut(found)

    def _run_out(self) -> None:
        with self._lock:
            self.passed = True
            for one in self._sockets:
                shut(one)


def shut(connection: socket.socket) -> None:
    """Wake up whoever waits for the socket; TLS is not said goodbye to, which could wait again."""
    with contextlib.suppress(OSError):  # closed already
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
