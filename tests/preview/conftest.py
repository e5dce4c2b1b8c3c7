"""A running preview: the demo's day, a hostile paper, the mails that somebody asked for, and a folder of templates."""

from __future__ import annotations

import datetime as dt
import http.client
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
import uvicorn
from factories import a_listed, a_plan

from digest import config, daily, deliver, subscriptions
from digest.cli.starting import DEMO_NOW
from digest.messages import asked_plan
from digest.model import DeliveryKind, Resolved, Subscriber
from digest.preview import Bench
from digest.preview.app import app
from digest.preview.gate import Gate
from digest.preview.look import Mode
from digest.preview.report import ClientRow, ContrastRow, Finding, Judge, Report, Spam
from digest.preview.sheet import Sheet
from digest.service import Service, open_service

SHIPPED = config.shipped("templates", "email")
TOKEN = "token-of-these-tests"
ATTACK = "Hello<script>document.documentElement.dataset.owned='yes'</script> there, whoever reads this."


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where somebody works on the templates, with the preview open beside."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def configuration(self) -> Path:
        return self.folder / "digest.toml"

    @property
    def settings(self) -> config.Settings:
        return config.load(self.configuration, {})

    def write(self, name: str, text: str) -> None:
        """Put a template into the folder, as editors do: whole, by a rename."""
        fresh = self.folder / "fresh"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.folder / "templates" / name)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change one thing in a template; it must be there."""
        shipped = (SHIPPED / name).read_text(encoding="utf-8")
        assert old in shipped
        self.write(name, shipped.replace(old, new))

    def mend(self) -> None:
        """Back to the shipped templates."""
        for path in (self.folder / "templates").iterdir():
            path.unlink()

    def subscribers(self) -> list[Subscriber]:
        with open_service(self.settings) as day:
            return day.store.subscribers.list()

    def delivery(self, kind: DeliveryKind) -> int:
        """The newest delivery of that kind."""
        with open_service(self.settings) as day:
            return next(one.id for one in day.store.outbox.list() if one.plan.kind is kind)

    def get(
        self, path: str, host: str = "", method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        return ask(self.port, method, path, {"Host": host} if host else {}, headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> tuple[int, dict[str, str], bytes]:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return ask(self.port, "POST", path, kind, headers, urlencode(fields))

    def form(self, path: str) -> str:
        """What a form of that page carries."""
        found = re.search(rb'name="form" value="([^"]+)"', self.get(path)[2])
        assert found
        return found[1].decode()


def ask(
    port: int, method: str, path: str, base: dict[str, str], more: dict[str, str], body: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    """One request; keyword names are headers, with _ for -."""
    headers = {"Host": f"127.0.0.1:{port}", "Connection": "close"} | base
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return found


class Strict:
    """A checker that finds something to mend in the first title and in the text of every message."""

    def report(self, sheet: Sheet) -> Report:
        title = Finding(
            rule="Z01", asks="No title.", severity="fail", message="a title", selector="h2", line=3
        )
        dark = ContrastRow(
            mode=Mode.DARK,
            sample="Words",
            ink="#777777",
            ground="#161514",
            ratio=4.1,
            needed=4.5,
            selector="h1",
        )
        return Report(
            findings=(
                title,
                Finding(rule="Z02", severity="warning", message="a line", part="text", line=2),
            ),
            contrast=(dark,),
            clients=(ClientRow(feature="media queries", without=("A mail program",), selector="style"),),
            support=87.4,
        )

    def spam(self, sheet: Sheet) -> Spam | None:
        return Spam(score=-1.0, rules=(("Z_RULE", -1.0, "a rule that fired"),))


@contextmanager
def serving(bench: Bench, gate: Gate | None = None, judge: Judge | None = None) -> Iterator[int]:
    """The preview's app on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app(bench, gate, judge), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The desk that all of these tests share."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(config.shipped("config", "sample"), folder / "sample")
    shutil.copyfile(config.shipped("config", "demo.toml"), folder / "digest.toml")
    (folder / "templates").mkdir()
    settings = config.load(folder / "digest.toml", {})
    with open_service(settings) as day:
        subscriptions.sync_readers(day, DEMO_NOW)
        daily.run(day, deliver.transport(settings.mail, settings.outbox_directory), DEMO_NOW)
        ask_and_attack(day)
    bench = Bench(settings=lambda: config.load(folder / "digest.toml", {}), templates=folder / "templates")
    with serving(bench, judge=Strict()) as port:
        yield Desk(folder=folder, port=port)


def ask_and_attack(day: Service) -> None:
    """A confirmation, a mail with a link, and yesterday's digest of one hostile paper."""
    one, other, *_ = day.store.subscribers.list()
    hostile, before = a_listed(1, abstract=ATTACK), DEMO_NOW - dt.timedelta(days=1)
    day.store.papers.save(Resolved(papers=(hostile.paper,), mentions=(), joined={}), before)
    edition = day.store.editions.publish(before, [hostile], 0)
    digest = a_plan(one, edition, local_date=before.date(), prepared_at=before, also_trending=())
    asked = (
        asked_plan(day, kind, reader, DEMO_NOW)
        for kind, reader in ((DeliveryKind.CONFIRM, one), (DeliveryKind.LINK, other))
    )
    for plan in (digest, *asked):
        day.store.outbox.enqueue([plan])


@pytest.fixture
def desk(running: Desk) -> Iterator[Desk]:
    """The shared desk; what a test changes on it is put back."""
    configuration = running.configuration.read_bytes()
    yield running
    running.mend()
    running.configuration.write_bytes(configuration)


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A preview that others can reach, with nothing in its outbox."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "digest.toml").write_text('[site]\nname = "Paper Post"\n')
    bench = Bench(settings=lambda: config.load(folder / "digest.toml", {}))
    with serving(bench, Gate(token=TOKEN)) as port:
        yield Desk(folder=folder, port=port)
