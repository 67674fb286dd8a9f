"""Verdicts beside true effects."""

from datetime import UTC, datetime

import numpy as np
import pytest

from analytics.layout import Layout
from analytics.settings import AnalyticsSettings
from bench.helped import evenly, sample, verdict_figures
from bench.recorded import Recorded
from evaluation.counterfactual import TrueEffect, VerdictSaid
from geo.district import District

AT = datetime(2026, 3, 2, 4, tzinfo=UTC)


def said(order: str, reduction: float, low: float, high: float) -> VerdictSaid:
    """A verdict on an order on segment S1."""
    return VerdictSaid(order, "S1", AT, reduction, low, high)


def test_intervals_and_errors_are_of_the_orders_whose_truth_is_known() -> None:
    """One of two is covered; the third order has no truth and does not count."""
    true = {"A": TrueEffect("A", "S1", 20.0), "B": TrueEffect("B", "S1", 50.0)}
    found = verdict_figures(
        [said("A", 23.0, 10.0, 30.0), said("B", 46.0, 40.0, 49.0), said("C", 0.0, 0.0, 1.0)], true
    )
    assert found["verdicts held against the truth"] == 2.0
    assert found["90 % interval covers"] == 0.5
    assert found["width of the interval, points"] == pytest.approx(14.5)
    assert found["error, mean, points"] == pytest.approx(-0.5)
    assert found["error, root mean square, points"] == pytest.approx(12.5**0.5)
    assert found["true effect, mean, %"] == pytest.approx(35.0)


def test_without_truth_there_are_no_figures() -> None:
    """Nothing to hold against leaves nothing to say."""
    found = verdict_figures([said("A", 1.0, 0.0, 2.0)], {})
    assert found.pop("verdicts held against the truth") == 0.0
    assert set(found.values()) == {None}


def test_a_sample_is_spread_over_all() -> None:
    """The first and the last are in it, and as many as were asked for; of few all are."""
    orders = [str(n) for n in range(100)]
    assert evenly(orders, 5) == ["0", "25", "50", "74", "99"]
    assert evenly(orders[:3], 5) == orders[:3]


def test_orders_of_measured_and_of_other_streets_are_sampled(
    district: District, recorded: Recorded
) -> None:
    """Half of the sample was done where a station stands, as far as there are so many."""
    layout = Layout.of(district, AnalyticsSettings())
    measured = {layout.segments[g] for g in np.flatnonzero(layout.reach.own.any(axis=1))}
    treated = {said.order: said.segment for said in recorded.progress if said.event == "done"}
    chosen = sample(recorded, layout, 4)
    assert len(chosen) == len(set(chosen)) == 4
    assert sum(treated[order] in measured for order in chosen) == 2
