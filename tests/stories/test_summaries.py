"""Stories of summaries: asked for once, frozen with the edition, and never in the way of a digest."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from digest import config, daily, deliver, messages, subscriptions
from digest.errors import ConfigError
from digest.service import open_service
from digest.subscriptions import Wish

NOW = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SAID = "A machine says that this works and says it well."


class Machine:
    """An endpoint that says the same of every paper, while it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.asked.append(question["messages"][1]["content"].partition("\n")[0])
                answer = json.dumps({"choices": [{"message": {"content": SAID}}]}).encode()
                self.send_response(told.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @contextmanager
    def listening(self) -> Iterator[Machine]:
        thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        thread.start()
        yield self
        self.http.shutdown()
        self.http.server_close()
        thread.join()


class House:
    """One installation whose cards are written by a machine."""

    def __init__(self, folder: Path, summary: str, table: str = "") -> None:
        self.folder = folder
        shutil.copytree(config.shipped("config", "sample"), folder / "sample")
        (folder / "digest.toml").write_text(
            f"""
[digest]
papers = 3
summary = "{summary}"
{table}
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "sample/huggingface/{{date}}.json"
""",
            encoding="utf-8",
        )
        self.settings = config.load(folder / "digest.toml", {})

    def add(self, address: str, *interests: str) -> None:
        with open_service(self.settings) as day:
            subscriptions.add(day, address, Wish(interests=interests), NOW - 9 * 24 * HOUR, confirmed=True)

    def run(self, now: dt.datetime = NOW) -> None:
        with open_service(self.settings) as day:
            transport = deliver.transport(self.settings.mail, self.settings.outbox_directory)
            daily.run(day, transport, now)

    def bodies(self) -> dict[str, str]:
        found = {}
        for path in self.folder.glob("outbox/*.eml"):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            found[str(message["To"])] = " ".join(message.get_body(("plain",)).get_content().split())
        return found


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine().listening() as machine:
        yield machine


def asking(machine: Machine, more: str = "") -> str:
    return f'[summary]\nurl = "http://127.0.0.1:{machine.http.server_port}/v1"\nmodel = "small"\n{more}'


def test_the_papers_that_are_picked_are_summarised_once_for_all_readers(
    tmp_path: Path, machine: Machine
) -> None:
    house = House(tmp_path, "model", asking(machine))
    house.add("one@example.org", "video generation")
    house.add("two@example.org", "video generation")
    house.run()
    house.run(NOW + HOUR)

    assert len(machine.asked) == len(set(machine.asked)) <= 4
    assert [body.count(f"{SAID} AI summary.") for body in house.bodies().values()] == [3, 3]


def test_when_the_machine_is_away_the_abstract_speaks_and_goes_on_speaking(
    tmp_path: Path, machine: Machine
) -> None:
    house = House(tmp_path, "model", asking(machine))
    house.add("one@example.org", "video generation")
    machine.status = 500
    house.run()
    before = {path.name: path.read_bytes() for path in tmp_path.glob("outbox/*.eml")}
    machine.status = 200

    (body,) = house.bodies().values()
    assert SAID not in body
    assert "AI summary." not in body
    with open_service(house.settings) as day:
        (delivery,) = day.store.outbox.list()
        again = messages.compose(day, delivery.plan)
    assert again.content in before.values()


def test_no_more_papers_are_asked_for_than_a_day_may_have(tmp_path: Path, machine: Machine) -> None:
    house = House(tmp_path, "model", asking(machine, "papers_per_day = 2"))
    house.add("one@example.org", "video generation")
    house.run()

    assert len(machine.asked) == 2
    (body,) = house.bodies().values()
    assert body.count("AI summary.") == 2


def test_a_summary_of_the_source_is_shown_if_it_is_asked_for(tmp_path: Path) -> None:
    house = House(tmp_path, "source")
    for path in (tmp_path / "sample/huggingface").glob("*.json"):
        entries = json.loads(path.read_text("utf-8"))
        for entry in entries:
            entry["paper"]["ai_summary"] = SAID
        path.write_text(json.dumps(entries), encoding="utf-8")
    house.add("one@example.org", "video generation")
    house.run()

    (body,) = house.bodies().values()
    assert body.count(f"{SAID} AI summary.") == 3


def test_whoever_wants_a_model_has_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"summary\.url"):
        House(tmp_path, "model")
