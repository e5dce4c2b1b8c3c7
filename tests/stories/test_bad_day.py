"""A bad day, told through the flow: every way in which a server can fail, at once, and the day goes on."""

from __future__ import annotations

import contextlib
import datetime as dt
import email
import email.policy
import gzip
import json
import re
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from digest import cli, collecting, config, daily, deliver, subscriptions
from digest.model import Collected, Entry, SourceState
from digest.service import open_service
from digest.subscriptions import Wish

#: A Friday.
NOW = dt.datetime(2026, 5, 15, 10, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
USUAL = 12
#: 204 kB that are 200 MiB of zeros.
BOMB = gzip.compress(bytes(200 * 2**20), 9)

Answer = Callable[[BaseHTTPRequestHandler], None]


def a_list(date: dt.date, papers: int = USUAL, of: dt.date | None = None) -> bytes:
    """A day's list, with the papers of that day or of another."""
    day = of or date
    entries = [
        {
            "paper": {
                "id": f"{day:%y%m}.{day.day:02}{n:03}",
                "title": f"Sample paper number {n} of {day}",
                "summary": f"We sample thing {n} of {day}.",
                "upvotes": 5 + n,
                "submittedOnDailyAt": f"{date}T05:00:00Z",
            }
        }
        for n in range(papers)
    ]
    return json.dumps(entries).encode()


def plain(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def slow(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.1)


YESTERDAY, TODAY = (NOW - DAY).date(), NOW.date()
#: How each server answers today, what becomes of its source, and what its reason holds.
FAULTS: dict[str, tuple[Answer, SourceState, str]] = {
    "well": (plain(a_list(TODAY)), SourceState.FRESH, ""),
    "slow": (slow, SourceState.FAILING, "not answered in full within 3 s"),
    "huge": (plain(b" " * 12_000_000), SourceState.FAILING, "longer than fetch.max_bytes"),
    "truncated": (
        plain(b"[", Content_Length="100"),
        SourceState.FAILING,
        "incomplete|without sending complete",
    ),
    "bomb": (plain(BOMB, Content_Encoding="gzip"), SourceState.FAILING, "decompression bomb"),
    "inward": (plain(b"", 302, Location="http://127.0.0.9:1/"), SourceState.FAILING, "refused"),
    "busy": (plain(b"", 429, Retry_After="120"), SourceState.FAILING, "429 Too Many Requests.*'120'"),
    "broken": (plain(b"", 500), SourceState.FAILING, "500 Internal Server Error"),
    "gone": (plain(b"", 410), SourceState.DISABLED, "410 Gone"),
    "page": (plain(b"<!doctype html><html><body>Sorry</body></html>"), SourceState.FAILING, "not JSON"),
    "yesterday": (plain(a_list(TODAY, of=YESTERDAY)), SourceState.STALE, "15 May repeats that of 14 May"),
    "one": (plain(a_list(TODAY, 1)), SourceState.PARTIAL, "1 of about 12 papers so far"),
    "empty": (plain(b"[]"), SourceState.QUIET, "nothing new since 14 May"),
    "moved": (
        plain(b"", 301, Location="/elsewhere"),
        SourceState.FRESH,
        "moved for good; set its url to .*/elsewhere",
    ),
}


class Servers:
    """One server for each fault, each with an address of its own, as each is a site of its own."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.bases: dict[str, str] = {}
        self.running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []
        for number, name in enumerate(FAULTS, 10):
            self.start(name, f"127.0.0.{number}")

    def start(self, name: str, address: str) -> None:
        servers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                # The client gives up early: that is what is tested.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    elsewhere = plain(a_list(TODAY)) if self.path == "/elsewhere" else None
                    (elsewhere or servers.answers[name])(self)

            def log_message(self, *_: object) -> None:
                pass

        http = ThreadingHTTPServer((address, 0), Handler)
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        self.running.append((http, thread))
        self.bases[name] = f"http://{address}:{http.server_port}/"

    def stop(self) -> None:
        for http, thread in self.running:
            http.shutdown()
            http.server_close()
            thread.join()


@pytest.fixture
def servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.stop()


@pytest.fixture
def settings(tmp_path: Path, servers: Servers) -> config.Settings:
    tables = [
        f'[[sources]]\nname = "{name}"\nkind = "huggingface"\nurl = "{servers.bases[name]}"\n'
        for name in FAULTS
    ]
    text = '[site]\nurl = "https://digest.example.org"\n[mail]\nfrom = "Daily Digest <papers@example.org>"\n'
    text += '[fetch]\nallow_private_networks = true\ntimeout = "3s"\n' + "".join(tables)
    (tmp_path / "digest.toml").write_text(text)
    return config.load(tmp_path / "digest.toml", {})


def live_through_ordinary_weeks(settings: config.Settings, servers: Servers) -> None:
    with open_service(settings) as day:
        for back in range(11, 0, -1):
            now = NOW - back * DAY
            if now.weekday() < 5:
                servers.answers = dict.fromkeys(FAULTS, plain(a_list(now.date())))
                states = {one.state for one in daily.collect(day, settings.sources, now)}
                assert states == {SourceState.FRESH}


def test_every_fault_ends_in_its_state_and_the_day_goes_on(
    settings: config.Settings, servers: Servers, tmp_path: Path
) -> None:
    live_through_ordinary_weeks(settings, servers)
    servers.answers = {name: answer for name, (answer, _, _) in FAULTS.items()}
    with open_service(settings) as day:
        subscriptions.add(
            day, "vision@example.org", Wish(interests=("sample",)), NOW - 9 * DAY, confirmed=True
        )
        transport = deliver.transport(settings.mail, settings.outbox_directory)

        report = daily.run(day, transport, NOW)
        again = [source.name for source in collecting.due_sources(day, NOW + DAY)]

    told = {one.source.name: one for one in report.sources}
    for name, (_, state, reason) in FAULTS.items():
        assert told[name].state is state, (name, told[name].reason)
        assert re.search(reason, told[name].reason), (name, told[name].reason)
    assert "gone" not in again
    (sent,) = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in (tmp_path / "outbox").glob("*.eml")
    ]
    body = sent.get_body(("plain",))
    assert body
    text = " ".join(body.get_content().split())
    assert "The list of one is still filling; the rest will follow tomorrow." in text
    assert "yesterday repeated an earlier list today; its new papers will follow tomorrow." in text
    assert "slow could not be reached today; what it brings will follow tomorrow." in text
    assert "well could" not in text


def test_a_bomb_is_refused_before_it_fills_the_memory(settings: config.Settings, servers: Servers) -> None:
    assert len(BOMB) < 210_000
    servers.answers = {"bomb": FAULTS["bomb"][0]}
    (source,) = [one for one in settings.sources if one.name == "bomb"]
    with open_service(settings) as day:
        tracemalloc.start()
        (collected,) = daily.collect(day, [source], NOW)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert collected.state is SourceState.FAILING
    assert peak < 20_000_000


def test_days_without_a_pass_are_caught_up(tmp_path: Path, servers: Servers) -> None:
    asked: list[str] = []

    def dated(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        plain(a_list(dt.date.fromisoformat(request.path[1:])))(request)

    servers.answers = {"well": dated}
    (tmp_path / "digest.toml").write_text(
        f'[fetch]\nallow_private_networks = true\n[[sources]]\nname = "s"\nkind = "huggingface"\n'
        f'url = "{servers.bases["well"]}{{date}}"\n'
    )
    settings = config.load(tmp_path / "digest.toml", {})
    with open_service(settings) as day:
        list(daily.collect(day, settings.sources, NOW - 5 * DAY))
        asked.clear()
        list(daily.collect(day, settings.sources, NOW))

        assert asked == [f"/2026-05-{n}" for n in range(10, 16)]
        assert len(day.store.papers.list(None)) == 8 * USUAL

        asked.clear()
        list(daily.collect(day, settings.sources, NOW))
        assert len(asked) == 3


def test_a_week_of_a_source_reads_well_on_a_telephone(
    settings: config.Settings, servers: Servers, tmp_path: Path
) -> None:
    live_through_ordinary_weeks(settings, servers)
    servers.answers = {name: answer for name, (answer, _, _) in FAULTS.items()}
    with open_service(settings) as day:
        list(daily.collect(day, settings.sources, NOW))

    command = ["--config", str(tmp_path / "digest.toml"), "sources", "check", "--now", NOW.isoformat()]
    result = CliRunner().invoke(cli.app, command, env={"COLUMNS": "40"})
    structlog.reset_defaults()  # the command logs to the runner's stderr, which is closed by now

    lines = result.stdout.splitlines()
    assert result.exit_code == 3
    assert max(map(len, lines)) <= 40
    start = lines.index("one: partial")
    assert lines[start : start + 6] == [
        "one: partial",
        "  1 of about 12 papers so far, for a",
        "  Friday",
        "  read 2026-05-15 10:00Z",
        "  Mon fresh, Tue fresh, Wed fresh, Thu",
        "  fresh, Fri partial",
    ]


@pytest.mark.parametrize(("down", "owed"), [(1, []), (4, [12, 13, 14]), (9, [8, 11, 12, 13, 14])])
def test_arxivs_lists_are_owed_for_weekdays_that_went_by_without_one(
    tmp_path: Path, down: int, owed: list[int]
) -> None:
    """Its RSS holds one day, so the API is asked for the others; not for the weekend, nor for what is known."""
    (tmp_path / "digest.toml").write_text(
        '[[sources]]\nname = "arXiv"\nkind = "arxiv"\nurl = "https://rss.arxiv.org/rss/cs.CL"\n'
    )
    settings = config.load(tmp_path / "digest.toml", {})
    (source,) = settings.sources
    last = NOW - down * DAY
    entry = Entry(source="arXiv", ids=("arxiv:2605.00001",), title="A sample", abstract="", listed_at=last)
    with open_service(settings) as day:
        told = Collected(source=source, at=last, state=SourceState.FRESH, reason="", entries=(entry,))
        collecting.absorb(day, told, {}, last)
        lists = day.store.sources.lists((NOW - 30 * DAY).date())

        found = collecting.days_to_ask(day, [source], lists, NOW)

    assert sorted(found["arXiv"]) == [dt.date(2026, 5, day) for day in owed]
