"""Vehicles: the day's counts, the week's, and the weights on the road."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulators.streams import stream
from simulators.traffic import (
    CONTAINER_SHORT_TONS,
    LIGHT_SHORT_TONS,
    Road,
    Stream,
    gate_rate,
    of_weekday,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 3, 2, tzinfo=SHANGHAI)


def test_four_weeks_have_the_trucks_that_the_district_says() -> None:
    """A road of 3,300 heavy trucks a day sees 2,300 container and 1,000 muck trucks, to 3 %."""
    road = Road(np.array([3300.0]), np.array([3.0]), 1.0, stream(1, "traffic"))
    container = muck = 0.0
    for minute in range(28 * 1440):
        passed = road.step(MONDAY + timedelta(minutes=minute + 1))
        container += passed.container[0]
        muck += passed.muck[0]
    assert container / 28 == pytest.approx(2300.0, rel=0.03)
    assert muck / 28 == pytest.approx(1000.0, rel=0.03)


def test_a_weeks_days_average_to_one() -> None:
    """Sunday is quieter, and the week as a whole is what was asked for."""
    week = [of_weekday(MONDAY + timedelta(days=day)) for day in range(7)]
    assert sum(week) == pytest.approx(7.0)
    assert week[6] == min(week)


def test_a_days_gate_trucks_average_to_one() -> None:
    """Over the hours of a day gates let out the day's trucks."""
    day = [gate_rate(MONDAY + timedelta(minutes=minute)) for minute in range(1440)]
    assert np.mean(day) == pytest.approx(of_weekday(MONDAY), rel=1e-6)


def test_weight_is_the_mean_of_all_that_pass() -> None:
    """AP-42 wants the fleet's mean weight; where nobody passes it is 0 and not a division."""
    passing = Stream(np.array([1.0, 0.0]), np.zeros(2), np.array([3.0, 0.0])).passing()
    mean = (CONTAINER_SHORT_TONS + 3.0 * LIGHT_SHORT_TONS) / 4.0
    assert passing.weight_short_tons == pytest.approx([mean, 0.0])
    assert passing.vehicles.tolist() == [4.0, 0.0]
