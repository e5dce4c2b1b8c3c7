"""How fast a day leaves: `python tests/benchmarks/pipeline.py --subscribers N --papers M --smtp HOST:PORT --json`.

From ranking to the last row settled, through the code that `digest run` calls, on a scratch database with the
durability that ships. Readers have three interests and 15 papers a digest; what they and the papers are made of is
written by a process of its own, so that neither its time nor its memory counts.

`--rounds R` repeats it, and each time sends as many bytes of as many messages with Postfix's `smtp-source -d -s 4` to
the same sink; the medians and their ratio are told. `--usual MESSAGES` measures beside it the usual loop: a cached
Jinja2 template, css-inline, EmailMessage and one smtplib connection.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import EmailMessage
from functools import cache
from multiprocessing import get_context
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import css_inline
import structlog
from factories import NOON, a_subscriber
from jinja2 import Environment
from ranking import World, as_shipped
from sqlalchemy import event

from digest import daily, deliver
from digest.config import Settings
from digest.messages import compose
from digest.model import Interest, InterestKind, Resolved, Schedule, Subscriber
from digest.service import Service, open_service
from digest.store import open_store, upgrade
from digest.store.schema import subscribers as table
from digest.store.subscribers import _row, _write_interests

PAPERS = 15
PHRASES = 600
ASKED = 3
#: Words of a sentence: two make the summary on a card.
SENTENCE = 20
AUTHORS = (
    "Zoë Müller-Østergård",
    "José Ångström Núñez",
    "Łucja Żółkiewska",
    "Đỗ Thị Hồng Nhung",
    "Søren Þórsson",
)
#: Subscribers written in one transaction.
BLOCK = 5000


# --- what there is before the clock starts --------------------------------------------------------


def fill(url: str, subscribers: int, papers: int) -> None:
    """A database with a pool of papers and readers whose digest is due at noon."""
    world = World()
    listed = world.edition(papers).papers
    with open_store(url) as store:
        found = Resolved(
            papers=tuple(
                replace(one.paper, abstract=sentences(one.paper.abstract), authors=AUTHORS) for one in listed
            ),
            mentions=tuple(mention for one in listed for mention in one.mentions),
            joined={},
        )
        store.papers.save(found, NOON)
        phrases = [
            " ".join(world.random.choice(world.topics[n % len(world.topics)], 2)) for n in range(PHRASES)
        ]
        for start in range(0, subscribers, BLOCK):
            with store._database.writing() as connection:
                for number in range(start, min(start + BLOCK, subscribers)):
                    one = reader(number, phrases)
                    connection.execute(table.insert(), _row(one))
                    _write_interests(connection, one)


def sentences(words: str) -> str:
    """Made-up words, as the sentences of an abstract."""
    each = words.split()
    return " ".join(
        " ".join(each[start : start + SENTENCE]).capitalize() + "." for start in range(0, len(each), SENTENCE)
    )


def reader(number: int, phrases: list[str]) -> Subscriber:
    """One reader, each with their own three phrases."""
    asked = {phrases[(number * 7 + step * 191) % len(phrases)] for step in range(ASKED)}
    return a_subscriber(
        f"reader{number}",
        id=f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}",  # all over their range, as in life
        papers=PAPERS,
        schedule=Schedule(timezone="UTC", send_at=NOON.time(), days=a_subscriber().schedule.days),
        interests=tuple(Interest(kind=InterestKind.PHRASE, value=phrase) for phrase in sorted(asked)),
    )


def settings(given: argparse.Namespace, folder: Path) -> Settings:
    """The settings that ship, but for what was asked for on the command line."""
    host, _, port = given.smtp.rpartition(":")
    mail = {"transport": "smtp", "host": host, "port": int(port), "security": "none"}
    if given.connections:
        mail["connections"] = given.connections
    return Settings.model_validate(
        {
            "site": {"url": "https://digest.example.org", "secret": "benchmark"},
            "database": {"url": given.database or f"sqlite:///{folder / 'digest.db'}"},
            "mail": mail,
            "digest": {"min_score": 0.0},  # a full digest, however little it has to do with the reader
            "directory": folder,
        }
    )


# --- what is measured -----------------------------------------------------------------------------


class Clock:
    """Adds up what each phase of a pass took, told by its progress."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("rank", "prepare", "deliver"), 0.0)
        self._since = time.perf_counter()

    def tick(self, phase: str) -> None:
        """All that passed since the last tick was this phase."""
        now = time.perf_counter()
        self.seconds[phase] += now - self._since
        self._since = now

    def progress(self, step: str, _done: int, _total: int | None) -> None:
        """The pass's own word of where it is."""
        self.tick({"ranked": "rank", "prepared": "prepare"}.get(step, "deliver"))


def ours(given: argparse.Namespace) -> dict[str, object]:
    """One pass over a scratch database."""
    with tempfile.TemporaryDirectory(prefix="digest-pipeline-") as folder:
        chosen = settings(given, Path(folder))
        upgrade(chosen.database_url)
        filling = get_context("spawn").Process(
            target=fill, args=(chosen.database_url, given.subscribers, given.papers)
        )
        filling.start()
        filling.join()
        if filling.exitcode:
            raise SystemExit("the scratch database could not be filled")
        with open_service(chosen) as day:
            return measured(day)


def measured(day: Service) -> dict[str, object]:
    """Rank, prepare, deliver."""
    commits: list[object] = []
    event.listen(day.store._database._engine, "commit", commits.append)
    as_shipped()
    transport = deliver.transport(day.settings.mail, day.settings.outbox_directory)
    worked, clock = time.process_time(), Clock()
    daily.prepare_due(day, NOON, daily.Orders(progress=clock.progress))
    clock.tick("prepare")
    outcomes = daily.deliver_due(day, transport, NOON, daily.Orders(progress=clock.progress))
    clock.tick("deliver")
    busy, messages, seconds = time.process_time() - worked, outcomes.total(), sum(clock.seconds.values())
    sent = day.store.outbox.list(limit=100)
    edition_of = cache(day.store.editions.get)
    sizes = [len(compose(day, one.plan, edition_of).content) for one in sent]
    return {
        "messages": messages,
        "bytes_per_message": round(statistics.mean(sizes)),
        "papers_per_digest": statistics.mean(len(one.plan.picks) for one in sent),
        "connections": day.settings.mail.connections,
        "durability": durability(day),
        "commits_per_second": round(len(commits) / seconds, 1),
        "database_bytes": day.store.octets(),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "cpu_seconds": round(busy, 3),
        "seconds": round(seconds, 3),
        "messages_per_second": round(messages / seconds, 1),
        "phases": {
            phase: {"seconds": round(spent, 3), "messages_per_second": round(messages / spent, 1)}
            for phase, spent in clock.seconds.items()
        },
        "outcomes": {str(state): count for state, count in outcomes.items()},
    }


def durability(day: Service) -> str:
    """What the database promises about a power cut."""
    with day.store._database.reading() as connection:
        if day.store.journals:
            return f"postgresql, synchronous_commit {connection.exec_driver_sql('SHOW synchronous_commit').scalar()}"
        mode, level = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        )
        return f"sqlite, journal_mode {mode}, synchronous {('off', 'normal', 'full', 'extra')[int(level)]}"


# --- what it is compared with ---------------------------------------------------------------------


def smtp_source(address: str, messages: int, octets: int) -> float:
    """Seconds that Postfix's own generator takes for as many messages of that size."""
    command = ["smtp-source", "-d", "-s", "4", "-l", str(octets), "-m", str(messages), address]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


PAGE = """<html><head><style>{{ css }}</style></head><body><h1>{{ name }}</h1>
{% for one in papers %}<div class="card"><h2 class="title"><a href="{{ one.links[0].url }}">{{ one.title }}</a></h2>
<p class="authors">{{ one.authors | join(", ") }}</p><p class="abstract">{{ one.abstract }}</p>
<p class="why">Because you asked for {{ why }}</p><p class="links">{% for link in one.links %}
<a class="link" href="{{ link.url }}">{{ link.rel }}</a>{% endfor %}</p></div>{% endfor %}
<p class="footer"><a href="https://digest.example.org/unsubscribe/{{ name }}">Unsubscribe</a></p></body></html>"""
PLAIN = """{{ name }}
{% for one in papers %}
{{ one.title }}
{{ one.authors | join(", ") }}
{{ one.abstract }}
{{ one.links[0].url }}
{% endfor %}"""
CSS = "\n".join(
    f".{name} {{ font-family: Georgia, serif; margin: 0 0 12px; padding: 8px 0; color: #1a1a1a; line-height: 1.5 }}"
    for name in ("card", "title", "authors", "abstract", "why", "links", "link", "footer")
)


def usual(address: str, messages: int) -> dict[str, float]:
    """The usual loop, for that many readers."""
    host, _, port = address.rpartition(":")
    papers = [one.paper for one in World().edition(200).papers]
    environment = Environment(autoescape=True)
    page, plain = environment.from_string(PAGE), environment.from_string(PLAIN)
    inliner = css_inline.CSSInliner()
    began, worked, octets = time.perf_counter(), time.process_time(), 0
    with smtplib.SMTP(host, int(port)) as relay:
        for number in range(messages):
            some = [papers[(number + step * 13) % len(papers)] for step in range(PAPERS)]
            view = {"name": f"reader{number}", "papers": some, "why": "state space models", "css": CSS}
            message = EmailMessage()
            message["From"], message["To"] = "papers@example.org", f"reader{number}@example.org"
            message["Subject"] = "Your papers"
            message.set_content(plain.render(view))
            message.add_alternative(inliner.inline(page.render(view)), subtype="html")
            octets += len(message.as_bytes())
            relay.send_message(message)
    seconds = time.perf_counter() - began
    return {
        "messages_per_second": round(messages / seconds, 1),
        "cpu_seconds_per_message": round((time.process_time() - worked) / messages, 6),
        "bytes_per_message": round(octets / messages),
    }


def compared(given: argparse.Namespace) -> dict[str, object]:
    """Medians of some rounds, each beside smtp-source into the same sink."""
    results, rates = [], []
    for _ in range(given.rounds):
        result = ours(given)
        results.append(result)
        count, octets = int(str(result["messages"])), int(str(result["bytes_per_message"]))
        rates.append(count / smtp_source(given.smtp, count, octets))
    middle: Callable[[dict[str, object]], float] = lambda result: float(str(result["messages_per_second"]))  # noqa: E731 (a key)
    whole = [middle(result) / rate for result, rate in zip(results, rates, strict=True)]
    part = [delivering(result) / rate for result, rate in zip(results, rates, strict=True)]
    return sorted(results, key=middle)[len(results) // 2] | {
        "rounds": given.rounds,
        "smtp_source_messages_per_second": round(statistics.median(rates), 1),
        "ratio_to_smtp_source": round(statistics.median(whole), 3),
        "deliver_ratio_to_smtp_source": round(statistics.median(part), 3),
    }


def delivering(result: dict[str, object]) -> float:
    """The delivery phase's rate."""
    phases = result["phases"]
    assert isinstance(phases, dict)
    return float(phases["deliver"]["messages_per_second"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--subscribers", type=int, default=30_000)
    parser.add_argument("--papers", type=int, default=1000)
    parser.add_argument("--smtp", required=True, metavar="HOST:PORT")
    parser.add_argument("--connections", type=int)
    parser.add_argument(
        "--database", metavar="URL", help="an empty database; by default a scratch SQLite file"
    )
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--usual", type=int, default=0, metavar="MESSAGES")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    if given.rounds and not shutil.which("smtp-source"):
        parser.error("--rounds compares with smtp-source; on Debian: apt-get install postfix")
    result = compared(given) if given.rounds else ours(given)
    if given.usual:
        result["usual_loop"] = usual(given.smtp, given.usual)
    lines: Iterator[str] = (f"{name}: {value}" for name, value in result.items())
    sys.stdout.write((json.dumps(result) if given.json else "\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()
