"""Is this value believable? Tests after IOOS QARTOD as pure functions from readings to flags.

Every test gives (n, 3) for PM10, PM2.5 and TSP: 1 good, 3 suspect, 4 fail, 9 missing; what is
suspect or fails is kept out of decisions and stays in the store as it came. Tests look back, never
forward, and over at most `readings.TAIL` readings, so a minute's answer never changes later.
"""

import numpy as np
from numpy.typing import NDArray

from analytics.readings import PM10, PM25, TSP, Readings
from analytics.settings import QualitySettings

GOOD, SUSPECT, FAIL, MISSING = 1, 3, 4, 9
PM = (PM10, PM25, TSP)
PM_NAMES = ("pm10", "pm25", "tsp")
TESTS = ("range", "status", "order", "flat", "spike")

Flags = NDArray[np.int8]

_TRUSTED = (ord("N"), ord("S"))  # normal, and set by hand


def quality(readings: Readings, settings: QualitySettings) -> NDArray[np.int8]:
    """Flags (n, 3, len(TESTS)) of sorted readings, each test's own."""
    tests = (
        gross_range(readings, settings),
        device_status(readings),
        size_order(readings, settings),
        flat_line(readings, settings),
        spike(readings, settings),
    )
    flags = np.stack(tests, axis=2)
    flags[np.isnan(readings.values[:, PM])] = MISSING
    return flags


def good(flags: NDArray[np.int8]) -> NDArray[np.bool_]:
    """(n, 3): every test passed."""
    passed: NDArray[np.bool_] = (flags == GOOD).all(axis=2)
    return passed


def gross_range(readings: Readings, settings: QualitySettings) -> Flags:
    """Negative, beyond the instrument, or a number that loggers write for "none"."""
    pm = readings.values[:, PM]
    bad = (pm < 0) | (pm > settings.pm_max) | np.isin(pm, settings.sentinels)
    return np.where(bad, FAIL, GOOD).astype(np.int8)


def device_status(readings: Readings) -> Flags:
    """What the device says of itself: anything but normal or manual fails."""
    bad = ~np.isin(readings.status, _TRUSTED)
    return np.repeat(np.where(bad, FAIL, GOOD).astype(np.int8)[:, None], len(PM), axis=1)


def size_order(readings: Readings, settings: QualitySettings) -> Flags:
    """PM2.5 is part of PM10 and PM10 of TSP; both of a pair that contradicts are suspect."""
    flags = np.full((len(readings), len(PM)), GOOD, np.int8)
    pm = readings.values[:, PM]
    for fine, coarse in ((1, 0), (0, 2)):  # columns of PM_NAMES
        wrong = pm[:, fine] > pm[:, coarse] * settings.order_tolerance + settings.order_margin
        flags[wrong, fine] = SUSPECT
        flags[wrong, coarse] = SUSPECT
    return flags


def flat_line(readings: Readings, settings: QualitySettings) -> Flags:
    """The same value in `flat_readings` readings running: the sensor is stuck. Zero may last."""
    pm = readings.values[:, PM]
    stuck = pm != 0
    for steps in range(1, settings.flat_readings):
        stuck &= pm == _before(readings, steps)
    return np.where(stuck, FAIL, GOOD).astype(np.int8)


def spike(readings: Readings, settings: QualitySettings) -> Flags:
    """A jump far over the median of the five readings before; five must be there."""
    pm = readings.values[:, PM]
    # A median with a NaN in it is NaN, and no comparison with NaN holds.
    usual = np.median([_before(readings, steps) for steps in range(1, 6)], axis=0)
    jump = (pm - usual > settings.spike_min) & (pm > settings.spike_factor * usual)
    return np.where(jump, SUSPECT, GOOD).astype(np.int8)


def _before(readings: Readings, steps: int) -> NDArray[np.float64]:
    """(n, 3) what the same station said `steps` readings earlier; NaN where it said nothing."""
    earlier = np.full((len(readings), len(PM)), np.nan)
    known = np.flatnonzero(readings.previous(steps))
    earlier[known] = readings.values[known - steps][:, PM]
    return earlier


def reason(test: str, value: float, language: str) -> str:
    """A flag in words."""
    zh, en = {
        "range": ("数值 {v:g} 超出可信范围", "{v:g} is outside the believable range"),
        "status": ("设备自报异常状态", "the device reports that it is not normal"),
        "order": ("粒径次序矛盾（PM2.5 ≤ PM10 ≤ TSP）", "PM2.5 ≤ PM10 ≤ TSP does not hold"),
        "flat": ("数值 {v:g} 长时间不变", "{v:g} has not moved for too long"),
        "spike": ("数值 {v:g} 突跳", "{v:g} is a sudden jump"),
    }[test]
    return (en if language == "en" else zh).format(v=value)
