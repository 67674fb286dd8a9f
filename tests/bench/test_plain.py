"""The plain methods that a model has to beat."""

import numpy as np
import pytest

from analytics.layout import Layout
from analytics.readings import COLUMNS, PM10, Readings
from analytics.settings import AnalyticsSettings
from bench import plain
from geo.district import District

MINUTES = 300
FIRST = 29_000_000


@pytest.fixture(scope="module")
def layout(district: District) -> Layout:
    """That of the small district."""
    return Layout.of(district, AnalyticsSettings())


def readings(layout: Layout, pm10: np.ndarray) -> Readings:
    """A reading a minute of each station, from (T, S) in µg/m³; NaN is none."""
    minute, station = np.nonzero(~np.isnan(pm10))
    values = np.full((len(minute), len(COLUMNS)), np.nan)
    values[:, PM10] = pm10[minute, station]
    order = np.lexsort((minute, station))
    said = Readings(
        station.astype(np.int64),
        (FIRST + minute) * 60_000,
        values,
        np.full(len(minute), ord("N"), np.int64),
    )
    return said[order]


def level(layout: Layout, value: float) -> np.ndarray:
    """(T, S) the same everywhere and always."""
    return np.full((MINUTES, len(layout.stations)), value)


def measured(layout: Layout) -> tuple[int, int]:
    """A segment with a road station, and the station."""
    segment, station = np.argwhere(layout.reach.own)[0]
    return int(segment), int(station)


def test_fixed_looks_at_the_raw_station_and_at_nothing_else(layout: Layout) -> None:
    """In haze of 200 µg/m³ it cries everywhere once an hour's mean is there; at 140 never."""
    haze = plain.fixed(
        readings(layout, level(layout, 200.0)), layout, FIRST - 1, FIRST - 1 + MINUTES
    )
    assert haze.increment is None
    assert haze.exceeds[60:].all()
    assert not haze.exceeds[:44].any()
    clear = plain.fixed(
        readings(layout, level(layout, 140.0)), layout, FIRST - 1, FIRST - 1 + MINUTES
    )
    assert not clear.exceeds.any()


def test_rolling_takes_the_stations_own_low_for_background(layout: Layout) -> None:
    """A step of 100 µg/m³ at a station is an increment of 100 on its segment; before it is none."""
    segment, station = measured(layout)
    pm10 = level(layout, 40.0)
    pm10[200:, station] += 100.0
    said = plain.rolling(readings(layout, pm10), layout, FIRST - 1, FIRST - 1 + MINUTES)
    assert said.increment is not None
    assert np.isnan(said.increment[:110, segment]).all()
    np.testing.assert_allclose(said.increment[130:200, segment], 0.0, atol=1e-9)
    np.testing.assert_allclose(said.increment[200:, segment], 100.0, atol=1e-9)
    assert said.exceeds[-1, segment]


def test_the_plain_background_takes_haze_off_and_leaves_out_what_cannot_be(layout: Layout) -> None:
    """What all stations have is no increment; what one has more is; an impossible value is none."""
    segment, station = measured(layout)
    pm10 = level(layout, 300.0)
    pm10[:, station] += 50.0
    pm10[250:260, station] = 9999.0
    said = plain.today(readings(layout, pm10), layout, FIRST - 1, FIRST - 1 + MINUTES)
    assert said.increment is not None
    np.testing.assert_allclose(said.increment[60:250, segment], 50.0)
    assert not (said.increment[:, segment] > 51.0).any()
    assert not said.exceeds.any()


def test_without_a_station_the_nearest_street_with_one_speaks(layout: Layout) -> None:
    """Rolling says on an unmeasured segment what it says on the nearest measured one."""
    own = layout.reach.own
    segment, station = measured(layout)
    nearest = plain._nearest(layout)
    assert nearest[segment] == station
    for g in range(len(layout.segments)):
        on = int(np.flatnonzero(own[:, nearest[g]])[0])
        away = layout.apart_m[g, own.any(axis=1)]
        assert layout.apart_m[g, on] == away.min()
