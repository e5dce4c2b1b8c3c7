"""The door for HTTP, against a real server on loopback that behaves as badly as real ones do."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import digest
from digest import config
from digest.errors import FetchError
from digest.ingest.fetch import fetch, user_agent
from digest.model import Validators

FEED = b"<rss version='2.0'><channel><title>t</title></channel></rss>"
QUICK = config.Fetch(timeout=dt.timedelta(seconds=1))
PATIENT = config.Fetch(timeout=dt.timedelta(seconds=10))

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers each path as it was told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.headers: list[dict[str, str]] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told.headers.append({name.lower(): value for name, value in self.headers.items()})
                # The client gives up early: that is what is tested.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    told.answers[self.path](self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.http.server_port}"

    def says(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.base + path


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def plain(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def dripping(head: bytes, drop: bytes) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(head)
        for _ in range(100):
            request.wfile.write(drop)
            request.wfile.flush()
            time.sleep(0.1)

    return answer


def test_a_document_comes_with_its_type_and_validators(server: Server) -> None:
    url = server.says("/", plain(200, FEED, ETag='W/"a"', Last_Modified="yesterday", Content_Type="text/xml"))

    fetched = fetch(url, PATIENT, "ops@example.org")

    assert fetched.document == FEED
    assert fetched.content_type == "text/xml"
    assert fetched.validators == Validators(etag='W/"a"', last_modified="yesterday")


def test_validators_are_echoed_verbatim_and_304_is_no_document(server: Server) -> None:
    url = server.says("/", plain(304, ETag='W/"a"'))
    validators = Validators(etag='W/"a"', last_modified="Thu, 1 Jan 1970 oddly written")

    fetched = fetch(url, PATIENT, "", validators)

    assert (fetched.document, fetched.status) == (None, 304)
    assert server.headers[0]["if-none-match"] == validators.etag
    assert server.headers[0]["if-modified-since"] == validators.last_modified


def test_304_to_a_question_without_validators_is_a_failure(server: Server) -> None:
    """Else a broken cache in between would keep a source quiet for ever."""
    with pytest.raises(FetchError, match="304"):
        fetch(server.says("/", plain(304)), PATIENT, "")


def test_we_say_who_we_are_and_take_no_cookies(server: Server) -> None:
    server.says("/end", plain(200, FEED))
    url = server.says("/", plain(302, Location="/end", Set_Cookie="id=1; Path=/"))

    fetch(url, PATIENT, "ops@example.org")

    assert len(server.headers) == 2
    for headers in server.headers:
        assert headers["user-agent"] == f"daily-digest/{digest.__version__} (+ops@example.org)"
        assert headers["accept-encoding"] == "gzip, deflate"
        assert "cookie" not in headers


def test_a_configured_user_agent_replaces_ours() -> None:
    assert user_agent(config.Fetch(user_agent="lab/1"), "ops@example.org") == "lab/1"
    assert user_agent(config.Fetch(), "") == f"daily-digest/{digest.__version__}"


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"<", id="body of a known length"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", b"<", id="body that ends with the connection"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n", id="headers"),
        pytest.param(b"", b"", id="silence"),
    ],
)
def test_a_server_that_drips_does_not_outlast_the_deadline(server: Server, head: bytes, drop: bytes) -> None:
    url = server.says("/", dripping(head, drop))
    began = time.monotonic()

    with pytest.raises(FetchError, match="not answered in full within 1 s"):
        fetch(url, QUICK, "")

    assert time.monotonic() - began < 2.5


def test_gzip_is_unpacked_and_a_bomb_is_not(server: Server) -> None:
    good = server.says("/good", plain(200, gzip.compress(FEED), Content_Encoding="gzip"))
    bomb = server.says("/bomb", plain(200, gzip.compress(bytes(5_000_000)), Content_Encoding="gzip"))

    assert fetch(good, PATIENT, "").document == FEED
    with pytest.raises(FetchError, match="decompression bomb"):
        fetch(bomb, PATIENT, "")


def test_a_body_over_the_cap_is_refused_before_and_after_unpacking(server: Server) -> None:
    small = config.Fetch(max_bytes=1000, timeout=dt.timedelta(seconds=10))
    urls = [
        server.says("/plain", plain(200, b"x" * 1001)),
        server.says("/packed", plain(200, gzip.compress(b"x" * 1001), Content_Encoding="gzip")),
    ]

    for url in urls:
        with pytest.raises(FetchError, match="1,000 bytes"):
            fetch(url, small, "")
    assert fetch(server.says("/fits", plain(200, b"x" * 1000)), small, "").document == b"x" * 1000


@pytest.mark.parametrize(("hops", "fine"), [(5, True), (6, False)])
def test_five_redirects_are_followed_and_not_six(server: Server, hops: int, fine: bool) -> None:
    for hop in range(hops):
        server.says(f"/{hop}", plain(302, Location=f"/{hop + 1}"))
    server.says(f"/{hops}", plain(200, FEED))

    if fine:
        assert fetch(f"{server.base}/0", PATIENT, "").document == FEED
    else:
        with pytest.raises(FetchError, match="more than 5 redirects"):
            fetch(f"{server.base}/0", PATIENT, "")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"])
def test_a_redirect_away_from_http_is_refused(server: Server, target: str) -> None:
    with pytest.raises(FetchError, match="not http or https"):
        fetch(server.says("/", plain(302, Location=target)), PATIENT, "")


def test_a_404_is_an_answer(server: Server) -> None:
    fetched = fetch(server.says("/", plain(404, b"nothing")), PATIENT, "")

    assert (fetched.document, fetched.status) == (None, 404)


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (429, {"Retry_After": "120"}, "429 Too Many Requests; .*raise every.*'120'"),
        (500, {}, "500 Internal Server Error"),
        (503, {"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, "503 .*21 Oct 2026"),
        (401, {}, "401 Unauthorized; it wants a login"),
        (403, {}, "403 Forbidden; .*site.contact"),
        (410, {}, "410 Gone; .*enabled = false"),
        (204, {}, "204"),
    ],
)
def test_every_other_status_says_what_to_do(
    server: Server, status: int, headers: dict[str, str], words: str
) -> None:
    with pytest.raises(FetchError, match=words):
        fetch(server.says("/", plain(status, **headers)), PATIENT, "")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://[::1/", "http://" + "a" * 70 + ".invalid/", "nonsense"]
)
def test_what_cannot_be_reached_is_a_fetch_error(url: str) -> None:
    with pytest.raises(FetchError):
        fetch(url, QUICK, "")


def test_a_password_in_a_url_stays_out_of_messages(server: Server) -> None:
    url = server.says("/", plain(500)).replace("http://", "http://me:s3cret@")

    with pytest.raises(FetchError) as caught:
        fetch(url, PATIENT, "")

    assert "s3cret" not in str(caught.value)
    assert server.headers[0]["authorization"].startswith("Basic ")


def test_an_encoding_that_was_not_asked_for_is_refused(server: Server) -> None:
    with pytest.raises(FetchError, match="'br'"):
        fetch(server.says("/", plain(200, b"\x0b\x02", Content_Encoding="br")), PATIENT, "")
