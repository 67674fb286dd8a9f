"""What orders truly changed."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest

from evaluation.counterfactual import VerdictSaid, coverage, reduction_pct, true_effects
from evaluation.record import Record
from evaluation.witness import Witness
from geo.district import District
from simulators.scenario import Scenario
from tests.evaluation.conftest import START

Lived = Callable[[str], Record]


@pytest.fixture(scope="module")
def washed(district: District, scenario: Scenario) -> Record:
    """Two hours with one wash of A1 after half an hour, and one look that moves no dust."""
    witness = Witness(district, scenario, 5, "platform")
    for at in _minutes(120):
        minute = (at - START).total_seconds() / 60.0
        if minute in (31.0, 32.0):
            witness.treat("A1", "wash", 0.5, 0.2, crew="W1", order="wash")
        if minute == 31.0:
            witness.treat("C2", "inspect", 1.0, 0.0, crew="W2", order="look")
        if minute == 100.0:
            witness.treat("A2", "wash", 1.0, 0.2, crew="W1", order="late")
        witness.step(at)
    return witness.record()


def _minutes(count: int) -> Iterator[datetime]:
    return (START + timedelta(minutes=minute + 1) for minute in range(count))


def test_statistic_by_hand() -> None:
    """Half of everything is 50 %; under the floor nothing is counted as change."""
    assert reduction_pct(np.array([10.0, 20.0]), np.array([20.0, 40.0])) == pytest.approx(50.0)
    assert reduction_pct(np.array([1.0, 2.0]), np.array([4.0, 3.0])) == pytest.approx(0.0)
    assert reduction_pct(np.array([30.0]), np.array([20.0])) == pytest.approx(-50.0)


def test_a_wash_helps_and_a_look_does_not(washed: Record, district: District) -> None:
    """A wash lowers the increment of its segment; an inspection changes it by exactly nothing."""
    effects = true_effects(district, washed, {"wash", "look"})
    assert effects["wash"].segment == "A1"
    assert 10.0 < effects["wash"].reduction_pct < 100.0
    assert effects["look"].reduction_pct == pytest.approx(0.0, abs=1e-3)


def test_an_order_without_an_hour_after_it_is_left_out(washed: Record, district: District) -> None:
    """What was done too near to the end cannot be compared; neither can an order never begun."""
    assert true_effects(district, washed, {"late", "never"}) == {}


def test_the_other_works_stay(trial: Lived, district: District) -> None:
    """Many orders at once come out as each of them alone."""
    record = trial("timetable")
    done = [said.order for said in record.progress if said.event == "done"][2:30:9]
    together = true_effects(district, record, set(done))
    assert together
    for order, effect in together.items():
        assert true_effects(district, record, {order})[order] == effect


def test_coverage(washed: Record, district: District) -> None:
    """Of two verdicts, one with the truth in its interval: half are covered."""
    truth = true_effects(district, washed, {"wash"})["wash"].reduction_pct
    verdicts = [
        VerdictSaid("wash", "A1", START, truth + 4.0, truth - 5.0, truth + 10.0),
        VerdictSaid("look", "C2", START, 40.0, 30.0, 50.0),
        VerdictSaid("late", "A2", START, 40.0, 30.0, 50.0),
    ]
    found = coverage(district, washed, verdicts)
    assert (found.share, found.count) == (0.5, 2)
    assert found.error == pytest.approx((4.0 + 40.0) / 2.0, abs=0.01)
    assert found.width == pytest.approx((15.0 + 20.0) / 2.0)
