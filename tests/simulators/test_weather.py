"""The air: days that differ, and streams of numbers that leave one another alone."""

import dataclasses
import itertools
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulators.scenario import Scenario, load_scenario
from simulators.streams import stream
from simulators.weather import Air, Sky, log_normal

SHANGHAI = ZoneInfo("Asia/Shanghai")


def airs(scenario: Scenario, minutes: int, seed: int = 1) -> list[Air]:
    """The air of the first minutes of a scenario."""
    names = (("weather",), ("background",), ("weather", "synoptic"), ("background", "synoptic"))
    sky = Sky(scenario, SHANGHAI, *(stream(seed, *name) for name in names))
    return [sky.step(scenario.start + timedelta(minutes=at + 1)) for at in range(minutes)]


def calm(**changes: Any) -> Scenario:
    """Ordinary days without gusts of the region, of which only what is given changes."""
    settled: dict[str, Any] = {
        "wind_synoptic": 0.0,
        "background_synoptic": 0.0,
        "background_noise": 0.0,
    }
    return dataclasses.replace(load_scenario("ordinary"), **(settled | changes))


def test_days_differ_by_as_much_as_the_scenario_says() -> None:
    """Over 200 days the logarithm of what is added has the spread, and the factor a mean of 1."""
    minutes = 200 * 1440
    with_it = airs(calm(background_synoptic=0.25), minutes)
    without = airs(calm(), minutes)
    factor = np.array(
        [
            one.background_pm10 / two.background_pm10
            for one, two in zip(with_it, without, strict=True)
        ]
    )
    assert np.log(factor).std() == pytest.approx(0.25, rel=0.2)
    assert factor.mean() == pytest.approx(1.0, abs=0.08)
    # It goes over days, not hours, and is gone in a fortnight.
    deviation = np.log(factor) - np.log(factor).mean()

    def alike(lag_min: int) -> float:
        return float(np.corrcoef(deviation[:-lag_min], deviation[lag_min:])[0, 1])

    assert alike(6 * 60) > 0.8
    assert 0.3 < alike(48 * 60) < 0.65
    assert abs(alike(14 * 1440)) < 0.3


def test_wind_differs_from_day_to_day() -> None:
    """Daily means of the wind spread more with synoptic weather, about the same mean."""
    days = 60
    spread = []
    for synoptic in (0.0, 0.4):
        wind = np.array([air.wind_m_s for air in airs(calm(wind_synoptic=synoptic), days * 1440)])
        daily = wind.reshape(days, 1440).mean(axis=1)
        spread.append(float(np.log(daily).std()))
    assert spread[0] < 0.25
    assert 0.2 < spread[1] < 0.6


def test_a_day_to_day_change_shifts_nothing_else() -> None:
    """With synoptic weather or without, gusts, warmth, directions' draws are the same numbers."""
    for one, two in itertools.islice(
        zip(
            airs(calm(), 300), airs(calm(background_synoptic=0.5), 300), strict=True
        ), 300,
    ):  # fmt: skip
        assert dataclasses.replace(one, background_pm10=0.0, background_pm25=0.0) == (
            dataclasses.replace(two, background_pm10=0.0, background_pm25=0.0)
        )
    for one, two in zip(airs(calm(), 300), airs(calm(wind_synoptic=0.5), 300), strict=True):
        assert (one.temp_c, one.rh_pct, one.background_pm10) == (
            two.temp_c,
            two.rh_pct,
            two.background_pm10,
        )
    ratios = {
        round(two.wind_m_s / one.wind_m_s, 3)
        for one, two in zip(airs(calm(), 60), airs(calm(wind_synoptic=0.5), 60), strict=True)
    }
    # Within an hour the day's factor hardly moves, though gusts do.
    assert max(ratios) < 1.3 * min(ratios)


def test_a_log_normal_factor_has_a_mean_of_one() -> None:
    """By Gauss and Hermite, whatever the spread."""
    at, weight = np.polynomial.hermite_e.hermegauss(40)
    for spread in (0.0, 0.25, 0.6):
        values = [log_normal(spread, float(x)) for x in at]
        assert np.dot(weight, values) / weight.sum() == pytest.approx(1.0)
