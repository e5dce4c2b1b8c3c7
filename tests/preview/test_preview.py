"""The preview shows the very bytes that were sent, to this machine only."""

from __future__ import annotations

import http.client
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn

from digest import config, daily, deliver, subscriptions
from digest.cli.starting import DEMO_NOW
from digest.errors import UsageError
from digest.preview import serve
from digest.preview.app import app
from digest.service import open_service


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> config.Settings:
    folder: Path = tmp_path_factory.mktemp("demo")
    shutil.copytree(config.shipped("config", "sample"), folder / "sample")
    shutil.copyfile(config.shipped("config", "demo.toml"), folder / "digest.toml")
    found = config.load(folder / "digest.toml", {})
    with open_service(found) as day:
        subscriptions.sync_readers(day, DEMO_NOW)
        daily.run(day, deliver.transport(found.mail, found.outbox_directory), DEMO_NOW)
    return found


@pytest.fixture(scope="module")
def get(settings: config.Settings):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app(lambda: settings), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)

        def ask(path: str, host: str = f"127.0.0.1:{port}") -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path, headers={"Host": host, "Connection": "close"})
            answer = connection.getresponse()
            found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
            connection.close()
            return found

        yield ask
        server.should_exit = True
        thread.join()


def test_the_list_names_every_reader_and_leads_to_their_digest(get) -> None:
    status, headers, page = get("/")
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    for text in (b"Vision group", b"Hospital library", b"/digests/1", b"/digests/4"):
        assert text in page


def test_a_digests_page_frames_its_html(get) -> None:
    status, headers, page = get("/digests/1")
    assert status == 200
    assert b"/digests/1/html" in page
    assert b"Message-ID" in page
    assert "script" not in headers["content-security-policy"]


def test_the_messages_html_is_sandboxed_and_fetches_nothing(get) -> None:
    _, headers, page = get("/digests/1/html")
    policy = [part.strip() for part in headers["content-security-policy"].split(";")]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert b"data-paper=" in page


@pytest.mark.parametrize("path", ["/digests/{}/raw", "/digests/{}.eml"])
def test_the_bytes_shown_are_the_bytes_sent(get, settings: config.Settings, path: str) -> None:
    sent = {file.read_bytes() for file in settings.outbox_directory.rglob("*.eml")}
    assert {get(path.format(number))[2] for number in range(1, 5)} == sent


def test_an_unknown_digest_is_not_found(get) -> None:
    assert get("/digests/999")[0] == 404


@pytest.mark.parametrize("host", ["evil.example.org", "localhost.example.org", "192.0.2.1"])
def test_a_page_that_is_asked_for_by_a_foreign_name_is_refused(get, host: str) -> None:
    status, _, page = get("/", host)
    assert status == 403
    assert b"Vision group" not in page


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "digest.example.org", "::"])
def test_the_preview_listens_on_loopback_only(settings: config.Settings, host: str) -> None:
    with pytest.raises(UsageError, match="loopback"):
        serve(lambda: settings, host, 0, lambda _: None)


def test_a_port_that_is_taken_is_named(settings: config.Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)):
            serve(lambda: settings, "127.0.0.1", port, lambda _: None)
