"""`digest serve` as its readers and its operator meet it: a real process, a real relay, a real browser, the real clock."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import ROOT
from playwright.sync_api import Browser, Page

CONFIGURATION = """
[site]
url = "{url}"
name = "Daily Papers"
contact = "hello@example.org"
[mail]
transport = "smtp"
host = "127.0.0.1"
port = {port}
security = "none"
from = "Daily Papers <papers@example.org>"
[operating]
report = false
[digest]
papers = 4
also_trending = 2
"""
SOURCES = """
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "today.json"
"""


def listed_today(folder: Path) -> None:
    """The sample's lists as one of today, whatever today is."""
    lists = (ROOT / "config" / "sample" / "huggingface").glob("*.json")
    papers = [entry for path in sorted(lists) for entry in json.loads(path.read_text(encoding="utf-8"))]
    dated = re.sub(
        r"2026-04-\d\dT[\d:.]+Z", f"{dt.datetime.now(dt.UTC):%Y-%m-%d}T00:00:00Z", json.dumps(papers)
    )
    (folder / "today.json").write_text(dated, encoding="utf-8")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


class Site:
    """One installation in a folder, on a port of its own."""

    def __init__(self, folder: Path, relay: int) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        listed_today(folder)
        self.configuration = folder / "digest.toml"
        self.configuration.write_text(CONFIGURATION.format(url=self.url, port=relay) + SOURCES)

    @contextmanager
    def serving(self, port: int | None = None, says: Sequence[str] = ()) -> Iterator[None]:
        """The process, from when it listens; it must stop cleanly within ten seconds, and say only that."""
        command = [sys.executable, "-m", "digest", "--config", str(self.configuration)]
        arguments = ["serve", "--port", str(port or self.port)]
        with subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True) as process:
            said: list[str] = []
            assert process.stderr
            reader = threading.Thread(target=said.extend, args=(process.stderr,))
            reader.start()
            try:
                until(lambda: self.listens(port or self.port) or process.poll() is not None)
                yield
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=10) == 0
            finally:
                process.kill()
                reader.join()
        expected = ["serving", *says]
        assert len(said) == len(expected), said
        assert all(words in line for words, line in zip(expected, said, strict=True)), said

    def listens(self, port: int) -> bool:
        with socket.socket() as trying:
            return trying.connect_ex(("127.0.0.1", port)) == 0

    def ask(self, method: str, url: str, body: str = "") -> tuple[int, str]:
        """A request as a mail program makes it: no cookies, no Origin, no redirects followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, urlsplit(url).path, body or None, headers)
        answer = connection.getresponse()
        try:
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def site(tmp_path: Path, sink) -> Site:
    return Site(tmp_path, sink[1])


@pytest.fixture(params=[375, 1280])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False, viewport={"width": request.param, "height": 800})
    yield context.new_page()
    context.close()


def link(mail: EmailMessage, purpose: str) -> str:
    body = mail.get_body(("plain",))
    assert body
    found = re.search(rf"http://\S+/{purpose}/\S+", body.get_content())
    assert found, body.get_content()
    return found[0]


def subscribe(page: Page, site: Site, address: str) -> None:
    page.goto(site.url)
    page.get_by_label("Your e-mail address").fill(address)
    page.wait_for_timeout(2_500)  # what is sent within two seconds is taken for a program's
    page.get_by_role("button", name="Subscribe").click()
    assert "inbox" in page.get_by_role("heading", level=1).inner_text()


def digests(mails: Sequence[EmailMessage]) -> list[EmailMessage]:
    return [mail for mail in mails if mail["X-Digest-Date"]]


def titles(mail: EmailMessage) -> list[str]:
    body = mail.get_body(("html",))
    assert body
    return re.findall(r'data-paper="([^"]+)"', body.get_content())


@pytest.mark.slow
@pytest.mark.parametrize("page", [1280], indirect=True)
def test_a_stranger_subscribes_confirms_gets_it_at_their_hour_tunes_and_leaves(
    site: Site, page: Page, sink, digest
) -> None:
    kept, _ = sink
    with site.serving():
        until(lambda: 'src="/sample"' in site.ask("GET", site.url + "/")[1])
        subscribe(page, site, "vision@example.org")
        until(lambda: kept.raw)
        (confirmation,) = kept.messages
        assert confirmation["To"] == "vision@example.org"

        confirm = link(confirmation, "confirm")
        for method in ("GET", "HEAD") * 25:
            assert site.ask(method, confirm)[0] == 200
        listed = digest("subscribers", "list", "--json").stdout
        assert '"state": "pending"' in listed

        page.goto(confirm)
        page.get_by_role("button", name="Confirm").click()
        hour = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=63)).replace(second=0, microsecond=0)
        page.get_by_label("Topics").fill("video generation")
        page.get_by_label("Hour").fill(f"{hour:%H:%M}")
        page.get_by_label("Time zone").select_option("UTC")
        page.get_by_role("button", name="Save").click()
        assert "Saved" in page.get_by_role("status").first.inner_text()
        assert f"{hour:%H:%M}" in page.get_by_role("status").first.inner_text()

        until(lambda: len(digests(kept.messages)) == 1, 130)
        late = dt.datetime.now(dt.UTC) - hour
        assert dt.timedelta(0) <= late < dt.timedelta(seconds=90)
        (first,) = digests(kept.messages)
        assert len(kept.raw) == 3  # and a welcome
        assert first["X-Digest-Date"] == f"{hour:%Y-%m-%d}"
        assert "video" in str(first).casefold()

        page.goto(link(first, "preferences"))
        page.get_by_label("Topics").fill("reinforcement learning for reasoning")
        page.get_by_role("button", name="Save").click()
        assert "Saved" in page.get_by_role("status").first.inner_text()

        (listed_at,) = re.findall("<(http[^>]+)>", first["List-Unsubscribe"])
        for method in ("GET", "HEAD") * 25:
            assert site.ask(method, listed_at)[0] == 200

    tomorrow = hour + dt.timedelta(days=1)
    assert digest("run", "--now", tomorrow.isoformat()).returncode == 0
    _, second = digests(kept.messages)
    assert set(titles(first)).isdisjoint(titles(second))
    body = str(second.get_body(("plain",)))
    assert "reinforcement learning for reasoning" in body
    assert "matches “video generation”" not in body

    with site.serving():
        status, answer = site.ask("POST", listed_at, "List-Unsubscribe=One-Click")
        assert (status, "unsubscribed" in answer) == (200, True)
    assert digest("run", "--now", (tomorrow + dt.timedelta(days=1)).isoformat()).returncode == 0
    assert len(kept.raw) == 4


@pytest.mark.slow
def test_down_over_the_hour_and_started_again_the_digest_arrives_once(site: Site, sink, digest) -> None:
    kept, _ = sink
    passed = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=20)
    added = digest("subscribers", "add", "vision@example.org", "--confirmed", "--send-at", f"{passed:%H:%M}")
    assert added.returncode == 0, added.stderr
    with site.serving():
        until(lambda: kept.raw)
        time.sleep(25)  # a turn of every job
    with site.serving():
        time.sleep(12)
    assert len(kept.raw) == 1


@pytest.mark.slow
def test_two_serve_processes_on_one_database_deliver_once(site: Site, sink, digest) -> None:
    kept, _ = sink
    kept.seconds = 0.05
    readers = "".join(f'[[readers]]\naddress = "reader{n}@example.org"\n' for n in range(40))
    passed = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    hour = f'[schedule]\nsend_at = "{passed:%H:%M}"\n'
    site.configuration.write_text(site.configuration.read_text() + readers + hour)
    with site.serving(), site.serving(free_port()):
        until(lambda: len(kept.raw) >= 40)
        time.sleep(12)
    copies = Counter(str(mail["To"]) for mail in kept.messages)
    assert copies == {f"reader{n}@example.org": 1 for n in range(40)}


def test_serve_stops_within_ten_seconds_although_the_relay_does_not_answer(site: Site, sink, digest) -> None:
    kept, _ = sink
    kept.seconds = 60
    assert digest("subscribers", "add", "vision@example.org").returncode == 0
    with site.serving(says=["the next start takes it up again"]):
        until(lambda: '"state": "sending"' in digest("outbox", "list", "--json").stdout)


def test_a_port_that_is_taken_is_said_in_one_line(site: Site, digest) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        refused = digest("serve", "--port", str(site.port))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "give another --host or --port" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "serve needs site.url"),
        ("http://digest.example.org", "site.url is https"),
    ],
)
def test_without_a_safe_address_nothing_is_served(site: Site, digest, url: str, said: str) -> None:
    site.configuration.write_text(site.configuration.read_text().replace(site.url, url))
    refused = digest("serve")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
