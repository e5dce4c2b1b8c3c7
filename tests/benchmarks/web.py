"""What the pages bear: `python tests/benchmarks/web.py [--smtp HOST:PORT] --json`.

Real servers on loopback, each in a process of its own, over a scratch database with the durability that ships; the
load comes from this process. Three questions, each answered by a ratio or a bound within one run:

- landing: how often a second the landing page is served, beside a bare Starlette response of the same size, in turns.
- unsubscribe: how long one-click POSTs take that come at each `--rate` a second, each of another reader, whether or
  not those before are answered; counted from when it should have been sent. Connections are held and used again, as
  mail providers and proxies do; a new one is opened when none is free.
- sending (with `--smtp`): how many messages a second a pass sends into that sink from another process while
  20 requests a second arrive here, beside the same pass while none does, in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import structlog
import uvicorn
import uvloop
from factories import NOON
from pipeline import fill, measured
from ranking import as_shipped
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from digest import daily, web
from digest.config import Settings
from digest.listening import listen
from digest.service import open_service
from digest.store import upgrade
from digest.web.server import configured

#: Pages of the mix that arrives while a pass sends, one after the other.
MIX = ("/", "/archive", "/", "preferences", "/", "/feed.atom", "/", "/archive/2026-04-10", "/", "unsubscribe")


@dataclass(frozen=True, slots=True)
class Server:
    """One that answers on loopback, in a process of its own."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Of the processor, so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Installation:
    """A scratch installation, filled before the clock starts."""

    folder: Path
    smtp: str

    @property
    def settings(self) -> Settings:
        """Those that ship, but for where things are."""
        host, _, port = self.smtp.rpartition(":")
        mail = {"transport": "smtp", "host": host, "port": int(port), "security": "none"} if self.smtp else {}
        return Settings.model_validate(
            {
                "site": {"url": "https://digest.example.org", "secret": "benchmark"},
                "database": {"url": f"sqlite:///{self.folder / 'digest.db'}"},
                "mail": mail,
                "digest": {"min_score": 0.0},
                "directory": self.folder,
            }
        )

    def fill(self, subscribers: int, papers: int) -> None:
        """Papers, readers whose digest is due, and an edition."""
        upgrade(self.settings.database_url)
        fill(self.settings.database_url, subscribers, papers)
        with open_service(self.settings) as day:
            daily.publish(day, NOON)

    def paths(self) -> list[tuple[str, str]]:
        """Where each reader leaves, and where their settings are."""
        with open_service(self.settings) as day:
            links = [day.links.of_reader(one.reader) for one in day.store.subscribers.list()]
        base = self.settings.site.url
        return [
            (one.unsubscribe.removeprefix(base), one.preferences.removeprefix(base)) for one in links if one
        ]

    def copied(self, name: str) -> Installation:
        """The same elsewhere, so that each round begins alike."""
        folder = self.folder.with_name(name)
        shutil.copytree(self.folder, folder)
        return Installation(folder, self.smtp)


# --- processes ------------------------------------------------------------------------------------


def run(application: ASGIApp, told: Connection) -> None:
    """Serve as we do, on any port, which is told."""
    listening = listen("127.0.0.1", 0)
    told.send(listening.getsockname()[1])
    uvicorn.Server(configured(application)).run(sockets=[listening])  # type: ignore[arg-type]


def bare(octets: int, told: Connection) -> None:
    """Starlette, with one page of that size."""

    async def page(_: Request) -> Response:
        return Response(b"x" * octets, media_type="text/html")

    run(Starlette(routes=[Route("/", page)]), told)


def pages(installation: Installation, told: Connection) -> None:
    """Our pages, at noon."""
    as_shipped()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with open_service(installation.settings) as day:
        run(web.app(day, lambda: NOON, lambda: True), told)


def sending(installation: Installation, told: Connection) -> None:
    """A pass, from ranking to the last row settled; its messages a second are told."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with open_service(installation.settings) as day:
        told.send(measured(day)["messages_per_second"])


@contextmanager
def started(target: Callable[..., None], given: object) -> Iterator[tuple[Connection, int]]:
    """A process of its own, ended with the block."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=target, args=(given, theirs))
    process.start()
    try:
        yield ours, process.pid or 0
    finally:
        process.terminate()
        process.join()


@contextmanager
def serving(target: Callable[..., None], given: object) -> Iterator[Server]:
    """A server that answers."""
    with started(target, given) as (told, pid):
        server = Server(told.recv(), pid)
        asyncio.run(asked(server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        yield server


# --- load -----------------------------------------------------------------------------------------


def request(path: str, *, close: bool = True) -> bytes:
    """A GET; a POST as mail programs send it (RFC 8058) where the path is to unsubscribe."""
    head = f"HTTP/1.1\r\nHost: localhost\r\n{'Connection: close' if close else 'Accept: */*'}\r\n"
    if not path.startswith("/unsubscribe/"):
        return f"GET {path} {head}\r\n".encode()
    body = "List-Unsubscribe=One-Click"
    kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"POST {path} {head}{kind}{body}".encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    """The status and the octets of one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head[9:12]), length


async def asked(server: Server, raw: bytes) -> tuple[int, int]:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(raw)
    try:
        return await answer(reader)
    finally:
        writer.close()


async def saturated(server: Server, connections: int, seconds: float) -> int:
    """How often the first page is served within that time to connections that ask again at once."""
    raw, end = request("/", close=False), time.perf_counter() + seconds

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        count = 0
        while time.perf_counter() < end:
            writer.write(raw)
            status, _ = await answer(reader)
            assert status == 200, status
            count += 1
        writer.close()
        return count

    return sum(await asyncio.gather(*(one() for _ in range(connections))))


async def paced(server: Server, requests: Sequence[bytes], rate: float) -> list[float]:
    """Seconds that each took, from when it was to be sent."""
    free: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
    start = time.perf_counter()

    async def one(number: int, raw: bytes) -> float:
        at = start + number / rate
        await asyncio.sleep(at - time.perf_counter())
        # The one that was idle longest: the server closes it after five seconds of that.
        reader, writer = free.popleft() if free else await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(raw)
        status, _ = await answer(reader)
        assert status == 200, status
        free.append((reader, writer))
        return time.perf_counter() - at

    took = await asyncio.gather(*(one(number, raw) for number, raw in enumerate(requests)))
    for _, writer in free:
        writer.close()
    return took


# --- the three questions --------------------------------------------------------------------------


def landing(installation: Installation, rounds: int, seconds: float) -> dict[str, object]:
    """The landing page beside a bare response, in turns."""
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    cpu: dict[str, list[float]] = {"ours": [], "bare": []}
    with serving(pages, installation) as mine:
        _, octets = asyncio.run(asked(mine, request("/")))
        with serving(bare, octets) as theirs:
            for name, server in islice(cycle((("ours", mine), ("bare", theirs))), 2 * rounds):
                before = server.cpu_seconds()
                count = asyncio.run(saturated(server, 8, seconds))
                rates[name].append(count / seconds)
                cpu[name].append((server.cpu_seconds() - before) / count)
    ratio = statistics.median(ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True))
    return {
        "octets": octets,
        "ours_per_second": round(statistics.median(rates["ours"])),
        "bare_per_second": round(statistics.median(rates["bare"])),
        "ratio": round(ratio, 3),
        "ours_cpu_microseconds": round(1e6 * statistics.median(cpu["ours"])),
        "bare_cpu_microseconds": round(1e6 * statistics.median(cpu["bare"])),
    }


def unsubscribe(installation: Installation, rate: float) -> dict[str, object]:
    """One-click POSTs at that rate, of as many readers as there are."""
    requests = [request(leave, close=False) for leave, _ in installation.paths()]
    with serving(pages, installation) as server:
        before, mine = server.cpu_seconds(), time.process_time()
        took = sorted(uvloop.run(paced(server, requests, rate)))
        busy, load = server.cpu_seconds() - before, time.process_time() - mine
    return {
        "posts": len(took),
        "per_second": rate,
        "p50_milliseconds": round(1e3 * statistics.median(took), 1),
        "p99_milliseconds": round(1e3 * took[int(0.99 * len(took))], 1),
        "cpu_microseconds": round(1e6 * busy / len(took)),
        "load_cpu_microseconds": round(1e6 * load / len(took)),
    }


async def disturbed(server: Server, told: Connection, paths: Sequence[str], rate: float) -> int:
    """How many requests arrived until the pass was done."""
    count, start = 0, time.perf_counter()
    asking: set[asyncio.Task[tuple[int, int]]] = set()
    for path in cycle(paths):
        await asyncio.sleep(start + count / rate - time.perf_counter())
        if told.poll():
            break
        asking.add(asyncio.create_task(asked(server, request(path))))
        count += 1
    await asyncio.gather(*asking)
    return count


def beside_a_pass(installation: Installation, rounds: int, rate: float) -> dict[str, object]:
    """Messages a second, with and without requests, in turns."""
    # Only the last twentieth leaves, so that a pass sends to nearly all, with and without.
    links = installation.paths()
    leaving, staying = cycle(links[-max(1, len(links) // 20) :]), cycle(links)
    mix = [
        next(leaving)[0] if page == "unsubscribe" else next(staying)[1] if page == "preferences" else page
        for page in islice(cycle(MIX), 10_000)
    ]
    sent: dict[str, list[float]] = {"quiet": [], "busy": []}
    arrived = []
    for number in range(2 * rounds):
        copy = installation.copied(f"round-{number}")
        with serving(pages, copy) as server, started(sending, copy) as (told, _):
            if number % 2:
                arrived.append(asyncio.run(disturbed(server, told, mix, rate)))
            sent["busy" if number % 2 else "quiet"].append(told.recv())
    ratio = statistics.median(busy / quiet for quiet, busy in zip(sent["quiet"], sent["busy"], strict=True))
    return {
        "requests_per_second": rate,
        "requests": sum(arrived),
        "quiet_messages_per_second": round(statistics.median(sent["quiet"]), 1),
        "busy_messages_per_second": round(statistics.median(sent["busy"]), 1),
        "ratio": round(ratio, 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--smtp", metavar="HOST:PORT", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round of the landing page")
    parser.add_argument("--posts", type=int, default=2000, help="how many readers leave")
    parser.add_argument("--rate", type=float, nargs="+", default=[200.0], help="how many of them a second")
    parser.add_argument("--only", choices=("landing", "unsubscribe", "sending"), help="one of the questions")
    parser.add_argument("--subscribers", type=int, default=3000, help="of the pass")
    parser.add_argument("--papers", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="digest-web-") as folder:
        few = Installation(Path(folder, "few"), "")
        few.folder.mkdir()
        few.fill(given.posts, given.papers)
        if given.only in {None, "landing"}:
            result["landing"] = landing(few, given.rounds, given.seconds)
        if given.only in {None, "unsubscribe"}:
            result["unsubscribe"] = [unsubscribe(few.copied(f"{rate:g}"), rate) for rate in given.rate]
        if given.smtp and given.only in {None, "sending"}:
            many = Installation(Path(folder, "many"), given.smtp)
            many.folder.mkdir()
            many.fill(given.subscribers, given.papers)
            result["sending"] = beside_a_pass(many, given.rounds, 20.0)
    lines: Iterator[str] = (f"{name}: {value}" for name, value in result.items())
    sys.stdout.write((json.dumps(result) if given.json else "\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()
