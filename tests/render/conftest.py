"""A day of invented papers, the readers of it, and the option that rewrites golden files."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from factories import NOON, a_mention, a_paper, a_plan, a_subscriber

from digest import languages
from digest.config import Site
from digest.languages import Language, read
from digest.model import (
    BounceClass,
    Content,
    DayReport,
    Days,
    DeliveryState,
    Edition,
    EventKind,
    Link,
    Listed,
    Pick,
    Plan,
    Reader,
    ReaderLinks,
    Reason,
    ReasonKind,
    Schedule,
    Signals,
    SourceState,
    SourceStatus,
    Trend,
)
from digest.render import Composer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/render/golden (run: pytest tests/render)"
    )


PAPERS = (
    (
        "Hinges fold twice: a note on O(n²) origami",
        "We fold n sheets in O(n²) time. Earlier work, e.g. by Fuller et al., needed 3.5 times as long.",
        214,
        1234,
    ),
    (
        "A slow clock for fast robots",
        "Robots that wait half a second drop 12 % fewer cups. We show why, and when waiting hurts.",
        98,
        None,
    ),
    ("Reading with <b>bold</b> & “quoted” claims", "", 41, None),
    (
        "Lakes remember: β-decay of summer heat",
        "However, lakes are old. We measured 40 of them for a decade. Heat leaves by night, cf. Fig. 2.",
        None,
        9,
    ),
    (
        "What parrots do not repeat",
        "Parrots skip words that nobody answered. In 1,200 hours of tape we count the gaps.",
        12,
        None,
    ),
    (
        "Counting leaves without a tree",
        "A camera under the crown counts leaves to within 3 %. It runs on a phone.",
        7,
        None,
    ),
    (
        "Silence as a second channel",
        "We code two bits in the pause between words, and listeners do not notice.",
        3,
        None,
    ),
)


def a_day() -> Edition:
    """Seven invented papers with votes, code and gaps like those of real ones."""
    listed = []
    for number, (title, abstract, votes, stars) in enumerate(PAPERS, 1):
        paper = a_paper(number, title=title, abstract=abstract)
        code = (Link(rel="code", url=f"https://github.com/example/paper-{number}"),) if stars else ()
        paper = replace(
            paper,
            links=(
                *paper.links,
                Link(rel="discussion", url=f"https://huggingface.co/papers/{paper.id[6:]}"),
                *code,
            ),
            authors=tuple(f"Ada Author {n}" for n in range(number)),
            categories=("cs.RO",) if number % 2 else (),
        )
        mention = a_mention(paper, votes, signals=Signals(votes=votes, stars=stars))
        listed.append(Listed(paper=paper, mentions=(mention,), trend=Trend(score=0.5)))
    return Edition(id=1, published_at=NOON, papers=tuple(listed))


REASONS = (
    (
        Reason(kind=ReasonKind.PHRASE, subject="folding & hinges"),
        Reason(kind=ReasonKind.VOTES, subject="hf", value=214),
    ),
    (Reason(kind=ReasonKind.LIKED, subject="How cups fall"), Reason(kind=ReasonKind.NEW, value=0)),
    (Reason(kind=ReasonKind.TRENDING), Reason(kind=ReasonKind.RISING, subject="hf", value=0.92)),
    (Reason(kind=ReasonKind.DISCOVERY),),
    (),
)


def picks_of(edition: Edition) -> tuple[Pick, ...]:
    return tuple(
        Pick(paper=listed.paper.id, score=0.5, reasons=REASONS[n % len(REASONS)])
        for n, listed in enumerate(edition.papers)
    )


def a_reader() -> Reader:
    weekdays = Schedule(timezone="Europe/Berlin", send_at=dt.time(7), days=Days("weekdays"))
    return a_subscriber(schedule=weekdays).reader


def plan_of(edition: Edition, picks: int, trending: int = 0) -> Plan:
    chosen = picks_of(edition)
    return a_plan(
        edition=edition,
        reader=a_reader(),
        picks=chosen[:picks],
        also_trending=chosen[picks : picks + trending],
    )


@dataclass(frozen=True)
class Desk:
    """A composer and what it needs, as one thing to ask a fixture for."""

    site: Site
    composer: Composer
    links: ReaderLinks

    def digest(self, edition: Edition, picks: int, trending: int = 0):
        return self.composer.digest(plan_of(edition, picks, trending), edition, self.links)

    def note(self, kind: str, code: str) -> Content:
        """One of the mails beside the digest, in that language."""
        reader, home = replace(a_reader(), language=code), self.site.url
        match kind:
            case "confirmation":
                return self.composer.confirmation(reader, f"{home}/confirm/u7Qm3xkT9vLr2Nw8ZcYb5HdE")
            case "mine":
                return self.composer.mine(reader, f"{home}/mine/u7Qm3xkT9vLr2Nw8ZcYb5HdE")
            case "new_address":
                return self.composer.new_address(reader, f"{home}/address/u7Qm3xkT9vLr2Nw8ZcYb5HdE")
            case "moved":
                return self.composer.moved(reader)
            case "goodbye":
                return self.composer.goodbye(reader, f"{home}/")
            case "report":
                return self.composer.report(code, REPORT)
            case _:
                return getattr(self.composer, kind)(reader, self.links)

    plan_of = staticmethod(plan_of)
    day = staticmethod(a_day)
    reader = staticmethod(a_reader)


SITE = Site(
    name="Paper Post",
    url="https://digest.paperpost.org",
    contact="hello@paperpost.org",
    postal_address="Example Lab, 1 Sample Street, 10115 Berlin",
)
LINKS = ReaderLinks(
    unsubscribe="https://digest.paperpost.org/unsubscribe/u7Qm3xkT9vLr2Nw8ZcYb5HdE",
    preferences="https://digest.paperpost.org/preferences/u7Qm3xkT9vLr2Nw8ZcYb5HdF",
)


OUTCOMES = {DeliveryState.SENT: 1234, DeliveryState.FAILED: 2, DeliveryState.RETRY: 1}
SOURCES = tuple(
    SourceStatus(
        name=name,
        location="https://example.org/feed",
        state=state,
        reason=reason,
        last_attempt=NOON,
        last_success=NOON,
        entries=40,
    )
    for name, state, reason in (
        ("A quiet journal", SourceState.QUIET, ""),
        ("Hugging Face", SourceState.FAILING, "HTTP 503 from huggingface.co, three times in a row"),
        ("arXiv", SourceState.LATE, "nothing listed by 06:00"),
    )
)
REPORT = DayReport(
    date=NOON.date(),
    outcomes=OUTCOMES,
    bounces={BounceClass.HARD: 3},
    events={EventKind.CONFIRMED: 12, EventKind.UNSUBSCRIBED: 4},
    subscribers=1240,
    sources=SOURCES,
)
#: Only so that lines begin at the right; it is not complete.
ARABIC = Path(__file__).parent / "arabic.po"


def language_of(code: str) -> Language:
    return Language("ar", read(ARABIC)) if code == "ar" else languages.of(code)


@pytest.fixture(scope="session")
def desk() -> Desk:
    return Desk(SITE, Composer(SITE, language_of=language_of), LINKS)


@pytest.fixture
def golden(request: pytest.FixtureRequest):
    """Compare with a kept file, or rewrite it: `pytest tests/render --update-golden`."""
    folder = Path(__file__).parent / "golden"

    def compare(name: str, text: str) -> None:
        if request.config.getoption("--update-golden", default=False):
            (folder / name).write_text(text, encoding="utf-8")
        assert text == (folder / name).read_text(encoding="utf-8")

    return compare
