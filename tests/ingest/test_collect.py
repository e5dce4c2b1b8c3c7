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
from digest.ingest import collect
from digest.ingest.collect import Asking
from digest.model import Collected, Source, SourceKind, SourceState, Validators

NOW = dt.datetime(2026, 4, 14, 12, tzinfo=dt.UTC)  # a Tuesday
SUNDAY = dt.datetime(2026, 4, 12, 12, tzinfo=dt.UTC)
QUICK = config.Fetch(timeout=dt.timedelta(seconds=5))
EMPTY = '<rss version="2.0"><channel><title>cs.CL updates</title></channel></rss>'


def a_source(location: str | Path, kind: str = "huggingface", name: str = "s") -> Source:
    return Source(name=name, kind=SourceKind(kind), location=str(location), every=dt.timedelta(hours=1))


def a_day(*numbers: str) -> str:
    return json.dumps(
        [{"paper": {"id": number, "title": f"Paper {number}", "authors": []}} for number in numbers]
    )


def one(source: Source, now: dt.datetime = NOW, validators: dict[str, Validators] | None = None) -> Collected:
    (collected,) = collect([source], QUICK, "", validators or {}, now)
    assert collected.source is source
    assert collected.at == now
    return collected


class Site:
    """Serves bodies by path with an ETag each; a number is a status instead."""

    def __init__(self) -> None:
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

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.http.server_port}"


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

    collected = list(collect(sources, QUICK, "", {}, NOW))

    assert [(c.source.name, c.state.value) for c in collected] == [
        ("dead", "failing"),
        ("good", "fresh"),
        ("malformed", "failing"),
    ]
    assert all(c.reason for c in collected if c.state is SourceState.FAILING)


def test_a_defect_of_ours_is_logged_and_the_day_goes_on(site: Site) -> None:
    site.bodies = {"/": a_day("2604.00001")}
    of_no_kind = replace(a_source(site.base + "/"), kind="none")  # type: ignore[arg-type]

    with structlog.testing.capture_logs() as logs:
        collected = list(collect([of_no_kind, a_source(site.base + "/")], QUICK, "", {}, NOW))

    assert [c.state for c in collected] == [SourceState.FAILING, SourceState.FRESH]
    assert "KeyError" in collected[0].reason
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

    (collected,) = collect([a_source(path)], config.Fetch(max_bytes=2000), "", {}, NOW)

    assert collected.state is SourceState.FAILING
    assert "fetch.max_bytes" in collected.reason


@pytest.mark.parametrize(("lookback", "days"), [("1d", 1), ("12h", 1), ("36h", 2), ("7d", 7)])
def test_the_lookback_counts_dates_with_today(site: Site, lookback: str, days: int) -> None:
    settings = config.Fetch.model_validate({"lookback": lookback})

    list(collect([a_source(site.base + "/{date}")], settings, "", {}, NOW))

    assert len(site.asked) == days
    assert site.asked[-1] == "/2026-04-14"


def test_arxiv_is_given_three_seconds_between_requests_and_others_none() -> None:
    slept: list[float] = []
    asking = Asking(settings=QUICK, contact="", validators={}, sleep=slept.append)

    for url in ["https://rss.arxiv.org/rss/cs.CL", "https://example.org/", "https://notarxiv.org/"]:
        asking.wait_for(url)
    assert slept == []

    asking.wait_for("https://export.arxiv.org/api/query")
    assert slept == [pytest.approx(3, abs=0.5)]
