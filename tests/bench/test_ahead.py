"""Forecasts beside persistence and climatology."""

import numpy as np
import pytest

from bench import scores
from bench.ahead import (
    HORIZONS_MIN,
    Day,
    chance_figures,
    chances,
    forecast_figures,
    passes,
    usual,
)

MINUTES = 1440
ROWS = slice(120, None)
BOTH = np.array([True, True])


def day(seed: int, level: float = 40.0) -> Day:
    """A day of slow ups and downs on two segments, that the plain method sees as they are."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0.0, 2.0 * np.pi, 2)
    wave = np.sin(np.arange(MINUTES)[:, None] / 90.0 + phase)
    kerb = np.maximum(level + 30.0 * wave, 0.0)
    return Day(np.arange(MINUTES) + 1, kerb, kerb)


def perfect(of: Day) -> dict[int, np.ndarray]:
    """What comes, as every quantile."""
    hour = scores.trailing_mean(of.kerb, 60)
    said = {}
    for ahead in HORIZONS_MIN:
        came = np.zeros_like(hour)
        came[:-ahead] = hour[ahead:]
        said[ahead] = np.repeat(came[:, :, None], len(scores.QUANTILES), axis=2)
    return said


def test_who_knows_what_comes_loses_nothing() -> None:
    """A perfect forecast has no loss and all the skill, on each horizon."""
    one = day(1)
    found = forecast_figures(one, usual([day(2), day(3)]), perfect(one), ROWS, BOTH)
    for ahead in HORIZONS_MIN:
        assert found[f"{ahead} min: pinball loss", "analytics"] == pytest.approx(0.0)
        assert found[f"{ahead} min: skill", "analytics"] == pytest.approx(1.0)
        for name in ("persistence", "persistence, plain", "hour of week"):
            loss = found[f"{ahead} min: pinball loss", name]
            assert loss is not None
            assert loss > 1.0


def test_where_nothing_changes_persistence_is_right() -> None:
    """On a level street the last hour is the next one, and climatology of other streets is not."""
    flat = Day(np.arange(MINUTES) + 1, np.full((MINUTES, 2), 40.0), np.full((MINUTES, 2), 40.0))
    found = forecast_figures(flat, usual([day(2, 100.0)]), {}, ROWS, BOTH)
    assert found["60 min: pinball loss", "persistence, plain"] == pytest.approx(0.0)
    assert ("60 min: skill", "analytics") not in found
    usually = found["60 min: pinball loss", "hour of week"]
    assert usually is not None
    assert usually > 10.0


def test_alone_a_day_teaches_nothing_of_itself() -> None:
    """Without other days there is no climatology and no dressing, only the plain last hour."""
    assert usual([]) is None
    found = forecast_figures(day(1), None, {}, ROWS, BOTH)
    assert {method for _, method in found} == {"persistence, plain"}


def test_changes_do_not_reach_from_one_day_into_the_next() -> None:
    """Two level days of different height together still teach that nothing changes."""
    days = [
        Day(np.arange(MINUTES) + 1, np.full((MINUTES, 2), each), np.full((MINUTES, 2), each))
        for each in (10.0, 200.0)
    ]
    known = usual(days)
    assert known is not None
    quantiles = scores.dressed(np.full((1, 2), 50.0), 180, known.plain, known.kerb)
    np.testing.assert_allclose(quantiles, 50.0)


def test_only_minutes_with_a_forecast_count_for_anybody() -> None:
    """Where analytics foresees every quarter of an hour, the plain ones are held to those too."""
    one, known = day(1), usual([day(2)])
    seldom = {ahead: said.copy() for ahead, said in perfect(one).items()}
    for said in seldom.values():
        said[np.arange(MINUTES) % 15 > 0] = np.nan
    often = forecast_figures(one, known, perfect(one), ROWS, BOTH)
    found = forecast_figures(one, known, seldom, ROWS, BOTH)
    assert found["60 min: pinball loss", "analytics"] == pytest.approx(0.0)
    key = ("60 min: pinball loss", "persistence, plain")
    assert found[key] != often[key]
    assert found[key] == pytest.approx(often[key], rel=0.1)


def test_a_limit_is_passed_ahead_or_not() -> None:
    """From an hour before the first minute over it on, and no longer from the last one on."""
    kerb = np.zeros((400, 1))
    kerb[200:260] = 1000.0
    over = np.flatnonzero(scores.trailing_mean(kerb, 60)[:, 0] >= 80.0)
    found = passes(kerb, 60)[:, 0]
    assert np.flatnonzero(found == 1.0).tolist() == list(range(over[0] - 60, over[-1]))
    assert np.isnan(found[-60:]).all()
    assert not np.isnan(found[:-60]).any()


def test_certain_and_right_has_no_brier_score() -> None:
    """Who says 1 where it passes and 0 where not is perfect; the plain ones are not."""
    one = day(1, level=70.0)
    said = {ahead: np.nan_to_num(passes(one.kerb, ahead)) for ahead in (15, 60, 180)}
    found = chance_figures(one, [day(2, level=70.0)], said, ROWS, BOTH)
    for ahead in (15, 60, 180):
        assert found[f"{ahead} min: Brier score", "analytics"] == 0.0
        assert found[f"{ahead} min: skill of the chance", "analytics"] == 1.0
        usually = found[f"{ahead} min: Brier score", "hour of week"]
        assert usually is not None
        assert usually > 0.0
    stated, came = chances(one, said, ROWS, BOTH)
    np.testing.assert_array_equal(stated, came.astype(float))
    assert 0 < came.sum() < len(came)
