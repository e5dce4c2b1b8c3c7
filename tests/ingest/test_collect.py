"""Asking, reading and gathering, over real loopback HTTP and real files."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import structlog

from digest import config
from digest.ingest import Politeness, collect
from digest.model import Collected, Source, SourceKind, SourceState, Validators

NOW = dt.datetime(2026, 4, 14, 12, tzinfo=dt.UTC)  # a Tuesday
SUNDAY = dt.datetime(2026, 4, 12, 12, tzinfo=dt.UTC)
QUICK = config.Fetch(timeout=dt.timedelta(seconds=5), allow_private_networks=True)
EMPTY = '<rss version="2.0"><channel><title>cs.CL updates</title></channel></rss>'


class Turns:
    """The turns of one process, as the store keeps them for all."""

    def __init__(self) -> None:
        self.free_at: dict[str, dt.datetime] = {}

    def take(self, site: str, pause: dt.timedelta, patience: dt.timedelta, at: dt.datetime) -> dt.datetime:
        free_at = max(at, self.free_at.get(site, at))
        if free_at - at <= patience:
            self.free_at[site] = free_at + pause
        return free_at

    def hold_off(self, site: str, until: dt.datetime) -> None:
        self.free_at[site] = until


def polite(turns: Turns | None = None) -> Politeness:
    return Politeness(turns=turns or Turns())


def a_source(location: str | Path, kind: str = "huggingface", name: str = "s") -> Source:
    return Source(name=name, kind=SourceKind(kind), location=str(location), every=dt.timedelta(hours=1))


def a_day(*numbers: str) -> str:
    return json.dumps(
        [{"paper": {"id": number, "title": f"Paper {number}", "authors": []}} for number in numbers]
    )


def one(source: Source, now: dt.datetime = NOW, validators: dict[str, Validators] | None = None) -> Collected:
    (collected,) = collect([source], QUICK, "", validators or {}, polite(), now)
    assert collected.source is source
    assert collected.at == now
    return collected


class Site:
    """Serves bodies by path with an ETag each; a number is a status instead."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.bodies: dict[str, str | int] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                body = site.bodies.get(self.path, 404)
                tag = f'"{hash(body)}"'
                status = (
                    body if isinstance(body, int) else 304 if self.headers["If-None-Match"] == tag else 200
                )
                content = body.encode() if isinstance(body, str) and status == 200 else b""
                self.send_response(status)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer((address, 0), Handler)
        self.base = f"http://{address}:{self.http.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.http.serve_forever, args=(0.02,))
    thread.start()
    yield site
    site.http.shutdown()
    site.http.server_close()
    thread.join()


def test_a_date_runs_over_the_lookback_the_oldest_first(site: Site) -> None:
    site.bodies = {"/2026-04-13": a_day("2604.00001"), "/2026-04-14": a_day("2604.00002", "2604.00001")}

    collected = one(a_source(site.base + "/{date}"))

    assert site.asked == ["/2026-04-12", "/2026-04-13", "/2026-04-14"]
    assert (collected.state, collected.reason) == (SourceState.FRESH, "")
    assert [e.ids[0] for e in collected.entries] == [
        "arxiv:2604.00001",
        "arxiv:2604.00002",
        "arxiv:2604.00001",
    ]
    assert [e.listed_at.day for e in collected.entries if e.listed_at] == [13, 14, 14]
    assert set(collected.validators) == {f"{site.base}/2026-04-13", f"{site.base}/2026-04-14"}


def test_what_did_not_change_is_not_read_again_and_keeps_its_validators(site: Site) -> None:
    site.bodies = {"/2026-04-14": a_day("2604.00001")}
    source = a_source(site.base + "/{date}")
    first = one(source)

    second = one(source, validators=dict(first.validators))

    assert second.entries == ()
    assert (second.state, second.reason) == (SourceState.QUIET, "nothing new since the last time")
    assert second.validators == first.validators


@pytest.mark.parametrize("body", [500, "<html>Bad gateway</html>"])
def test_one_failing_date_does_not_lose_the_others(site: Site, body: str | int) -> None:
    site.bodies = {"/2026-04-13": body, "/2026-04-14": a_day("2604.00001")}

    collected = one(a_source(site.base + "/{date}"))

    assert len(collected.entries) == 1
    assert collected.state is SourceState.PARTIAL
    assert collected.reason.startswith("2026-04-13: ")
    assert set(collected.validators) == {f"{site.base}/2026-04-14"}


def test_nothing_listed_on_any_date_is_quiet(site: Site) -> None:
    site.bodies = {"/2026-04-13": "[]"}

    collected = one(a_source(site.base + "/{date}"))

    assert (collected.state, collected.reason) == (SourceState.QUIET, "nothing listed")


def test_an_empty_feed_on_a_sunday_is_the_weekend(site: Site) -> None:
    site.bodies = {"/": EMPTY}

    collected = one(a_source(site.base + "/", "arxiv"), now=SUNDAY)

    assert (collected.state, collected.reason) == (SourceState.QUIET, "weekend")


def test_a_404_without_a_date_is_a_failure(site: Site) -> None:
    collected = one(a_source(site.base + "/gone"))

    assert collected.state is SourceState.FAILING
    assert "404" in collected.reason


def test_refused_entries_make_a_source_partial_and_are_asked_for_again(site: Site) -> None:
    """Else the next pass would get a 304 and call the source well."""
    site.bodies = {"/": a_day("2604.00001", "nonsense")}

    collected = one(a_source(site.base + "/"))

    assert len(collected.entries) == 1
    assert len(collected.refused) == 1
    assert collected.state is SourceState.PARTIAL
    assert "entry 2: " in collected.reason
    assert collected.validators == {}


def test_a_source_that_fails_does_not_stop_the_next(site: Site) -> None:
    site.bodies = {"/good": a_day("2604.00001")}
    sources = [
        a_source("http://127.0.0.1:1/", name="dead"),
        a_source(site.base + "/good", name="good"),
        a_source("http://[::1/{date}", name="malformed"),
    ]

    collected = list(collect(sources, QUICK, "", {}, polite(), NOW))

    assert [(c.source.name, c.state.value) for c in collected] == [
        ("dead", "failing"),
        ("good", "fresh"),
        ("malformed", "failing"),
    ]
    assert all(c.reason for c in collected if c.state is SourceState.FAILING)


def test_a_defect_of_a_reader_is_logged_and_the_day_goes_on(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.bodies = {"/": a_day("2604.00001")}
    (tmp_path / "broken_source.py").write_text("def read(document):\n    return document.nothing\n")
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "broken-1.dist-info" / "entry_points.txt").write_text(
        f"[{config.EXTENSIONS}]\nbroken = broken_source:read\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    broken = replace(a_source(site.base + "/"), kind="broken")

    with structlog.testing.capture_logs() as logs:
        collected = list(collect([broken, a_source(site.base + "/")], QUICK, "", {}, polite(), NOW))

    assert [c.state for c in collected] == [SourceState.FAILING, SourceState.FRESH]
    assert "AttributeError" in collected[0].reason
    assert [(line["event"], line["exc_info"]) for line in logs] == [("source failed", True)]


def test_files_are_read_like_fetched_documents(tmp_path: Path) -> None:
    (tmp_path / "2026-04-14.json").write_text(a_day("2604.00001"))
    (tmp_path / "2026-04-10.json").write_text(a_day("2604.00002"))

    dated = one(a_source(tmp_path / "{date}.json"))
    plain = one(a_source(tmp_path / "2026-04-10.json"))
    missing = one(a_source(tmp_path / "none.json"))
    folder = one(a_source(tmp_path))

    assert [e.ids[0] for e in dated.entries] == ["arxiv:2604.00001"]
    assert (dated.state, dated.validators) == (SourceState.FRESH, {})
    assert [e.ids[0] for e in plain.entries] == ["arxiv:2604.00002"]
    assert missing.state is folder.state is SourceState.FAILING
    assert str(tmp_path) in folder.reason


def test_a_file_over_the_cap_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    path.write_text("[" + " " * 2000 + "]")

    (collected,) = collect([a_source(path)], config.Fetch(max_bytes=2000), "", {}, polite(), NOW)

    assert collected.state is SourceState.FAILING
    assert "fetch.max_bytes" in collected.reason


@pytest.mark.parametrize(("lookback", "days"), [("1d", 1), ("12h", 1), ("36h", 2), ("7d", 7)])
def test_the_lookback_counts_dates_with_today(site: Site, lookback: str, days: int) -> None:
    settings = config.Fetch.model_validate({"lookback": lookback, "allow_private_networks": True})

    list(collect([a_source(site.base + "/{date}")], settings, "", {}, polite(), NOW))

    assert len(site.asked) == days
    assert site.asked[-1] == "/2026-04-14"


# --- manners --------------------------------------------------------------------------------------


def timed(turns: Turns, slept: list[float], now: dt.datetime = NOW) -> Politeness:
    return Politeness(turns=turns, sleep=slept.append, clock=lambda: now)


def test_arxiv_is_given_three_seconds_between_requests_also_those_of_the_last_pass() -> None:
    turns, slept = Turns(), []

    for url in ["https://rss.arxiv.org/rss/cs.CL", "https://example.org/", "https://notarxiv.org/"]:
        timed(turns, slept).turn(url)
    assert slept == []

    timed(turns, slept).turn("https://export.arxiv.org/api/query")
    timed(turns, slept, NOW + dt.timedelta(seconds=1)).turn("http://ARXIV.org./")
    assert slept == [3, 5]


def test_who_asks_us_to_wait_is_not_asked_again_before_that(site: Site) -> None:
    turns = Turns()
    site.bodies = {"/busy": 503, "/fine": a_day("2604.00001")}
    sources = [a_source(site.base + "/busy", name="busy"), a_source(site.base + "/fine", name="fine")]
    turns.hold_off("127.0.0.1", dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))

    collected = list(collect(sources, QUICK, "", {}, polite(turns), NOW))

    assert site.asked == []
    assert [c.state for c in collected] == [SourceState.FAILING, SourceState.FAILING]
    assert "it asked not to be asked before" in collected[0].reason


def test_a_429_holds_off_the_whole_site(site: Site) -> None:
    site.bodies = {"/2026-04-12": 429, "/2026-04-13": a_day("2604.00001")}
    turns = Turns()
    politeness = Politeness(turns=turns, sleep=lambda _seconds: None)

    (collected,) = collect([a_source(site.base + "/{date}")], QUICK, "", {}, politeness, NOW)

    assert dt.timedelta(seconds=50) < turns.free_at["127.0.0.1"] - dt.datetime.now(dt.UTC)
    # Its other days are left for another pass, which would otherwise wait, and everybody's mail with it.
    assert (collected.state, collected.entries) == (SourceState.FAILING, ())


def test_a_site_is_asked_one_thing_at_a_time_and_sites_at_once() -> None:
    """A barrier of two sites is passed only if both are asked at once; a site counts how many ask it."""
    both = threading.Barrier(2, timeout=5)
    busy: list[int] = []

    def answering(server: Site) -> None:
        handler = server.http.RequestHandlerClass
        plain, lock = handler.do_GET, threading.Lock()

        def do_GET(self: BaseHTTPRequestHandler) -> None:  # noqa: N802 (http.server's name)
            busy.append(lock.acquire(blocking=False))
            if self.path == "/first":
                both.wait()
            plain(self)
            lock.release()

        handler.do_GET = do_GET

    sites = [Site(), Site("127.0.0.2")]
    threads = [threading.Thread(target=one.http.serve_forever, args=(0.02,)) for one in sites]
    for one, thread in zip(sites, threads, strict=True):
        one.bodies = {"/first": a_day("2604.00001"), "/second": a_day("2604.00002")}
        answering(one)
        thread.start()
    sources = [
        a_source(one.base + path, name=one.base + path) for one in sites for path in ("/first", "/second")
    ]
    collected = list(collect(sources, QUICK, "", {}, polite(), NOW))
    for one, thread in zip(sites, threads, strict=True):
        one.http.shutdown()
        one.http.server_close()
        thread.join()

    assert [c.source for c in collected] == sources
    assert [c.state for c in collected] == [SourceState.FRESH] * 4
    assert busy == [True] * 4


def test_old_days_that_are_gone_do_not_disable_a_source(site: Site) -> None:
    site.bodies = {"/2026-04-12": 410, "/2026-04-13": 410}
    collected = one(a_source(site.base + "/{date}"))
    assert collected.state is SourceState.FAILING


def test_a_document_that_was_cut_short_is_partial_and_asked_for_again(site: Site) -> None:
    items = "".join(
        f"<item><title>Paper {n}</title><link>https://example.org/{n}</link></item>" for n in range(9)
    )
    whole = f"<rss version='2.0'><channel><title>t</title>{items}</channel></rss>"
    site.bodies = {"/whole": whole, "/cut": whole[: len(whole) * 2 // 3]}

    cut = one(a_source(site.base + "/cut", kind=SourceKind.FEED))
    assert (cut.state, cut.refused[-1]) == (SourceState.PARTIAL, "the document ends in the middle")
    assert cut.entries
    assert not cut.validators
    assert one(a_source(site.base + "/whole", kind=SourceKind.FEED)).state is SourceState.FRESH


def test_a_source_that_is_gone_is_disabled(site: Site) -> None:
    site.bodies = {"/gone": 410}

    gone = one(a_source(site.base + "/gone"))

    assert (gone.state, gone.entries) == (SourceState.DISABLED, ())
    assert "410 Gone" in gone.reason
