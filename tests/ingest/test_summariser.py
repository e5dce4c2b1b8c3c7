"""The door to a machine that summarises, against a real server on loopback that answers well, and badly in many ways."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from factories import a_paper
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from digest import config
from digest.ingest.summariser import LARGEST_ANSWER, LONGEST, Summariser, believed, content

PAPER = a_paper(1, title="CupNet", abstract="We propose CupNet. It catches 91% of 1,200 cups, up from 79.5%.")
GOOD = "CupNet catches 91% of 1200 falling cups, where the best gripper so far caught 79.5%."


def completion(said: object) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": said}}]}).encode()


class Endpoint:
    """Answers every question in the way it was told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.saying(completion(GOOD))
        self.asked: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.headers.append({name.lower(): value for name, value in self.headers.items()})
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told.asked.append(json.loads(body) | {"path": self.path})
                try:
                    told.answer(self)
                except OSError:  # the client gave up: that is what is tested
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @staticmethod
    def saying(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)

        return answer

    def summariser(self, key: str = "", seconds: int = 5) -> Summariser:
        settings = config.Summary(
            url=f"http://127.0.0.1:{self.http.server_port}/v1/",
            model="small",
            key=SecretStr(key),
            timeout=dt.timedelta(seconds=seconds),
        )
        return Summariser(settings, config.Fetch(), "ops@example.org")

    def says(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> list[str]:
        """What comes of one paper; nothing if the endpoint counts as not there."""
        self.answer = answer
        return [text for _, text in self.summariser(seconds=1).write([PAPER])]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    thread = threading.Thread(target=endpoint.http.serve_forever, args=(0.02,))
    thread.start()
    yield endpoint
    endpoint.http.shutdown()
    endpoint.http.server_close()
    thread.join()


def test_a_paper_is_asked_for_with_title_and_abstract_only(endpoint: Endpoint) -> None:
    assert list(endpoint.summariser(key="sk-secret").write([PAPER])) == [(PAPER, GOOD)]

    (asked,) = endpoint.asked
    assert asked["path"] == "/v1/chat/completions"
    assert asked["model"] == "small"
    assert set(asked) == {"path", "model", "messages"}
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert asked["messages"][1]["content"] == f"Title: {PAPER.title}\n\nAbstract: {PAPER.abstract}"
    assert endpoint.headers[0]["authorization"] == "Bearer sk-secret"


def test_without_a_key_none_is_sent(endpoint: Endpoint) -> None:
    list(endpoint.summariser().write([PAPER]))

    assert "authorization" not in endpoint.headers[0]


def test_the_answers_come_in_the_order_of_the_papers(endpoint: Endpoint) -> None:
    papers = [a_paper(n, abstract=PAPER.abstract) for n in range(9)]

    assert [paper for paper, _ in endpoint.summariser().write(papers)] == papers


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>busy</html>",
        b"[]",
        b'{"choices": []}',
        b'{"error": {"message": "no such model"}}',
        b'{"choices": [{"message": {}}]}',
        completion(None),
        completion(["a", "list"]),
        completion(""),
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_an_answer_that_is_none_is_an_empty_summary(endpoint: Endpoint, answer: bytes) -> None:
    assert endpoint.says(endpoint.saying(answer)) == [""]


def dripping(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(50):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.1)


def hanging_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


@pytest.mark.parametrize(
    "answer",
    [
        Endpoint.saying(b"{}", 401),
        Endpoint.saying(b"{}", 429, **{"Retry-After": "1"}),
        Endpoint.saying(b"oops", 500),
        Endpoint.saying(b"", 307, Location="http://127.0.0.1:9/"),
        Endpoint.saying(b" " * (LARGEST_ANSWER + 1)),
        Endpoint.saying(b"{}", **{"Content-Encoding": "compress"}),
        dripping,
        hanging_up,
    ],
    ids=["login", "too often", "broken", "redirect", "too long", "strange encoding", "drips", "hangs up"],
)
def test_an_endpoint_that_fails_is_not_asked_again_in_this_pass(endpoint: Endpoint, answer) -> None:
    endpoint.answer = answer
    summariser = endpoint.summariser(seconds=1)

    assert list(summariser.write([PAPER])) == []
    assert list(summariser.write([PAPER] * 20)) == []
    assert len(endpoint.asked) == 1


def test_an_endpoint_that_is_not_there_costs_nothing_but_a_line_in_the_log(endpoint: Endpoint) -> None:
    settings = config.Summary(url="http://127.0.0.1:9/v1", model="small")

    assert list(Summariser(settings, config.Fetch(), "").write([PAPER])) == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (GOOD, GOOD),
        (f"<think>It is 42, <b>or</b> so.</think>\n{GOOD}", GOOD),
        ("CupNet catches $91\\%$ of the cups with $x^2$ less force.", ""),  # 2 is not in the abstract
        (
            "CupNet catches 91% of the cups,\nmore than ever before.",
            "CupNet catches 91% of the cups, more than ever before.",
        ),
        ("CupNet catches 92% of the cups, more than before.", ""),
        ("CupNet catches 91% of 12,00 cups, more than before.", ""),
        ("**CupNet** catches 91% of the cups, more than before.", ""),
        ("- CupNet catches 91% of the cups, more than before.", ""),
        ("CupNet <b>catches</b> 91% of the cups.<script>x()</script>", ""),
        ("CupNet catches 91% of cups; see https://example.org/now.", ""),
        ("CupNet catches 91% of cups; see evil.com for more.", ""),
        ("As an AI, I would say that CupNet catches cups.", ""),
        ("CupNet catches 91% of the cups and then it", ""),
        ("Yes.", ""),
        ("CupNet catches cups again and again. " * (LONGEST // 30), ""),
        ("CupNet\u202e catches\x00 91% of the cups.", "CupNet catches 91% of the cups."),
    ],
)
def test_only_what_can_be_checked_is_believed(said: str, shown: str) -> None:
    assert believed(said, PAPER) == shown


@given(st.text(max_size=600))
def test_whatever_is_said_what_is_shown_is_bounded_and_plain(said: str) -> None:
    shown = believed(said, PAPER)

    assert len(shown) <= LONGEST
    assert not set(shown) & set("\n\r\t\x00")
    assert "://" not in shown


@given(st.binary(max_size=200))
def test_no_bytes_are_an_error(answer: bytes) -> None:
    assert isinstance(content(answer), str)
