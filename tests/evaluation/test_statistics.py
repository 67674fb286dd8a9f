"""Intervals and paired differences against scipy's own."""

import numpy as np
import pytest
from scipy import stats

from evaluation.result import Result
from evaluation.statistics import against, by_policy, mean_interval
from tests.evaluation.made_up import START

NONE = np.zeros(1)


def _result(policy: str, seed: int, **figures: float | None) -> Result:
    return Result(policy, seed, START, dict(figures), NONE, NONE, NONE)


def test_interval_is_students() -> None:
    """The interval is scipy's 95 % interval of a mean by Student's t."""
    values = np.random.default_rng(2).normal(10.0, 3.0, 7)
    found = mean_interval(list(values))
    low, high = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx((values.mean(), low, high))


def test_one_seed_has_no_interval() -> None:
    """One value has a mean and no interval; none has neither."""
    found = mean_interval([4.0])
    assert found is not None
    assert (found.mean, found.half, found.parts_from_zero) == (4.0, None, False)
    assert mean_interval([]) is None


def test_figures_that_do_not_apply_are_left_out() -> None:
    """None counts for no seed; a figure of nothing but None has no mean."""
    means = by_policy([_result("p", 1, a=1.0, b=None), _result("p", 2, a=None, b=None)])
    assert means["p"]["b"] is None
    found = means["p"]["a"]
    assert found is not None
    assert (found.mean, found.count) == (1.0, 1)


def test_difference_is_paired_by_seed() -> None:
    """Seeds are common random numbers: the difference has the interval of the pairs'."""
    rng = np.random.default_rng(3)
    luck = rng.normal(100.0, 50.0, 6)
    gain = rng.normal(-5.0, 1.0, 6)
    results = [_result("timetable", seed, a=float(x)) for seed, x in enumerate(luck)]
    results += [_result("p", seed, a=float(x)) for seed, x in enumerate(luck + gain)][::-1]
    # A seed without a partner says nothing of the difference.
    results.append(_result("p", 99, a=1e6))
    found = against(results, "timetable")["p"]["a"]
    low, high = stats.t.interval(0.95, 5, loc=gain.mean(), scale=stats.sem(gain))
    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx((gain.mean(), low, high))
    assert found.parts_from_zero
