"""What is broken and what only needs a hand, by what was counted; and that the metrics say the same."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest
from factories import NOON
from prometheus_client.parser import text_string_to_metric_families

from digest import operating
from digest.model import (
    BounceClass,
    DeliveryState,
    Source,
    SourceKind,
    SourceState,
    SourceStatus,
    SubscriberState,
)
from digest.operating import INCIDENTS, Disk, Standing, Vitals, judge
from digest.operating.vitals import DayOf
from digest.store import EditionHeader, Sent

HOUR = dt.timedelta(hours=1)


def well(**changes: object) -> Vitals:
    found = Vitals(
        at=NOON,
        replies={"250 2.0.0 ": 40, "550 5.1.1 ": 2, "/tmp/outbo": 1},
        bounces={},
        events={},
        subscribers={SubscriberState.CONFIRMED: 40},
        sent=Sent(messages=1000, digests=990, readers=990),
        lately=Sent(messages=1000, digests=990, readers=990),
        standings=(a_standing(SourceState.FRESH), a_standing(SourceState.QUIET)),
        edition=EditionHeader(id=1, published_at=NOON - HOUR, papers=12),
        disks=(Disk(holds="the database", free=50, total=100),),
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def a_standing(state: SourceState, answered: dt.timedelta = HOUR) -> Standing:
    source = Source(name=f"a {state} one", kind=SourceKind.FEED, location="x", every=HOUR)
    status = SourceStatus(
        name=source.name, location="x", state=state, reason="why", last_attempt=NOON, last_success=NOON - answered,
        entries=4,
    )  # fmt: skip
    return Standing(source=source, status=status)


def bounced(number: int, meaning: BounceClass = BounceClass.HARD) -> dict[BounceClass, int]:
    return {meaning: number}


def test_a_good_day_needs_nobody() -> None:
    assert judge(well()) == ()


@pytest.mark.parametrize(
    ("changes", "name", "broken"),
    [
        ({"held_since": NOON - HOUR}, "held", True),
        ({"held_since": NOON, "copied_at": NOON - HOUR}, "held", True),
        ({"overdue": 3}, "overdue", False),
        ({"overdue": 3, "late": 1}, "overdue", True),
        ({"in_doubt": 1}, "doubt", False),
        ({"in_doubt": 1, "doubtful": 1}, "doubt", True),
        ({"days": (DayOf(date=NOON.date(), counts={DeliveryState.FAILED: 1}),)}, "lost", False),
        ({"days": (DayOf(date=NOON.date(), counts={DeliveryState.EXPIRED: 9}),)}, "lost", False),
        ({"lately": Sent(messages=1000, digests=1000, readers=989)}, "repeated", True),
        ({"bounces": bounced(21)}, "bounces", True),
        ({"complaints": 1}, "complaints", False),
        ({"complaints": 2}, "complaints", True),
        ({"standings": (a_standing(SourceState.FAILING), a_standing(SourceState.FRESH))}, "source", False),
        ({"edition": EditionHeader(id=1, published_at=NOON - 37 * HOUR, papers=1)}, "edition", False),
        ({"disks": (Disk(holds="the database", free=4, total=100),)}, "disk", True),
    ],
)  # fmt: skip
def test_each_trouble_is_named_once_and_broken_only_if_readers_feel_it(
    changes, name: str, broken: bool
) -> None:
    (need,) = judge(well(**changes))
    assert (need.name, need.broken) == (name, broken)
    assert need.advice.endswith((".", "?", "!"))
    assert not need.text.endswith(".")
    assert NOON.strftime("%Y") not in need.name


@pytest.mark.parametrize(
    "changes",
    [
        {"bounces": bounced(20)},  # two in a hundred
        {"sent": Sent(messages=10, digests=10, readers=10), "bounces": bounced(4)},  # of ten, chance
        {"bounces": bounced(900, BounceClass.POLICY)},  # is about us, and stops a pass by itself
        {"lately": Sent(messages=1000, digests=993, readers=990)},
        {"standings": (a_standing(SourceState.PARTIAL),)},
        {"waiting": 10_000, "due": 10_000},
    ],
)
def test_what_may_be_chance_or_mends_itself_is_not_told(changes) -> None:
    assert judge(well(**changes)) == ()


def test_all_sources_away_are_broken_after_six_hours_and_one_is_not() -> None:
    away = a_standing(SourceState.FAILING, 7 * HOUR)
    briefly = a_standing(SourceState.FAILING, 5 * HOUR)
    assert [need.name for need in judge(well(standings=(away, away))) if need.broken] == ["sources"]
    assert not [need for need in judge(well(standings=(away, briefly))) if need.broken]
    assert not [need for need in judge(well(standings=())) if need.broken]


def test_an_old_edition_is_broken_only_while_a_source_is_in_trouble_and_somebody_waits() -> None:
    old = EditionHeader(id=1, published_at=NOON - 37 * HOUR, papers=1)
    late = (a_standing(SourceState.LATE),)
    assert "edition" in {need.name for need in judge(well(edition=old, standings=late)) if need.broken}
    nobody = well(edition=old, standings=late, subscribers={})
    assert "edition" not in {need.name for need in judge(nobody) if need.broken}


def exposed(found: Vitals) -> dict[tuple[str, tuple[str, ...]], float]:
    text, kind = operating.exposition(found, {"prepare": 3.0})
    assert kind.startswith("text/plain")
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_the_metrics_judge_alike_and_name_every_incident() -> None:
    values = exposed(well(late=1, overdue=2, in_doubt=1))
    incidents = {labels[0]: value for (name, labels), value in values.items() if name == "digest_incident"}
    assert incidents == {**dict.fromkeys(INCIDENTS, 0.0), "overdue": 1.0, "doubt": 0.5}


def test_answers_are_counted_by_their_codes_and_nothing_else_of_them_is_told() -> None:
    values = exposed(well())
    assert {labels: value for (name, labels), value in values.items() if name == "digest_replies"} == {
        ("2", "2.0.0"): 40, ("5", "5.1.1"): 2, ("0", ""): 1,
    }  # fmt: skip
    assert values["digest_job_age_seconds", ("prepare",)] == 3
    assert values["digest_deliveries", ("sent",)] == 0
    assert values["process_resident_memory_bytes", ()] > 1_000_000


def test_whatever_judge_names_is_known() -> None:
    everything = well(
        held_since=NOON, in_doubt=1, lately=Sent(messages=9, digests=9, readers=1), bounces=bounced(99),
        complaints=9, standings=(a_standing(SourceState.FAILING, 9 * HOUR),),
        edition=EditionHeader(id=1, published_at=NOON - 99 * HOUR, papers=1),
        days=(DayOf(date=NOON.date(), counts={DeliveryState.FAILED: 1}),), disks=(Disk(holds="x", free=0, total=9),),
    )  # fmt: skip
    named = {need.name for need in (*judge(everything), *judge(well(overdue=1)))}
    assert named == set(INCIDENTS)
    assert all(re.fullmatch("[a-z]+", name) for name in INCIDENTS)
