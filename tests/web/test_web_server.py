"""Listening and stopping, as the process that runs it sees it."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI

from digest.errors import UsageError
from digest.listening import listen
from digest.web import serve

PROGRAM = """
from digest import config, web
from digest.service import open_service
from digest.store import upgrade
import datetime, pathlib, sys
path = pathlib.Path(sys.argv[1])
path.write_text('[site]\\nurl = "http://127.0.0.1:8000"\\n')
settings = config.load(path, {})
upgrade(settings.database_url)
with open_service(settings) as day:
    pages = web.app(day, lambda: datetime.datetime.now(datetime.UTC), lambda: True)
    web.serve(pages, "127.0.0.1", 0, lambda url: print(url, flush=True))
print("closed", flush=True)
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_serving_and_what_was_open_is_closed(tmp_path: Path, sent: signal.Signals) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "digest.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        host = process.stdout.readline().strip().removeprefix("http://").rstrip("/")
        connection = http.client.HTTPConnection(host, timeout=20)  # kept open, as browsers do
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok")
        assert answer.getheader("Server") is None
        process.send_signal(sent)
        try:
            said, _ = process.communicate(timeout=10)
        finally:
            process.kill()
            connection.close()
    assert (said, process.returncode) == ("closed\n", 0)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--port: 127.0.0.1:{port}"):
            serve(FastAPI(), "127.0.0.1", port, lambda _: None)


#: In a process of its own: it is the process's signals that are looked at.
EARLY = """
import signal
from fastapi import FastAPI
from digest.web import serve
before = signal.getsignal(signal.SIGTERM)
serve(FastAPI(), "127.0.0.1", 0, lambda _: signal.raise_signal(signal.SIGTERM))
assert signal.getsignal(signal.SIGTERM) is before
print("closed")
"""


def test_no_piece_of_an_answer_waits_until_the_client_has_acknowledged_the_one_before() -> None:
    with (
        listen("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_signal_that_comes_before_the_first_request_ends_serving_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == ("closed\n", 0), done.stderr
