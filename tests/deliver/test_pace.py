"""One rate, and less of it after trouble."""

from __future__ import annotations

import pytest

from digest.deliver.pace import PATIENT_WITH, TRUST, Pace
from digest.model import Verdict


def after(pace: Pace) -> float:
    """How long the message after the next one has to wait, once the next one may begin."""
    pace._next_at = 0
    pace.begin()
    return pace.wait()


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(None, rest=0)
    assert after(pace) == 0


def test_with_a_rate_each_waits_its_turn() -> None:
    assert after(Pace(2, rest=0)) == pytest.approx(0.5, abs=0.05)


def test_trouble_halves_the_rate_and_smooth_going_brings_it_back() -> None:
    pace = Pace(2, rest=0)
    pace.heed(Verdict.UNREACHABLE)
    assert after(pace) == pytest.approx(1.0, abs=0.05)
    for _ in range(TRUST):
        pace.heed(Verdict.ACCEPTED)
    assert after(pace) == pytest.approx(0.5, abs=0.05)
    for _ in range(5 * TRUST):
        pace.heed(Verdict.ACCEPTED)
    assert after(pace) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("trouble", [Verdict.UNREACHABLE, Verdict.IN_DOUBT])
def test_a_relay_with_trouble_after_trouble_is_left_alone(trouble: Verdict) -> None:
    pace = Pace(None, rest=0)
    for _ in range(PATIENT_WITH - 1):
        pace.heed(trouble)
    assert not pace.hopeless
    pace.heed(Verdict.DEFERRED)  # an answer about a message: the relay is there
    pace.heed(trouble)
    assert not pace.hopeless
    for _ in range(PATIENT_WITH - 1):
        pace.heed(trouble)
    assert pace.hopeless
