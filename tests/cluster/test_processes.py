"""`digest worker` and `digest db move` as their operator meets them, and machines that freeze: real processes."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from cluster.house import House, until
from conftest import ROOT
from factories import a_listed, a_plan

from digest import config, daily, deliver, sending, subscriptions
from digest.deliver.journal import JournalFiles
from digest.messages import compose
from digest.model import DeliveryState, Outcome, Verdict
from digest.service import open_service

CONFIGURATION = f"""
[site]
url = "https://digest.example.org"
[cluster]
enabled = {{enabled}}
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "{ROOT}/config/sample/huggingface/{{{{date}}}}.json"
"""
NOW = "2026-04-16T10:00:00Z"
READERS = 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with a few readers, on SQLite."""
    readers = "".join(f'[[readers]]\naddress = "reader{n}@example.org"\n' for n in range(READERS))
    (tmp_path / "digest.toml").write_text(CONFIGURATION.format(enabled="false") + readers)
    return tmp_path


def digest(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "digest", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env=os.environ | environment,
    )


# --- the worker ---


class Slow:
    """A relay that takes its time."""

    def __init__(self) -> None:
        self.taken = 0

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's)
        await asyncio.sleep(0.3)
        self.taken += 1
        return "250 kept"


@pytest.fixture
def relay() -> Iterator[Controller]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Slow(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


@contextlib.contextmanager
def a_worker(folder: Path, url: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    cluster = {"DIGEST_DATABASE__URL": url, "DIGEST_CLUSTER__ENABLED": "true"}
    with subprocess.Popen(
        [sys.executable, "-m", "digest", "worker"],
        cwd=folder,
        env=os.environ | cluster | settings,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


@pytest.fixture
def worker(folder: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    with a_worker(folder, url) as process:
        yield process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_works_until_it_is_told_to_stop(
    worker: subprocess.Popen[str], house: House, number: signal.Signals
) -> None:
    house.now = dt.datetime.now(dt.UTC)
    house.published()
    house.readers(3)
    assert worker.stderr
    assert worker.stderr.readline() == "digest: working (Ctrl-C stops it)\n"
    house.passes()
    until(lambda: house.states() == {DeliveryState.SENT: 3} and not house.jobs())

    worker.send_signal(number)

    assert worker.wait(10) == 0
    assert house.said("SELECT * FROM digest_queue.procrastinate_workers") == []
    assert worker.stderr.read() == ""


def test_a_worker_stops_between_two_messages(folder: Path, url: str, house: House, relay: Controller) -> None:
    house.now = dt.datetime.now(dt.UTC)
    house.published()
    house.readers(60)
    smtp = {"DIGEST_MAIL__TRANSPORT": "smtp", "DIGEST_MAIL__HOST": "127.0.0.1"}
    smtp |= {"DIGEST_MAIL__PORT": str(relay.port), "DIGEST_MAIL__SECURITY": "none"}
    with a_worker(folder, url, **smtp) as process:
        house.passes()
        until(lambda: relay.handler.taken > 3)
        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 0

    states = house.states()
    assert states[DeliveryState.SENT] == relay.handler.taken < 60
    assert DeliveryState.SENDING not in states
    assert not sending.journals(house.day).owners()


def test_a_worker_survives_that_its_connections_are_cut(worker: subprocess.Popen[str], house: House) -> None:
    house.now = dt.datetime.now(dt.UTC)
    house.published()
    assert worker.stderr
    worker.stderr.readline()
    until(lambda: house.said("SELECT * FROM digest_queue.procrastinate_workers"))
    house.said("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    house.readers(3)

    def sent() -> bool:
        house.passes()
        return house.states() == {DeliveryState.SENT: 3}

    until(sent)
    assert worker.poll() is None


def test_what_is_wrong_is_said_in_a_line(folder: Path) -> None:
    alone = digest(folder, "worker")
    assert (alone.returncode, alone.stderr.count("\n")) == (2, 1)
    assert "set cluster.enabled = true" in alone.stderr

    on_sqlite = digest(folder, "worker", DIGEST_CLUSTER__ENABLED="true")
    assert (on_sqlite.returncode, on_sqlite.stderr.count("\n")) == (2, 1)
    assert "set database.url to PostgreSQL" in on_sqlite.stderr

    away = digest(
        folder,
        "worker",
        DIGEST_CLUSTER__ENABLED="true",
        DIGEST_DATABASE__URL="postgresql://127.0.0.1:1/nowhere",
    )
    assert (away.returncode, away.stderr.count("\n")) == (1, 1)


def test_a_pass_by_cron_leaves_the_work_and_one_for_a_reader_does_it(folder: Path, url: str) -> None:
    cluster = {"DIGEST_DATABASE__URL": url, "DIGEST_CLUSTER__ENABLED": "true"}
    (folder / "today.json").write_text((ROOT / "config/sample/huggingface/2026-04-16.json").read_text())

    left = digest(folder, "run", **cluster)
    assert left.returncode == 0, left.stderr
    assert "are the workers'" in left.stderr

    done = digest(folder, "run", "--now", NOW, "--json", **cluster)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sent"] == READERS


# --- machines ---


def elsewhere(work: Callable[[], None]) -> int:
    """A process on a host of its own; its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        ctypes.CDLL(None).unshare(0x04000000)  # CLONE_NEWUTS
        socket.sethostname("elsewhere")
        work()
        code = 0
    finally:
        os._exit(code)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may have a host of its own")
def test_a_machine_that_froze_for_longer_than_its_lease_sends_nothing_when_it_wakes(
    house: House, tmp_path: Path
) -> None:
    house.readers(4)
    edition = house.day.store.editions.publish(house.now, [a_listed(1), a_listed(2)], 1)
    for number, person in enumerate(house.day.store.subscribers.list()):
        plan = a_plan(person, edition, message_id=f"<{number}@example.org>")
        assert house.day.store.outbox.enqueue([plan])
    lease = house.day.settings.cluster.model_copy(update={"lease": dt.timedelta(seconds=1)})
    settings = house.day.settings.model_copy(update={"cluster": lease})
    here, there = tmp_path / "here", tmp_path / "there"

    def freezing() -> None:
        """Send one, fall asleep before the next, and go on."""
        with open_service(settings) as day:
            transport = deliver.transport(settings.mail, there)
            stops = iter([False, False, False, True])

            def asleep() -> bool:
                if next(stops, False):
                    os.kill(os.getpid(), signal.SIGSTOP)
                return False

            daily.send(day, transport, house.now, daily.Orders(stopping=asleep))

    pid = elsewhere(freezing)
    os.waitpid(pid, os.WUNTRACED)
    sent_there = len(list(there.glob("*.eml")))
    assert sent_there < 4
    with open_service(settings) as day:
        transport = deliver.transport(settings.mail, here)
        daily.deliver_due(day, transport, house.now)
        assert house.states().get(DeliveryState.SENDING), "its lease is not over"
        time.sleep(1.2)
        daily.deliver_due(day, transport, house.now)
    os.kill(pid, signal.SIGCONT)
    os.waitpid(pid, 0)

    assert house.states() == {DeliveryState.SENT: 4}
    assert len(list(there.glob("*.eml"))) == sent_there
    assert len(list(here.glob("*.eml"))) == 4 - sent_there
    with open_service(settings) as day:
        assert not day.store.outbox.owners() | sending.journals(day).owners()


# --- moving ---


def test_moving_settles_what_a_dead_pass_left_and_nothing_is_sent_again(folder: Path, url: str) -> None:
    assert digest(folder, "ingest", "--now", NOW).returncode == 0
    settings, dead = config.load(folder / "digest.toml", {}), f"{socket.gethostname()}:1:1:1"
    at = dt.datetime.fromisoformat(NOW)
    with open_service(settings) as day:
        subscriptions.sync_readers(day, at)
        assert daily.prepare_due(day, at).prepared == READERS
        answered, *_ = [compose(day, one.plan) for one in day.store.outbox.claim(at, 3, dead)]
        with JournalFiles(settings.journal_directory).open(dead) as journal:
            journal.write([answered], ())
            journal.write((), [(answered, Outcome(verdict=Verdict.ACCEPTED, reply="250 kept"))])

    moved = digest(folder, "db", "move", url, "--now", NOW, "--json")

    assert moved.returncode == 0, moved.stderr
    assert json.loads(moved.stdout)["outbox"] == READERS
    before = digest(folder, "outbox", "list", "--json").stdout
    assert json.loads(before)
    assert digest(folder, "outbox", "list", "--json", DIGEST_DATABASE__URL=url).stdout == before
    done = digest(folder, "run", "--now", NOW, "--json", DIGEST_DATABASE__URL=url)
    assert json.loads(done.stdout)["sent"] == READERS - 1
    assert not list((folder / "outbox").glob(f"{answered.id.strip('<>').partition('@')[0]}*"))

    again = digest(folder, "db", "move", url)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "not empty" in again.stderr


def test_nothing_is_moved_while_a_pass_goes_on(folder: Path, url: str) -> None:
    assert digest(folder, "run", "--now", NOW).returncode == 0
    settings = config.load(folder / "digest.toml", {})
    with deliver.owning() as me, JournalFiles(settings.journal_directory).open(me):
        refused = digest(folder, "db", "move", url)

    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "a pass is under way" in refused.stderr
