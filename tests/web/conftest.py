"""The pages, served on loopback over a real store with the sample's papers; and Chromium to look at them with."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import http.client
import itertools
import logging
import re
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import structlog
import uvicorn
from factories import a_subscriber

from digest import collecting, config, daily, web
from digest.links import Claim, Purpose
from digest.messages import compose
from digest.model import DeliveryKind, Subscriber
from digest.service import Service, open_service
from digest.store import upgrade
from digest.web.server import configured

#: The last day of the sample.
START = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
SETTINGS = """
[site]
url = "{url}"
contact = "hello@example.org"
[mail]
from = "Daily Digest <papers@example.org>"
hook_secret = "{hook_secret}"
[digest]
papers = 6
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "sample/huggingface/{{date}}.json"
rights = "open"
[[sources]]
name = "arXiv"
kind = "arxiv"
path = "sample/arxiv/{{date}}.xml"
"""


@dataclass
class Clock:
    """Tells the time it was set to."""

    now: dt.datetime = START

    def __call__(self) -> dt.datetime:
        return self.now


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Site:
    """A running installation, asked over HTTP."""

    folder: Path
    url: str
    day: Service
    clock: Clock
    ready: bool = True
    networks: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, object] = b"",
        source: str = "127.0.0.1",
        **headers: str,
    ) -> Answer:
        """Ask as a client of a network of its own, through a proxy at `source`."""
        number = next(self.networks)
        sent = {"X-Forwarded-For": f"198.51.{number // 256}.{number % 256}", "Connection": "close"}
        if isinstance(body, Mapping):
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(body, doseq=True).encode()
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(
            urlsplit(self.url).netloc, timeout=20, source_address=(source, 0)
        )
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        found = Answer(answer.status, names, answer.read())
        connection.close()
        return found

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, body: bytes | Mapping[str, object] = b"", **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def reader(self, name: str, **changes: object) -> Subscriber:
        """A confirmed subscriber, stored."""
        made = a_subscriber(name, **changes)
        self.day.store.subscribers.add(made)
        return made

    def now(self, name: str) -> Subscriber:
        """How the store knows them."""
        found = self.day.store.subscribers.by_address(f"{name}@example.org")
        assert found
        return found

    def path(self, purpose: Purpose, reader: Subscriber, **changes: object) -> str:
        claim = Claim(purpose=purpose, subscriber=reader.id, generation=reader.generation, **changes)
        return urlsplit(self.day.links.url(claim)).path

    def confirm_path(self, reader: Subscriber) -> str:
        return self.path(Purpose.CONFIRM, reader, expires_at=self.clock.now + dt.timedelta(hours=48))

    def mails(self, name: str) -> list[tuple[DeliveryKind, str]]:
        """What was written to them: the kind, and the text; in order."""
        return [
            (one.plan.kind, _text(compose(self.day, one.plan).content))
            for one in sorted(self.day.store.outbox.list(), key=lambda one: one.id)
            if one.plan.reader.address == f"{name}@example.org"
        ]

    def linked(self, text: str, purpose: Purpose) -> str:
        """The path of the link for that purpose in a mail's text."""
        (found,) = set(re.findall(rf"{re.escape(self.url)}(/{purpose}/\S+)", text))
        return found

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table."""
        with sqlite3.connect(self.folder / "digest.db") as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {name: database.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}


def _text(content: bytes) -> str:
    body = email.message_from_bytes(content, policy=email.policy.default).get_body(("plain",))
    assert body
    return body.get_content()


@contextmanager
def running(
    folder: Path,
    path: str = "",
    *,
    papers: bool = True,
    hook_secret: str = "",
    scheme: str = "http",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """An installation in that folder, whose URL has that path; `environment` is laid over its settings."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}{path}"
        written = SETTINGS.format(url=url, hook_secret=hook_secret)
        (folder / "digest.toml").write_text(written, encoding="utf-8")
        shutil.copytree(config.shipped("config", "sample"), folder / "sample")
        settings = config.load(folder / "digest.toml", environment or {})
        upgrade(settings.database_url)
        with open_service(settings) as day:
            if papers:
                list(daily.collect(day, collecting.due_sources(day, START), START))
                assert daily.publish(day, START)
            site = Site(folder, url, day, Clock())
            application = web.app(day, site.clock, lambda: site.ready)
            server = uvicorn.Server(configured(application, settings.web.trusted_proxies))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            while not server.started:
                time.sleep(0.01)
            yield site
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def install():
    """Makes an installation of one's own: `running`."""
    return running


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(served: Site) -> Iterator[Site]:
    """The pages, at ten in the morning of the sample's last day."""
    served.clock.now, served.ready = START, True
    yield served
    served.clock.now, served.ready = START, True


@pytest.fixture
def logged(capfd, caplog):
    """Asks for everything that was logged so far, by us or by the server."""
    structlog.reset_defaults()  # a command that ran in this process may have told it where to write
    server = logging.getLogger("uvicorn.error")  # does not propagate
    server.addHandler(caplog.handler)
    yield lambda: "".join(capfd.readouterr()) + caplog.text
    server.removeHandler(caplog.handler)


@pytest.fixture(scope="session")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation under a path of its host, which has collected nothing yet."""
    with running(tmp_path_factory.mktemp("below"), "/digest", papers=False) as site:
        yield site


@pytest.fixture(scope="session")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation with a hook for mail services."""
    with running(
        tmp_path_factory.mktemp("hooked"), papers=False, hook_secret="a secret of the tests"
    ) as site:
        yield site


@pytest.fixture(scope="session")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation for an operator's hands."""
    with running(tmp_path_factory.mktemp("operated")) as site:
        yield site


@pytest.fixture
def over_tls(tmp_path: Path) -> Iterator[Site]:
    """An installation behind a proxy that ends TLS."""
    with running(tmp_path, papers=False, scheme="https") as site:
        yield site
