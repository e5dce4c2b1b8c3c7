"""The door for HTTP, against a real server on loopback that behaves as badly as real ones do."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import brotli
import pytest

import digest
from digest import config
from digest.errors import AskedToWait, FetchError, Gone
from digest.ingest import network
from digest.ingest.fetch import Asker, fetch, retry_after, user_agent
from digest.model import Validators

FEED = b"<rss version='2.0'><channel><title>t</title></channel></rss>"


def asker(settings: config.Fetch = config.Fetch(), contact: str = "", **changes: object) -> Asker:  # noqa: B008 (frozen)
    parts = {"turn": lambda _url: None, "permitted": network.anywhere} | changes
    return Asker(settings=settings, contact=contact, **parts)  # type: ignore[arg-type]


QUICK = asker(config.Fetch(timeout=dt.timedelta(seconds=1)))
PATIENT = asker(config.Fetch(timeout=dt.timedelta(seconds=10)))
OPS = asker(contact="ops@example.org")

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

    fetched = fetch(url, OPS)

    assert fetched.document == FEED
    assert fetched.content_type == "text/xml"
    assert fetched.validators == Validators(etag='W/"a"', last_modified="yesterday")


def test_validators_are_echoed_verbatim_and_304_is_no_document(server: Server) -> None:
    url = server.says("/", plain(304, ETag='W/"a"'))
    validators = Validators(etag='W/"a"', last_modified="Thu, 1 Jan 1970 oddly written")

    fetched = fetch(url, PATIENT, validators)

    assert (fetched.document, fetched.status) == (None, 304)
    assert server.headers[0]["if-none-match"] == validators.etag
    assert server.headers[0]["if-modified-since"] == validators.last_modified


def test_304_to_a_question_without_validators_is_a_failure(server: Server) -> None:
    """Else a broken cache in between would keep a source quiet for ever."""
    with pytest.raises(FetchError, match="304"):
        fetch(server.says("/", plain(304)), PATIENT)


def test_we_say_who_we_are_and_take_no_cookies(server: Server) -> None:
    server.says("/end", plain(200, FEED))
    url = server.says("/", plain(302, Location="/end", Set_Cookie="id=1; Path=/"))

    fetch(url, OPS)

    assert len(server.headers) == 2
    for headers in server.headers:
        assert headers["user-agent"] == f"daily-digest/{digest.__version__} (+ops@example.org)"
        assert headers["accept-encoding"] == "gzip, deflate, br"
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
        fetch(url, QUICK)

    assert time.monotonic() - began < 2.5


PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}


@pytest.mark.parametrize("encoding", PACKERS)
def test_packed_documents_are_unpacked_and_bombs_are_not(server: Server, encoding: str) -> None:
    pack = PACKERS[encoding]
    good = server.says("/good", plain(200, pack(FEED), Content_Encoding=encoding))
    bomb = server.says("/bomb", plain(200, pack(bytes(5_000_000)), Content_Encoding=encoding))

    assert fetch(good, PATIENT).document == FEED
    with pytest.raises(FetchError, match="decompression bomb"):
        fetch(bomb, PATIENT)


def test_a_document_that_ends_early_is_refused(server: Server) -> None:
    """Half a list would look like a quiet day."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(FEED) + 1))
        request.end_headers()
        request.wfile.write(FEED)

    with pytest.raises(FetchError, match="without sending complete message body"):
        fetch(server.says("/", answer), PATIENT)


def test_a_body_over_the_cap_is_refused_before_and_after_unpacking(server: Server) -> None:
    small = asker(config.Fetch(max_bytes=1000))
    urls = [
        server.says("/plain", plain(200, b"x" * 1001)),
        server.says("/packed", plain(200, gzip.compress(b"x" * 1001), Content_Encoding="gzip")),
    ]

    for url in urls:
        with pytest.raises(FetchError, match="1,000 bytes"):
            fetch(url, small)
    assert fetch(server.says("/fits", plain(200, b"x" * 1000)), small).document == b"x" * 1000


@pytest.mark.parametrize(("hops", "fine"), [(5, True), (6, False)])
def test_five_redirects_are_followed_and_not_six(server: Server, hops: int, fine: bool) -> None:
    for hop in range(hops):
        server.says(f"/{hop}", plain(302, Location=f"/{hop + 1}"))
    server.says(f"/{hops}", plain(200, FEED))

    if fine:
        assert fetch(f"{server.base}/0", PATIENT).document == FEED
    else:
        with pytest.raises(FetchError, match="more than 5 redirects"):
            fetch(f"{server.base}/0", PATIENT)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"])
def test_a_redirect_away_from_http_is_refused(server: Server, target: str) -> None:
    with pytest.raises(FetchError, match="not http or https"):
        fetch(server.says("/", plain(302, Location=target)), PATIENT)


def test_a_404_is_an_answer(server: Server) -> None:
    fetched = fetch(server.says("/", plain(404, b"nothing")), PATIENT)

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
        fetch(server.says("/", plain(status, **headers)), PATIENT)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://[::1/", "http://" + "a" * 70 + ".invalid/", "nonsense"]
)
def test_what_cannot_be_reached_is_a_fetch_error(url: str) -> None:
    with pytest.raises(FetchError):
        fetch(url, QUICK)


def test_a_password_in_a_url_stays_out_of_messages(server: Server) -> None:
    url = server.says("/", plain(500)).replace("http://", "http://me:s3cret@")

    with pytest.raises(FetchError) as caught:
        fetch(url, PATIENT)

    assert "s3cret" not in str(caught.value)
    assert server.headers[0]["authorization"].startswith("Basic ")


def test_an_encoding_that_was_not_asked_for_is_refused(server: Server) -> None:
    with pytest.raises(FetchError, match="'zstd'"):
        fetch(server.says("/", plain(200, b"\x0b\x02", Content_Encoding="zstd")), PATIENT)


@pytest.mark.parametrize("status", [301, 308])
def test_a_move_for_good_is_followed_and_told(server: Server, status: int) -> None:
    server.says("/new", plain(200, FEED))
    server.says("/newer", plain(302, Location="/new"))
    once = fetch(server.says("/once", plain(status, Location="/new")), PATIENT)
    twice = fetch(server.says("/twice", plain(status, Location="/newer")), PATIENT)
    never = fetch(f"{server.base}/newer", PATIENT)

    assert [one.moved_to for one in (once, twice, never)] == [
        f"{server.base}/new",
        f"{server.base}/newer",
        "",
    ]
    assert once.document == twice.document == never.document == FEED


def test_gone_and_asked_to_wait_are_told_apart_from_other_failures(server: Server) -> None:
    with pytest.raises(Gone):
        fetch(server.says("/gone", plain(410)), PATIENT)
    with pytest.raises(AskedToWait) as caught:
        fetch(server.says("/later", plain(503, Retry_After="120")), PATIENT)
    assert caught.value.wait == dt.timedelta(minutes=2)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("Mon, 13 Apr 2026 12:10:00 GMT", 600),
        ("Mon, 13 Apr 2026 11:00:00 GMT", 60),
        ("0", 60),
        ("999999999", 86400),
        ("", 60),
        ("soon", 60),
        ("-5", 60),
        ("²", 60),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_limits(said: str, seconds: int) -> None:
    now = dt.datetime(2026, 4, 13, 12, tzinfo=dt.UTC)

    assert retry_after(said, now) == dt.timedelta(seconds=seconds)


def test_every_hop_waits_for_its_turn(server: Server) -> None:
    asked: list[str] = []
    server.says("/end", plain(200, FEED))
    url = server.says("/", plain(302, Location="/end"))

    fetch(url, asker(turn=asked.append))

    assert asked == [url, f"{server.base}/end"]


# --- private networks -----------------------------------------------------------------------------


def test_loopback_is_refused_unless_it_is_allowed(server: Server) -> None:
    url = server.says("/", plain(200, FEED))

    with pytest.raises(FetchError, match=r"not on the public internet.*allow_private_networks.*'127.0.0.1'"):
        fetch(url, asker(permitted=network.public))
    assert server.headers == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://0x7f000002/"],
)
def test_a_redirect_into_a_private_network_is_refused(server: Server, target: str) -> None:
    url = server.says("/", plain(302, Location=target))

    with pytest.raises(FetchError, match="not on the public internet"):
        fetch(url, asker(permitted=lambda address: str(address) == "127.0.0.1"))


def test_a_name_that_changes_its_mind_is_dialled_where_it_was_checked(server: Server) -> None:
    """A rebinding name answers a public address to the check and a private one to the connection."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    asked: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return next(answers)

    port = server.http.server_port
    server.says("/", plain(302, Location=f"http://rebinding.test:{port}/again"))
    rebound = asker(permitted=lambda address: str(address) == "127.0.0.1", resolve=resolve)

    with pytest.raises(FetchError, match=r"rebinding\.test is not on the public internet.*'127.0.0.2'"):
        fetch(f"http://rebinding.test:{port}/", rebound)
    assert asked == ["rebinding.test", "rebinding.test"]
    assert [headers["host"] for headers in server.headers] == [f"rebinding.test:{port}"]


def test_of_several_addresses_the_permitted_ones_are_tried_in_turn(server: Server) -> None:
    url = server.says("/", plain(200, FEED)).replace("127.0.0.1", "many.test")
    several = asker(
        permitted=lambda address: address.version == 4,
        resolve=lambda _host: ["::1", "127.0.0.3", "127.0.0.1"],
    )

    assert fetch(url, several).document == FEED


def test_a_resolver_that_hangs_does_not_outlast_the_deadline() -> None:
    hanging = threading.Event()
    began = time.monotonic()

    with pytest.raises(FetchError, match="not answered in full within 1 s"):
        fetch("http://slow.test/", replace(QUICK, resolve=lambda _host: [str(hanging.wait(5))]))

    assert time.monotonic() - began < 2.5
    hanging.set()


PRIVATE = [
    *(
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
    ),
    *(
        "169.254.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.0.0.8",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
    ),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *(
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
    ),
    *(
        "64:ff9b:1::1",
        "100::1",
        "2001:db8::1",
        "2001::1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "2002:0808:0808::",
        "fc00::1",
        "fd12:3456::1",
    ),
    *("fe80::1", "fec0::1", "ff02::1", "ff0e::1", "5f00::1", "4000::1", "3fff::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_the_public_internet(address: str) -> None:
    assert not network.public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *(
            "8.8.8.8",
            "151.101.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "192.169.0.1",
            "223.255.255.1",
        ),
        *("2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::808:808"),
    ],
)
def test_what_is_the_public_internet(address: str) -> None:
    assert network.public(ip_address(address))
