"""A small district and made-up days of readings for the tests of analytics."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from analytics.layout import Layout
from analytics.readings import COLUMNS, PM10, PM25, TSP, WIND_DIR, WIND_SPEED, Readings
from analytics.settings import AnalyticsSettings
from analytics.street.settings import StreetSettings
from geo.district import District, load_district

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"
START = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) // 60
SETTINGS = AnalyticsSettings(street=StreetSettings(members=20))
"""Few members: what is tested with it does not hang on the model's numbers."""


def district() -> District:
    """The shipped one."""
    return load_district(XINGHAI)


def made_up_day(
    layout: Layout, minutes: int, seed: int, *, every: int = 1, dropout: float = 0.05
) -> Readings:
    """Readings of all stations from START on: background, one street that is dusty now and then,
    gaps and a few faults."""
    rng = np.random.default_rng(seed)
    stations = len(layout.stations)
    at = np.arange(1, minutes + 1, every)
    shape = (len(at), stations)
    background = 40 + 10 * np.sin(at / 200)[:, None]
    dusty = (np.sin(at[:, None] / 90 + np.arange(stations)) > 0.6) * rng.uniform(0, 250, stations)
    pm10 = np.round(background + np.where(layout.background, 0, dusty) + rng.normal(0, 4, shape), 1)
    values = np.full((*shape, len(COLUMNS)), np.nan)
    values[..., PM10] = pm10
    values[..., PM25] = np.round(pm10 * 0.5, 1)
    values[..., TSP] = np.round(pm10 * 2.5, 1)
    values[..., WIND_SPEED] = 2.0
    values[..., WIND_DIR] = 90.0
    values[rng.random(shape) < 0.01, PM10] = 9999.0
    values[rng.random(shape) < 0.005, PM10] = -5.0
    minute, station = np.meshgrid(at, np.arange(stations), indexing="ij")
    keep = rng.random(shape) >= dropout
    ts_ms = (START + minute) * 60_000 - rng.integers(0, 30_000, shape)
    readings = Readings(
        station=station[keep].astype(np.int64),
        ts_ms=ts_ms[keep].astype(np.int64),
        values=values[keep],
        status=np.full(int(keep.sum()), ord("N"), np.int64),
    )
    return readings[np.lexsort((readings.ts_ms, readings.station))]
